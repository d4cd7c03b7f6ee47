"""A stage for one talk: a scripted market, two clocks that stand until they are moved, and what was said.

A transcript is a list of lines, each an object with one key:

- `client`: what the client says, an object, or text that is none;
- `server`: what the server says next, an object, whose numbers are those of JSON, to their last digit;
- `market`: a call of the scripted market (its method, then its arguments);
- `rows`: `[channel, {field: value}, …]`: rows of that channel's study, which are rendered if they are wanted;
- `wait_s`: so long passes, on both clocks, and the talk is looked at every 0.4 s, as the house does;
- `close`: how the talk has ended: code and reason.

Whatever the server says has to be in the transcript.
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from dialects.scripted_market import T0, ScriptedMarket
from ticker.venue import Answer, Asked, Now, Talk, Turn, Venue

TRANSCRIPTS = Path(__file__).parent / "transcripts"
LOOK_S = 0.4


class Stage:
    """One talk of a venue, and everything it said that nobody has taken yet."""

    def __init__(self, venue: Venue, path: str, market: ScriptedMarket | None = None, identify: Any = None) -> None:
        self.market = market or ScriptedMarket()
        self.venue = venue
        self.now = Now(T0 + 77, 1000.0, self.market.t)
        talk = venue.talk(Asked(path, address="10.0.0.1"), self.market, self.now, identify)
        assert not isinstance(talk, Answer)
        self.talk: Talk = talk
        self.said: deque[Any] = deque()
        self.closed: tuple[int, str] | None = None
        self.take(self.talk.opened(self.market, self.now))

    def take(self, turn: Turn) -> None:
        """Note what a turn says."""
        self.said.extend(document(text) for text in turn.says)
        self.closed = turn.close or self.closed

    def say(self, message: Any) -> list[Any]:
        """Say something (an object, or text or bytes that are sent as they are); return what is answered."""
        before = len(self.said)
        data = (
            message if isinstance(message, bytes) else message.encode() if isinstance(message, str) else _json(message)
        )
        self.take(self.talk.heard(data, True, self.market, self.now))
        return list(self.said)[before:]

    def wait(self, seconds: float) -> None:
        """Let time pass; look every 0.4 s."""
        until_s = round(self.now.monotonic_s + seconds, 6)
        while self.now.monotonic_s < until_s:
            step_s = min(LOOK_S, round(until_s - self.now.monotonic_s, 6))
            step_us = round(step_s * 1e6)
            self.market.t += step_us
            self.now = Now(self.now.wall_us + step_us, round(self.now.monotonic_s + step_s, 6), self.market.t)
            self.take(self.talk.looked(self.market, self.now))

    def rows(self, channel: str, rows: Any) -> None:
        """Let rows of a study arrive: they are rendered, those that are wanted are said."""
        mask = self.talk.interest.mask(channel)
        pieces = self.talk.dialect.render(channel, rows)
        assert len(pieces) == len(rows)
        for row, piece in zip(rows, pieces, strict=True):
            if mask >> int(row["instrument"]) & 1:
                self.said.extend(document(text) for text in messages(piece))

    def told(self, kind: str, key: str = "channel") -> list[Any]:
        """Take everything said; return what of it is of a kind."""
        said, self.said = self.said, deque()
        return [message for message in said if message.get(key) == kind]

    def get(self, path: str, query: str = "", method: str = "GET") -> Answer:
        """Ask the venue over HTTP."""
        return self.venue.answer(Asked(path, query, method=method, address="10.0.0.1"), self.market, self.now)

    def replay(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Go through a transcript."""
        for number, line in enumerate(lines):
            ((what, told),) = line.items()
            if what == "server":
                assert self.said, f"line {number}: nothing was said, where {told} was to be"
                assert self.said.popleft() == told, f"line {number}"
                continue
            assert not self.said, f"line {number}: this was said besides: {self.said}"
            if what == "client":
                self.say(told)
            elif what == "market":
                name, *arguments = told
                getattr(self.market, name)(*_whole(arguments))
            elif what == "rows":
                self.rows(told[0], rows_of_study(self.venue, told[0], told[1:]))
            elif what == "wait_s":
                self.wait(float(told))
            else:
                assert what == "close"
                assert self.closed == tuple(told)
        assert not self.said, f"this was said at the end: {self.said}"


def rows_of_study(venue: Venue, channel: str, fields: Sequence[Mapping[str, int]]) -> Any:
    """Return rows of a channel's study, 0 where nothing is said."""
    rows = np.zeros(len(fields), venue.study(channel).dtype)
    for row, values in zip(rows, fields, strict=True):
        for name, value in values.items():
            row[name] = int(value)
    return rows


def document(text: str | bytes) -> Any:
    """Read JSON whose numbers keep every digit: 1.50 is not 1.5."""
    return json.loads(text, parse_float=Printed, parse_int=Printed)


class Printed(Decimal):
    """A number as it was printed: equal to another only where that has the same digits, or to an int."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Printed):
            return str(self) == str(other)
        return Decimal(self) == other

    __hash__ = Decimal.__hash__


def messages(piece: bytes) -> list[str]:
    """Return the text messages of whole, plain frames."""
    found = []
    while piece:
        assert piece[0] == 0x81, "text, in one frame"
        size, start = piece[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(piece[2:start])
        assert len(piece) >= start + size
        found.append(piece[start : start + size].decode())
        piece = piece[start + size :]
    return found


def _whole(numbers: Any) -> Any:
    return [_whole(each) for each in numbers] if isinstance(numbers, list) else int(numbers)


def transcript(path: Path) -> list[Any]:
    """Read a transcript."""
    lines: list[Any] = document(path.read_text())
    return lines


def transcripts(venue: str) -> list[Path]:
    """Return all transcripts of a venue."""
    found = sorted((TRANSCRIPTS / venue).glob("*.json"))
    assert found
    return found


def asked(stage: Stage, path: str, **changes: Any) -> Answer:
    """Ask over HTTP with other details than a stage's."""
    return stage.venue.answer(replace(Asked(path), **changes), stage.market, stage.now)


def _json(message: Any) -> bytes:
    return json.dumps(message, default=int).encode()  # a client's numbers are whole; others it says as text
