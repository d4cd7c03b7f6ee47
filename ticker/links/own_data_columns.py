"""Which column of somebody's own file is what: guessed by its name, or as somebody says. Touches no file.

Rules: a name is compared in small letters and with `_` between its words (`bidPrice` is `bid_price`); names of one
letter count only where there is no longer one; two that could be the same are never chosen between, but asked for. What
`ticker watch --csv` and `ticker export` print is known by how its header begins.
"""

import re
from collections.abc import Sequence

from ticker.errors import ConfigError
from ticker.settings import nearest

FLAG = "replay.columns"
NONE = "-"
"""What is said of a column that is there and is not meant: `side=-`."""
NAMES: dict[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "ts", "datetime", "date_time", "dt", "ts_event", "trade_time", "quote_time", "t"),
    "date": ("date", "day", "trade_date", "trading_day"),
    "symbol": ("symbol", "sym", "ticker", "instrument", "code", "pair", "product_id", "ric", "s"),
    "price": ("price", "px", "last", "trade_price", "last_price", "p"),
    "size": ("size", "sz", "qty", "quantity", "volume", "amount", "shares", "trade_size", "last_size", "q", "v"),
    "side": ("side", "aggressor", "aggressor_side", "taker_side", "direction"),
    "maker": ("is_buyer_maker", "buyer_maker", "isbuyermaker"),
    "bid": ("bid", "bid_price", "bid_px", "best_bid", "best_bid_price", "bidprice", "bp", "bid_px_00"),
    "bid_size": (
        *("bid_size", "bsz", "bid_sz", "bid_qty", "bid_quantity", "bid_volume", "bid_amount", "bidsize", "bs"),
        *("best_bid_size", "best_bid_qty", "bid_sz_00"),
    ),
    "ask": ("ask", "ask_price", "ask_px", "offer", "best_ask", "best_ask_price", "askprice", "ap", "ask_px_00"),
    "ask_size": (
        *("ask_size", "asz", "ask_sz", "ask_qty", "ask_quantity", "ask_volume", "ask_amount", "asksize", "as"),
        *("best_ask_size", "best_ask_qty", "offer_size", "ask_sz_00"),
    ),
    "type": ("ch", "channel", "type", "kind", "event", "record_type", "msg_type"),
}
"""What a column can be, and the names by which it is known."""
MEANT = {
    "time": "the time",
    "date": "the date",
    "symbol": "the symbol",
    "price": "the price",
    "size": "the size",
    "side": "the side",
    "maker": "whether the buyer was there first",
    "bid": "the bid",
    "bid_size": "the size of the bid",
    "ask": "the ask",
    "ask_size": "the size of the ask",
    "type": "the kind of a row",
}
OURS = (("ch", "sym", "n", "t"), ("seq", "ts", "sym", "n", "t"))
"""How the headers of ours begin."""
_OURS = {
    "type": "ch",
    "symbol": "sym",
    "time": "t",
    "price": "px",
    "size": "sz",
    "side": "side",
    "bid": "bid",
    "bid_size": "bsz",
    "ask": "ask",
    "ask_size": "asz",
}
SHOWN = 200  # characters of a header that a sentence shows


def choose(file: str, header: Sequence[str], said: Sequence[str]) -> dict[str, str]:
    """Return the name of the column for each part that was found. Raises ConfigError."""
    told = _told(file, header, said)
    chosen = {part: name for part, name in told.items() if name != NONE}
    ours = any(tuple(header[: len(begins)]) == begins for begins in OURS)
    taken = set(chosen.values())
    for part in NAMES:
        if part in told:
            continue
        found = [name for name in header if name not in taken and _is(part, name, ours=ours)]
        long = [name for name in found if len(name) > 1]
        found = list(dict.fromkeys(long or found))
        if len(found) > 1:
            both, flag = f"{found[0]} and {found[1]}", f"--{FLAG} {part}={found[0]}"
            raise ConfigError(f"{file}: {both} could both be {MEANT[part]}: say which, {flag} ({part}={NONE} is none)")
        if found:
            chosen[part] = found[0]
    _check(file, header, chosen)
    return chosen


def _told(file: str, header: Sequence[str], said: Sequence[str]) -> dict[str, str]:
    told: dict[str, str] = {}
    for text in said:
        part, _, name = text.partition("=")
        if part not in NAMES:
            raise ConfigError(f"{FLAG}: {text}: {part} is none of {', '.join(NAMES)}{nearest(part, NAMES)}")
        if part in told:
            raise ConfigError(f"{FLAG}: {part} is there twice, as {told[part]} and as {name}")
        if name != NONE and name not in header:
            raise ConfigError(f"{FLAG}: {text}: {file} has {_shown(header)}{nearest(name, header)}")
        told[part] = name
    return told


def _is(part: str, name: str, *, ours: bool) -> bool:
    return name == _OURS.get(part) if ours else _plain(name) in NAMES[part]


def _plain(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\s.\-/]+", "_", words).lower().strip("_<>#")


def _check(file: str, header: Sequence[str], chosen: dict[str, str]) -> None:
    """Drop what is of no use alone. Raises ConfigError where a column is missing, or there twice."""
    if "time" not in chosen and "date" in chosen:
        chosen["time"] = chosen.pop("date")
    if ("bid" in chosen) != ("ask" in chosen) and "price" in chosen:
        chosen.pop("bid" if "bid" in chosen else "ask")
    if "bid" not in chosen:
        chosen.pop("bid_size", None)
        chosen.pop("ask_size", None)
    if "price" not in chosen:
        for part in ("size", "side", "maker"):
            chosen.pop(part, None)
    if "time" not in chosen:
        raise _missing(file, header, "time", f"{MEANT['time']} ({', '.join(NAMES['time'])})")
    if "price" not in chosen and not {"bid", "ask"} <= set(chosen):
        raise _missing(file, header, "price", "a price (price, px, last …), and none for bid and ask")
    for name in chosen.values():
        if header.count(name) > 1:
            raise ConfigError(f"{file}: two columns are called {name}")


def _missing(file: str, header: Sequence[str], part: str, what: str) -> ConfigError:
    if not any(name[:1].isalpha() for name in header):
        return ConfigError(f"{file}: its first line does not name the columns: {_shown(header)}")
    return ConfigError(f"{file}: no column for {what}: it has {_shown(header)}; say which, --{FLAG} {part}=NAME")


def _shown(header: Sequence[str]) -> str:
    names = ", ".join(header)
    return names[:SHOWN] + ("…" if len(names) > SHOWN else "") or "no names"
