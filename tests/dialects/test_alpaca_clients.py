"""alpaca-py, unmodified, against a real server: it receives every kind that it can subscribe to, and comes back.

Half a minute, or as many as CLIENT_MINUTES says.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from admin_client import AdminClient
from conftest import RunningServer, servers
from credentials import ROLES, tokens_file
from dialects.real_clients import environment, python_of
from ticker.dialects.alpaca.stocks import tape_of

SCRIPT = Path(__file__).parent / "clients" / "alpaca_client.py"
SECONDS = float(os.environ.get("CLIENT_MINUTES", "0.4")) * 60
PATIENCE_S = 120
STOCKS = ("--universe", "stocks", "--root", "alpaca", "--admin.enabled", "--speed", "20")
PAIRS = ("--universe", "pairs", "--root", "alpaca", "--admin.enabled", "--speed", "10")

SLIPPING = ["AAPL", "MSFT"]

Serve = Callable[..., RunningServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers for one test: they are fast, and so is nothing else beside them."""
    with servers() as serve:
        yield serve


@contextmanager
def client(deed: str, server: RunningServer, *more: object, **env: str) -> "Iterator[subprocess.Popen[str]]":
    """Run the client, and give it once it has subscribed, if it does for long."""
    process = subprocess.Popen(
        [python_of("alpaca-py"), SCRIPT, deed, f"127.0.0.1:{server.port}", *map(str, more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment(), **env},
    )
    try:
        if SECONDS in more:
            assert process.stderr is not None
            assert process.stderr.readline() == "ready\n", process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: "subprocess.Popen[str]", seconds: float = 0) -> dict[str, Any]:
    """Return what a client has received."""
    said, complaint = process.communicate(timeout=seconds + PATIENCE_S)
    assert process.returncode == 0, complaint
    found: dict[str, Any] = json.loads(said)
    return found


def until_minute(server: RunningServer, number: int) -> None:
    """Wait until so many minutes of the market have passed."""
    admin, until_s = AdminClient(server), time.monotonic() + PATIENCE_S
    begun_us = admin.get("state")["t"]
    while admin.get("state")["t"] < begun_us + number * 60_000_000:
        assert time.monotonic() < until_s
        time.sleep(0.5)


def slip(server: RunningServer, seconds: float) -> None:
    """Have fingers be fat for so long; what they print is taken back 25 seconds of the market later."""
    admin, until_s = AdminClient(server), time.monotonic() + seconds
    while time.monotonic() < until_s:
        admin.post("incidents", {"kind": "fat_finger", "symbols": SLIPPING, "value": 0.5, "duration_s": 25})
        time.sleep(0.5)


def test_a_stream_of_stocks_survives_a_close_and_hears_all_there_is(serve: Serve) -> None:
    server = serve(*STOCKS)
    with client("stocks", server, SECONDS) as process:
        admin = AdminClient(server)
        admin.post("incidents", {"kind": "halt", "symbols": ["AAPL"], "duration_s": 30})
        admin.post("incidents", {"kind": "freeze", "symbols": ["AMD"], "duration_s": 30})
        slip(server, SECONDS / 3)
        assert server.stop() == 0
        slip(serve(*STOCKS, "--port", str(server.port)), SECONDS / 4)
        seen = told(process, SECONDS)
    assert seen["connected"] == 2
    closed, *refused = seen["complaints"]
    assert "1001 (going away)" in closed and all("Connect call failed" in complaint for complaint in refused)
    assert seen["wrong"] == []
    assert seen["kinds"] == {
        **{"trades": "Trade", "quotes": "Quote", "bars": "Bar", "updatedBars": "Bar", "dailyBars": "Bar"},
        **{"statuses": "TradingStatus", "corrections": "TradeCorrection", "cancelErrors": "TradeCancel"},
    }
    assert len(seen["acknowledged"]) == 2 and "corrections: ['AAPL', 'MSFT']" in seen["acknowledged"][0]
    assert len(seen["symbols"]["bars"]) > 20 and seen["symbols"]["dailyBars"] == ["AAPL", "MSFT"]
    halted = ("H T1 C", "T T3 C") if tape_of("AAPL") == "C" else ("2 P A", "3 D A")
    assert [said for said in seen["statuses"] if "AAPL" in said] == [f"AAPL {said}" for said in halted]
    assert sum("AMD" in said for said in seen["statuses"]) == 2
    cancel = seen["samples"]["cancelErrors"]
    assert cancel["symbol"] in SLIPPING and cancel["action"] == "E" and cancel["id"] % 2 == 1
    correction = seen["samples"]["corrections"]
    assert correction["symbol"] in SLIPPING and correction["original_id"] % 2 == 0
    assert correction["original_price"] == pytest.approx(1.5 * correction["corrected_price"], abs=0.02)
    assert set(seen["symbols"]["updatedBars"]) <= set(SLIPPING)
    assert seen["compared"] and not seen["different"], "minutes as they were told, and as they are answered"


