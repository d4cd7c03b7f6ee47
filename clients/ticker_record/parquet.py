"""A recording as Parquet, a file for each channel: prices are decimals, times are timestamps (UTC), words are words.

DuckDB collects the rows on disk and writes the files; what is in memory does not grow with the recording.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ticker.errors import ConfigError, SetupError
from ticker.instruments import Universe
from ticker.ticks import BARS_1M, BARS_1S, BOOK, DTYPES, QUOTES, REASONS, STATES, STATS, STATUS, TRADES, Rows
from ticker_record.portions import Portion

CHUNK_ROWS = 500_000
MEMORY = "512MB"
PPM = 10**6
DECIMALS_USUAL = 8  # of prices that fit in 64 bits

Columns = dict[str, str]
"""What columns are called, and how they are computed, in SQL."""


def write(universe: Universe, channels: tuple[str, ...], steps: Iterator[Portion], folder: Path) -> None:
    """Write `<channel>.parquet` into a folder, which is made. Raises SetupError."""
    try:
        import duckdb
    except ImportError:
        raise SetupError("Parquet is written by DuckDB: pip install 'tickerplant[parquet]'") from None
    paths = {channel: folder / f"{channel}.parquet" for channel in channels}
    for path in paths.values():
        if path.exists():
            raise ConfigError(f"{path}: is there already; --out names a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as scratch:
            with duckdb.connect(str(Path(scratch) / "rows.duckdb")) as base:
                _collect(base, universe, channels, steps, Path(scratch))
                for channel, path in paths.items():
                    spooled = str(Path(scratch) / path.name).replace("'", "''")
                    base.execute(f"COPY \"{channel}\" TO '{spooled}' (FORMAT parquet, COMPRESSION zstd)")
            for path in paths.values():
                (Path(scratch) / path.name).rename(path)
    except duckdb.Error as error:
        raise SetupError(f"{folder}: DuckDB says: {str(error).splitlines()[0]}") from None
    except OSError as error:
        raise ConfigError(f"{folder}: {(error.strerror or 'cannot be written').lower()}") from None


def _collect(base: Any, universe: Universe, channels: tuple[str, ...], steps: Iterator[Portion], scratch: Path) -> None:
    decimals = max(one.decimals for one in universe)
    base.execute(f"SET memory_limit = '{MEMORY}'")
    base.execute("SET temp_directory = '{}'".format(str(scratch / "spill").replace("'", "''")))
    _tell(base, "traded", {
        "instrument": np.arange(len(universe), dtype=np.int32),
        "sym": np.array([one.symbol for one in universe], object),
        "units": np.array([one.tick_units * 10 ** (decimals - one.decimals) for one in universe], np.int64),
    })  # fmt: skip
    waiting: dict[str, list[tuple[int, int, Rows]]] = {channel: [] for channel in channels}
    counts = dict.fromkeys(channels, 0)
    for channel in channels:
        _add(base, channel, decimals, [])
    for step in steps:
        for channel, rows in step.rows.items():
            waiting[channel].append((step.seq, step.emitted_us, rows))
            counts[channel] += len(rows)
            if counts[channel] > CHUNK_ROWS:
                _add(base, channel, decimals, waiting[channel])
                waiting[channel], counts[channel] = [], 0
    for channel, parts in waiting.items():
        _add(base, channel, decimals, parts)


def _add(base: Any, channel: str, decimals: int, parts: list[tuple[int, int, Rows]]) -> None:
    """Add rows to a channel's table; make it first, where it is not there."""
    lengths = [len(rows) for _, _, rows in parts]
    joined = np.concatenate([rows for _, _, rows in parts]) if parts else np.empty(0, DTYPES[channel])
    chunk = {name: np.ascontiguousarray(joined[name]) for name in joined.dtype.names or ()}
    chunk["seq"] = np.repeat(np.array([seq for seq, _, _ in parts], np.int64), lengths)
    chunk["emitted_us"] = np.repeat(np.array([emitted for _, emitted, _ in parts], np.int64), lengths)
    chunk["row"] = np.arange(len(joined))
    base.register("chunk", chunk)
    columns = {"seq": "seq", "ts": "make_timestamp(emitted_us)", "sym": "sym", "n": "n", "t": "make_timestamp(t)"}
    named = ", ".join(f'{sql} AS "{name}"' for name, sql in (columns | _fields(channel, decimals)).items())
    select = f"SELECT {named} FROM chunk JOIN traded USING (instrument) ORDER BY row"
    base.execute(f'CREATE TABLE IF NOT EXISTS "{channel}" AS {select} LIMIT 0')
    if parts:
        base.execute(f'INSERT INTO "{channel}" {select}')
    base.unregister("chunk")


def _tell(base: Any, name: str, columns: dict[str, Any]) -> None:
    base.register("chunk", columns)
    base.execute(f"CREATE TABLE {name} AS SELECT * FROM chunk")
    base.unregister("chunk")


def _fields(channel: str, decimals: int) -> Columns:
    """Return the columns of a channel that are its own, named as in JSON."""

    def price(column: str) -> str:
        one = f"CAST('{10**-decimals:.{decimals}f}' AS DECIMAL({decimals + 1}, {decimals}))"
        width = 18 if decimals <= DECIMALS_USUAL else 38
        return f"CAST(CAST({column} * units AS DECIMAL(18, 0)) * {one} AS DECIMAL({width}, {decimals}))"

    def word(column: str, words: Iterable[str]) -> str:
        return f"[{', '.join(repr(each) for each in words)}][{column} + 1]"

    def unless(value: str, column: str, none: int = 0) -> str:
        return f"CASE WHEN {column} <> {none} THEN {value} END"

    mean = unless(f"turnover::DOUBLE * units / volume / 1e{decimals}", "volume")
    bar = {
        **{name: price(f"{name}_ticks") for name in ("open", "high", "low", "close")},
        **{"volume": "volume", "vwap": mean, "trades": "trades", "done": "done <> 0"},
    }
    return {
        STATUS: {
            "state": word("state", STATES),
            "reason": word("reason", REASONS),
            "px": unless(price("price_ticks"), "price_ticks"),
            "sz": unless('"size"', '"size"'),
            "value": unless(f"value_ppm / {PPM}::DOUBLE", "value_ppm"),
            "ref": unless("ref", "ref"),
        },
        QUOTES: {"bid": price("bid_ticks"), "bsz": "bid_size", "ask": price("ask_ticks"), "asz": "ask_size"},
        BOOK: {
            "side": word("side", ("bid", "ask")),
            "px": price("price_ticks"),
            "sz": '"size"',
            "crc": unless("crc", "crc", -1),
            "fresh": "fresh <> 0",
        },
        TRADES: {"px": price("price_ticks"), "sz": '"size"', "side": word("side", ("buy", "sell"))},
        BARS_1S: bar,
        BARS_1M: bar,
        STATS: {
            **{name: price(f"{name}_ticks") for name in ("open", "high", "low", "last", "previous")},
            **{"volume": "volume", "vwap": mean, "trades": "trades"},
            "change": price("(last_ticks - previous_ticks)"),
        },
    }[channel]
