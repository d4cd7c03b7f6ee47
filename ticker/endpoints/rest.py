"""Plain requests and answers: what is traded, what is newest, and whether we are well."""

from typing import Any

import msgspec
import orjson

from ticker.endpoints.house import House
from ticker.endpoints.http import NO_STORE, Handler, Request, Response, json_response
from ticker.errors import Refusal
from ticker.instruments import Instrument
from ticker.interest import Interest
from ticker.session.server import Terms, check_channels, read_position, resolve_symbols
from ticker.ticks import CHANNELS, TRADES, Position

BATCHES, BATCHES_MAX = 100, 1000  # messages in one answer to a poll: a second of the default market, and ten


class Rest:
    """Handlers over one house."""

    def __init__(self, house: House) -> None:
        self._house = house

    def handlers(self) -> dict[str, Handler]:
        return {
            "/healthz": self.health,
            "/readyz": self.ready,
            "/metrics": self.metrics,
            "/v1/instruments": self.instruments,
            "/v1/instruments/*": self.instrument,
            "/v1/snapshot": self.snapshot,
            "/v1/ticks": self.ticks,
        }

    def describe(self) -> dict[str, Any]:
        """Return what a program that asks at `/` should know."""
        welcome = msgspec.to_builtins(self._house.welcome())
        welcome.pop("type")
        paths = sorted(self.handlers())
        return {**welcome, "stream": "/v1/stream", "events": "/v1/sse", "channels": list(CHANNELS), "paths": paths}

    def health(self, request: Request) -> Response:
        request.query()
        return json_response({"status": "ok"})

    def ready(self, request: Request) -> Response:
        request.query()
        if self._house.draining:
            raise Refusal("unavailable", "the server is going away")
        return json_response({"status": "ready", **self._house.feed.position._asdict()})

    def metrics(self, request: Request) -> Response:
        request.query()
        text = self._house.metrics.text()
        return Response(200, text, "text/plain; version=0.0.4; charset=utf-8", NO_STORE)

    def instruments(self, request: Request) -> Response:
        request.query()
        return json_response({"instruments": [describe(instrument) for instrument in self._house.terms.universe]})

    def instrument(self, request: Request) -> Response:
        request.query()
        symbol = request.path.rpartition("/")[2]
        index = self._house.terms.universe.find(symbol)
        if index is None:
            raise Refusal("unknown_symbol", f"unknown symbol: {symbol[:32]}", symbols=[symbol[:32]])
        return json_response(describe(self._house.terms.universe[index]))

    def snapshot(self, request: Request) -> Response:
        interest = interest_of(request.query("symbols", "channels"), self._house.terms)
        feed, dialect = self._house.feed, self._house.dialect
        pieces = b"".join(
            piece
            for channel in CHANNELS
            if interest.mask(channel)
            for piece in dialect.render(channel, feed.board.newest(channel, interest.indices(channel)))
        )
        body = b'%b,"data":[%b]}' % (_opened(feed.position), pieces[:-1])
        return Response(200, body, headers=NO_STORE)

    def ticks(self, request: Request) -> Response:
        """Short poll: what came after `since`, at once, one `ticks` message a step; without `since`, where we are."""
        query = request.query("symbols", "channels", "since", "limit")
        interest = interest_of(query, self._house.terms)
        limit = _whole(query, "limit", BATCHES, BATCHES_MAX)
        tape = self._house.feed.tape
        since = read_position(query["since"], tape.epoch, tape.oldest, tape.head) if "since" in query else tape.head
        seq, batches = since, list[bytes]()
        audience = self._house.feed.audience(self._house.dialect, _bare, interest)
        for entry in tape.since(since):
            message, _, seq = audience.render([entry])
            if message is not None:
                batches.append(message)
            if len(batches) == limit:
                break
        body = b'%b,"batches":[%b]}' % (_opened(Position(tape.epoch, seq)), b",".join(batches))
        return Response(200, body, headers=NO_STORE)


def interest_of(query: dict[str, str], terms: Terms) -> Interest:
    """Read `symbols` and `channels`; over HTTP an unknown symbol refuses the whole request."""
    channels = query.get("channels", TRADES).split(",")
    check_channels(channels)
    if not query.get("symbols"):
        raise Refusal("bad_request", "symbols: at least one is needed", field="symbols")
    known, unknown = resolve_symbols(query["symbols"].split(","), terms)
    if unknown:
        names = [symbol[:32] for symbol in unknown[:20]]
        raise Refusal("unknown_symbol", f"unknown symbol: {', '.join(names)}", symbols=names, count=len(unknown))
    return Interest.of(channels, known)


def _bare(message: bytes, _: int) -> bytes:
    return message


def _opened(position: Position) -> bytes:
    """Return the beginning of a document that says its position."""
    return orjson.dumps(position._asdict())[:-1]


def _whole(query: dict[str, str], name: str, default: int, most: int) -> int:
    """Return a parameter that is a whole number from 1 to `most`. Raises Refusal (bad_request)."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise Refusal("bad_request", f"{name}: a whole number from 1 to {most} is needed", field=name)
    return int(text)


def describe(instrument: Instrument) -> dict[str, Any]:
    """Return an instrument as clients see it."""
    scale = 10**instrument.decimals
    return {
        "symbol": instrument.symbol,
        "name": instrument.name,
        "sector": instrument.sector,
        "tick_size": instrument.tick_units / scale,
        "decimals": instrument.decimals,
        "lot": instrument.lot,
    }
