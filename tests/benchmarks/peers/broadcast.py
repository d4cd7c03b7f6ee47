"""websockets.asyncio: one broadcast() call a tick, no compression. Usage: python broadcast.py [--port N]."""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import defaultdict

import orjson
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError

SYMBOLS = [f"SYM{i:04d}" for i in range(10)]
STEP_S = 0.01

subscribers: defaultdict[str, set[ServerConnection]] = defaultdict(set)


async def converse(client: ServerConnection) -> None:
    """Subscribes the client to what its messages name, until it leaves."""
    try:
        async for text in client:
            for symbol in orjson.loads(text)["symbols"]:
                subscribers[symbol].add(client)
            await client.send('{"type":"subscribed"}')
    except ConnectionClosedError:  # a receiver that ends says no goodbye
        pass
    finally:
        for readers in subscribers.values():
            readers.discard(client)


def tick(symbol: str, n: int, ts_us: int) -> str:
    """Returns one trade as JSON, with the time at which it was due."""
    px = round(random.uniform(100, 200), 2)
    fields = {"ch": "trade", "sym": symbol, "n": n, "t": ts_us, "px": px, "sz": 100 * (1 + n % 9)}
    return orjson.dumps({**fields, "side": "buy" if n % 2 else "sell", "ts": ts_us}).decode()


async def publish() -> None:
    """Broadcasts every instrument's tick at each scheduled step."""
    n, due_s = 0, time.time() + STEP_S
    while True:
        await asyncio.sleep(max(0.0, due_s - time.time()))
        n += 1
        for symbol in SYMBOLS:
            broadcast(subscribers[symbol], tick(symbol, n, int(due_s * 1e6)))
        due_s += STEP_S


async def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    async with serve(converse, "127.0.0.1", parser.parse_args().port, compression=None) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
        await publish()


if __name__ == "__main__":
    asyncio.run(main())