def test_a_stream_of_pairs_hears_all_there_is(serve: Serve) -> None:
    server = serve(*PAIRS)
    with client("crypto", server, SECONDS) as process:
        seen = told(process, SECONDS)
    assert (seen["connected"], seen["complaints"], seen["wrong"]) == (1, [], [])
    assert set(seen["counts"]) == {"trades", "quotes", "bars", "dailyBars", "orderbooks"}
    assert seen["kinds"]["orderbooks"] == "Orderbook" and seen["resets"] == 2
    assert seen["symbols"]["orderbooks"] == ["BTC/USD", "ETH/USD"]
    assert len(seen["symbols"]["bars"]) == 24, "minutes without a trade are told too"
    assert seen["compared"] and not seen["different"]
    assert seen["books_asked"] > 10 and seen["books_told"] == seen["books_asked"]


def test_what_is_asked_about_stocks_is_answered(serve: Serve) -> None:
    server = serve(*STOCKS)
    until_minute(server, 3)
    with client("history", server) as process:
        said = told(process)
    for what in ("quotes", "trades", "bars", "snapshots"):
        assert set(said[what]) == {"AAPL", "MSFT"}
    assert all(minutes >= 2 for minutes in said["past"].values()) and set(said["past"]) == {"AAPL", "MSFT"}
    numbers = said["past_trades"]["AAPL"]
    assert len(numbers) == 150 and numbers == list(range(numbers[0], numbers[0] + 150))
    (day,) = said["days"]
    assert day["timestamp"] == "2026-01-05T05:00:00Z" and day["trade_count"] > 100
    assert said["snapshots"]["AAPL"]["daily_bar"]["timestamp"] == day["timestamp"]


def test_its_secret_is_a_token(serve: Serve, tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path / "tokens.toml", roles={"everything": ROLES["everything"]})
    server = serve(*STOCKS, "--auth.file", str(tokens))
    until_minute(server, 3)
    for secret, known in ((ROLES["everything"].token, True), ("wrong-0123456789-wrong", False)):
        with client("history", server, ALPACA_SECRET=secret) as process:
            said, complaint = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode == 0) == known
        assert set(json.loads(said)["trades"]) == set(SLIPPING) if known else "unauthorized" in complaint
        assert known or secret not in complaint


def test_what_is_asked_about_pairs_is_answered(serve: Serve) -> None:
    server = serve(*PAIRS)
    until_minute(server, 3)
    with client("crypto_history", server) as process:
        said = told(process)
    for what in ("quotes", "trades", "bars", "orderbooks", "snapshots", "past"):
        assert set(said[what]) == {"BTC/USD", "ETH/USD"}, what
    book = said["orderbooks"]["BTC/USD"]
    assert book["bids"] or book["asks"]


@pytest.mark.parametrize("feed", ["opra"])
def test_the_client_stops_where_its_plan_does_not_reach(serve: Serve, feed: str) -> None:
    server = serve("--universe", "stocks", "--root", "alpaca")
    with client("plan", server, feed) as process:
        said = told(process)
    assert (said["connected"], said["runs"]) == (0, False) and "insufficient subscription" in said["complaints"][0]
