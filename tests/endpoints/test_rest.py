"""Plain requests and answers, and the page's files."""

import time
import urllib.request
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from conftest import RunningServer
from plain_http import fetch, refused


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker()


def test_instruments_are_described(server: RunningServer) -> None:
    listed = fetch(server, "v1/instruments")[0]["instruments"]
    assert len(listed) == 100
    assert listed[0] == {
        "symbol": "ACME",
        "name": "Acme Anvils & Automation",
        "sector": "Technology",
        "tick_size": 0.01,
        "decimals": 2,
        "lot": 1,
        "size_decimals": 0,
    }
    assert fetch(server, "v1/instruments/OATS")[0] == listed[99]


def test_a_snapshot_shows_the_newest_of_each_symbol_and_channel(server: RunningServer) -> None:
    first = fetch(server, "v1/snapshot?symbols=ACME,BYTE&channels=quotes")[0]
    while not first["data"]:  # the day begins with an auction, and quotes come a step after it
        first = fetch(server, "v1/snapshot?symbols=ACME,BYTE&channels=quotes")[0]
    assert [(tick["ch"], tick["sym"]) for tick in first["data"]] == [("quote", "ACME"), ("quote", "BYTE")]
    everything = fetch(server, "v1/snapshot?symbols=*&channels=quotes,trades")[0]
    assert everything["epoch"] == first["epoch"]
    assert everything["seq"] >= first["seq"]
    quotes = [tick for tick in everything["data"] if tick["ch"] == "quote"]
    assert len(quotes) == 100
    assert all(tick["bid"] < tick["ask"] for tick in quotes)


def test_it_says_whether_it_is_well(server: RunningServer) -> None:
    assert fetch(server, "healthz")[0] == {"status": "ok"}
    ready = fetch(server, "readyz")[0]
    assert ready["status"] == "ready"
    assert ready["seq"] > 0


def test_metrics_are_prometheus_text(server: RunningServer) -> None:
    text, headers = fetch(server, "metrics")
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert values["ticker_steps_total"] > 0
    assert values["ticker_connections"] == 1


def test_the_root_is_a_page_for_browsers_and_a_description_for_programs(server: RunningServer) -> None:
    page, headers = fetch(server, "", Accept="text/html")
    assert page.startswith(b"<!doctype html>")
    assert "default-src 'self'" in headers["content-security-policy"]
    described = fetch(server, "", Accept="application/json")[0]
    assert described["stream"] == "/v1/stream"
    assert described["channels"] == ["status", "quotes", "book", "trades", "bars.1s", "bars.1m", "stats"]
    assert "/v1/snapshot" in described["paths"]


def test_files_of_the_page_are_not_sent_twice(server: RunningServer) -> None:
    icon, headers = fetch(server, "favicon.svg")
    assert icon.startswith(b"<svg")
    assert headers["content-type"] == "image/svg+xml"
    with pytest.raises(urllib.request.HTTPError) as unchanged:
        fetch(server, "favicon.svg", **{"If-None-Match": headers["etag"]})
    with unchanged.value:
        assert unchanged.value.code == 304


def test_answers_that_change_are_not_kept_by_caches(server: RunningServer) -> None:
    assert fetch(server, "v1/snapshot?symbols=ACME")[1]["cache-control"] == "no-store"


def test_bars_are_finished_and_oldest_first(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--config", "configs/load.toml")
    epoch = fetch(server, "readyz")[0]["epoch"]
    while (here := fetch(server, "v1/bars?symbol=SYM0001&interval=1s")[0])["seq"] < 310:
        time.sleep(0.1)
    assert (here["epoch"], here["symbol"], here["interval"]) == (epoch, "SYM0001", "1s")
    assert [bar["trades"] for bar in here["bars"][:3]] == [99, 100, 100]  # step 100 opens the second second
    assert [bar["t"] % 1_000_000 for bar in here["bars"]] == [0] * len(here["bars"])
    ticks = fetch(server, f"v1/ticks?symbols=SYM0001&since={epoch}:0&limit=1000")[0]["batches"]
    trades = [tick for batch in ticks for tick in batch["data"]]
    for bar in here["bars"]:
        inside = [trade for trade in trades if bar["t"] <= trade["t"] < bar["t"] + 1_000_000]
        prices = [trade["px"] for trade in inside]
        assert (bar["open"], bar["high"], bar["low"], bar["close"]) == (
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
        )
        assert bar["volume"] == sum(trade["sz"] for trade in inside)
        assert bar["vwap"] == pytest.approx(sum(t["px"] * t["sz"] for t in inside) / bar["volume"], abs=1e-6)
    assert fetch(server, "v1/bars?symbol=SYM0001&interval=1s&limit=2")[0]["bars"][-1]["t"] >= here["bars"][-1]["t"]
    assert fetch(server, "v1/bars?symbol=SYM0001")[0]["bars"] == []


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("", "bad_request", "symbol"),
        ("symbol=ACME&interval=2m", "bad_request", "interval"),
        ("symbol=ACME&limit=0", "bad_request", "limit"),
        ("symbol=ACME&limit=10001", "bad_request", "limit"),
        ("symbol=ACME&symbols=ACME", "bad_request", "symbols"),
        ("symbol=*", "unknown_symbol", None),
    ],
)
def test_bars_that_cannot_be_had_are_refused(server: RunningServer, query: str, code: str, field: str | None) -> None:
    problem = refused(server, f"v1/bars?{query}")[1]
    assert (problem["code"], problem.get("field")) == (code, field)


@pytest.mark.parametrize("path", ["v1/instruments", "v1/instruments/ACME", "v1/bars?symbol=ACME&interval=1m", ""])
@pytest.mark.parametrize("asked", ["{}", "W/{}", '"other", {}', "*"])
def test_what_has_not_changed_is_not_sent_again(server: RunningServer, path: str, asked: str) -> None:
    whole, headers = fetch(server, path)
    assert whole
    with pytest.raises(urllib.request.HTTPError) as unchanged:
        fetch(server, path, **{"If-None-Match": asked.format(headers["etag"])})
    with unchanged.value as answer:
        assert (answer.code, answer.read()) == (304, b"")
        assert answer.headers["ETag"] == headers["etag"]
        assert "Content-Length" not in answer.headers
    assert fetch(server, path, **{"If-None-Match": '"other"'})[0]
