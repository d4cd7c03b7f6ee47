"""The smallest venue there can be: a client names channels and instruments, and hears numbers."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson

from ticker.endpoints import mounts
from ticker.instruments import Universe
from ticker.interest import Streams
from ticker.ticks import Rows
from ticker.venue import SILENCE, Answer, Asked, Depth, Identify, Market, Now, Study, Summaries, Trades, Turn
from ticker.wire.frames import text_frame

STUDIES: dict[str, Study] = {"trades": Trades(), "all": Summaries(all=True, every_us=10_000), "book": Depth()}


class Numbers:
    """Says of a row its channel, instrument and number."""

    def __init__(self, word: str) -> None:
        self._word = word

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        return [
            text_frame(f"{self._word} {channel} {i} {n}".encode())
            for i, n in zip(rows["instrument"].tolist(), rows["n"].tolist(), strict=True)
        ]


GONE: list[Any] = []
"""Talks that have learnt that their client has left."""
PLAIN, LOUD = Numbers("row"), Numbers("ROW")


class ToyTalk:
    """Obeys, and says how things stand."""

    def __init__(self, identify: Identify | None) -> None:
        self.interest = Streams()
        self.dialect = PLAIN
        self.fails = False
        self.after: list[str] = []
        """What the talk was asked once its client had left."""
        self._identify = identify

    def opened(self, market: Market, now: Now) -> Turn:  # noqa: ARG002  # a protocol's arguments
        return Turn(["hello", b"\x01"])

    def heard(self, data: bytes, text: bool, market: Market, now: Now) -> Turn:  # noqa: ARG002
        self._note("heard")
        word, _, rest = data.decode().partition(" ")
        match word:
            case "want":
                table = orjson.loads(rest)
                self.interest = Streams.table({name: sum(1 << i for i in found) for name, found in table.items()})
                return Turn([f"wanted at {market.book(0).n}"])
            case "loud":
                self.dialect = LOUD
                return Turn(["loud from now on"])
            case "token":
                return Turn(["known" if self._identify and self._identify(rest) else "unknown"])
            case "permits":
                return Turn([f"{[market.permits(i) for i in range(4)]}"])
            case "last":
                self.fails = True
                return Turn(["fails at last"])
            case "fail":
                raise ArithmeticError("as planned")
        return Turn(["enough"], (3456, "enough"))

    def controls(self, count: int, now: Now) -> Turn:  # noqa: ARG002
        self._note("controls")
        return Turn([f"{count} controls"])

    def looked(self, market: Market, now: Now) -> Turn:  # noqa: ARG002
        self._note("looked")
        return SILENCE

    def leaving(self, reason: str, now: Now) -> Turn:  # noqa: ARG002
        self._note("leaving")
        return Turn([f"bye: {reason}"])

    def gone(self, now: Now) -> None:  # noqa: ARG002
        self._note("gone")
        GONE.append(self)
        if self.fails:
            raise ArithmeticError("as planned")

    def _note(self, what: str) -> None:
        if self in GONE:
            self.after.append(what)


class Toy:
    """A venue of everything there is, whose book is also told over HTTP."""

    name = "toy"
    ping_s = 0.5
    pong_s = 1.0
    pong_close = (1008, "Pong timeout")
    open_paths = ("/later",)

    def __init__(self, universe: Universe, *, strict: bool) -> None:
        self.instruments: Sequence[int] = range(len(universe))
        self.strict = strict

    def study(self, channel: str) -> Study:
        return STUDIES[channel]

    def joins(self, channel: str) -> bool:
        return channel == "all"

    def upgrades(self, path: str) -> bool:
        return path in ("/", "/ws", "/later")

    def talk(self, asked: Asked, market: Market, now: Now, identify: Identify | None) -> ToyTalk | Answer:  # noqa: ARG002
        return Answer(b'{"toy":"no"}', 418) if "refuse" in asked.query else ToyTalk(identify)

    def answer(self, asked: Asked, market: Market, now: Now) -> Answer:  # noqa: ARG002
        if asked.path == "/fail":
            raise ArithmeticError("as planned")
        if asked.path != "/book":
            return Answer(b'{"toy":"nothing here"}', 404)
        return Answer(orjson.dumps([market.permits(i) for i in range(4)]), headers={"X-Toy": "yes"})

    def token(self, asked: Asked) -> str | None:
        return asked.header("x-toy-token") or None


def playing() -> Iterator[None]:
    """Have the toy be found under its name while this lasts."""
    found, names = mounts.load, mounts.known

    def load(name: str) -> Callable[..., Any]:
        return Toy if name == "toy" else found(name)

    mounts.load, mounts.known = load, lambda: [*names(), "toy"]
    yield
    mounts.load, mounts.known = found, names
