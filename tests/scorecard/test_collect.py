"""What is kept of a run: quotes and trades of continuous trading, by instrument, in order."""

from collections.abc import Iterator
from datetime import UTC, time

import numpy as np
import pytest

from synthetic import plain_market
from ticker.errors import SetupError
from ticker.instruments import Hours, Universe
from ticker.scorecard import collect as collecting
from ticker.scorecard.collect import Collector, collect, day_s
from ticker.ticks import CHANNELS, DTYPES, QUOTES, STATES, STATUS, TRADES, Batch

SECOND = 1_000_000


def batch(seq: int, **rows: list[tuple[int, ...]]) -> Batch:
    """Return a step of one second; rows of (instrument, value, ...) by channel."""
    filled = {channel: np.zeros(len(rows.get(channel, [])), DTYPES[channel]) for channel in CHANNELS}
    for row, (instrument, state) in zip(filled[STATUS], rows.get("status", []), strict=True):
        row["instrument"], row["state"] = instrument, state
    for row, (instrument, price, size, side) in zip(filled[TRADES], rows.get("trades", []), strict=True):
        row["instrument"], row["price_ticks"], row["size"], row["side"] = instrument, price, size, side
        row["t"] = seq * SECOND
    for row, (instrument, bid, ask) in zip(filled[QUOTES], rows.get("quotes", []), strict=True):
        row["instrument"], row["bid_ticks"], row["ask_ticks"], row["bid_size"], row["ask_size"] = (
            instrument,
            bid,
            ask,
            1,
            1,
        )
        row["t"] = seq * SECOND
    return Batch(seq, seq * SECOND, filled)


class Played:
    """A market of two that plays given batches, then nothing for ever."""

    step_us = SECOND

    def __init__(self, *batches: Batch) -> None:
        self.universe = plain_market(instruments=2).universe
        self._left: Iterator[Batch] = iter(batches)
        self._seq = len(batches)

    def step(self) -> Batch:
        self._seq += 1
        return next(self._left, batch(self._seq))


def state(name: str, *instruments: int) -> list[tuple[int, int]]:
    return [(instrument, STATES.index(name)) for instrument in instruments]


def test_rows_are_sorted_into_sessions() -> None:
    kept = collect(
        Played(
            batch(1, quotes=[(0, 10, 11), (1, 20, 22)], trades=[(1, 22, 5, 0)]),
            batch(2, trades=[(0, 10, 7, 1), (1, 20, 6, 1)]),
        ),
        2,
    )
    first, second = kept.sessions(plain_market(instruments=2).universe)
    assert (first.trade_s.tolist(), second.trade_s.tolist()) == ([2.0], [1.0, 2.0])
    assert (
        second.price_ticks.tolist() == [22, 20] and second.side.tolist() == [1, -1] and second.size.tolist() == [5, 6]
    )
    assert (first.bid_ticks.tolist(), first.ask_ticks.tolist(), second.quote_s.tolist()) == ([10], [11], [1.0])
    assert first.length_s == 2.0


def test_only_continuous_trading_counts_and_time_begins_with_it() -> None:
    kept = collect(
        Played(
            batch(1, status=state("pre_open", 0, 1), quotes=[(0, 1, 2)]),
            batch(2, status=state("auction", 0, 1), trades=[(0, 5, 9, 0)]),
            batch(3, status=state("trading", 0, 1), trades=[(0, 6, 9, 0)]),
            batch(4, status=state("halted", 0), quotes=[(0, 1, 2), (1, 3, 4)]),
            batch(5, status=state("closed", 0, 1), trades=[(1, 7, 9, 0)]),
        ),
        1000,
    )
    assert kept.is_over and kept.seconds == 2.0
    first, second = kept.sessions(plain_market(instruments=2).universe)
    assert first.price_ticks.tolist() == [6] and first.trade_s.tolist() == [1.0]
    assert (len(first.quote_s), second.bid_ticks.tolist(), len(second.trade_s)) == (0, [3], 0)


def test_a_chunk_that_is_full_is_followed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "CHUNK", 7)
    market = plain_market(instruments=3, step_ms=100)
    kept, rows = Collector(3, market.step_us), []
    for _ in range(200):
        made = market.step()
        kept.take(made)
        rows.append(made.rows[TRADES])
    expected = np.concatenate(rows)
    assert len(expected) > 50
    for name in ("instrument", "t", "price_ticks", "size", "side"):
        assert kept.trades.column(name).tolist() == expected[name].tolist()


def test_memory_has_a_bound_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "ROWS_MAX", 100)
    with pytest.raises(SetupError, match="more than 100 quotes: ask for fewer --instruments or --hours"):
        collect(plain_market(instruments=50), 3600)


def test_a_market_that_never_opens_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "WAIT_STEPS_MAX", 20)
    with pytest.raises(SetupError, match="has not opened in 20 steps"):
        collect(Played(batch(1, status=state("pre_open", 0, 1))), 3600)


def test_progress_goes_from_nothing_to_all() -> None:
    said: list[float] = []
    collect(plain_market(instruments=1, step_ms=1000), 50, said.append)
    assert said == sorted(said) and said[-1] == 1.0


def test_a_day_is_as_long_as_the_universe_says() -> None:
    hours = Hours(UTC, time(7), time(8), time(16, 30), time(17))
    assert day_s(Universe([], hours=hours)) == 8.5 * 3600
    assert day_s(Universe([])) is None, "it never closes"
