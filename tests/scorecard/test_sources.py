"""Sessions out of files, and what is said of files that are none."""

from pathlib import Path

import pytest

from synthetic import naive_walk
from ticker.errors import ConfigError
from ticker.scorecard.csvfile import read_csv
from ticker.scorecard.facts import micro_facts
from ticker.scorecard.tapefile import read_tape


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "trades.csv"


TRADE = '{"ch":"trade","sym":"ACME","n":1,"t":1767623400500000,"px":187.32,"sz":100,"side":"buy"}\n'
QUOTE = '{"ch":"quote","sym":"ACME","n":1,"t":1767623400000000,"bid":187.31,"bsz":300,"ask":187.33,"asz":200}\n'
STATUS = '{"ch":"status","sym":"ACME","n":1,"t":1767623401000000,"state":"halted","reason":"halt"}\n'


def test_a_tape_becomes_sessions(file: Path) -> None:
    other = TRADE.replace("ACME", "BYTE").replace("buy", "sell").replace("400500000", "402500000")
    file.write_text(QUOTE + TRADE + '{"ch":"stats","sym":"ACME"}\n' + other + "\n")
    acme, byte = read_tape(file)
    assert (acme.symbol, byte.symbol, acme.day) == ("ACME", "BYTE", "2026-01-05")
    assert acme.price_ticks[0] == 18732 and acme.bid_ticks[0] == 18731 and acme.ask_size[0] == 200
    assert acme.trade_s.tolist() == [0.5] and byte.side.tolist() == [-1] and acme.length_s == 2.5


def test_a_halt_on_the_tape_is_left_out(file: Path) -> None:
    file.write_text(TRADE + STATUS + TRADE + QUOTE + STATUS.replace("halted", "trading") + TRADE)
    (acme,) = read_tape(file)
    assert len(acme.trade_s) == 2 and not acme.has_quotes


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", ":2: not JSON"),
        ("[1]", ":2: a tick is a JSON object with ch and sym"),
        ('{"type":"ticks"}', ":2: a tick is a JSON object with ch and sym"),
        (TRADE.replace("187.32", "0"), ":2: px: a number above 0 is needed, not 0"),
        (TRADE.replace("187.32", '"x"'), ":2: px: a number above 0 is needed, not 'x'"),
        (TRADE.replace('"sz":100', '"sz":true'), ":2: sz: a number above 0 is needed, not True"),
        (TRADE.replace('"px"', '"price"'), ":2: px: a number above 0 is needed, not None"),
        (TRADE.replace("buy", "up"), ":2: side: buy or sell, not 'up'"),
        (QUOTE.replace("300", "null"), ":2: bsz: a number is needed, not None"),
    ],
)
def test_a_wrong_line_is_named(file: Path, line: str, sentence: str) -> None:
    file.write_text(TRADE + line + "\n")
    with pytest.raises(ConfigError) as error:
        read_tape(file)
    assert str(error.value) == f"{file}{sentence}"


@pytest.mark.parametrize("reader", [read_tape, read_csv])
def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path, reader: type) -> None:
    with pytest.raises(ConfigError, match="nothing: no such file"):
        reader(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="is a directory"):
        reader(tmp_path)


def test_a_tape_without_trades_is_told(file: Path) -> None:
    file.write_text('{"ch":"stats","sym":"ACME"}\n')
    with pytest.raises(ConfigError, match="no trade in it"):
        read_tape(file)


def test_a_csv_becomes_a_session(file: Path) -> None:
    file.write_text("Time,Price,Size\n2026-01-05T14:30:00Z,10.05,100\n2026-01-05T14:30:02.5Z,10.10,50\n")
    (one,) = read_csv(file)
    assert one.trade_s.tolist() == [0, 2.5] and one.tick_value == 0.05
    assert one.price_ticks.tolist() == [201, 202] and one.size.tolist() == [100, 50]
    assert not one.has_sides and not one.has_quotes


