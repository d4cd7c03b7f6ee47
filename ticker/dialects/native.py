"""The native protocol, version 1, in JSON (subprotocol `ticker.v1.json`)."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Literal

import msgspec
import orjson
from msgspec import UNSET

from ticker.errors import Close, Refusal, Violation
from ticker.instruments import Universe
from ticker.session.messages import (
    KINDS,
    AnyClientMessage,
    AnyServerMessage,
    ClientMessage,
    Error,
    MessageId,
    ServerMessage,
)
from ticker.ticks import BARS_1M, BARS_1S, BOOK, QUOTES, REASONS, STATES, STATS, STATUS, TRADES, Rows
from ticker.wire.decimals import Decimals, spell

SUBPROTOCOL = "ticker.v1.json"
FIELD_CHARACTERS = 64  # of a field's name that an answer repeats: the client chose it
_ABOUT_FIELDS = {
    "Object missing required field ": "is missing",
    "Object contains unknown field ": "is not a field of this op",
}
VWAP_DECIMALS = 4  # a mean price lies between two ticks: so many digits more than a price has
PERCENT_DECIMALS = 4
_SIDES = ("buy", "sell")  # by ticks.BUY and ticks.SELL
_BOOK_SIDES = ("bid", "ask")  # by ticks.BID and ticks.ASK
_TRUTHS = ("false", "true")
_CRC = '"crc":'
_FRESH = ("", ',"fresh":true')

_decode: Callable[[bytes | bytearray | str], AnyClientMessage] = msgspec.json.Decoder(AnyClientMessage).decode
_encode = msgspec.json.Encoder().encode


def reader(kind: Any) -> Callable[[bytes | str], Any]:
    """Return what reads a document of a type, and raises msgspec.DecodeError for whatever is none."""
    decode = msgspec.json.Decoder(kind).decode

    def read(data: bytes | str) -> Any:
        try:
            return decode(data)
        except (UnicodeDecodeError, RecursionError) as error:  # msgspec lets these two pass as they are
            raise msgspec.DecodeError(str(error)) from None

    return read


_read: Callable[[bytes | str], AnyServerMessage] = reader(AnyServerMessage)


def parse(data: bytes | bytearray | str) -> AnyClientMessage:
    """Read one client message.

    Raises Refusal (bad_json, bad_request, unknown_op) with the message's id, if any, and Violation for bad UTF-8.
    """
    try:
        try:
            return _decode(data)
        except msgspec.ValidationError as error:
            raise _explained(data, str(error)) from None
    except UnicodeDecodeError:
        raise _not_utf_8() from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise (Refusal("bad_json", f"not JSON: {error}") if _is_utf_8(data) else _not_utf_8()) from None


def _not_utf_8() -> Violation:
    return Violation(Close.INVALID_DATA, "text is UTF-8")


def _is_utf_8(data: bytes | bytearray | str) -> bool:
    """Tell whether what is no JSON is text at all: its parser stops at the first thing that is wrong."""
    try:
        return isinstance(data, str) or data.decode() is not None
    except UnicodeDecodeError:
        return False


def reply(message: ServerMessage) -> bytes:
    """Spell one server message."""
    return _encode(message)


def command(message: ClientMessage) -> bytes:
    """Spell one client message."""
    return _encode(message)


def read(data: bytes | str) -> AnyServerMessage:
    """Read one server message. Raises msgspec.DecodeError where it is none."""
    return _read(data)


def refusal(error: Refusal, message: AnyClientMessage | None) -> bytes:
    """Spell a refusal, with the id of the message that was refused."""
    details = dict(error.details)
    message_id = details.pop("id", message.id if message else UNSET)
    return reply(Error(id=message_id, code=error.code, message=error.message, details=details or UNSET))


def _explained(data: bytes | bytearray | str, problem: str) -> Refusal:
    """Say what is wrong with a document that is JSON but no message of ours."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        return Refusal("bad_json", f"not JSON: {error}")
    if not isinstance(document, dict):
        return Refusal("bad_request", "a message is a JSON object with an op")
    named: dict[str, Any] = {}
    with suppress(KeyError, msgspec.ValidationError):
        named["id"] = msgspec.convert(document["id"], MessageId)
    op = document.get("op")
    if not isinstance(op, str):
        return Refusal("bad_request", "op: a string is needed", field="op", **named)
    if op not in OPS:
        return Refusal("unknown_op", f"unknown op: {op[:32]}", known=sorted(OPS), **named)
    field, sentence = field_of(problem)
    return Refusal("bad_request", f"{field}: {sentence}", field=field, **named)


OPS = {kind.__struct_config__.tag for kind in AnyClientMessage.__args__}


def field_of(problem: str) -> tuple[str, str]:
    """Split msgspec's sentence into the field it is about and the rest."""
    plain = problem.replace("`", "")
    sentence, _, path = plain.partition(" - at $.")
    if path:
        return path[:FIELD_CHARACTERS], sentence[:1].lower() + sentence[1:]
    for opening, what in _ABOUT_FIELDS.items():
        if plain.startswith(opening):
            return plain.removeprefix(opening)[:FIELD_CHARACTERS], what
    return "message", plain


