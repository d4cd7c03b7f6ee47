"""Numbers, times and frames in both of Alpaca's codecs."""

import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.dialects.alpaca.codec import Json, Numbers, Packed, mean, plain
from ticker.wire.decimals import KEPT_MAX

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def packed(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def test_a_time_in_text_has_the_digits_that_it_needs() -> None:
    moment = Json().moment
    assert moment(1_614_009_104_208_000) == "2021-02-22T15:51:44.208Z"
    assert moment(1_614_009_104_000_000) == "2021-02-22T15:51:44Z"
    assert moment(1_614_009_104_000_001) == "2021-02-22T15:51:44.000001Z"


def test_a_time_in_messagepack_is_a_timestamp_of_the_specification() -> None:
    # MessagePack, timestamp extension type: fixext 4 or fixext 8 of type -1.
    moment = Packed().moment
    assert packed(moment(5_000_000)) == b"\xd6\xff\x00\x00\x00\x05"
    nanoseconds, seconds = 208_001_000, 1_614_009_104
    assert packed(moment(1_614_009_104_208_001)) == b"\xd7\xff" + struct.pack(">Q", nanoseconds << 34 | seconds)


@given(st.integers(0, 2**34 * 1_000_000 - 1))
def test_a_timestamp_is_that_of_the_library(t_us: int) -> None:
    if t_us < 250_000_000_000_000_000:  # the year 9892: datetime ends before the timestamp does
        when = EPOCH + timedelta(microseconds=t_us)
        assert msgspec.msgpack.decode(packed(Packed().moment(t_us))) == when
        assert packed(Packed().moment(t_us)) == packed(when)


@given(st.integers(0, 10**18), st.integers(0, 12), st.integers(1, 1000))
def test_numbers_are_exact_in_text_and_nearest_in_floats(count: int, decimals: int, unit: int) -> None:
    exact = Decimal(count * unit).scaleb(-decimals)
    text = bytes(Numbers(Json(), decimals, unit)[count]).decode()
    assert Decimal(text) == exact
    assert "." not in text or not text.endswith(("0", "."))
    assert Numbers(Packed(), decimals, unit)[count] == float(exact)


def test_numbers_are_not_remembered_for_ever() -> None:
    numbers = Numbers(Packed(), 2)
    for count in range(KEPT_MAX + 10):
        assert numbers[count] == count / 100
    assert 0 < len(numbers) <= KEPT_MAX


@pytest.mark.parametrize(("units", "decimals", "text"), [(0, 2, "0"), (100, 2, "1"), (150, 2, "1.5"), (150, 0, "150")])
def test_what_is_round_is_printed_so(units: int, decimals: int, text: str) -> None:
    assert plain(units, decimals) == text


@given(st.integers(0, 10**15), st.integers(1, 10**9), st.integers(1, 500), st.integers(0, 10))
def test_a_mean_is_as_near_as_its_digits_allow(turnover: int, volume: int, unit: int, decimals: int) -> None:
    digits = max(6, decimals + 2)
    said = Decimal(mean(turnover, volume, unit, decimals))
    # Compared as whole numbers: |said - turnover * unit / 10**decimals / volume| <= half a digit.
    off = abs(int(said.scaleb(digits)) * volume - turnover * unit * 10 ** (digits - decimals))
    assert 2 * off <= volume


def test_without_volume_there_is_no_mean() -> None:
    assert mean(0, 0, 1, 2) == "0"


@pytest.mark.parametrize("data", [b"", b"[", b"\xff", b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}"])
def test_what_is_no_json_is_nothing(data: bytes) -> None:
    assert Json().read(data) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"\x91" * 100_000, b"\xa1\xff", b"\x81\x80\x80", b"\xd7\xff" + b"\xff" * 8, b"\xdd\xff\xff\xff\xff"],
)
def test_what_is_no_messagepack_is_nothing(data: bytes) -> None:
    assert Packed().read(data) is None
