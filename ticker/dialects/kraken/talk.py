"""One client's conversation with Kraken's public WebSocket.

Rules. An acknowledgement or a refusal for each symbol of a request, in the order of the request; then what stands.
A symbol is subscribed to once on each channel, with one depth, interval or trigger. Once something is subscribed to, a
heartbeat is sent each second, on a grid that begins there. The socket stays open whatever was asked.
"""

from hashlib import blake2b
from typing import Any

from ticker.dialects.kraken.pairs import Pair, Pairs
from ticker.dialects.kraken.requests import (
    ECHO_CHARACTERS,
    OPTIONS,
    Refused,
    Wish,
    acknowledgement,
    parse,
    pong,
    refusal,
)
from ticker.dialects.kraken.snapshots import Snapshots
from ticker.dialects.kraken.updates import TRIGGERS, KrakenDialect
from ticker.interest import Streams, bits
from ticker.venue import SILENCE, Market, Now, Turn

VERSION = "2.0.10"
HEARTBEAT = '{"channel":"heartbeat"}'
HEARTBEAT_S = 1.0
IDLE_S = 60.0  # a client that asks for nothing is let go after about so long, where limits are kept
EVERYTHING = -1
"""Stands for an instrument in what is subscribed to without symbols."""

_ALREADY = "Already subscribed"
_ALREADY_AN_INTERVAL = "Already subscribed to one ohlc interval on this symbol"
_NOT_FOUND = "Subscription Not Found"
_UNKNOWN = "Currency pair not supported "


