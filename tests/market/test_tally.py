"""Bars and statistics against plain dicts that look at one trade after the other."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.market.tally import Tally
from ticker.ticks import BARS_1M, BARS_1S, DTYPES, EMPTY, STATS, TRADES, Rows

INSTRUMENTS = 3
KEYS = np.array([17, 4, 2**32 - 1], np.int64)
PREVIOUS = np.array([100, 200, 300], np.int64)
LENGTHS = {BARS_1S: 1_000_000, BARS_1M: 60_000_000}
APART = {BARS_1S: 250_000, BARS_1M: 1_000_000, STATS: 1_000_000}
START = 1_700_000_000_000_000 - 1_700_000_000_000_000 % 60_000_000
Trade = tuple[int, int, int, int]
"""Instrument, microseconds before the end of the step, price, size."""
Step = tuple[int, int, int, list[Trade]]
"""Seq, the market time it reaches, the day, and its trades."""

trades = st.lists(
    st.tuples(st.integers(0, INSTRUMENTS - 1), st.integers(0, 2**20), st.integers(1, 500), st.integers(1, 1000)),
    max_size=6,
)
nights = st.sampled_from([0, 0, 0, 0, 0, 7_000_000, 3_600_000_000])


@st.composite
def runs(draw: st.DrawFn) -> tuple[int, list[Step]]:
    """Return the length of a step, and steps, between which nights may be left out."""
    step_us = draw(st.sampled_from([10_000, 40_000, 240_000, 600_000, 1_000_000, 2_500_000, 60_000_000]))
    t, day, steps = START + step_us * draw(st.integers(0, 10)), 0, []
    for seq in range(1, draw(st.integers(1, 60)) + 1):
        night = draw(nights)
        t, day = t + night + step_us, day + (night > 0)
        steps.append((seq, t, day, draw(trades)))
    return step_us, steps


def rows_of(step: Step, step_us: int) -> Rows:
    """Return the trades of a step as rows: no two instruments' mixed, times rising."""
    _, t, _, found = step
    placed = sorted((who, t - back % step_us, price, size) for who, back, price, size in found)
    rows = np.zeros(len(placed), DTYPES[TRADES])
    for row, (who, at, price, size) in zip(rows, placed, strict=True):
        row["instrument"], row["t"], row["price_ticks"], row["size"] = who, at, price, size
    return rows


def tallied(step_us: int, steps: list[Step], keys: Any = KEYS, saved: int = 0) -> list[dict[str, Rows]]:
    tally = Tally(len(keys), step_us, PREVIOUS[: len(keys)], keys)
    told = []
    for step in steps:
        if step[0] == saved:
            state, tally = tally.state(), Tally(len(keys), step_us, PREVIOUS[: len(keys)], keys)
            tally.rows(7, START, 3, rows_of((7, START, 3, [(0, 0, 9, 9)]), step_us))  # a life of its own, forgotten
            tally.restore(state)
        told.append(tally.rows(step[0], step[1], step[2], rows_of(step, step_us)))
    return told


def figures(found: list[tuple[int, int]]) -> tuple[int, ...]:
    """Return open, high, low, close, volume, turnover and count of trades, as (price, size)."""
    prices = [price for price, _ in found]
    ends = (prices[0], max(prices), min(prices), prices[-1])
    return *ends, sum(size for _, size in found), sum(price * size for price, size in found), len(found)


def figures_in(row: Any, channel: str) -> tuple[int, ...]:
    names = ["open_ticks", "high_ticks", "low_ticks", "last_ticks" if channel == STATS else "close_ticks"]
    return tuple(int(row[name]) for name in (*names, "volume", "turnover", "trades"))


@given(runs())
@settings(deadline=None, max_examples=200)
def test_bars_add_up_to_the_trades(run: tuple[int, list[Step]]) -> None:
    step_us, steps = run
    for channel, length in LENGTHS.items():
        bars: dict[tuple[int, int], list[tuple[int, int]]] = {}
        finished = set()
        for step, told in zip(steps, tallied(step_us, steps), strict=True):
            for who, at, price, size in rows_of(step, step_us)[["instrument", "t", "price_ticks", "size"]].tolist():
                bars.setdefault((who, at - at % length), []).append((price, size))
            for row in told[channel]:
                key = int(row["instrument"]), int(row["t"])
                assert key not in finished, "nothing is said of a bar that was finished"
                assert figures_in(row, channel) == figures(bars[key])
                assert row["done"] == (key[1] + length <= step[1])
                if row["done"]:
                    finished.add(key)
            assert finished == {key for key in bars if key[1] + length <= step[1]}, "all that ended, at once"


