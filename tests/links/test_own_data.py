"""Somebody's own file as a tape: the same however it is written, told when it is read, and refused in a sentence."""

import csv
import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from ticker.config import ReplayConfig
from ticker.errors import ConfigError, SetupError
from ticker.feed.board import Board
from ticker.links.own_data import OwnData
from ticker.market.tally import Tally
from ticker.ticks import BUY, CHANNELS, QUOTES, SELL, TRADES, Batch

STEP = 10_000
T = 1_767_623_400_000_000  # 2026-01-05T14:30:00Z
HEADER = "time,symbol,price,size,side,bid,bid_size,ask,ask_size"
ROWS = [
    f"{T + 1000},ACME,,,,99.98,3,100.02,4",
    f"{T + 2000},ACME,100.02,2,buy,,,,",
    f"{T + 2500},byte/x,7.5,1,sell,,,,",
    f"{T + 30_000_000},ACME,99.98,5,sell,,,,",
    f"{T + 7_200_000_000},ACME,100.5,1,buy,,,,",
]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[..., OwnData]]:
    """Open files of these lines, with these keys."""
    opened: list[OwnData] = []

    def read(*lines: str, name: str = "mine.csv", step_us: int = STEP, **keys: Any) -> OwnData:
        file = tmp_path / name
        if lines:
            file.write_text("\n".join(lines) + "\n")
        opened.append(OwnData(ReplayConfig(file=str(file), **keys), step_us, Tally))
        return opened[-1]

    yield read
    for data in opened:
        data.close()


def batches(data: OwnData, after: int = 0) -> list[Batch]:
    return [found[0] for found in data.after(after) if isinstance(found, tuple)]


def ticks(data: OwnData, channel: str) -> list[tuple[Any, ...]]:
    """Return the rows of a channel, with symbols in place of numbers."""
    return [(data.universe[row[0]].symbol, *row[1:]) for batch in batches(data) for row in batch.rows[channel].tolist()]


def test_trades_and_quotes_of_one_file_become_ticks(own: Callable[..., OwnData]) -> None:
    data = own(HEADER, *ROWS)
    assert [(one.symbol, one.decimals, one.tick_units) for one in data.universe] == [("ACME", 2, 1), ("BYTE-X", 1, 1)]
    assert ticks(data, QUOTES) == [("ACME", 1, T + 1000, 9998, 3, 10002, 4)]
    assert ticks(data, TRADES) == [
        ("ACME", 1, T + 2000, 10002, 2, BUY),
        ("BYTE-X", 1, T + 2500, 75, 1, SELL),
        ("ACME", 2, T + 30_000_000, 9998, 5, SELL),
        ("ACME", 3, T + 7_200_000_000, 10050, 1, BUY),
    ]
    assert data.label.start_us == T
    assert data.last == 2 * 60 * 100 + 1 == batches(data)[-1].seq


def test_what_was_guessed_is_told(own: Callable[..., OwnData]) -> None:
    story = "\n".join(own(HEADER, *ROWS).story)
    for line in (
        "mine.csv: 4 trades, 1 quote, 2 symbols",
        "from 2026-01-05T14:30:00Z to 2026-01-05T16:31:00Z in 12,001 steps of 10 ms",
        "1 silence passed over",
        "time      column time: microseconds since 1970",
        "symbol    column symbol: ACME, BYTE-X",
        "price     column price",
        "bid_size  column bid_size",
        "tick      0.01 to 0.1",
        "'byte/x' is BYTE-X here",
        "--replay.columns time=",
    ):
        assert line in story


def written(data: OwnData) -> bytes:
    return b"".join(batch.rows[channel].tobytes() for batch in batches(data) for channel in CHANNELS)


