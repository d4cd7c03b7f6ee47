"""Names and numbers of pairs as Binance has them, and candlesticks that open where a clock on the wall says."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.scripted_market import BTC, CROSS, ETH, T0, opening, universe
from ticker.dialects.binance.intervals import HOUR_US, LENGTHS_US, MINUTE_US, ZONE_MAX_US, ZONE_MIN_US, bars, zone_us
from ticker.dialects.binance.symbols import Symbols, percent, rounded
from ticker.instruments import Instrument, Universe

zones = st.integers(ZONE_MIN_US // MINUTE_US, ZONE_MAX_US // MINUTE_US)


def test_pairs_have_a_name_and_stocks_are_not_there() -> None:
    symbols = Symbols(universe())
    assert [symbol.name for symbol in symbols] == ["BTCUSDT", "ETHUSDT", "ETHBTC"] and len(symbols) == 3
    cross = symbols.find("ETHBTC")
    assert cross is not None and symbols[CROSS] is cross and (cross.index, cross.base, cross.quote) == (2, "ETH", "BTC")
    assert symbols.find("AAPL") is None and symbols.find("btcusdt") is None
    with pytest.raises(KeyError):
        symbols[3]


def test_of_two_pairs_of_one_name_the_first_has_it() -> None:
    both = [Instrument(symbol, "", "", 2, 1, 1, 1) for symbol in ("ABC-USDT", "AB-CUSDT")]
    symbols = Symbols(Universe(both))
    assert [symbol.instrument.symbol for symbol in symbols] == ["ABC-USDT"]


def test_numbers_have_eight_decimals_or_as_many_as_they_need() -> None:
    symbols = Symbols(Universe([Instrument("A-USDT", "", "", 10, 5, 1, 1, size_decimals=9), *universe()]))
    fine, btc = symbols[0], symbols[BTC + 1]
    assert (fine.prices[3], fine.sizes[7]) == ("0.0000000015", "0.000000007")
    assert (btc.prices[9_500_001], btc.sizes[1], btc.prices[-1]) == ("95000.01000000", "0.00001000", "-0.01000000")


def test_means_and_turnovers() -> None:
    eth = Symbols(universe())[ETH]
    assert eth.turnover(350_001 * 15) == "5.25001500"  # 3500.01 x 0.0015
    assert (eth.mean(350_001 * 15, 15), eth.mean(0, 0)) == ("3500.01000000", "0.00000000")
    assert eth.mean(1_000, 3_000) == "0.00333333" and eth.mean(2_000, 3_000) == "0.00666667"


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**12))
def test_halves_are_rounded_away_from_zero(over: int, under: int) -> None:
    exact = Decimal(over) / Decimal(under) if abs(over) < 10**10 else None
    if exact is not None:
        assert rounded(over, under) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    assert abs(rounded(over, under) * under - over) * 2 <= under
    assert rounded(-over, under) == -rounded(over, under)


def test_percent() -> None:
    said = [percent(*pair) for pair in ((1, 3), (-1, 3), (1, 200_000), (-1, 200_000), (1, 200_001), (5, 0))]
    assert said == ["33.333", "-33.333", "0.001", "-0.001", "0.000", "0.000"]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("0", 0), ("8", 480), ("-1:00", -60), ("05:45", 345), ("+08:00", 480), ("-12:00", -720), ("14:00", 840)],
)
def test_time_zones(text: str, minutes: int) -> None:
    assert zone_us(text) == minutes * MINUTE_US


@pytest.mark.parametrize(
    "text", ["", "+", "14:01", "-12:01", "-13", "1:5", "8:60", "8:000", "+-8", "a", "٨", "8 ", "100"]
)
def test_what_is_no_time_zone(text: str) -> None:
    assert zone_us(text) is None


def local(t: int, minutes: int) -> datetime:
    """Return what a clock in a zone shows."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=t)).astimezone(
        timezone(timedelta(minutes=minutes))
    )


@given(st.integers(T0, T0 + 10**15), zones)
def test_days_weeks_and_months_open_at_midnight(t: int, minutes: int) -> None:
    opened = {name: local(opening(t, bars(name, minutes * MINUTE_US))[0], minutes) for name in ("1d", "3d", "1w", "1M")}
    assert {(each.hour, each.minute, each.second, each.microsecond) for each in opened.values()} == {(0, 0, 0, 0)}
    assert opened["1d"].date() == local(t, minutes).date()
    assert opened["1w"].weekday() == 0 and timedelta(0) <= local(t, minutes) - opened["1w"] < timedelta(7)
    assert (opened["1M"].month, opened["1M"].day) == (local(t, minutes).month, 1)


@given(st.integers(T0, T0 + 10**15), zones, st.sampled_from(["1s", "5m", "30m", "1h", "4h", "12h"]))
def test_shorter_ones_open_at_multiples_of_the_local_day(t: int, minutes: int, interval: str) -> None:
    since, until = opening(t, bars(interval, minutes * MINUTE_US))
    assert since <= t < until == since + LENGTHS_US[interval]
    midnight = local(since, minutes).replace(hour=0, minute=0, second=0, microsecond=0)
    assert (local(since, minutes) - midnight) % timedelta(microseconds=LENGTHS_US[interval]) == timedelta(0)


def test_a_zone_that_changes_nothing_is_none() -> None:
    assert bars("1h", 8 * HOUR_US) == bars("1h") and bars("1d", 8 * HOUR_US) != bars("1d")
