"""Positions and the shape of what travels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.errors import Refusal
from ticker.ticks import (
    BARS_1M,
    BARS_1S,
    BOOK,
    CHANNELS,
    DTYPES,
    EMPTY,
    QUOTES,
    STATS,
    STATUS,
    TRADES,
    Position,
)


@given(st.text(min_size=1), st.integers(0, 10**16 - 1))
@settings(deadline=None)
def test_a_position_survives_being_written(epoch: str, seq: int) -> None:
    assert Position.parse(str(Position(epoch, seq))) == (epoch, seq)


@pytest.mark.parametrize(
    "text",
    [
        *["", ":", "7", "abc", "abc:", ":7", "abc:-1", "abc:+1", "abc: 1", "abc:1 ", "abc:1.0", "abc:1e3", "abc:0x1"],
        *["abc:1_000", "abc:\u0661", "abc:\u00b2", "abc:null", "abc:" + "1" * 17, "abc:" + "9" * 100_000],
    ],
)
def test_what_is_no_position_is_refused_in_one_short_sentence(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        Position.parse(text)
    assert refused.value.code == "bad_position"
    assert len(refused.value.message) < 200


def test_an_epoch_may_hold_colons() -> None:
    assert Position.parse("a:b:7") == ("a:b", 7)


def test_the_order_of_the_tape() -> None:
    assert tuple(DTYPES) == tuple(EMPTY) == CHANNELS
    assert CHANNELS == (STATUS, QUOTES, BOOK, TRADES, BARS_1S, BARS_1M, STATS)


@pytest.mark.parametrize("channel", CHANNELS)
def test_rows_are_little_endian_and_packed(channel: str) -> None:
    dtype = DTYPES[channel]
    fields = [dtype[name] for name in dtype.names or ()]
    assert dtype.itemsize == sum(field.itemsize for field in fields)
    assert all(field == field.newbyteorder("<") for field in fields)
    assert (dtype.names or ())[:3] == ("instrument", "n", "t")
    assert np.iinfo(dtype["n"]).max >= 2**53