def test_parquet_csv_and_gzip_make_the_same_ticks(own: Callable[..., OwnData], tmp_path: Path) -> None:
    first = own(HEADER, *ROWS)
    with gzip.open(tmp_path / "mine.csv.gz", "wt") as stream:
        stream.write("\n".join([HEADER, *ROWS]))
    with closing(duckdb.connect()) as base:
        table = f"read_csv('{tmp_path / 'mine.csv'}', types = {{'time': 'BIGINT', 'size': 'INTEGER'}})"
        base.execute(f"COPY (SELECT * FROM {table}) TO '{tmp_path / 'mine.parquet'}'")
        base.execute(
            f"COPY (SELECT make_timestamp(time) AS time, symbol, price::FLOAT AS price, size, side::VARCHAR AS side, "
            f"bid::DECIMAL(18, 4) AS bid, bid_size, ask, ask_size FROM {table}) TO '{tmp_path / 'other.parquet'}'"
        )
    others = [own(name=name) for name in ("mine.csv.gz", "mine.parquet", "other.parquet")]
    for other in others:
        assert written(other) == written(first)
        assert [one.symbol for one in other.universe] == [one.symbol for one in first.universe]
    assert len({data.label.epoch for data in [first, *others]}) == 4


def test_rows_out_of_order_are_put_in_their_places(own: Callable[..., OwnData]) -> None:
    expected = written(own(HEADER, *ROWS))
    data = own(HEADER, *reversed(ROWS), name="turned.csv")
    assert written(data) == expected
    assert "sorted    3 rows stood after a later one" in data.story  # of four trades; there is one quote


def test_the_epoch_is_the_content_and_what_shapes_the_tape(own: Callable[..., OwnData]) -> None:
    epochs = [
        own(HEADER, *ROWS).label.epoch,
        own(HEADER, *ROWS, step_us=20_000).label.epoch,
        own(HEADER, *ROWS, tick="0.05").label.epoch,
        own(HEADER, *ROWS, columns=("size=-",)).label.epoch,
        own(HEADER, *ROWS[:-1]).label.epoch,
    ]
    assert len(set(epochs)) == len(epochs)
    assert own(HEADER, *ROWS).label.epoch == epochs[0]


BAD = {
    "no price": (f"{T},ACME,,1,,,,,", "1 row with no price, first in line 3"),
    "nan": (f"{T},ACME,nan,1,,,,,", "1 row with no price"),
    "negative": (f"{T},ACME,-3,1,,,,,", "1 row with a price of 0 or less"),
    "no size": (f"{T},ACME,3,,,,,,", "1 row with no size"),
    "size 0": (f"{T},ACME,3,0,,,,,", "1 row with a size of 0 or less"),
    "no time": (",ACME,3,1,,,,,", "1 row with no time"),
    "no symbol": (f"{T},,3,1,,,,,", "1 row with no symbol"),
    "crossed": (f"{T},ACME,,,,3,1,2,1", "1 row with bid and ask crossed"),
    "locked": (f"{T},ACME,,,,3,1,3,1", "1 row with bid and ask crossed"),
    "one side": (f"{T},ACME,,,,3,1,,", "1 row with a quote of one side"),
    "negative bid": (f"{T},ACME,,,,-3,1,2,1", "1 row with a price of 0 or less"),
    "size of a bid": (f"{T},ACME,,,,1,0,2,1", "1 row with a size of 0 or less"),
    "infinite": (f"{T},ACME,inf,1,,,,,", "1 row with no price"),
    "short": (f"{T},ACME", "1 row with no price"),
}


@pytest.mark.parametrize(("row", "told"), BAD.values(), ids=BAD)
def test_bad_rows_are_counted_and_never_on_the_tape(own: Callable[..., OwnData], row: str, told: str) -> None:
    data = own(HEADER, ROWS[0], row, *ROWS[1:])
    assert f"left out  {told}" in "\n".join(data.story)
    assert written(data) == written(own(HEADER, *ROWS, name="good.csv"))


