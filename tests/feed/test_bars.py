"""The history of bars against the tape that it was taken from."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.feed.bars import CHANNELS_OF, Bars
from ticker.market.tally import Tally
from ticker.ticks import DTYPES, EMPTY, TRADES, Batch, Rows

INSTRUMENTS = 3
START_US = 1_700_000_040_000_000  # a whole minute

trades = st.lists(
    st.tuples(st.integers(0, INSTRUMENTS - 1), st.integers(1, 50), st.integers(1, 9)), max_size=4
)  # instrument, price, size
steps = st.lists(st.tuples(st.sampled_from([10_000, 400_000, 1_000_000, 7_000_000, 90_000_000]), trades), max_size=40)


def tape_of(found: list[tuple[int, list[tuple[int, int, int]]]]) -> list[Batch]:
    """Return batches with bars of these trades, at times so far apart."""
    tally, tape, t = Tally(INSTRUMENTS, 10_000, np.ones(INSTRUMENTS, np.int64), np.arange(INSTRUMENTS)), [], START_US
    for seq, (length_us, traded) in enumerate(found, 1):
        t += length_us
        rows = np.zeros(len(traded), DTYPES[TRADES])
        for row, (instrument, price, size) in zip(rows, sorted(traded), strict=True):
            row["instrument"], row["price_ticks"], row["size"], row["t"] = instrument, price, size, t
        tape.append(Batch(seq, t, EMPTY | {TRADES: rows} | tally.rows(seq, t, 0, rows)))
    return tape


def finished(tape: list[Batch], channel: str, instrument: int) -> list[tuple[Any, ...]]:
    rows = [row for batch in tape for row in batch.rows[channel]]
    return [row.tolist() for row in rows if row["instrument"] == instrument and row["done"]]


def kept(tape: list[Batch], channel: str, count: int) -> list[int]:
    """Return when the last so many bars opened, whoever's they are."""
    opened = {int(row["t"]) for batch in tape for row in batch.rows[channel] if row["done"]}
    return sorted(opened)[-count:]


@given(steps, st.sets(st.integers(1, 40)))
@settings(deadline=None)
def test_the_history_is_what_was_finished_whenever_somebody_asks(
    found: list[tuple[int, list[tuple[int, int, int]]]], asked: set[int]
) -> None:
    bars, tape = Bars(1000), tape_of(found)
    for batch in tape:
        bars.note(batch)
        bars.settle()
        if batch.seq in asked or batch.seq == len(tape):
            for interval, channel in CHANNELS_OF.items():
                for instrument in range(INSTRUMENTS):
                    expected = finished(tape[: batch.seq], channel, instrument)
                    assert bars.newest(interval, instrument, 1000).tolist() == expected
                    assert bars.newest(interval, instrument, 2).tolist() == expected[-2:]


@pytest.mark.parametrize("leisure", [1, 10**6])
def test_only_so_many_are_kept_whether_there_is_time_or_not(leisure: int) -> None:
    bars, tape = Bars(3), tape_of([(400_000, [(k % 2, 5, 1)]) for k in range(400)])
    for batch in tape:
        bars.note(batch)
        if batch.seq % leisure == 0:
            bars.settle()
    for interval, channel in CHANNELS_OF.items():
        for instrument in range(INSTRUMENTS):
            opened = kept(tape, channel, 3)
            expected = [row for row in finished(tape, channel, instrument) if row[2] in opened]
            assert bars.newest(interval, instrument, 1000).tolist() == expected
    assert len(bars.newest("1s", 0, 1000)) == 3


def test_nothing_is_kept_of_steps_that_have_been_looked_through() -> None:
    bars, tape = Bars(3), tape_of([(1_000_000, [(0, 5, 1)]) for _ in range(300)])
    for batch in tape:
        bars.note(batch)
        bars.settle()
    assert sum(map(len, bars._noted.values())) < 300


def test_what_has_no_bar_has_no_rows() -> None:
    rows: Rows = Bars(3).newest("1m", 2, 5)
    assert (len(rows), rows.dtype) == (0, DTYPES["bars.1m"])


@given(steps, st.integers(0, 40), st.booleans())
@settings(deadline=None)
def test_who_goes_on_with_what_was_finished_is_as_one_that_never_stopped(
    found: list[tuple[int, list[tuple[int, int, int]]]], stop: int, joined: bool
) -> None:
    whole, first, tape = Bars(5), Bars(5), tape_of(found)
    for batch in tape:
        whole.note(batch)
    for batch in tape[:stop]:
        first.note(batch)
    kept = first.finished()
    if joined:
        kept = {channel: [np.concatenate(parts)] for channel, parts in kept.items() if parts}
    again = Bars(5)
    again.restore(kept)
    for batch in tape[stop:]:
        again.note(batch)
    for interval in CHANNELS_OF:
        for instrument in range(INSTRUMENTS):
            expected = whole.newest(interval, instrument, 1000)
            assert again.newest(interval, instrument, 1000).tolist() == expected.tolist()


def test_no_more_is_gone_on_with_than_is_kept() -> None:
    bars, few = Bars(10), Bars(2)
    for batch in tape_of([(1_000_000, [(0, 5, 1)]) for _ in range(8)]):
        bars.note(batch)
    few.restore(bars.finished())
    assert few.newest("1s", 0, 1000).tolist() == bars.newest("1s", 0, 2).tolist()
    assert len(few.newest("1s", 0, 1000)) == 2
