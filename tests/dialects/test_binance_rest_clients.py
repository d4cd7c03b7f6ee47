"""Two real clients, unmodified, ask a real server everything over HTTP: their models take all of it, and its errors."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import RunningServer
from dialects.real_clients import environment, python_of
from plain_http import fetch

DRIVERS = Path(__file__).parent / "clients"
CLIENT_S = 30
PAIRS = 24
UNSAID = {"price_exponent", "qty_exponent", "count", "sors"}
"""Fields of the models that the venue has elsewhere only: in binary answers, of what was used up, of other routes."""
MINI = {
    *("price_change", "price_change_percent", "weighted_avg_price", "prev_close_price", "last_qty"),
    *("bid_price", "bid_qty", "ask_price", "ask_qty"),
}
EIGHT = re.compile(r"-?[0-9]+\.[0-9]{8}")


@pytest.fixture(scope="module")
def venue(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """A server of pairs that has seen some trades."""
    server = serve_ticker("--universe", "pairs", "--root", "binance")
    while len(fetch(server, "api/v3/trades?symbol=BTCUSDT")[0]) < 10:
        pass
    return server


def told(name: str, driver: str, server: RunningServer, *arguments: str) -> list[dict[str, Any]]:
    """Run a driver under its client's Python; return what it printed."""
    done = subprocess.run(
        [python_of(name), DRIVERS / driver, str(server.port), *arguments],
        capture_output=True,
        text=True,
        timeout=CLIENT_S,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def as_errors(lines: list[dict[str, Any]]) -> dict[str, tuple[Any, int]]:
    return {line["name"]: (line["error"], line["code"]) for line in lines if "error" in line}


@pytest.fixture(scope="module")
def sdk(venue: RunningServer) -> dict[str, list[dict[str, Any]]]:
    """What binance-sdk-spot was told, by the unit of time that it asked for."""
    lines = told("binance-sdk-spot", "binance_sdk_rest.py", venue)
    return {unit: [line for line in lines if line["unit"] == unit] for unit in ("MILLISECOND", "MICROSECOND")}


def test_strict_models_take_every_answer_and_know_all_that_is_in_it(sdk: dict[str, list[dict[str, Any]]]) -> None:
    for lines in sdk.values():
        assert len(lines) == 30
        for line in lines:
            problems = {problem.rpartition(".")[2] for problem in line.get("wrong", ())}
            expected = UNSAID | (MINI if "mini" in line["name"] else set())
            assert problems <= {f"{field}: missing" for field in expected}, line["name"]
            assert "error" in line or line["name"] == "ping" or line["said"]


def test_errors_are_what_the_client_takes_them_for(sdk: dict[str, list[dict[str, Any]]]) -> None:
    for lines in sdk.values():
        assert as_errors(lines) == {
            "no symbol": ("BadRequestError", -1121),
            "bad limit": ("BadRequestError", -1100),
            "no endpoint": ("NotFoundError", -5000),
        }


def test_the_client_reads_what_it_has_used_from_the_headers(sdk: dict[str, list[dict[str, Any]]]) -> None:
    used = [count for lines in sdk.values() for line in lines for *_, count in line.get("limits", ())]
    assert used == sorted(used) and used[0] >= 1
    assert all(limit[:2] == ["REQUEST_WEIGHT", "MINUTE"] for limit in sdk["MILLISECOND"][0]["limits"])


def test_times_are_in_the_unit_that_was_asked_for(sdk: dict[str, list[dict[str, Any]]]) -> None:
    for unit, digits in (("MILLISECOND", 13), ("MICROSECOND", 16)):
        by_name = {line["name"]: line["said"] for line in sdk[unit] if "said" in line}
        times = [by_name["time"]["serverTime"], by_name["trades"][0]["time"], by_name["klines"][0][0]]
        times += [by_name["klines"][0][6], by_name["24hr one"]["closeTime"], by_name["avgPrice"]["closeTime"]]
        assert {len(str(time)) for time in times} == {digits}


@pytest.fixture(scope="module")
def answers(venue: RunningServer) -> list[dict[str, Any]]:
    """What python-binance was told."""
    return told("python-binance", "python_binance_rest.py", venue)


def test_the_other_client_has_an_answer_to_everything(answers: list[dict[str, Any]]) -> None:
    said = {line["name"]: line["said"] for line in answers if "said" in line}
    assert len(said) == 21 and all(said[name] for name in said if name != "ping")
    for name in ("24hr", "price", "bookTicker"):
        assert len({row["symbol"] for row in said[name]}) == PAIRS
    assert len(said["exchangeInfo"]["symbols"]) == PAIRS
    assert said["symbol"]["filters"][0] == {
        "filterType": "PRICE_FILTER",
        "minPrice": "0.01000000",
        "maxPrice": "10000000.00000000",
        "tickSize": "0.01000000",
    }
    for price in ("lastPrice", "volume", "quoteVolume", "weightedAvgPrice", "bidPrice", "askQty"):
        assert EIGHT.fullmatch(said["24hr one"][price])
    assert [trade["a"] for trade in said["aggTrades from"]] == list(range(2, 7))
    opened = [candle[0] for candle in said["klines of an hour"]]
    assert opened == list(range(opened[0], opened[0] + 1000 * len(opened), 1000)) and len(opened) > 1
    best = said["depth"]
    assert best["bids"] == sorted(best["bids"], key=lambda level: -float(level[0]))
    assert float(best["bids"][0][0]) < float(best["asks"][0][0])


def test_the_other_client_is_told_what_is_wrong(answers: list[dict[str, Any]]) -> None:
    expected = {"no symbol": (400, -1121), "no parameter": (400, -1102), "bad interval": (400, -1120)}
    assert as_errors(answers) == expected


def test_a_client_of_a_strict_venue_is_held_back_then_banned(serve_ticker: Callable[..., RunningServer]) -> None:
    strict = serve_ticker("--universe", "pairs", "--root", "binance", "--venues.strict")
    lines = told("binance-sdk-spot", "binance_sdk_rest.py", strict, "20")
    kinds = [line.get("error", "fine") for line in lines]
    assert kinds == ["fine"] * 24 + ["TooManyRequestsError"] * 10 + ["RateLimitBanError"] * 6
    waits = [line["retry_after"] for line in lines if "error" in line]
    assert {code for _, code in as_errors(lines).values()} == {-1003}
    assert all(0 < wait <= 60 for wait in waits[:10]) and all(60 < wait <= 120 for wait in waits[10:])
