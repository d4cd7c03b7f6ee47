"""The server with a ghost: `python tests/haunted_server.py SOCKET serve …` does what is said to it on a Unix socket.

`block S` holds the event loop for so long, `jump S` moves the wall clock, `poison` makes a price no number, and
`raise NAME` has the next call of one of the `DOORS` fail.
"""

import math
import socket
import sys
import time
from pathlib import Path
from typing import Any

from ticker import clock
from ticker.cli import run
from ticker.endpoints.conversation import Conversation
from ticker.endpoints.every import Every
from ticker.endpoints.house import House
from ticker.endpoints.outlet import Outlet
from ticker.endpoints.poll import Waiter
from ticker.endpoints.sse import EventStream
from ticker.feed.audience import Audience, LatestAudience
from ticker.server import Server

DOORS: dict[str, tuple[type, str]] = {
    "hear": (Conversation, "_heard"),
    "look": (Conversation, "_look"),
    "look at events": (EventStream, "sweep"),
    "offer": (Outlet, "offer"),
    "catch up": (Every, "_catch_up"),
    "compose": (Audience, "compose"),
    "merge": (LatestAudience, "flush_newest"),
    "wait": (Waiter, "offer"),
    "answer": (House, "interest"),
}


class Planted(Exception):
    """A fault that a test wants."""


def plant(place: str) -> None:
    """Have the next call there fail."""
    owner, name = DOORS[place]
    whole = getattr(owner, name)

    def broken(*_arguments: Any) -> Any:
        setattr(owner, name, whole)
        raise Planted(place)

    setattr(owner, name, broken)


def jump(seconds: float) -> None:
    """Have the wall clock show another time."""
    real = clock.wall_us
    clock.wall_us = lambda: real() + round(seconds * 1e6)


def obey(server: Server, ear: socket.socket) -> None:
    """Do as a line says, and answer; who is to hold the loop answers first."""
    said, whence = ear.recvfrom(256)
    word, _, rest = said.decode().partition(" ")
    if word == "block":
        ear.sendto(b"done", whence)
        time.sleep(float(rest))
        return
    if word == "jump":
        jump(float(rest))
    elif word == "poison":
        server.source.market._model._worth[0] = math.nan  # type: ignore[attr-defined]
    elif word == "raise":
        plant(rest)
    ear.sendto(b"done", whence)


def main() -> int:
    """Serve, haunted."""
    path, *arguments = sys.argv[1:]
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(path)
    start = Server.start

    async def started(self: Server) -> None:
        await start(self)
        self.loop.add_reader(ear.fileno(), lambda: obey(self, ear))

    Server.start = started  # type: ignore[method-assign]
    with ear:
        return run(arguments)


def say(path: Path, line: str) -> None:
    """Tell a haunted server what to do, and wait until it has."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
        mouth.settimeout(10)
        mouth.bind("")  # to a name of the kernel's, for the answer
        mouth.sendto(line.encode(), str(path))
        mouth.recv(16)


if __name__ == "__main__":
    sys.exit(main())
