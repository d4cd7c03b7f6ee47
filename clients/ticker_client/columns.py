"""Ticks as columns, and columns as ticks: for each channel, which field of a tick is which column of its rows.

Prices are money in a tick and whole ticks of the grid in a column; words are numbers there; what a tick leaves out is
0, or a checksum of NO_CRC. A tick has a mean price where a column has the turnover: that way exactly, and back as near
as the mean is printed.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from ticker.session.kinds import KINDS, Tick
from ticker.ticks import BARS_1M, BARS_1S, BOOK, NO_CRC, QUOTES, REASONS, STATES, STATS, STATUS, TRADES, Rows
from ticker.wire import packed
from ticker_client.instruments import Instruments

MEAN_SCALE = 10**4  # a mean price has four digits more than a price
PERCENT_SCALE = 10**4
PPM = 10**6

Numbers = NDArray[Any]
Read = Callable[[Rows, str, Instruments], Iterable[Any]]
Write = Callable[[list[Any], Numbers, Instruments], Any]


class Field(NamedTuple):
    """A field of a tick and its column: `read` makes values of rows, `write` a column of values.

    What is not written follows from other columns.
    """

    name: str
    column: str
    read: Read
    write: Write | None


def money(rows: Rows, column: str, instruments: Instruments) -> NDArray[np.float64]:
    """Return prices in money, float64 of shape (k,), of a column that has them in ticks."""
    who = rows["instrument"]
    found: NDArray[np.float64] = rows[column] * instruments.units[who] / instruments.scales[who]
    return found


def ticks_of(channel: str, rows: Rows, instruments: Instruments) -> list[Tick]:
    """Return rows of a channel one by one: the very ticks that JSON has."""
    names = [instruments.symbols[number] for number in rows["instrument"].tolist()]
    values = [field.read(rows, field.column, instruments) for field in _FIELDS[channel]]
    return list(map(KINDS[channel], names, rows["n"].tolist(), rows["t"].tolist(), *values))


def columns_of(channel: str, rows: Rows, instruments: Instruments) -> dict[str, Any]:
    """Return rows of a channel as columns, by the names and in the units of ticks; `t` as datetime64[us]."""
    values = {field.name: list(field.read(rows, field.column, instruments)) for field in _FIELDS[channel]}
    return {
        "sym": [instruments.symbols[number] for number in rows["instrument"].tolist()],
        "n": rows["n"].astype(np.int64),
        "t": rows["t"].astype("datetime64[us]"),
        **{name: [None if value is UNSET else value for value in found] for name, found in values.items()},
    }


def rows_of(channel: str, seq: int, ticks: Sequence[Tick], instruments: Instruments) -> Rows:
    """Return ticks of a channel as rows. Raises KeyError for a symbol that is not among the instruments."""
    rows: Rows = np.empty(len(ticks), packed.ROWS[channel])
    rows["seq"] = seq
    rows["instrument"] = [instruments.numbers[tick.sym] for tick in ticks]
    rows["n"] = [tick.n for tick in ticks]
    rows["t"] = [tick.t for tick in ticks]
    for name, column, _, write in _FIELDS[channel]:
        if write is not None:
            rows[column] = write([getattr(tick, name) for tick in ticks], rows["instrument"], instruments)
    if channel in (BARS_1S, BARS_1M, STATS):
        means = [tick.vwap or 0.0 for tick in ticks]  # type: ignore[union-attr]  # by its channel
        rows["turnover"] = np.rint(_in_ticks(means, rows["instrument"], instruments) * rows["volume"])
    return rows


# How single fields are read and written.


def _number(name: str, column: str) -> Field:
    return Field(name, column, lambda rows, column, _: rows[column].tolist(), lambda values, *_: values)


def _price(name: str, column: str) -> Field:
    return Field(name, column, lambda *found: money(*found).tolist(), lambda *found: np.rint(_in_ticks(*found)))


def _in_ticks(prices: list[float], who: Numbers, instruments: Instruments) -> NDArray[np.float64]:
    in_ticks: NDArray[np.float64] = np.array(prices) * instruments.scales[who] / instruments.units[who]
    return in_ticks


def _word(name: str, column: str, words: Sequence[str]) -> Field:
    numbers = {word: number for number, word in enumerate(words)}
    return Field(
        name,
        column,
        lambda rows, column, _: [words[number] for number in rows[column].tolist()],
        lambda values, *_: [numbers[word] for word in values],
    )


def _truth(name: str, column: str) -> Field:
    return Field(name, column, lambda rows, column, _: rows[column].astype(bool).tolist(), lambda values, *_: values)


def _maybe(field: Field, none: int = 0) -> Field:
    """Return a field that a tick leaves out where the column has `none`."""
    assert field.write is not None
    write = field.write

    def read(rows: Rows, column: str, instruments: Instruments) -> list[Any]:
        there = (rows[column] != none).tolist()
        return [v if here else UNSET for v, here in zip(field.read(rows, column, instruments), there, strict=True)]

    def written(values: list[Any], who: Numbers, instruments: Instruments) -> Any:
        return write([none if value is UNSET else value for value in values], who, instruments)

    return field._replace(read=read, write=written)


def _millionths(name: str, column: str) -> Field:
    return Field(
        name,
        column,
        lambda rows, column, _: [value / PPM for value in rows[column].tolist()],
        lambda values, *_: [round(value * PPM) for value in values],
    )


def _grids(rows: Rows, instruments: Instruments) -> list[tuple[int, int]]:
    who = rows["instrument"]
    return [(int(u), int(s)) for u, s in zip(instruments.units[who], instruments.scales[who], strict=True)]


def _means(rows: Rows, _: str, instruments: Instruments) -> list[float | None]:
    """Return mean prices, rounded as the server prints them: half up, in integers of any size."""
    return [
        (2 * turnover * units * MEAN_SCALE + volume) // (2 * volume) / (scale * MEAN_SCALE) if volume else None
        for turnover, volume, (units, scale) in zip(
            rows["turnover"].tolist(), rows["volume"].tolist(), _grids(rows, instruments), strict=True
        )
    ]


def _changes(rows: Rows, _: str, instruments: Instruments) -> list[float]:
    pairs = zip((rows["last_ticks"] - rows["previous_ticks"]).tolist(), _grids(rows, instruments), strict=True)
    return [change * units / scale for change, (units, scale) in pairs]


def _percents(rows: Rows, *_: object) -> list[float]:
    """Return changes in percent, rounded as the server prints them: half away from zero."""
    pairs = zip(rows["last_ticks"].tolist(), rows["previous_ticks"].tolist(), strict=True)
    return [_percent(last - before, before) for last, before in pairs]


def _percent(change: int, before: int) -> float:
    if before <= 0:
        return 0.0  # no price: nothing can be said
    units = (200 * PERCENT_SCALE * abs(change) + before) // (2 * before)
    return (-units if change < 0 else units) / PERCENT_SCALE


_MEAN = Field("vwap", "turnover", _means, None)
_BAR = [
    *(_price(name, f"{name}_ticks") for name in ("open", "high", "low", "close")),
    _number("volume", "volume"),
    _MEAN,
    _number("trades", "trades"),
    _truth("done", "done"),
]
_FIELDS: dict[str, list[Field]] = {
    STATUS: [
        _word("state", "state", STATES),
        _word("reason", "reason", REASONS),
        _maybe(_price("px", "price_ticks")),
        _maybe(_number("sz", "size")),
        _maybe(_millionths("value", "value_ppm")),
        _maybe(_number("ref", "ref")),
    ],
    QUOTES: [
        _price("bid", "bid_ticks"),
        _number("bsz", "bid_size"),
        _price("ask", "ask_ticks"),
        _number("asz", "ask_size"),
    ],
    BOOK: [
        _word("side", "side", ("bid", "ask")),
        _price("px", "price_ticks"),
        _number("sz", "size"),
        _maybe(_number("crc", "crc"), NO_CRC),
        _maybe(_truth("fresh", "fresh")),
    ],
    TRADES: [_price("px", "price_ticks"), _number("sz", "size"), _word("side", "side", ("buy", "sell"))],
    BARS_1S: _BAR,
    BARS_1M: _BAR,
    STATS: [
        *(_price(name, f"{name}_ticks") for name in ("open", "high", "low", "last", "previous")),
        _number("volume", "volume"),
        _MEAN,
        _number("trades", "trades"),
        Field("change", "last_ticks", _changes, None),
        Field("change_pct", "last_ticks", _percents, None),
    ],
}
"""By channel, the fields of a tick after `sym`, `n` and `t`, in their order."""