@given(runs())
@settings(deadline=None, max_examples=200)
def test_statistics_are_those_of_the_day(run: tuple[int, list[Step]]) -> None:
    step_us, steps = run
    today: dict[int, list[tuple[int, int]]] = {}
    previous, day = dict(enumerate(PREVIOUS.tolist())), 0
    for step, told in zip(steps, tallied(step_us, steps), strict=True):
        if step[2] != day:
            previous |= {who: found[-1][0] for who, found in today.items()}
            today, day = {}, step[2]
        for who, price, size in rows_of(step, step_us)[["instrument", "price_ticks", "size"]].tolist():
            today.setdefault(who, []).append((price, size))
        for row in told[STATS]:
            who = int(row["instrument"])
            assert figures_in(row, STATS) == figures(today[who])
            assert (row["previous_ticks"], row["t"]) == (previous[who], step[1])


@given(runs())
@settings(deadline=None, max_examples=100)
def test_n_has_no_hole_and_rows_are_in_order(run: tuple[int, list[Step]]) -> None:
    n: Counter[tuple[str, int]] = Counter()
    for told in tallied(*run):
        for channel, rows in told.items():
            assert (np.diff(rows["instrument"]) >= 0).all()
            for row in rows:
                n[channel, int(row["instrument"])] += 1
                assert row["n"] == n[channel, int(row["instrument"])]


@given(runs())
@settings(deadline=None, max_examples=100)
def test_what_is_running_is_sent_at_a_bounded_rate(run: tuple[int, list[Step]]) -> None:
    step_us, steps = run
    last: dict[tuple[str, int], int] = {}
    for (_, t, _, _), told in zip(steps, tallied(step_us, steps), strict=True):
        for channel, rows in told.items():
            for row in rows:
                if channel == STATS or not row["done"]:
                    key = channel, int(row["instrument"])
                    assert t - last.get(key, 0) >= APART[channel]
                    last[key] = t


def test_what_has_traded_is_told_within_the_time_it_is_kept_apart() -> None:
    tally = Tally(INSTRUMENTS, 10_000, PREVIOUS, KEYS)
    tally.rows(1, START + 10_000, 0, rows_of((1, START + 10_000, 0, [(0, 0, 5, 5), (1, 0, 5, 5)]), 10_000))
    told: dict[str, list[int]] = {channel: [] for channel in APART}
    for seq in range(2, 102):
        for channel, rows in tally.rows(seq, START + seq * 10_000, 0, EMPTY[TRADES]).items():
            told[channel] += rows["instrument"][rows["done"] == 0 if channel == BARS_1S else slice(None)].tolist()
    assert {channel: sorted(who) for channel, who in told.items()} == {key: [0, 1] for key in APART}, "once each"


@given(runs(), st.integers(0, INSTRUMENTS - 1))
@settings(deadline=None, max_examples=50)
def test_other_instruments_change_nothing(run: tuple[int, list[Step]], last: int) -> None:
    step_us, steps = run
    fewer = [(*step[:3], [trade for trade in step[3] if trade[0] <= last]) for step in steps]
    for alone, together in zip(tallied(step_us, fewer, KEYS[: last + 1]), tallied(step_us, steps), strict=True):
        for channel, rows in together.items():
            assert rows[rows["instrument"] <= last].tolist() == alone[channel].tolist()


@given(runs(), st.integers(1, 60))
@settings(deadline=None, max_examples=50)
def test_a_state_that_is_restored_goes_on(run: tuple[int, list[Step]], saved: int) -> None:
    whole, resumed = tallied(*run), tallied(*run, saved=saved)
    assert [{c: rows.tolist() for c, rows in told.items()} for told in resumed] == [
        {c: rows.tolist() for c, rows in told.items()} for told in whole
    ]


@pytest.mark.parametrize("channel", APART)
def test_not_all_instruments_come_in_one_step(channel: str) -> None:
    count, step_us = 200, 10_000
    keys = np.arange(count, dtype=np.int64) * 7919
    tally = Tally(count, step_us, np.full(count, 100), keys)
    most = 0
    for seq in range(1, 101):
        t = START + 1_000 + seq * step_us
        trades = np.zeros(count, DTYPES[TRADES])
        trades["instrument"], trades["t"], trades["price_ticks"], trades["size"] = np.arange(count), t, 100, 1
        rows = tally.rows(seq, t, 0, trades)[channel]
        running = rows if channel == STATS else rows[rows["done"] == 0]
        most = max(most, len(running))
    assert 0 < most <= 2 * count * step_us / APART[channel]


def test_nothing_is_the_empty_array_that_all_share() -> None:
    tally = Tally(INSTRUMENTS, 10_000, PREVIOUS, KEYS)
    assert all(rows is EMPTY[channel] for channel, rows in tally.rows(1, START, 0, EMPTY[TRADES]).items())
