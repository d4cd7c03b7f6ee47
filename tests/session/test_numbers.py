"""The proof by `n`: ticks one by one and rows in arrays are judged alike, and jumps may be announced or wanted."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.session.messages import Quote, Tick, Trade
from ticker.session.numbers import Numbers
from ticker.ticks import CHANNELS, DTYPES, QUOTES, TRADES, Rows

SYMBOLS = ["AAA", "BBB", "CCC"]
Row = tuple[str, int, int]
"""Channel, number of the instrument, `n`."""

some_rows = st.lists(
    st.tuples(st.sampled_from(CHANNELS), st.integers(0, len(SYMBOLS) - 1), st.integers(1, 12)), max_size=12
)
messages = st.lists(st.tuples(st.sampled_from(["follow", "follow", "show", "loosen", "merge", "all"]), some_rows))


def as_ticks(rows: list[Row]) -> list[Tick]:
    return [
        Trade(sym=SYMBOLS[who], n=n, t=0, px=1.0, sz=1, side="buy")
        if channel == TRADES
        else Quote(sym=SYMBOLS[who], n=n, t=0, bid=1.0, bsz=1, ask=1.0, asz=1)
        for channel, who, n in rows
    ]


def as_arrays(rows: list[Row]) -> dict[str, Rows]:
    arrays: dict[str, Rows] = {}
    for channel in CHANNELS:
        found = [(who, n) for kind, who, n in rows if kind == channel]
        if found:
            arrays[channel] = np.zeros(len(found), DTYPES[channel])
            arrays[channel]["instrument"] = [who for who, _ in found]
            arrays[channel]["n"] = [n for _, n in found]
    return arrays


def obey(numbers: Numbers, what: str, rows: list[Row], *, arrays: bool) -> None:
    numbers.merging = what == "merge" or (numbers.merging and what != "all")
    if what == "loosen":
        numbers.loosen()
    elif what == "show":
        rows = list({row[:2]: row for row in rows}.values())  # at most one an instrument
        if arrays:
            for channel, found in as_arrays(rows).items():
                numbers.show_rows(channel, found)
        else:
            numbers.show(as_ticks(rows))
    elif arrays:
        for channel, found in as_arrays(rows).items():
            numbers.follow_rows(channel, found)
    else:
        numbers.follow(as_ticks(rows))


def judged(said: list[tuple[str, list[Row]]], arrays: list[bool]) -> tuple[object, ...]:
    numbers = Numbers()
    numbers.number(SYMBOLS)
    for (what, rows), in_arrays in zip(said, arrays, strict=True):
        obey(numbers, what, rows, arrays=in_arrays)
    probe = [(channel, who, n) for channel in CHANNELS for who in range(len(SYMBOLS)) for n in range(1, 14)]
    known = [(tick.channel, tick.sym, tick.n) for tick in numbers.news(as_ticks(probe))]
    return numbers.missed, numbers.repeated, numbers.merged, Counter(numbers.gaps), known


@given(messages, st.data())
def test_rows_and_ticks_are_judged_alike(said: list[tuple[str, list[Row]]], data: st.DataObject) -> None:
    singly = judged(said, [False] * len(said))
    assert judged(said, [True] * len(said)) == singly
    forms = data.draw(st.lists(st.booleans(), min_size=len(said), max_size=len(said)))
    assert judged(said, forms) == singly, "and it may change in the middle"


@given(some_rows, some_rows)
def test_news_are_the_same_in_either_form(before: list[Row], rows: list[Row]) -> None:
    numbers = Numbers()
    numbers.number(SYMBOLS)
    numbers.follow(as_ticks(before))
    singly = [(tick.channel, SYMBOLS.index(tick.sym), tick.n) for tick in numbers.news(as_ticks(rows))]
    found = {channel: numbers.news_in(channel, there) for channel, there in as_arrays(rows).items()}
    for channel in CHANNELS:
        pairs = [tuple(pair) for pair in found[channel][["instrument", "n"]].tolist()] if channel in found else []
        assert pairs == [row[1:] for row in singly if row[0] == channel]


@pytest.mark.parametrize("arrays", [False, True])
def test_what_is_merged_is_counted_exactly_and_nothing_else(arrays: bool) -> None:
    numbers = Numbers()
    numbers.number(SYMBOLS)
    obey(numbers, "follow", [(TRADES, 0, 5), (TRADES, 1, 3)], arrays=arrays)
    obey(numbers, "merge", [(TRADES, 0, 9), (TRADES, 1, 4), (TRADES, 2, 7)], arrays=arrays)
    obey(numbers, "merge", [(TRADES, 0, 9), (TRADES, 1, 14), (TRADES, 2, 8)], arrays=arrays)
    assert (numbers.merged, numbers.missed, numbers.repeated, numbers.gaps) == (3 + 9, 0, 0, [])


def test_an_instrument_without_a_symbol_is_an_error() -> None:
    numbers = Numbers()
    numbers.number(SYMBOLS)
    with pytest.raises(IndexError):
        numbers.follow_rows(TRADES, as_arrays([(TRADES, 3, 1)])[TRADES])


def test_names_may_be_given_anew() -> None:
    numbers = Numbers()
    numbers.number(SYMBOLS)
    numbers.follow_rows(QUOTES, as_arrays([(QUOTES, 0, 5), (QUOTES, 2, 7)])[QUOTES])
    numbers.number(["CCC", "AAA"])
    numbers.follow_rows(QUOTES, as_arrays([(QUOTES, 0, 9), (QUOTES, 1, 6)])[QUOTES])
    assert [tuple(gap) for gap in numbers.gaps] == [(QUOTES, "CCC", 7, 9)]


@pytest.mark.parametrize("arrays", [False, True])
def test_what_is_not_kept_begins_anew(arrays: bool) -> None:
    numbers = Numbers()
    numbers.number(SYMBOLS)
    rows = [(channel, who, 5) for channel in CHANNELS for who in range(3)]
    obey(numbers, "follow", rows, arrays=arrays)
    numbers.keep({TRADES: ["BBB"], QUOTES: ["*"]})
    obey(numbers, "follow", [(channel, who, 7) for channel, who, _ in rows], arrays=arrays)
    assert {(gap.channel, gap.symbol) for gap in numbers.gaps} == {
        (TRADES, "BBB"),
        (QUOTES, "AAA"),
        (QUOTES, "BBB"),
        (QUOTES, "CCC"),
    }