def test_headers_and_sides_are_taken_as_they_come(file: Path) -> None:
    file.write_text(
        "\ufeffSYM; Timestamp ;px;qty;Side\r\nA;1767623400000;1.5;0.25;BUY\r\nB;1767623401000;2;3;s\r\n\r\n"
    )
    a, b = read_csv(file)
    assert (a.symbol, a.side.tolist(), b.symbol, b.side.tolist()) == ("A", [1], "B", [-1])
    assert a.size_unit == 0.25 and b.trade_s.tolist() == [1.0] and b.size_unit == 1.0


@pytest.mark.parametrize(
    "times",
    [
        ("1767623400", "1767623401"),
        ("1767623400000", "1767623401000"),
        ("1767623400000000", "1767623401000000"),
        ("1767623400000000000", "1767623401000000000"),
        ("09:30:00", "09:30:01.000"),
        ("34200", "34201"),
        ("2026-01-05 09:30:00-05:00", "2026-01-05 14:30:01"),
    ],
)
def test_times_are_understood_in_many_spellings(file: Path, times: tuple[str, str]) -> None:
    file.write_text(f"time,price,size\n{times[0]},1,1\n{times[1]},1,1\n")
    assert read_csv(file)[0].trade_s == pytest.approx([0, 1], abs=1e-4)


def test_days_are_sessions_of_their_own_and_rows_may_be_in_any_order(file: Path) -> None:
    file.write_text("time,price,size\n2026-01-06T10:00:05,3,1\n2026-01-06T10:00:00,2,1\n2026-01-05T10:00:00,1,1\n")
    first, second = read_csv(file)
    assert (first.day, second.day) == ("2026-01-05", "2026-01-06")
    assert second.trade_s.tolist() == [0, 5] and second.price_ticks.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", ":1: no column for time (time, timestamp, ts, t, datetime, date_time, dt): the header has nothing"),
        ("time,price\n", ":1: no column for size (size, sz, qty, quantity, volume, amount, shares, q): "),
        ("time,price,size\n1,x,1\n", ":2: price: a number above 0 is needed, not 'x'"),
        ("time,price,size\n1,1,1\n\n1,1,-3\n", ":4: size: a number above 0 is needed, not '-3'"),
        ("time,price,size\n1,nan,1\n", ":2: price: a number above 0 is needed, not 'nan'"),
        ("time,price,size\n1,1\n", ":2: size: missing"),
        ("time,price,size\nsoon,1,1\n", ":2: time: not a time: 'soon'"),
        ("time,price,size\ninf,1,1\n", ":2: time: not a time: 'inf'"),
        ("time,price,size\n2026-13-01,1,1\n", ":2: time: not a time: '2026-13-01'"),
        ("time,price,size,side\n1,1,1,up\n", ":2: side: buy or sell, not 'up'"),
        ("time,price,size\n", ": no trade in it"),
        ("time,price,size\n1,0.1234567891,1\n", ": : price: more than 8 decimals"),
    ],
)
def test_a_wrong_csv_is_told_by_line_and_column(file: Path, content: str, sentence: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError) as error:
        read_csv(file)
    assert str(error.value).startswith(f"{file}{sentence}")


def test_a_file_says_what_the_session_it_came_from_says(file: Path) -> None:
    walk = naive_walk(1)
    rows = zip(walk.trade_s + 1_767_623_400, walk.price_ticks / 100, walk.size, walk.side, strict=True)
    file.write_text("time,price,size,side\n" + "".join(f"{t:.6f},{p:.2f},{s},{d}\n" for t, p, s, d in rows))
    facts, expected = micro_facts(read_csv(file)[0]), micro_facts(walk)
    for name in (
        "duration CV",
        "trade-sign ACF(1)",
        "size tail exponent",
        "odd-lot share",
        "trade price-change ACF(1)",
    ):
        assert facts[name] == pytest.approx(expected[name], abs=0.001)
