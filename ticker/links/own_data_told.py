"""What was made of somebody's own file, told in lines: each column, and a few facts to see whether it was right."""

from datetime import UTC, datetime, timedelta

from ticker.links.own_data_columns import FLAG
from ticker.links.own_data_sieve import Sieve
from ticker.links.own_data_steps import Shape, Timetable

SYMBOLS_SHOWN = 8
_1970 = datetime(1970, 1, 1, tzinfo=UTC)


def told(
    file: str,
    row: str,
    columns: dict[str, str],
    sieve: Sieve,
    table: Timetable,
    shape: Shape,
    names: list[str],
) -> list[str]:
    """Return the lines."""
    trades, quotes = sieve.trades.count, sieve.quotes.count
    lines = [
        f"{file}: {_many(trades, 'trade')}, {_many(quotes, 'quote')}, {_many(len(names), 'symbol')}",
        f"from {_iso(table.time_us(0))} to {_iso(table.time_us(table.last))} in {_many(table.last, 'step')} of "
        f"{table.step_us / 1000:g} ms",
    ]
    if len(table.spans) > 1:
        lines.append(f"{_many(len(table.spans) - 1, 'silence')} passed over: minutes in which nothing happens")
    lines += [f"{part:<9} {text}" for part, text in _columns(columns, sieve, shape, names).items()]
    for name in list(sieve.symbols.respelled)[:SYMBOLS_SHOWN]:
        lines.append(f"symbol    {name!r} is {sieve.symbols.respelled[name]} here")
    lines += _counted(row, sieve)
    lines.append(f"what is wrong is said with --{FLAG} time=…,price=…,size=…,bid=…,ask=… (NAME, or - for none)")
    return lines


def _columns(columns: dict[str, str], sieve: Sieve, shape: Shape, names: list[str]) -> dict[str, str]:
    """Return, for each part of a tick, what it is taken from."""
    found = {part: f"column {name}" for part, name in columns.items()}
    found["time"] += f": {sieve.times.told}"
    if "date" in found and "-" in sieve.times.told:
        found["date"] += ", with the time of day"
    shown = ", ".join(sorted(names)[:SYMBOLS_SHOWN]) + (", …" if len(names) > SYMBOLS_SHOWN else "")
    found["symbol"] = f"{found.get('symbol', 'no column: replay.symbol, or the name of the file')}: {shown}"
    ticks = sorted({str(grid) for grid in shape.grids}, key=float)
    found["tick"] = " to ".join(dict.fromkeys((ticks[0], ticks[-1]))) + (
        f"; {_many(sieve.rounded, 'price')} rounded to it" if sieve.rounded else ""
    )
    unit = f"{10**-shape.power:.{shape.power}f}"
    if sieve.trades.count:
        found.setdefault("size", "no column: 1")
        if "side" not in found and "maker" not in found:
            found["side"] = "no column: the buyer's where the price rose, the seller's where it fell"
        elif sieve.unsided:
            found["side"] = (
                f"{found.get('side') or found['maker']}; of {_many(sieve.unsided, 'trade')} guessed from the price"
            )
    if shape.power or sieve.prices.size_decimals:
        coarse = ": finer would not fit into 64 bits" if shape.power < sieve.prices.size_decimals else ""
        found["sizes"] = f"counted in units of {unit}{coarse}"
    return found


def _counted(row: str, sieve: Sieve) -> list[str]:
    lines = [
        f"left out  {_many(count, 'row')} with {reason}, first in {row} {sieve.first_out[reason]}"
        for reason, count in sieve.left_out.items()
    ]
    if sieve.passed_over:
        words = ", ".join(f"{count} of {word}" for word, count in sieve.passed_over.most_common(8))
        lines.append(f"left out  rows that are neither trades nor quotes: {words}")
    late = sieve.trades.late + sieve.quotes.late
    if late:
        lines.append(f"sorted    {_many(late, 'row')} stood after a later one")
    return lines


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _iso(t_us: int) -> str:
    return (_1970 + timedelta(microseconds=t_us)).isoformat().replace("+00:00", "Z")
