"""Books that a plain client keeps of a real server's words: every checksum is the one it comes to itself."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import websockets

from admin_client import AdminClient
from conftest import RunningServer
from dialects.clients.kraken_books import Book
from plain_http import fetch

SCRIPT = Path(__file__).parent / "clients" / "kraken_books.py"


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--universe", "pairs", "--root", "kraken", "--admin.enabled")


@pytest.mark.parametrize("depth", [10, 25])
def test_a_plain_client_finds_no_checksum_wrong(server: RunningServer, depth: int) -> None:
    url = f"ws://127.0.0.1:{server.port}/v2"
    run = subprocess.run(
        [sys.executable, str(SCRIPT), url, "4", str(depth)], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert told["wrong"] == 0
    assert told["snapshots"] == told["symbols"] > 10
    assert told["checksums"] > 10 * told["symbols"]


def test_a_wrong_checksum_would_be_found() -> None:
    levels = {"bids": [{"price": "1.00", "qty": "0.50000000"}], "asks": [{"price": "1.10", "qty": "0.25000000"}]}
    assert Book(10).take(levels, True) != Book(10).take({**levels, "asks": []}, True)
    book = Book(1)
    book.take(levels, True)
    better = {"bids": [{"price": "1.05", "qty": "1.00000000"}], "asks": [{"price": "1.10", "qty": "0.00000000"}]}
    book.take(better, False)
    assert book.sides == {"bids": {"1.05": "1.00000000"}, "asks": {}}


async def test_a_book_at_rest_is_the_one_by_rest(server: RunningServer) -> None:
    """Once the market is held and a ping has come back there is nothing to come."""
    async with websockets.connect(f"ws://127.0.0.1:{server.port}/v2", proxy=None) as stream:
        await stream.send(json.dumps({"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USDT"]}}))
        book, updates, kinds = Book(10), 0, list[str]()
        while "pong" not in kinds:
            message = json.loads(await stream.recv(), parse_float=str)
            kinds.append(message.get("method", ""))
            if message.get("channel") != "book":
                continue
            assert book.take(message["data"][0], message["type"] == "snapshot") == message["data"][0]["checksum"]
            updates += 1
            if updates == 50:
                await asyncio.to_thread(AdminClient(server).post, "pause")
                await stream.send('{"method":"ping"}')
    document, _ = await asyncio.to_thread(fetch, server, "0/public/Depth?pair=BTC/USDT")
    told = document["result"]["BTC/USDT"]
    assert {side: {price: qty for price, qty, _ in told[side]} for side in told} == book.sides
    AdminClient(server).post("resume")
