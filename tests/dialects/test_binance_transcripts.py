"""Whole conversations with Binance clients, byte for byte, as they stand in transcripts/binance.

A transcript is a list of lines, each an object with one key. What happens: `connect` (an address; with `strict` beside
it where limits are enforced), `client` (a message), `controls` (pings and pongs), `later_s` and `market_s` (time
passes), `tick` (rows of a channel, beside it), `leave` (a reason). What must follow: `server` (a message), `close`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from dialects.binance_wire import NOW, opened, payloads, venue
from dialects.scripted_market import T0, ScriptedMarket
from ticker.dialects.binance.talk import BinanceTalk
from ticker.venue import Turn

FILES = sorted((Path(__file__).parent / "transcripts" / "binance").glob("*.json"))
Said = tuple[str, Any]


class Replay:
    """One conversation, line by line; `said` is what the server has said and no line has told yet."""

    def __init__(self) -> None:
        self.market = ScriptedMarket()
        self.now = NOW
        self.said: list[Said] = []
        self.talk: BinanceTalk | None = None

    def line(self, line: dict[str, Any]) -> None:
        """Do what a line says, or check that it was said."""
        [key, value], beside = next(iter(line.items())), line
        if key in ("server", "close"):
            assert self.said.pop(0) == (key, value)
            return
        assert not self.said, "the transcript is silent about what was said"
        getattr(self, key)(value, **dict(list(beside.items())[1:]))

    def connect(self, address: str, strict: bool = False) -> None:
        path, _, query = address.partition("?")
        self.talk = opened(path, query, strict=strict)
        self._take(self.talk.opened(self.market, self.now))

    def client(self, message: str) -> None:
        assert self.talk
        self._take(self.talk.heard(message.encode(), True, self.market, self.now))

    def controls(self, count: int) -> None:
        assert self.talk
        self._take(self.talk.controls(count, self.now))

    def later_s(self, seconds: float) -> None:
        self.now = self.now._replace(monotonic_s=self.now.monotonic_s + seconds)

    def market_s(self, seconds: int) -> None:
        assert self.talk
        self.now = self.now._replace(market_us=T0 + seconds * 1_000_000)
        self._take(self.talk.looked(self.market, self.now))

    def leave(self, reason: str) -> None:
        assert self.talk
        self._take(self.talk.leaving(reason, self.now))

    def tick(self, channel: str, rows: list[list[int]]) -> None:
        """Let rows of a study happen: they are told on a channel where the client wants them."""
        assert self.talk
        mask = self.talk.interest.mask(channel)
        wanted = [tuple(row) for row in rows if mask >> row[0] & 1]
        if wanted:
            pieces = self.talk.dialect.render(channel, np.array(wanted, venue().study(channel).dtype))
            self.said += [("server", text) for text in payloads(pieces)]

    def _take(self, turn: Turn) -> None:
        self.said += [("server", text) for text in turn.says]
        self.said += [("close", list(turn.close))] if turn.close else []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_transcript(path: Path) -> None:
    replay = Replay()
    for line in orjson.loads(path.read_bytes()):
        replay.line(line)
    assert replay.talk and not replay.said


def test_there_are_transcripts_of_everything_the_venue_tells() -> None:
    lines = [line for path in FILES for line in orjson.loads(path.read_bytes())]
    kinds = {line["tick"].partition("@")[0] for line in lines if "tick" in line}
    assert kinds >= {"trade", "aggTrade", "bookTicker", "ticker", "miniTicker", "avgPrice", "depth", "depth5"}
    assert kinds >= {"!miniTicker", "!ticker", "!ticker_1h", "!bookTicker", "ticker_1d", "kline_1m", "kline_1s"}
    errors = {orjson.loads(line["server"])["error"]["code"] for line in lines if '"error"' in line.get("server", "")}
    assert errors == {0, 1, 2, 3}