class NativeDialect:
    """Renders the ticks of one universe."""

    subprotocol = SUBPROTOCOL
    packs: Literal[False] = False

    def __init__(self, universe: Universe) -> None:
        tables: dict[tuple[int, int], Decimals] = {}
        self._prices = [
            tables.setdefault((i.decimals, i.tick_units), Decimals(i.decimals, i.tick_units)) for i in universe
        ]
        self._grids = [(i.decimals, i.tick_units) for i in universe]
        symbols = [orjson.dumps(instrument.symbol).decode() for instrument in universe]
        self._heads = {
            channel: [f'{{"ch":"{kind.__struct_config__.tag}","sym":{symbol},"n":' for symbol in symbols]
            for channel, kind in KINDS.items()
        }
        self._renderers: dict[str, Callable[[Rows], list[bytes]]] = {
            STATUS: self._status,
            QUOTES: self._quotes,
            BOOK: self._book,
            TRADES: self._trades,
            BARS_1S: partial(self._bars, self._heads[BARS_1S]),
            BARS_1M: partial(self._bars, self._heads[BARS_1M]),
            STATS: self._stats,
        }

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        """Return one JSON object per row, each followed by a comma."""
        return self._renderers[channel](rows)

    def ticks(self, seq: int, emitted_us: int, pieces: bytes) -> bytes:
        """Return a `ticks` message of rendered rows."""
        return b'{"type":"ticks","seq":%d,"ts":%d,"data":[%b]}' % (seq, emitted_us, pieces[:-1])

    def snapshot(self, seq: int, channel: str, pieces: bytes) -> bytes:
        """Return a `snapshot` message of rendered rows."""
        return b'{"type":"snapshot","seq":%d,"channel":"%b","data":[%b]}' % (seq, channel.encode(), pieces[:-1])

    def bars(self, rows: Rows) -> list[bytes]:
        """Return one JSON object per finished bar, without its symbol and `n`, each followed by a comma."""
        return [f'{{"t":{t},{self._figures(i, *figures)}}},'.encode() for i, _, t, *figures, _ in rows.tolist()]

    def _bars(self, heads: list[str], rows: Rows) -> list[bytes]:
        return [
            f'{heads[i]}{n},"t":{t},{self._figures(i, *figures)},"done":{_TRUTHS[done]}}},'.encode()
            for i, n, t, *figures, done in rows.tolist()
        ]

    def _figures(
        self, i: int, opened: int, high: int, low: int, closed: int, volume: int, turnover: int, trades: int
    ) -> str:
        p = self._prices[i]
        return (
            f'"open":{p[opened]},"high":{p[high]},"low":{p[low]},"close":{p[closed]},"volume":{volume},'
            f'"vwap":{self._mean(i, turnover, volume)},"trades":{trades}'
        )

    def _stats(self, rows: Rows) -> list[bytes]:
        heads = self._heads[STATS]
        return [
            f'{heads[i]}{n},"t":{t},"open":{p[opened]},"high":{p[high]},"low":{p[low]},"last":{p[last]},'
            f'"previous":{p[before]},"volume":{volume},"vwap":{self._mean(i, turnover, volume)},"trades":{trades},'
            f'"change":{p[last - before]},"change_pct":{_percent(last - before, before)}}},'.encode()
            for i, n, t, opened, high, low, last, before, volume, turnover, trades in rows.tolist()
            for p in [self._prices[i]]
        ]

    def _status(self, rows: Rows) -> list[bytes]:
        heads, pieces = self._heads[STATUS], []
        for i, n, t, state, reason, price, size, value, ref in rows.tolist():
            px = f',"px":{self._prices[i][price]}' if price else ""
            sz = f',"sz":{size}' if size else ""
            factor = f',"value":{spell(value, 6)}' if value else ""
            about = f',"ref":{ref}' if ref else ""
            said = f'"state":"{STATES[state]}","reason":"{REASONS[reason]}"{px}{sz}{factor}{about}'
            pieces.append(f'{heads[i]}{n},"t":{t},{said}}},'.encode())
        return pieces

    def _book(self, rows: Rows) -> list[bytes]:
        heads, prices = self._heads[BOOK], self._prices
        return [
            f'{heads[i]}{n},"t":{t},"side":"{_BOOK_SIDES[side]}","px":{prices[i][px]},"sz":{sz}'
            f"{'' if crc < 0 else f',{_CRC}{crc}'}{_FRESH[fresh]}}},".encode()
            for i, n, t, side, px, sz, crc, fresh in rows.tolist()
        ]

    def _mean(self, instrument: int, turnover: int, volume: int) -> str:
        """Print turnover / volume, in ticks, as a price, rounded half up; null where there is no volume."""
        if not volume:
            return "null"
        decimals, unit = self._grids[instrument]
        units = turnover * unit * 10**VWAP_DECIMALS
        return spell((2 * units + volume) // (2 * volume), decimals + VWAP_DECIMALS)

    def _trades(self, rows: Rows) -> list[bytes]:
        heads, prices = self._heads[TRADES], self._prices
        return [
            f'{heads[i]}{n},"t":{t},"px":{prices[i][px]},"sz":{sz},"side":"{_SIDES[side]}"}},'.encode()
            for i, n, t, px, sz, side in rows.tolist()
        ]

    def _quotes(self, rows: Rows) -> list[bytes]:
        heads, prices = self._heads[QUOTES], self._prices
        return [
            f'{heads[i]}{n},"t":{t},"bid":{prices[i][bid]},"bsz":{bsz},"ask":{prices[i][ask]},"asz":{asz}}},'.encode()
            for i, n, t, bid, bsz, ask, asz in rows.tolist()
        ]


def _percent(change: int, before: int) -> str:
    """Print change / before in percent, rounded half away from zero."""
    units = abs(change) * 100 * 10**PERCENT_DECIMALS
    rounded = (2 * units + before) // (2 * before)
    return spell(-rounded if change < 0 else rounded, PERCENT_DECIMALS)
