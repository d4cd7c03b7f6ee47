"""Universes: what the files list is what is traded, and a sentence with file and key for everything that is wrong."""

import math
import re
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from statistics import fmean, stdev
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker import files, universes
from ticker.config import MarketConfig
from ticker.errors import ConfigError
from ticker.instruments import Universe
from ticker.venue import pair

SECOND = (0.00704805, 0.96468, 2.51271, 481.035)
INVENTED = ("default", "large", "crypto")
KNOWN = ("pairs", "stocks")
"""Whose symbols are those of real venues, and nothing else of them."""
SHIPPED = (*INVENTED, *KNOWN)
HOURS = """[hours]
zone = "Europe/Berlin"
pre_open = 08:50:00
open = 09:00:00
close = 17:30:00
end = 17:35:00
"""
SMALL = f"""[universe]
name = "Small"
description = "Two of them."

{HOURS}
[defaults]
volatility = 0.01
lot = 10

[sectors.Tools]
orders_per_s = 3
instruments = [
  {{ symbol = "HAMMER", name = "Hammer & Sons", price = 12.25, tick = "0.05" }},
  {{ symbol = "NAIL.B", name = "Nails", price = 7, beta = 2, lot = 1 }},
]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text)
    return file


def changed(old: str, new: str) -> str:
    assert SMALL.count(old) == 1
    return SMALL.replace(old, new)


def complaint(file: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        universes.read(file)
    sentence = str(raised.value)
    assert "\n" not in sentence
    assert sentence.startswith(f"{file}: ")
    return sentence.removeprefix(f"{file}: ")


def loaded(**keys: Any) -> Universe:
    return universes.load(MarketConfig(**keys))


def test_a_file_becomes_a_universe(tmp_path: Path) -> None:
    small = universes.read(written(tmp_path, SMALL))
    hammer, nail = small
    assert (small.name, small.start) == ("Small", datetime(2026, 1, 5, 8, tzinfo=UTC))
    assert small.hours is not None
    assert small.hours.zone == ZoneInfo("Europe/Berlin")
    assert (small.hours.pre_open, small.hours.end) == (time(8, 50), time(17, 35))
    assert (hammer.symbol, hammer.name, hammer.sector) == ("HAMMER", "Hammer & Sons", "Tools")
    assert (hammer.decimals, hammer.tick_units, hammer.reference_ticks, hammer.lot) == (2, 5, 245, 10)
    assert (nail.decimals, nail.tick_units, nail.reference_ticks, nail.lot) == (2, 1, 700, 1)
    assert (hammer.volatility, hammer.beta, hammer.orders_per_s, hammer.touch_size) == (0.01, 1.0, 3.0, 400.0)
    assert (nail.volatility, nail.beta, nail.orders_per_s, nail.touch_size) == (0.01, 2.0, 3.0, 400.0)
    assert (hammer.size_decimals, nail.size_decimals) == (0, 0)


def test_sizes_may_be_parts_of_a_coin(tmp_path: Path) -> None:
    parts = changed("lot = 10\n", "lot = 10\nsize_decimals = 3\n").replace("lot = 1 }", "lot = 1, size_decimals = 8 }")
    assert [one.size_decimals for one in universes.read(written(tmp_path, parts))] == [3, 8]


def test_a_universe_may_say_when_it_starts(tmp_path: Path) -> None:
    text = changed('description = "Two of them."', "start = 2026-06-01T12:00:00+02:00")
    assert universes.read(written(tmp_path, text)).start == datetime(2026, 6, 1, 10, tzinfo=UTC)


def test_a_universe_may_never_close(tmp_path: Path) -> None:
    never = universes.read(written(tmp_path, changed(HOURS, "[hours]\nround_the_clock = true\n")))
    assert (never.hours, never.start) == (None, datetime(2026, 1, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("tick", "price", "decimals", "units", "ticks"),
    [
        ("1", "12", 0, 1, 12),
        ("25", "12.5e1", 0, 25, 5),
        ("0.10", "12.3", 2, 10, 123),
        ("0.00000001", "0.00000007", 8, 1, 7),
        ("0.00005", "1.00005", 5, 5, 20_001),
        ("0.01", "1000000", 2, 1, 100_000_000),
        ("0.01", "0.01", 2, 1, 1),
    ],
)
def test_a_price_lies_on_its_grid(tmp_path: Path, tick: str, price: str, decimals: int, units: int, ticks: int) -> None:
    text = changed('price = 12.25, tick = "0.05"', f'price = {price}, tick = "{tick}"')
    found = universes.read(written(tmp_path, text))[0]
    assert (found.decimals, found.tick_units, found.reference_ticks) == (decimals, units, ticks)


@given(st.integers(1, 10**8), st.integers(0, 8), st.sampled_from([1, 2, 5, 25]))
def test_every_price_on_a_grid_is_read_exactly(ticks: int, decimals: int, units: int) -> None:
    price = float(f"{ticks * units}e-{decimals}")
    tick = f"{units}e-{decimals}"
    assert universes._reference_ticks(price, universes.Grid(decimals, units), tick, "price") == ticks


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[universe]", "[univers]", "univers: unknown key (did you mean universe?)"),
        (HOURS, "", "hours: is missing"),
        (HOURS, "[[hours]]\n", "hours: expected a table, got [{}]"),
        ('name = "Small"', "", "universe.name: is missing"),
        ('name = "Small"', 'nam = "Small"', "universe.nam: unknown key (did you mean name?)"),
        ('name = "Small"', 'name = "a\\u001b[2J"', "universe.name: has characters that cannot be shown, got"),
        ('name = "Small"', 'name = ""', "universe.name: expected text of length >= 1, got ''"),
        ('"Two of them."', "2", "universe.description: expected text, got 2"),
        ('description = "Two of them."', "start = 2026-01-01", "universe.start: expected a date and time, got"),
        (
            'description = "Two of them."',
            "start = 2026-01-01T09:00:00",
            "universe.start: expected a date and time with",
        ),
        ('description = "Two of them."', "start = 1969-01-01T09:00:00Z", "universe.start: must be from 1970 to 2199"),
        ('zone = "Europe/Berlin"', "", "hours.zone: is missing"),
        (
            "Europe/Berlin",
            "Europe/Berln",
            "hours.zone: expected a time zone such as America/New_York, got 'Europe/Berl",
        ),
        ("Europe/Berlin", "Europe", "hours.zone: expected a time zone"),
        ("Europe/Berlin", "../../etc/passwd", "hours.zone: expected a time zone"),
        ("Europe/Berlin", "/etc/localtime", "hours.zone: expected a time zone"),
        ("Europe/Berlin", "", "hours.zone: expected a time zone"),
        ("pre_open = 08:50:00", "", "hours.pre_open: is missing"),
        ("pre_open = 08:50:00", "preopen = 08:50:00", "hours.preopen: unknown key (did you mean pre_open?)"),
        ("pre_open = 08:50:00", "pre_open = 850", "hours.pre_open: expected a time of day such as 09:30:00, got 850"),
        ("pre_open = 08:50:00", "pre_open = 09:00:00", "hours.open: must be later than pre_open, got 09:00:00"),
        ("close = 17:30:00", "close = 08:55:00", "hours.close: must be later than open, got 08:55:00"),
        ("end = 17:35:00", "end = 17:29:00", "hours.end: must be later than close, got 17:29:00"),
        ("close = 17:30:00", "close = 09:01:59", "hours.close: must be at least 120 seconds after open, got 09:01:59"),
        (
            "[hours]\n",
            "[hours]\nround_the_clock = true\n",
            "hours.zone: a market that is open round the clock has none",
        ),
        ("[hours]\n", "[hours]\nround_the_clock = 1\n", "hours.round_the_clock: expected true or false, got 1"),
        ("volatility = 0.01", "volatilty = 0.01", "defaults.volatilty: unknown key (did you mean volatility?)"),
        ("volatility = 0.01", 'tick = "0.0"', 'defaults.tick: expected a decimal in quotes such as "0.01", got'),
        ("lot = 10", "lot = 1.5", "defaults.lot: expected a whole number, got 1.5"),
        (
            "price = 7, beta = 2, lot = 1",
            "price = 70, lot = 10000, orders_per_s = 1000",
            "sectors.Tools.instruments[1].lot: too large to add up a day's turnover: "
            "price in ticks times lot times orders_per_s may be 1e+10, not 7e+10",
        ),
        ("lot = 10", "lot = 0", "defaults.lot: expected a whole number >= 1, got 0"),
        ("lot = 10", "size_decimals = 9", "defaults.size_decimals: expected a whole number <= 8, got 9"),
        ("lot = 10", "variety = 1.01", "defaults.variety: expected a number <= 1.0, got 1.01"),
        ("[sectors.Tools]", "[sector.Tools]", "sector: unknown key (did you mean sectors?)"),
        ("[sectors.Tools]", '[sectors."\\t"]', "sectors.\t: has characters that cannot be shown"),
        ("orders_per_s = 3", "order_per_s = 3", "sectors.Tools.order_per_s: unknown key (did you mean orders_per_s?)"),
        ("orders_per_s = 3", 'orders_per_s = "3"', "sectors.Tools.orders_per_s: expected a number, got '3'"),
        ("orders_per_s = 3", 'tick = "0,5"', "sectors.Tools.tick: expected a decimal in quotes"),
        ("instruments = [", "instrument = [", "sectors.Tools.instrument: unknown key (did you mean instruments?)"),
        ('symbol = "HAMMER", ', "", "sectors.Tools.instruments[0].symbol: is missing"),
        ('"HAMMER"', "1", "sectors.Tools.instruments[0].symbol: expected text, got 1"),
        ('"HAMMER"', '"NAIL.B"', "sectors.Tools.instruments[1].symbol: NAIL.B is an instrument of Tools already"),
        ('name = "Nails"', 'name = "Nails\\u0007"', "sectors.Tools.instruments[1].name: has characters that cannot be"),
        ("price = 7", 'price = "7"', "sectors.Tools.instruments[1].price: expected a number, got '7'"),
        ("price = 7", "price = true", "sectors.Tools.instruments[1].price: expected a number, got True"),
        ("price = 7", "prise = 7", "sectors.Tools.instruments[1].prise: unknown key (did you mean price?)"),
        (
            "price = 12.25",
            "price = 12.26",
            "sectors.Tools.instruments[0].price: expected from 1 to 100000000 times the ",
        ),
        (
            "price = 12.25",
            "price = 0.04",
            "sectors.Tools.instruments[0].price: expected from 1 to 100000000 times the ",
        ),
        ("price = 7", "price = 1000000.01", "sectors.Tools.instruments[1].price: expected from 1 to 100000000 times"),
        ('tick = "0.05"', "tick = 0.05", "sectors.Tools.instruments[0].tick: expected text, got 0.05"),
        ('tick = "0.05"', 'tick = "-0.05"', "sectors.Tools.instruments[0].tick: expected a decimal in quotes"),
        ('tick = "0.05"', 'tick = "0.05\\n"', "sectors.Tools.instruments[0].tick: expected a decimal in quotes"),
        ('tick = "0.05"', 'tick = "1e-2"', "sectors.Tools.instruments[0].tick: expected a decimal in quotes"),
    ],
)
def test_what_is_wrong_is_named_with_its_whole_key(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert complaint(written(tmp_path, changed(old, new))).startswith(sentence)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "0", "0.0", "-1", "1e300", "1e-300", '"1"', "true", "[]"])
@pytest.mark.parametrize("key", [*universes.BOUNDS, "price"])
def test_a_parameter_is_a_possible_number(tmp_path: Path, key: str, value: str) -> None:
    text = changed("price = 7, beta = 2", f"{'' if key == 'price' else 'price = 7, '}{key} = {value}")
    assert complaint(written(tmp_path, text)).startswith(f"sectors.Tools.instruments[1].{key}: expected ")


@pytest.mark.parametrize("symbol", ["", "acme", "A B", "A/B", "A*", "A,B", "Ä", "-A", ".", "..", "A\\n", "A" * 17])
def test_a_symbol_fits_into_an_address(tmp_path: Path, symbol: str) -> None:
    sentence = "sectors.Tools.instruments[0].symbol: expected 1 to 16 of A-Z, 0-9, '.', '_' and '-', got "
    assert complaint(written(tmp_path, changed('"HAMMER"', f'"{symbol}"'))).startswith(sentence)


def test_a_symbol_of_another_sector_is_taken(tmp_path: Path) -> None:
    more = '[sectors.More]\ninstruments = [{ symbol = "HAMMER", name = "Another", price = 1 }]\n'
    sentence = "sectors.More.instruments[0].symbol: HAMMER is an instrument of Tools already"
    assert complaint(written(tmp_path, SMALL + more)) == sentence


def test_a_universe_lists_something_and_not_everything(tmp_path: Path) -> None:
    head = SMALL[: SMALL.index("[sectors")]
    assert complaint(written(tmp_path, f"{head}[sectors]\n")) == "sectors: must list from 1 to 10000 instruments, not 0"
    lines = ",".join(f'{{symbol = "S{index}", name = "S", price = 1}}' for index in range(10_001))
    too_many = written(tmp_path, f"{head}[sectors.Many]\ninstruments = [{lines}]\n")
    assert complaint(too_many) == "sectors: must list from 1 to 10000 instruments, not 10001"


@pytest.mark.parametrize("line", ["1", '"HAMMER"', '["HAMMER", "Hammer", 12.25]'])
def test_an_instrument_is_a_table(tmp_path: Path, line: str) -> None:
    text = re.sub(r"\{.*HAMMER.*\}", line, SMALL)
    assert complaint(written(tmp_path, text)).startswith("sectors.Tools.instruments[0]: expected a table, got ")


def varied(tmp_path: Path, variety: float, count: int = 2000) -> Universe:
    lines = ",".join(f'{{symbol = "S{index}", name = "S", price = 1}}' for index in range(count))
    text = f"{SMALL[: SMALL.index('[sectors')]}variety = {variety}\n[sectors.Many]\ninstruments = [{lines}]\n"
    return universes.read(written(tmp_path, text))


def test_instruments_of_a_sector_differ_by_a_log_normal_factor(tmp_path: Path) -> None:
    many = varied(tmp_path, 0.2)
    for name, median, width in [("volatility", 0.01, 0.2), ("touch_size", 400, 0.2), ("orders_per_s", 2, 0.4)]:
        logs = [math.log(getattr(instrument, name) / median) for instrument in many]
        assert fmean(logs) == pytest.approx(0, abs=4 * width / math.sqrt(2000))
        assert stdev(logs) == pytest.approx(width, rel=0.1)
        assert max(map(abs, logs)) <= 2.5 * width + 1e-5
    assert len({instrument.beta / instrument.volatility for instrument in many}) > 1900  # each by a factor of its own


def test_a_factor_depends_on_the_symbol_alone(tmp_path: Path) -> None:
    assert list(varied(tmp_path, 0.2, 3)) == list(varied(tmp_path, 0.2, 2000))[:3]


def test_without_variety_all_are_the_same(tmp_path: Path) -> None:
    assert {instrument.volatility for instrument in varied(tmp_path, 0, 50)} == {0.01}


def test_varied_numbers_are_the_same_on_every_machine(tmp_path: Path) -> None:
    second = varied(tmp_path, 0.2, 2)[1]
    assert (second.volatility, second.beta, second.orders_per_s, second.touch_size) == SECOND
    assert all(value == float(f"{value:.6g}") for value in SECOND)


@pytest.mark.parametrize(
    ("name", "count"),
    [("default", 100), ("large", 1000), ("crypto", 24), ("pairs", 24), ("stocks", 32), ("numbered", 100)],
)
def test_all_of_a_universe_is_traded_unless_fewer_are_wanted(name: str, count: int) -> None:
    everything = loaded(universe=name)
    assert len(everything) == count
    few = loaded(universe=name, instruments=3)
    assert list(few) == list(everything)[:3]
    assert (few.name, few.hours, few.start) == (everything.name, everything.hours, everything.start)


@pytest.mark.parametrize("name", SHIPPED)
def test_more_than_there_are_cannot_be_had(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^market\.instruments: .+ has \d+ instruments, not 5000$"):
        loaded(universe=name, instruments=5000)


def test_there_are_numbers_for_ten_thousand() -> None:
    many = loaded(universe="numbered", instruments=10_000)
    assert (len(many), many[0].symbol, many[9999].symbol) == (10_000, "SYM0000", "SYM9999")
    assert all(2000 <= instrument.reference_ticks < 22_000 for instrument in many)


def test_activity_multiplies_the_orders_and_nothing_else() -> None:
    usual, busy = loaded(), loaded(activity=2.5)
    for one, other in zip(usual, busy, strict=True):
        assert other.orders_per_s == pytest.approx(2.5 * one.orders_per_s, rel=1e-5)
        assert (other.volatility, other.touch_size, other.symbol) == (one.volatility, one.touch_size, one.symbol)
    assert max(instrument.orders_per_s for instrument in loaded(activity=100)) <= 1000


def test_a_path_is_a_universe_too(tmp_path: Path) -> None:
    assert loaded(universe=str(written(tmp_path, SMALL))).find("HAMMER") == 0


@pytest.mark.parametrize("name", INVENTED)
def test_what_we_ship_is_fictional_and_plausible(name: str) -> None:
    everything = list(universes.read(files.CONFIGS / "universes" / f"{name}.toml"))
    assert len({instrument.name for instrument in everything}) == len(everything)
    nervous = name == "crypto"
    assert 0.03 < fmean(instrument.volatility for instrument in everything) < 0.06 or not nervous
    assert 0.012 < fmean(instrument.volatility for instrument in everything) < 0.035 or nervous
    assert 1.0 < fmean(instrument.orders_per_s for instrument in everything) < 3.0
    assert all(0.2 < instrument.orders_per_s < 12 for instrument in everything)
    assert all(instrument.reference_ticks > 100 for instrument in everything)
    assert not any("Number" in instrument.name for instrument in everything)


def test_the_default_is_the_exchange_it_always_was() -> None:
    default = loaded()
    assert (default[0].symbol, default[0].name, default[0].sector) == ("ACME", "Acme Anvils & Automation", "Technology")
    assert default[0].reference_ticks == 18_732
    assert default.start == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    assert {(instrument.decimals, instrument.tick_units, instrument.lot) for instrument in default} == {(2, 1, 1)}
    assert len({instrument.sector for instrument in default}) == 11
    assert all(re.fullmatch("[A-Z]{4}", instrument.symbol) for instrument in default)


def test_no_symbol_of_the_large_one_could_be_listed_anywhere() -> None:
    assert all(re.fullmatch("[A-Z]{6}", instrument.symbol) for instrument in loaded(universe="large"))


def test_crypto_never_closes() -> None:
    crypto = loaded(universe="crypto")
    assert crypto.hours is None
    assert crypto.start.isoweekday() == 6
    assert {instrument.size_decimals for instrument in crypto} == {3}


def test_the_pairs_are_what_clients_ask_for() -> None:
    pairs = loaded(universe="pairs")
    named = {instrument.symbol: pair(instrument.symbol) for instrument in pairs}
    assert None not in named.values()
    assert len({symbol.replace("-", "") for symbol in named}) == len(named)  # as some venues spell them
    assert {"BTC-USDT", "ETH-USDT", "BNB-USDT", "SOL-USDT", "DOGE-USDT", "BTC-USD", "ETH-USD", "ETH-BTC"} <= set(named)
    assert next(iter(named)) == "BTC-USDT"
    assert pairs.hours is None
    assert all(instrument.lot == 1 and 0 <= instrument.size_decimals <= 8 for instrument in pairs)


def test_the_pairs_agree_about_what_a_coin_is_worth_at_first() -> None:
    prices: dict[tuple[str, str], Decimal] = {}
    for instrument in loaded(universe="pairs"):
        named = pair(instrument.symbol)
        assert named
        prices[named] = Decimal(instrument.reference_ticks * instrument.tick_units).scaleb(-instrument.decimals)
    for (base, quote), price in prices.items():
        in_tether = prices[base, "USDT"]
        assert price == (in_tether if quote in ("USD", "USDT") else in_tether / prices[quote, "USDT"])


def test_an_order_of_a_pair_is_worth_what_people_trade() -> None:
    pairs = list(loaded(universe="pairs"))
    tether = {named[0]: one for one in pairs if (named := pair(one.symbol)) and named[1] == "USDT"}
    for instrument in pairs:
        base, _ = pair(instrument.symbol) or ("", "")
        money = tether[base].reference_ticks * tether[base].tick_units / 10 ** tether[base].decimals
        coins = instrument.touch_size / 10**instrument.size_decimals
        assert 1_000 < money * coins < 20_000, instrument.symbol


def test_the_stocks_are_what_clients_ask_for() -> None:
    stocks = loaded(universe="stocks")
    assert stocks.hours is not None
    assert str(stocks.hours.zone) == "America/New_York"
    symbols = {instrument.symbol for instrument in stocks}
    assert {"AAPL", "MSFT", "AMZN", "GOOGL", "TSLA", "NVDA", "META", "AMD", "SPY", "QQQ", "INTC", "FAKEPACA"} <= symbols
    assert not any(pair(symbol) for symbol in symbols)
    assert {(one.decimals, one.tick_units, one.size_decimals) for one in stocks} == {(2, 1, 0)}


@pytest.mark.parametrize("name", KNOWN)
def test_nothing_but_the_names_is_real_and_the_file_says_so(name: str) -> None:
    file = files.CONFIGS / "universes" / f"{name}.toml"
    header = file.read_text().split("\n\n[universe]")[0].replace("\n# ", " ")
    assert "These are names only: every price is invented, a round figure, and all that follows is simulated" in header
    everything = list(universes.read(file))
    assert len({instrument.name for instrument in everything}) == len(everything)
    assert 0.01 < fmean(instrument.volatility for instrument in everything) < 0.05
    assert 1.0 < fmean(instrument.orders_per_s for instrument in everything) < 3.5
    assert all(0.2 < instrument.orders_per_s < 12 for instrument in everything)
    assert all(len(f"{instrument.reference_ticks}".rstrip("0")) <= 4 for instrument in everything)
    assert all(instrument.reference_ticks > 100 for instrument in everything)
