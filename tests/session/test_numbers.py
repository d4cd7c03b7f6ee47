"""The proof by `n`: ticks one by one and rows in arrays are judged alike, and jumps may be announced or wanted."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.dialects import native
from ticker.dialects.native import NativeDialect
from ticker.instruments import Instrument, Universe
from ticker.session.messages import Tick, Ticks
from ticker.session.numbers import Numbers
from ticker.ticks import BOOK, CHANNELS, DTYPES, QUOTES, STATS, TRADES, Rows

SYMBOLS = ["AAA", "BBB", "CCC"]
DIALECT = NativeDialect(Universe(Instrument(symbol, "", "", 2, 1, 1, 1) for symbol in SYMBOLS))
Row = tuple[str, int, int]
"""Channel, number of the instrument, `n`."""

some_rows = st.lists(
    st.tuples(st.sampled_from(CHANNELS), st.integers(0, len(SYMBOLS) - 1), st.integers(1, 12)), max_size=12
)
messages = st.lists(st.tuples(st.sampled_from(["follow", "follow", "show", "loosen", "merge", "all"]), some_rows))


def as_ticks(rows: list[Row]) -> list[Tick]:
    pieces = [piece for channel, found in as_arrays(rows).items() for piece in DIALECT.render(channel, found)]
    message = native.read(DIALECT.ticks(1, 1, b"".join(pieces)))
    assert isinstance(message, Ticks)
    return message.data


def as_arrays(rows: list[Row]) -> dict[str, Rows]:
    """Return rows by channel; every third `n` of a book is an image of three levels."""
    arrays: dict[str, Rows] = {}
    for channel in CHANNELS:
        found = [
            (who, n, level == 0 and levels == 3)
            for kind, who, n in rows
            if kind == channel
            for levels in [3 if channel == BOOK and n % 3 == 0 else 1]
            for level in range(levels)
        ]
        if found:
            arrays[channel] = array = np.zeros(len(found), DTYPES[channel])
            array["instrument"], array["n"] = [who for who, _, _ in found], [n for _, n, _ in found]
            if channel == BOOK:
                array["fresh"] = [fresh for _, _, fresh in found]
            if channel == STATS:
                array["previous_ticks"] = 1
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


@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize("what", ["follow", "show", "merge"])
def test_an_image_of_a_book_counts_as_one(what: str, arrays: bool) -> None:
    numbers = Numbers()
    numbers.number(SYMBOLS)
    obey(numbers, what, [(BOOK, 0, 2), (BOOK, 1, 5)], arrays=arrays)
    obey(numbers, what, [(BOOK, 0, 3), (BOOK, 1, 9)], arrays=arrays)
    assert (numbers.repeated, len(numbers.gaps)) == (0, what != "merge")
    assert numbers.missed + numbers.merged == 3, "of the second instrument: 6, 7, 8"


@pytest.mark.parametrize("arrays", [False, True])
def test_what_comes_twice_is_no_image(arrays: bool) -> None:
    numbers = Numbers()
    numbers.number(SYMBOLS)
    obey(numbers, "follow", [(BOOK, 0, 2), (BOOK, 0, 2), (BOOK, 0, 3), (BOOK, 0, 3)], arrays=arrays)
    assert numbers.repeated == 2, "a row, and a second image"


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
