"""What a tick costs in each dialect beside the native one: the same market, the same clients, other words.

Ten pairs that all trade every 10 ms, under configs/load.toml, and clients that want all trades; then the books. A
server for each dialect, so many seconds; medians of some rounds, in turn. CPU is the server's, user and system.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import sys
import time
from dataclasses import dataclass
from statistics import median

from contestants import Contestant
from scrape import gauges
from stopwatch import Failed, Server, cores, prepare, run_command, serving

PAIRS = ("BTC-USDT", "ETH-USDT", "BNB-USDT", "SOL-USDT", "XRP-USDT", "ADA-USDT", "DOGE-USDT", "LTC-USDT", "DOT-USDT")
WARMUP_S = 2.0
TEXT, BINARY = 0x81, 0x82
FLAGS = ("--config", "configs/load.toml", "--universe", "pairs", "--instruments", "10")
MORE = {"trades": (), "books": ("--market.quotes-per-s", "20")}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to ask for trades, and for books, where it has them."""

    path: str
    greetings: tuple[object, ...]
    trades: object
    books: object = None
    headers: str = ""


def _binance(channel: str) -> dict[str, object]:
    names = [f"{pair.replace('-', '').lower()}@{channel}" for pair in NAMES]
    return {"method": "SUBSCRIBE", "params": names, "id": 1}


def _kraken(channel: str) -> dict[str, object]:
    symbols = [pair.replace("-", "/") for pair in NAMES]
    return {"method": "subscribe", "params": {"channel": channel, "symbol": symbols}}


def _coinbase(channel: str) -> dict[str, object]:
    return {"type": "subscribe", "product_ids": list(NAMES), "channels": [channel]}


NAMES = (*PAIRS, "LINK-USDT")
LOGIN = {"action": "auth", "key": "k", "secret": "s"}
ASK = {"op": "subscribe", "symbols": ["*"], "snapshot": False}
DIALECTS = {
    "native": Dialect("/v1/stream", (), {**ASK, "channels": ["trades"]}, {**ASK, "channels": ["book"]}),
    "native, packed": Dialect(
        "/v1/stream",
        (),
        {**ASK, "channels": ["trades"]},
        {**ASK, "channels": ["book"]},
        "Sec-WebSocket-Protocol: ticker.v1.packed\r\n",
    ),
    "binance, raw": Dialect("/binance/ws", (), _binance("trade"), _binance("depth@100ms")),
    "binance, combined": Dialect("/binance/stream", (), _binance("trade"), _binance("depth@100ms")),
    "alpaca, JSON": Dialect(
        "/alpaca/v1beta3/crypto/us",
        (LOGIN,),
        {"action": "subscribe", "trades": ["*"]},
        {"action": "subscribe", "orderbooks": ["*"]},
    ),
    "alpaca, MessagePack": Dialect(
        "/alpaca/v1beta3/crypto/us",
        (LOGIN,),
        {"action": "subscribe", "trades": ["*"]},
        {"action": "subscribe", "orderbooks": ["*"]},
        "Content-Type: application/msgpack\r\n",
    ),
    "kraken": Dialect("/kraken/v2", (), _kraken("trade"), _kraken("book")),
    "coinbase": Dialect("/coinbase/", (), _coinbase("matches"), _coinbase("level2_batch")),
}


class Sink(asyncio.Protocol):
    """A client that asks and then only reads."""

    def __init__(self, dialect: Dialect, what: object) -> None:
        self._messages = (*dialect.greetings, what)
        self._dialect = dialect
        self.bytes = 0
        self.ended = False
        self._shaken = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._dialect.path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{self._dialect.headers}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        if self._messages:
            self._shaken += data
            if b"\r\n\r\n" in self._shaken:
                messages, self._messages = self._messages, ()
                packs = "msgpack" in self._dialect.headers
                for message in messages:
                    self._transport.write(masked(packed(message) if packs else json.dumps(message).encode(), packs))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # a protocol's argument
        self.ended = True


def packed(message: object) -> bytes:
    """Returns a message as MessagePack."""
    import msgspec

    return msgspec.msgpack.encode(message)


def masked(payload: bytes, binary: bool) -> bytes:
    """Returns a client's frame, masked with zeros."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else bytes((0xFE,)) + size.to_bytes(2)
    return bytes((BINARY if binary else TEXT,)) + length + b"\0\0\0\0" + payload


@dataclass(frozen=True, slots=True)
class Cost:
    """What one window took: `us_per_row` is CPU by row of the tape or study that reached a client."""

    us_per_row: float
    cpu_share: float
    rows_per_s: float
    bytes_per_row: float


async def window(server: Server, dialect: Dialect, what: object, clients: int, seconds: float) -> Cost:
    """Has so many clients read for a while."""
    loop = asyncio.get_running_loop()
    sinks = [Sink(dialect, what) for _ in range(clients)]
    for sink in sinks:
        await loop.create_connection(lambda sink=sink: sink, "127.0.0.1", server.port)  # type: ignore[misc]
    await asyncio.sleep(WARMUP_S)
    rows, cpu_s, size, begun_s = _sent(server), server.process.cpu_s(), sum(s.bytes for s in sinks), time.monotonic()
    await asyncio.sleep(seconds)
    rows, cpu_s = _sent(server) - rows, server.process.cpu_s() - cpu_s
    size, took_s = sum(s.bytes for s in sinks) - size, time.monotonic() - begun_s
    if any(sink.ended for sink in sinks):
        raise Failed(f"{dialect.path}: clients were cut off")
    if not rows:
        raise Failed(f"{dialect.path}: nothing came")
    return Cost(cpu_s * 1e6 / rows, cpu_s / took_s, rows / took_s, size / rows)


def _sent(server: Server) -> float:
    return gauges(server.port)["ticks_sent_total"]


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=100, help="how many (100)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of a window (8)")
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many (3)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of ticker")
    arguments = parser.parse_args()
    prepare()
    command = (arguments.python, "-m", "ticker", "serve", "--port", "0", *FLAGS)
    everywhere, own = os.sched_getaffinity(0), {cores()[1]}
    for title in ("trades", "books"):
        found: dict[str, list[Cost]] = {name: [] for name in DIALECTS}
        for _ in range(arguments.rounds):
            for name, dialect in DIALECTS.items():
                what = dialect.trades if title == "trades" else dialect.books
                with serving(Contestant("ticker_dialects", (*command, *MORE[title]), "", "")) as server:
                    os.sched_setaffinity(0, own)
                    cost = asyncio.run(window(server, dialect, what, arguments.clients, arguments.seconds))
                    os.sched_setaffinity(0, everywhere)
                found[name].append(cost)
        _print(title, arguments.clients, found)


def _print(title: str, clients: int, found: dict[str, list[Cost]]) -> None:
    print(f"{title}, {clients} clients")
    print(f"{'dialect':<22} {'us a row':>9} {'x native':>9} {'CPU':>7} {'rows/s':>10} {'bytes a row':>12}")
    base = median(cost.us_per_row for cost in found["native"])
    for name, costs in found.items():
        us, cpu, rows, size = (
            median(getattr(cost, field) for cost in costs)
            for field in ("us_per_row", "cpu_share", "rows_per_s", "bytes_per_row")
        )
        print(f"{name:<22} {us:>9.2f} {us / base:>9.2f} {cpu:>7.1%} {rows:>10,.0f} {size:>12.0f}")


if __name__ == "__main__":
    run_command(main)