class KrakenTalk:
    """The conversation with one client; `connection` is the id it is given."""

    __slots__ = (
        "_connection",
        "_heard_s",
        "_interest",
        "_next_s",
        "_owed",
        "_pairs",
        "_snapshots",
        "_strict",
        "dialect",
    )

    def __init__(
        self, pairs: Pairs, snapshots: Snapshots, dialect: KrakenDialect, connection: int, strict: bool
    ) -> None:
        self.dialect = dialect
        self._pairs = pairs
        self._snapshots = snapshots
        self._connection = connection
        self._strict = strict
        self._owed: dict[str, dict[int, int | str | None]] = {}
        """By channel and instrument: the depth, interval or trigger."""
        self._interest = Streams()
        self._next_s: float | None = None
        self._heard_s = 0.0

    @property
    def interest(self) -> Streams:
        return self._interest

    def opened(self, market: Market, now: Now) -> Turn:  # noqa: ARG002
        """Greet."""
        self._heard_s = now.monotonic_s
        return Turn([_status("online", self._connection)])

    def heard(self, data: bytes, text: bool, market: Market, now: Now) -> Turn:  # noqa: ARG002
        """Answer a message."""
        self._heard_s = now.monotonic_s
        try:
            wish = parse(data)
        except Refused as refused:
            return Turn([refusal(refused, now.wall_us)])
        if wish.method == "ping":
            return Turn([pong(wish.req_id, now.wall_us)])
        says = (
            self._subscribe(wish, market, now) if wish.method == "subscribe" else self._unsubscribe(wish, market, now)
        )
        self._changed(now)
        return Turn(says)

    def controls(self, count: int, now: Now) -> Turn:  # noqa: ARG002
        """Take note: they keep a connection alive."""
        self._heard_s = now.monotonic_s
        return SILENCE

    def looked(self, market: Market, now: Now) -> Turn:  # noqa: ARG002
        """Send the heartbeat that is due, if one is; those that were missed are not made up for."""
        if self._next_s is None:
            idle = self._strict and now.monotonic_s - self._heard_s > IDLE_S
            return Turn(close=(1000, "")) if idle else SILENCE
        late_s = now.monotonic_s - self._next_s
        if late_s < 0:
            return SILENCE
        self._next_s += HEARTBEAT_S * (late_s // HEARTBEAT_S + 1)
        return Turn([HEARTBEAT])

    def leaving(self, reason: str, now: Now) -> Turn:  # noqa: ARG002
        """Tell that the venue stops, if that is why."""
        if reason != "shutdown":
            return SILENCE
        return Turn([_status("maintenance", self._connection)])

    def gone(self, now: Now) -> None:  # noqa: ARG002
        return None

    def _subscribe(self, wish: Wish, market: Market, now: Now) -> list[str]:
        owed = self._owed.setdefault(wish.channel, {})
        says, new = [], []
        for pair, symbol in self._named(wish, market):
            if (error := self._objection(wish, pair, symbol)) is not None:
                says.append(_refused(error, wish, symbol, now))
                continue
            index = pair.index if pair else EVERYTHING
            owed[index] = wish.option
            new.append(index)
            says.append(acknowledgement(wish, _result(wish, symbol, wish.option, True), now.wall_us))
        if wish.snapshot and new:
            told = [index for index in new if index != EVERYTHING]
            says += self._snapshots.of(wish.channel, wish.option, told, market)
        return says

    def _named(self, wish: Wish, market: Market) -> list[tuple[Pair | None, str | None]]:
        """Return what the symbols name: a pair, or None where there is none that is known and permitted."""
        if not wish.symbols:
            return [(None, None)]
        found = [self._pairs.find(symbol) for symbol in wish.symbols]
        return [
            (pair if pair is not None and market.permits(pair.index) else None, symbol)
            for pair, symbol in zip(found, wish.symbols, strict=True)
        ]

    def _objection(self, wish: Wish, pair: Pair | None, symbol: str | None) -> str | None:
        if symbol is not None and pair is None:
            return _UNKNOWN + symbol[:ECHO_CHARACTERS]
        owed = self._owed.get(wish.channel, {})
        index = pair.index if pair else EVERYTHING
        if index not in owed:
            return None
        return _ALREADY_AN_INTERVAL if wish.channel == "ohlc" and owed[index] != wish.option else _ALREADY

    def _unsubscribe(self, wish: Wish, market: Market, now: Now) -> list[str]:
        owed = self._owed.setdefault(wish.channel, {})
        says = []
        for pair, symbol in self._named(wish, market):
            index = pair.index if pair else EVERYTHING
            if symbol is not None and pair is None:
                says.append(_refused(_UNKNOWN + symbol[:ECHO_CHARACTERS], wish, symbol, now))
            elif index not in owed or wish.option not in (None, owed[index]):
                says.append(_refused(_NOT_FOUND, wish, symbol, now))
            else:
                says.append(acknowledgement(wish, _result(wish, symbol, owed.pop(index), False), now.wall_us))
        return says

    def _changed(self, now: Now) -> None:
        """Work out what is owed now; the heart beats while that is anything."""
        wanted: dict[str, list[int]] = {}
        for channel, owed in self._owed.items():
            for index, option in owed.items():
                every = [pair.index for pair in self._pairs.listed] if index == EVERYTHING else [index]
                wanted.setdefault(_stream(channel, option), []).extend(every)
        self._interest = Streams.table({channel: bits(indices) for channel, indices in wanted.items()})
        if not any(self._owed.values()):
            self._next_s = None
        elif self._next_s is None:
            self._next_s = now.monotonic_s + HEARTBEAT_S


def _stream(channel: str, option: int | str | None) -> str:
    """Return the name of the study that a subscription is of. All depths of a book are one: ten levels are all."""
    if channel == "ticker":
        return TRIGGERS[str(option)]
    return f"ohlc.{option}" if channel == "ohlc" else channel


def _result(wish: Wish, symbol: str | None, option: int | str | None, tells_snapshot: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"channel": wish.channel}
    if symbol is not None:
        result["symbol"] = symbol
    if tells_snapshot:
        result["snapshot"] = wish.snapshot
    if wish.channel in OPTIONS:
        result[OPTIONS[wish.channel].name] = option
    return result


def _refused(error: str, wish: Wish, symbol: str | None, now: Now) -> str:
    return refusal(Refused(error, wish.method, wish.req_id), now.wall_us, symbol)


def _status(system: str, connection: int) -> str:
    return (
        f'{{"channel":"status","type":"update","data":[{{"version":"{VERSION}","system":"{system}",'
        f'"api_version":"v2","connection_id":{connection}}}]}}'
    )


def connection_id(wall_us: int, number: int) -> int:
    """Return an id of 64 bits, the highest of them set: a float cannot hold it."""
    return int.from_bytes(blake2b(b"%d/%d" % (wall_us, number), digest_size=8).digest()) | 1 << 63
