"""Plain requests and answers, and the page's files."""

import time
import urllib.request
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from conftest import RunningServer
from plain_client import PlainClient


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--instruments", "103")


def fetch(server: RunningServer, path: str, **headers: str) -> tuple[Any, dict[str, str]]:
    """Return a body, read where it is JSON, and the headers in lower case."""
    request = urllib.request.Request(server.url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as response:
        data = response.read()
        kind = response.headers.get_content_type()
        found = {name.lower(): value for name, value in response.headers.items()}
        return (orjson.loads(data) if kind == "application/json" else data), found


def test_instruments_are_described(server: RunningServer) -> None:
    listed = fetch(server, "v1/instruments")[0]["instruments"]
    assert len(listed) == 103
    assert listed[0] == {
        "symbol": "ACME",
        "name": "Acme Anvils & Automation",
        "sector": "Technology",
        "tick_size": 0.01,
        "decimals": 2,
        "lot": 1,
    }
    assert fetch(server, "v1/instruments/SYM0102")[0] == listed[102]


def test_a_snapshot_shows_the_newest_of_each_symbol_and_channel(server: RunningServer) -> None:
    first = fetch(server, "v1/snapshot?symbols=ACME,BYTE&channels=quotes")[0]
    assert [(tick["ch"], tick["sym"]) for tick in first["data"]] == [("quote", "ACME"), ("quote", "BYTE")]
    everything = fetch(server, "v1/snapshot?symbols=*&channels=quotes,trades")[0]
    assert everything["epoch"] == first["epoch"]
    assert everything["seq"] >= first["seq"]
    quotes = [tick for tick in everything["data"] if tick["ch"] == "quote"]
    assert len(quotes) == 103
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
    assert described["channels"] == ["quotes", "trades"]
    assert "/v1/snapshot" in described["paths"]


def test_files_of_the_page_are_not_sent_twice(server: RunningServer) -> None:
    icon, headers = fetch(server, "favicon.svg")
    assert icon.startswith(b"<svg")
    assert headers["content-type"] == "image/svg+xml"
    with pytest.raises(urllib.request.HTTPError) as unchanged:
        fetch(server, "favicon.svg", **{"If-None-Match": headers["etag"]})
    with unchanged.value:
        assert unchanged.value.code == 304


def refused(server: RunningServer, path: str) -> tuple[int, dict[str, Any]]:
    """Fetch what is refused; return its status and problem."""
    with pytest.raises(urllib.request.HTTPError) as raised:
        fetch(server, path)
    with raised.value as error:
        return error.code, orjson.loads(error.read())


def test_polls_follow_each_other_without_a_hole(server: RunningServer) -> None:
    path = "v1/ticks?symbols=*&channels=trades,quotes"
    answer = fetch(server, path)[0]
    assert answer["batches"] == []  # without since: where the tape stands
    last: dict[tuple[str, str], int] = {}
    here, seq = f"{answer['epoch']}:0", 0
    for _ in range(30):
        answer = fetch(server, f"{path}&limit=3&since={here}")[0]
        here = f"{answer['epoch']}:{answer['seq']}"
        assert len(answer["batches"]) <= 3
        for batch in answer["batches"]:
            assert batch["type"] == "ticks"
            assert seq < batch["seq"] <= answer["seq"]
            seq = batch["seq"]
            for tick in batch["data"]:
                key = tick["ch"], tick["sym"]
                assert tick["n"] == last.get(key, tick["n"] - 1) + 1
                last[key] = tick["n"]
    assert len(last) > 103  # the opening quotes, and trades


def test_a_poll_may_begin_with_the_tape(server: RunningServer) -> None:
    epoch = fetch(server, "v1/ticks?symbols=ACME")[0]["epoch"]
    first = fetch(server, f"v1/ticks?symbols=*&channels=quotes&since={epoch}:0&limit=1")[0]
    assert first["seq"] == first["batches"][0]["seq"] == 1
    assert len(first["batches"][0]["data"]) == 103


def test_a_poll_reads_the_same_ticks_as_a_stream(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "symbols": ["ACME", "BYTE"], "channels": ["trades", "quotes"]})
        granted = client.read_until("subscribed")[-1]
        streamed = [tick for message in client.read(1.5) if message["type"] == "ticks" for tick in message["data"]]
    epoch = fetch(server, "v1/ticks?symbols=ACME")[0]["epoch"]
    path = f"v1/ticks?symbols=ACME,BYTE&channels=trades,quotes&since={epoch}:{granted['seq']}&limit=1000"
    polled = [tick for batch in fetch(server, path)[0]["batches"] for tick in batch["data"]]
    assert len(streamed) > 10
    assert polled[: len(streamed)] == streamed


def test_a_position_that_cannot_be_read_on_from_is_refused(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--feed.tape-s", "0.5")
    time.sleep(1)
    here = fetch(server, "v1/ticks?symbols=ACME")[0]
    path = "v1/ticks?symbols=ACME&since="
    code, problem = refused(server, f"{path}other:1")
    assert (code, problem["code"], problem["epoch"]) == (400, "bad_position", here["epoch"])
    assert refused(server, f"{path}{here['epoch']}:99999999")[1]["code"] == "bad_position"
    assert refused(server, f"{path}nonsense")[1]["code"] == "bad_position"
    code, problem = refused(server, f"{path}{here['epoch']}:1")
    assert (code, problem["code"]) == (410, "gone")
    epoch, _, oldest = problem["oldest"].partition(":")
    assert epoch == here["epoch"]
    assert int(oldest) > 1
    for limit in ("0", "1001", "x", "-1", ""):
        assert refused(server, f"v1/ticks?symbols=ACME&limit={limit}")[1]["field"] == "limit"


def test_answers_that_change_are_not_kept_by_caches(server: RunningServer) -> None:
    assert fetch(server, "v1/snapshot?symbols=ACME")[1]["cache-control"] == "no-store"
