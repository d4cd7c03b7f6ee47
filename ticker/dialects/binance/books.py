"""Books: Binance Spot WebSocket Streams, "Diff. Depth Stream" and "Partial Book Depth Streams".

A level is a row; a message is complete with the row that is marked last. A level is exactly two texts, and one that is
gone has a size of 0.00000000.
"""

from collections.abc import Callable

from ticker.dialects.binance.manner import Manner
from ticker.ticks import ASK, Rows
from ticker.wire.frames import text_frame

_Ids = tuple[int, int, int]
"""The first id of a message, its last, and its time."""
_Spell = Callable[[str, _Ids, str, str], str]
"""Spells a payload of a symbol's name, ids, bids and asks."""


def changes(manner: Manner, rows: Rows) -> list[bytes]:
    """Spell `depth`: what has changed since the message before."""
    return _messages(manner, rows, _change)


def levels(manner: Manner, rows: Rows) -> list[bytes]:
    """Spell `depth5`, `depth10` and `depth20`: the best of both sides; who reads them unwrapped must know of what."""
    return _messages(manner, rows, _levels)


def _change(name: str, ids: _Ids, bids: str, asks: str) -> str:
    first, n, t = ids
    return f'{{"e":"depthUpdate","E":{t},"s":"{name}","U":{first},"u":{n},"b":[{bids}],"a":[{asks}]}}'


def _levels(_: str, ids: _Ids, bids: str, asks: str) -> str:
    return f'{{"lastUpdateId":{ids[1]},"bids":[{bids}],"asks":[{asks}]}}'


def _messages(manner: Manner, rows: Rows, spell: _Spell) -> list[bytes]:
    symbols, heads, tail, unit = manner
    pieces: list[bytes] = []
    bids: list[str] = []
    asks: list[str] = []
    for i, n, us, first, side, price, size, _, last in rows.tolist():
        symbol = symbols[i]
        (asks if side == ASK else bids).append(f'["{symbol.prices[price]}","{symbol.sizes[size]}"]')
        if not last:
            pieces.append(b"")
            continue
        payload = spell(symbol.name, (first, n, us // unit), ",".join(bids), ",".join(asks))
        pieces.append(text_frame(f"{heads[i]}{payload}{tail}".encode()))
        bids, asks = [], []
    return pieces
