"""Books that a plain client keeps of a real Coinbase feed: at rest they are the ones by REST. And matches by number."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import websockets

from admin_client import AdminClient
from conftest import RunningServer
from plain_http import fetch

BATCH_US = 50_000
SIGNED = {"signature": "s", "key": "k", "passphrase": "p", "timestamp": "1"}
Sides = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--universe", "pairs", "--root", "coinbase", "--admin.enabled")


def take(book: Sides, message: dict[str, Any]) -> int:
    """Apply a message of a book; return how many changes it told."""
    if message["type"] == "snapshot":
        book.update(buy=dict(message["bids"]), sell=dict(message["asks"]))
    if message["type"] != "l2update":
        return 0
    for side, price, size in message["changes"]:
        if Decimal(size):
            book[side][price] = size
        else:
            book[side].pop(price, None)
    return len(message["changes"])


def held(server: RunningServer) -> None:
    """Hold the market at the end of a batch: what has changed since the last is told with the next."""
    admin = AdminClient(server)
    admin.post("pause")
    while at(server) % BATCH_US:
        admin.post("step", {"steps": 1})


def at(server: RunningServer) -> int:
    document, _ = fetch(server, "time")
    return int(Decimal(str(document["epoch"])) * 1_000_000)


@pytest.mark.parametrize("channel", ["level2_batch", "level2"])
async def test_a_book_at_rest_is_the_one_by_rest(server: RunningServer, channel: str) -> None:
    ids = ["BTC-USDT", "ETH-USDT"]
    books: dict[str, Sides] = {product_id: {} for product_id in ids}
    async with websockets.connect(f"ws://127.0.0.1:{server.port}", proxy=None) as stream:
        await stream.send(json.dumps({"type": "subscribe", "product_ids": ids, "channels": [channel], **SIGNED}))
        changes, asked = 0, False
        while True:
            message = json.loads(await stream.recv())
            if message["type"] == "subscriptions":
                if asked:
                    break
                continue
            changes += take(books[message["product_id"]], message)
            if changes > 300 and not asked:
                asked = True
                await asyncio.to_thread(held, server)
                await stream.send(
                    json.dumps({"type": "unsubscribe", "product_ids": ids, "channels": [channel], **SIGNED})
                )
    for product_id in ids:
        told, _ = await asyncio.to_thread(fetch, server, f"products/{product_id}/book?level=2")
        by_rest = {
            side: {price: size for price, size, _ in told[name]} for side, name in (("buy", "bids"), ("sell", "asks"))
        }
        assert books[product_id] == by_rest
    AdminClient(server).post("resume")


async def test_matches_have_no_hole_and_sequences_grow(server: RunningServer) -> None:
    async with websockets.connect(f"ws://127.0.0.1:{server.port}/", proxy=None) as stream:
        channels = ["matches", "ticker", "heartbeat"]
        await stream.send(json.dumps({"type": "subscribe", "product_ids": ["BTC-USDT"], "channels": channels}))
        seen: dict[str, list[tuple[int, int]]] = {"match": [], "ticker": [], "heartbeat": []}
        while len(seen["match"]) < 30 or len(seen["heartbeat"]) < 2:
            message = json.loads(await stream.recv())
            number = message.get("trade_id", message.get("last_trade_id"))
            if message["type"] != "subscriptions":
                seen[message["type"].removeprefix("last_")].append((number, message["sequence"]))
    numbers = [number for number, _ in seen["match"]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for kind in ("match", "ticker"):
        assert all(a < b for (_, a), (_, b) in zip(seen[kind], seen[kind][1:], strict=False))
    match_of = dict(seen["match"])
    shared = [(number, sequence) for number, sequence in seen["ticker"] if number in match_of]
    assert shared and all(match_of[number] == sequence for number, sequence in shared[1:])
    fetched, headers = await asyncio.to_thread(fetch, server, "products/BTC-USDT/trades?limit=5")
    assert [trade["trade_id"] for trade in fetched] == list(
        range(int(headers["cb-before"]), int(headers["cb-after"]) - 1, -1)
    )
