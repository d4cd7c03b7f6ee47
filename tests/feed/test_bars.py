"""Bars against a brute-force model: every trade, whatever the steps are."""

from collections import defaultdict
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ticker.feed.bars import INTERVALS_US, Bars
from ticker.ticks import DTYPES, TRADES, Batch, Rows

INSTRUMENTS = 3
START_US = 1_700_000_040_000_000  # a whole minute

trades = st.lists(
    st.tuples(st.integers(0, INSTRUMENTS - 1), st.integers(1, 50), st.integers(1, 9)), max_size=4
)  # instrument, price, size
steps = st.lists(st.tuples(st.sampled_from([10_000, 400_000, 1_000_000, 7_000_000, 90_000_000]), trades), max_size=40)


def batch(seq: int, t: int, found: list[tuple[int, int, int]]) -> Batch:
    rows = np.zeros(len(found), DTYPES[TRADES])
    for row, (instrument, price, size) in zip(rows, sorted(found, key=lambda trade: trade[0]), strict=True):
        row["instrument"], row["price_ticks"], row["size"], row["t"] = instrument, price, size, t
    return Batch(seq, t, {TRADES: rows})


def modelled(tape: list[Batch], instrument: int, length_us: int) -> list[tuple[int, ...]]:
    """Return the finished bars of an instrument, trade by trade."""
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for step in tape:
        for row in step.rows[TRADES]:
            if row["instrument"] == instrument:
                groups[int(row["t"]) // length_us * length_us].append((int(row["price_ticks"]), int(row["size"])))
    bars = []
    for opened, found in sorted(groups.items()):
        if opened + length_us <= tape[-1].t:
            prices, sizes = zip(*found, strict=True)
            turnover = sum(price * size for price, size in found)
            bars.append(
                (len(found), opened, prices[0], max(prices), min(prices), prices[-1], sum(sizes), turnover),
            )
    return bars


def listed(rows: Rows) -> list[tuple[Any, ...]]:
    return [row[1:] for row in rows.tolist()]


@given(steps, st.sets(st.integers(1, 40)))
def test_bars_add_up_to_the_trades_whenever_there_is_time(
    found: list[tuple[int, list[tuple[int, int, int]]]], leisure: set[int]
) -> None:
    bars, tape, t = Bars(1000), list[Batch](), START_US
    for seq, (length_us, traded) in enumerate(found, 1):
        t += length_us
        tape.append(batch(seq, t, traded))
        bars.note(tape[-1])
        if seq in leisure:
            bars.settle()
    for interval, length_us in INTERVALS_US.items():
        for instrument in range(INSTRUMENTS):
            expected = modelled(tape, instrument, length_us) if tape else []
            assert listed(bars.newest(interval, instrument, 1000)) == expected


def test_the_newest_so_many_are_told_oldest_first_and_no_more_are_kept() -> None:
    bars = Bars(5)
    for second in range(10):
        bars.note(batch(second + 1, START_US + second * 1_000_000 + 500_000, [(0, 100 + second, 1), (2, 7, 1)]))
    assert bars.newest("1s", 0, 3)["open_ticks"].tolist() == [106, 107, 108]
    assert bars.newest("1s", 0, 100)["close_ticks"].tolist() == [104, 105, 106, 107, 108]
    assert len(bars.newest("1s", 1, 100)) == 0
    assert len(bars.newest("1m", 0, 100)) == 0


def test_a_step_that_is_noted_waits_for_no_bar_of_its_own() -> None:
    bars, joined = Bars(5), []
    bars._finish = joined.append  # type: ignore[method-assign]
    first, second = batch(1, START_US + 1_500_000, [(0, 100, 1)]), batch(2, START_US + 1_510_000, [])
    bars.note(first)
    assert joined == []
    bars.settle()
    assert joined == [first.t]
    bars.note(second)  # nothing piles up where nobody has the time
    assert joined == [first.t, first.t]
