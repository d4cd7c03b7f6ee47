"""Clients of the Python library in a process of their own, which come back by themselves when they are cut off."""

from __future__ import annotations

import argparse
import asyncio

from ticker_client import connect

JOINING = 50
"""At once, at first: who comes back comes when it likes."""


async def read(url: str, gate: asyncio.Semaphore) -> None:
    """Hears the newest of one symbol, once a second, for as long as it is let."""
    async with gate:
        feed = await connect(url).__aenter__()
        await feed.subscribe("SYM0000", channels=["trades"], pace="latest", rate_hz=1)
    try:
        async for _ in feed.batches():
            pass
    finally:
        await feed.close()


async def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--clients", type=int, default=1000)
    arguments = parser.parse_args()
    gate = asyncio.Semaphore(JOINING)
    async with asyncio.TaskGroup() as crowd:
        for _ in range(arguments.clients):
            crowd.create_task(read(arguments.url, gate))


if __name__ == "__main__":
    asyncio.run(main())