def test_what_watch_prints_is_understood(own: Callable[..., OwnData]) -> None:
    lines = (
        "ch,sym,n,t,state,reason,px,sz,value,ref,bid,bsz,ask,asz,side,open,high,low,last,volume",
        f"status,ACME,1,{T + 1},trading,schedule,,,,,,,,,,,,,,",
        f"quote,ACME,1,{T + 1},,,,,,,1.5,10,1.75,20,,,,,,",
        f"trade,ACME,1,{T + 2},,,1.75,3,,,,,,,buy,,,,,",
        f"stats,ACME,1,{T + 3},,,,,,,,,,,,1.75,1.75,1.75,1.75,3",
    )
    data = own(*lines)
    assert ticks(data, QUOTES) == [("ACME", 1, T + 1, 150, 10, 175, 20)]
    assert ticks(data, TRADES) == [("ACME", 1, T + 2, 175, 3, BUY)]
    assert "neither trades nor quotes: 1 of stats, 1 of status" in "\n".join(data.story)


def test_a_column_of_kinds_tells_rows_apart(own: Callable[..., OwnData]) -> None:
    lines = ("ts,type,price,size,bid,ask", f"{T},trade,10,1,9,11", f"{T},quote,10,1,9,11", f"{T},note,,,,")
    data = own(*lines)
    assert (len(ticks(data, TRADES)), len(ticks(data, QUOTES))) == (1, 1)
    orders = own("ts,type,price", f"{T},limit,10", f"{T},market,11", name="orders.csv")
    assert len(ticks(orders, TRADES)) == 2  # it is called type, and says something else


def test_fractions_of_sizes_and_prices_are_counted_in_small_units(own: Callable[..., OwnData]) -> None:
    data = own("ts,px,qty", f"{T},60000.12345678,0.015", f"{T},60000,2", symbol="BTC-USD")
    assert [one.symbol for one in data.universe] == ["BTC-USD"]
    assert ticks(data, TRADES) == [
        ("BTC-USD", 1, T, 6000012345678, 15, BUY),
        ("BTC-USD", 2, T, 6000000000000, 2000, SELL),
    ]
    assert "counted in units of 0.001" in "\n".join(data.story)
    assert {instrument.size_decimals for instrument in data.universe} == {3}
    assert {instrument.size_decimals for instrument in data.label.traded()} == {3}


def test_a_tick_that_is_given_rounds_prices(own: Callable[..., OwnData]) -> None:
    lines = ("ts,px,bid,ask", f"{T},1.02,,", f"{T},,1.01,1.02", f"{T},,1.00,1.06")
    data = own(*lines, tick="0.05")
    assert [row[3] for row in ticks(data, TRADES)] == [20]
    assert [row[3:] for row in ticks(data, QUOTES)] == [(20, 1, 21, 1)]
    story = "\n".join(data.story)
    assert "left out  1 row with bid and ask crossed" in story  # both are 1.00 on this grid
    assert "prices rounded to it" in story


def test_the_file_names_a_symbol_that_no_column_does(own: Callable[..., OwnData]) -> None:
    assert own("ts,px", f"{T},1", name="acme.2026.csv").universe[0].symbol == "ACME"
    with pytest.raises(ConfigError, match=r"replay\.symbol: 1 to 16 of A-Z"):
        own("ts,px", f"{T},1", symbol="acme!")


def test_a_picture_is_what_all_steps_before_it_come_to(own: Callable[..., OwnData]) -> None:
    data = own(HEADER, *ROWS)
    board = Board(len(data.universe))
    for batch in batches(data)[:3100]:
        board.update(batch)
    picture = data.picture(3100)
    assert picture is not None and picture.t == data.time_us(3100)
    for channel in CHANNELS:
        np.testing.assert_array_equal(picture.rows[channel], board.newest(channel, range(board.instruments)))
    assert [batch.seq for batch in batches(data, 3100)] == list(range(3101, data.last + 1))
    assert data.picture(0) is None


