"""Whole conversations with Alpaca clients, byte for byte, as they stand in transcripts/alpaca.

A transcript is a list of lines, each an object whose first key says what it is. What happens: `strict` (limits are
kept), `connect` (a path, with `headers` beside it; a second one is of another client, and the first stays), `client`
(a text), `client_hex` (a binary message), `later_s` (time passes, and the house looks), `book` (of an instrument, with
`n`, `bids`, `asks`), `tick` (of a channel, with `rows` by field, the others are 0), `leave` (a reason). What must
follow: `server`, `server_hex`, `close`.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from dialects.alpaca_wire import NOW, begin, unframed, venue
from dialects.scripted_market import ScriptedMarket, row_of
from ticker.dialects.alpaca.feeds import CHANNELS
from ticker.dialects.alpaca.talk import AlpacaTalk
from ticker.venue import Turn

FILES = sorted((Path(__file__).parent / "transcripts" / "alpaca").glob("*.json"))
HEARD = ("server", "server_hex", "close")


def told(said: str | bytes) -> tuple[str, str]:
    return ("server", said) if isinstance(said, str) else ("server_hex", said.hex())


class Replay:
    """One conversation, line by line; `said` is what the server has said and no line has told yet."""

    def __init__(self) -> None:
        self.market = ScriptedMarket()
        self.now = NOW
        self.said: list[tuple[str, Any]] = []
        self.talk: AlpacaTalk | None = None
        self.venue = venue()
        self.others: list[AlpacaTalk | None] = []

    def line(self, line: dict[str, Any]) -> None:
        """Do what a line says, or check that it was said."""
        (key, value), *beside = line.items()
        if key in HEARD:
            assert self.said.pop(0) == (key, value)
            return
        assert not self.said, "the transcript is silent about what was said"
        getattr(self, key)(value, **dict(beside))

    def strict(self, strict: bool) -> None:
        self.venue = venue(strict=strict)

    def connect(self, path: str, headers: dict[str, str] | None = None) -> None:
        self.others.append(self.talk)
        self.talk = begin(path, *(headers or {}).items(), of=self.venue)
        self._take(self.talk.opened(self.market, self.now))

    def client(self, message: str) -> None:
        assert self.talk
        self._take(self.talk.heard(message.encode(), True, self.market, self.now))

    def client_hex(self, message: str) -> None:
        assert self.talk
        self._take(self.talk.heard(bytes.fromhex(message), False, self.market, self.now))

    def later_s(self, seconds: float) -> None:
        assert self.talk
        self.now = self.now._replace(monotonic_s=self.now.monotonic_s + seconds)
        self._take(self.talk.looked(self.market, self.now))

    def leave(self, reason: str) -> None:
        assert self.talk
        self._take(self.talk.leaving(reason, self.now))

    def book(self, instrument: int, n: int, bids: list[Any], asks: list[Any]) -> None:
        self.market.put_book(instrument, n, bids, asks)

    def tick(self, channel: str, rows: list[dict[str, int]]) -> None:
        """Let rows of a study happen: they are told on a channel where the client wants them."""
        assert self.talk
        dtype = self.venue.study(channel).dtype
        for row in rows:
            if self.talk.interest.mask(channel) >> row["instrument"] & 1:
                pieces = self.talk.dialect.render(channel, row_of(dtype, **row))
                self.said += [told(unframed(piece)) for piece in pieces if piece]

    def _take(self, turn: Turn) -> None:
        self.said += [told(said) for said in turn.says]
        self.said += [("close", list(turn.close))] if turn.close else []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_transcript(path: Path) -> None:
    replay = Replay()
    for line in orjson.loads(path.read_bytes()):
        replay.line(line)
    assert replay.talk and not replay.said


def test_there_are_transcripts_of_everything_the_venue_tells() -> None:
    lines = [line for path in FILES for line in orjson.loads(path.read_bytes())]
    ticked = {line["tick"] for line in lines if "tick" in line}
    assert ticked >= {*CHANNELS["stocks"], *(f"crypto.{channel}" for channel in CHANNELS["crypto"])}
    said = [orjson.loads(line["server"])[0] for line in lines if "server" in line]
    assert {message["T"] for message in said} == {*"tqbudslcxio", "success", "subscription", "error"}
    assert {message["code"] for message in said if message["T"] == "error"} == {*range(400, 408), 409, 410, 500}
    assert any("server_hex" in line for line in lines)
