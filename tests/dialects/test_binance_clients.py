"""Other people's Binance clients, unmodified, against a real server; and books kept by the venue's own document.

CLIENT_MINUTES in the environment has the clients stay for so long instead of some seconds, in which the server pings.
"""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conftest import RunningServer
from dialects.binance_book import BEST, SLOW, SNAPSHOT, TOUCH, keep
from dialects.real_clients import environment, python_of

DRIVERS = {"python-binance": "python_binance_client.py", "binance-sdk-spot": "binance_sdk_client.py"}
STAY_S = float(os.environ.get("CLIENT_MINUTES", "0")) * 60 or 10
SLACK_S = 150  # to come, to come back, and to wait for a machine that does something else
FLAGS = ("--universe", "pairs", "--venues.mount", "binance", "--root", "binance")

Serve = Callable[..., RunningServer]


@contextmanager
def client(name: str, port: int) -> Iterator[Callable[[], Any]]:
    """Run a client's driver; what is given returns what it says next. It is ended whatever happens."""
    driver = Path(__file__).parent / "clients" / DRIVERS[name]
    command = [str(python_of(name)), str(driver), str(port), str(STAY_S), "back"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    watchdog = threading.Timer(STAY_S + SLACK_S, process.kill)
    watchdog.start()
    assert process.stdout is not None
    try:
        yield lambda: json.loads(process.stdout.readline() or '{"say": "nothing"}')  # type: ignore[union-attr]
        assert process.wait(SLACK_S) == 0
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_a_client_has_everything_and_survives_a_close(name: str, serve_ticker: Serve) -> None:
    server = serve_ticker(*FLAGS)
    with client(name, server.port) as said:
        first = said()
        assert first["say"] == "all", first
        assert len(first["came"]) > 30 and min(first["came"].values()) > 0
        server.stop()
        server = serve_ticker("--port", str(server.port), *FLAGS)
        assert (second := said())["say"] == "again", second
    server.stop()


async def test_a_book_kept_by_the_document_is_the_snapshot_a_thousand_times(serve_ticker: Serve) -> None:
    server = serve_ticker(*FLAGS)
    keeper = await keep(server.port, 1000, 120)
    assert keeper.equal[SNAPSHOT] >= 1000
    assert all(keeper.equal[channel] for channel in (SLOW, BEST, TOUCH))
    assert all(book.n for book in keeper.books.values())
    server.stop()