def test_places_are_positions_numbers_and_times(own: Callable[..., OwnData]) -> None:
    data = own(HEADER, *ROWS)
    assert data.place("") == 0
    assert data.place("17") == data.place(f"{data.label.epoch}:17") == 17
    at = data.place("2026-01-05T14:30:30Z")
    assert (data.time_us(at), data.time_us(at + 1)) == (T + 30_000_000 - STEP, T + 30_000_000)
    assert data.place("2026-01-05T15:00:00Z") == 6000  # in the silence: what comes after it
    for text, sentence in {
        "other:17": f"other:17: a position of another tape: this one is {data.label.epoch}",
        "99999": "99999: the tape goes from 0 to 12001",
        "2026-01-05T14:29:00Z": "the file goes from 2026-01-05T14:30:00Z to 2026-01-05T16:31:00Z",
        "2026-01-06T00:00:00+00:00": "the file goes from",
        "2026-01-05T14:30:30": "a time needs its offset, such as 2026-01-05T14:30:30Z",
    }.items():
        with pytest.raises(ConfigError) as caught:
            data.place(text)
        assert sentence in str(caught.value)


MISTAKES: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "empty": (("",), {}, "its first line does not name the columns: no names"),
    "only a header": ((HEADER,), {}, "mine.csv: no trade and no quote in it"),
    "nothing that is good": (("ts,px", f"{T},-1"), {}, "no trade and no quote in it: 1 rows have a price of 0 or less"),
    "a text for a price": (("ts,px", *[f"{T},1"] * 15, f"{T},one"), {}, "mine.csv: line 17: px: a number is needed"),
    "a text for a time": (("ts,px", "then,1"), {}, "mine.csv: line 2: ts: a time is needed"),
    "a side that is none": (("ts,px,side", f"{T},1,up"), {}, "mine.csv: line 2: side: buy or sell is needed, not 'up'"),
    "a symbol that is too long": (("ts,px,sym", f"{T},1,{'X' * 17}"), {}, f"'{'X' * 17}' cannot be a symbol"),
    "symbols that become one": (("ts,px,sym", f"{T},1,a/b", f"{T},1,A-B"), {}, "'a/b' and 'A-B' would both be"),
    "a tick of 0": (("ts,px", f"{T},1"), {"tick": "0.0"}, "replay.tick: must be more than 0"),
}


@pytest.mark.parametrize(("lines", "keys", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told(own: Callable[..., OwnData], lines: tuple[str, ...], keys: Any, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        own(*lines, **keys)
    assert sentence in str(caught.value)


def test_what_is_no_such_file_is_told(own: Callable[..., OwnData], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"replay\.file: .*mine\.csv: no such file or directory"):
        own()
    (tmp_path / "mine.csv").mkdir()
    with pytest.raises(ConfigError, match=r"replay\.file: .*mine\.csv: is a directory"):
        own()
    (tmp_path / "bytes").write_bytes(b"\x7fELF\0\0\0")
    with pytest.raises(ConfigError, match="neither a tape that ticker record made, nor a Parquet or CSV file"):
        own(name="bytes")
    (tmp_path / "nothing.csv").write_bytes(b"")
    with pytest.raises(ConfigError, match="it is empty"):
        own(name="nothing.csv")
    (tmp_path / "half.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ConfigError, match=r"replay\.file: .*half\.parquet: not Parquet"):
        own(name="half.parquet")
    (tmp_path / "half.csv.gz").write_bytes(gzip.compress(b"ts,px\n" + b"1767623400,1\n" * 99999)[:300])
    with pytest.raises(ConfigError, match=r"half\.csv\.gz"):
        own(name="half.csv.gz")


def test_parquet_without_duckdb_is_told(
    own: Callable[..., OwnData], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(SetupError, match=r"read by DuckDB, which is missing: pip install 'tickerplant\[parquet\]'"):
        own(name="mine.parquet")


def test_a_long_file_is_read_in_blocks(own: Callable[..., OwnData], tmp_path: Path) -> None:
    count = 150_000
    with (tmp_path / "long.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["ts", "px", "sym"])
        rows.writerows([T + 100 * k, 10 + k % 7 / 100, f"S{k % 3}"] for k in range(count))
    data = own(name="long.csv")
    n = dict.fromkeys(("S0", "S1", "S2"), 0)
    for symbol, number, *_ in ticks(data, TRADES):
        n[symbol] += 1
        assert number == n[symbol]
    assert sum(n.values()) == count
