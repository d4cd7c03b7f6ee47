"""Plain requests and answers: what is traded, what is newest, and whether we are well."""

from hashlib import sha256

import msgspec
import orjson

from ticker.endpoints.house import House
from ticker.endpoints.http import JSON, NO_STORE, Handler, Request, Response, json_response
from ticker.errors import Refusal
from ticker.instruments import Instrument
from ticker.session.permits import Permit, forbidden
from ticker.session.requests import (
    BarsQuery,
    HealthAnswer,
    InstrumentAnswer,
    InstrumentsAnswer,
    NoQuery,
    ReadyAnswer,
    SelectQuery,
    ServiceAnswer,
)
from ticker.session.terms import unknown_symbols
from ticker.ticks import CHANNELS

NOTHING_YET = "there is no tape here yet: come back in a moment"
REVALIDATE = "no-cache"  # keep it, but ask whether it still holds


class Rest:
    """Handlers over one house; what is `public` says nothing of the market."""

    public = ("/healthz", "/readyz")

    def __init__(self, house: House) -> None:
        self._house = house
        universe = house.terms.universe
        self._instruments = kept(InstrumentsAnswer(instruments=[describe(instrument) for instrument in universe]))

    def handlers(self) -> dict[str, Handler]:
        return {
            "/healthz": self.health,
            "/readyz": self.ready,
            "/metrics": self.metrics,
            "/v1/instruments": self.instruments,
            "/v1/instruments/*": self.instrument,
            "/v1/snapshot": self.snapshot,
            "/v1/bars": self.bars,
        }

    def vacant(self) -> dict[str, Handler]:
        """Return what answers where there is no tape yet."""
        return {"/healthz": self.health, "/readyz": self.ready, "/metrics": self.metrics}

    def describe(self, paths: list[str]) -> ServiceAnswer:
        """Return what a program that asks at `/` should know."""
        introduction = msgspec.structs.asdict(self._house.welcome())
        return ServiceAnswer(
            **introduction, stream="/v1/stream", events="/v1/sse", channels=list(CHANNELS), paths=paths
        )

    def health(self, request: Request) -> Response:
        request.read(NoQuery)
        return json_response(HealthAnswer())

    def ready(self, request: Request) -> Response:
        request.read(NoQuery)
        house = self._house
        if reason := house.farewell or house.stale or ("" if house.feed.tape.epoch else NOTHING_YET):
            raise Refusal("unavailable", reason)
        return json_response(ReadyAnswer(**self._house.feed.position._asdict()))

    def metrics(self, request: Request) -> Response:
        request.read(NoQuery)
        text = self._house.metrics.text()
        return Response(200, text, "text/plain; version=0.0.4; charset=utf-8", NO_STORE)

    def instruments(self, request: Request) -> Response:
        request.read(NoQuery)
        permit = request.permit
        if permit is None or permit.symbols is None:
            return self._instruments
        universe = self._house.terms.universe
        had = [describe(instrument) for index, instrument in enumerate(universe) if permit.has(index)]
        return kept(InstrumentsAnswer(instruments=had))

    def instrument(self, request: Request) -> Response:
        request.read(NoQuery)
        symbol = request.path.rpartition("/")[2]
        return kept(describe(self._house.terms.universe[self._find(symbol, request.permit)]))

    def snapshot(self, request: Request) -> Response:
        interest = self._house.interest(request.read(SelectQuery), request.permit)
        feed, dialect = self._house.feed, self._house.dialect
        pieces = b"".join(
            piece
            for channel in CHANNELS
            if interest.mask(channel)
            for piece in dialect.render(channel, feed.board.newest(channel, interest.indices(channel)))
        )
        opened = orjson.dumps(feed.position._asdict())[:-1]
        return Response(200, b'%b,"data":[%b]}' % (opened, pieces[:-1]), headers=NO_STORE)

    def bars(self, request: Request) -> Response:
        """Finished bars, oldest first; the tag changes when one more is finished."""
        query = request.read(BarsQuery)
        feed = self._house.feed
        index = self._find(query.symbol, request.permit, f"bars.{query.interval}")
        rows = feed.bars.newest(query.interval, index, query.limit)
        known = {**feed.position._asdict(), "symbol": query.symbol, "interval": query.interval}
        pieces = b"".join(self._house.dialect.bars(rows))
        body = b'%b,"bars":[%b]}' % (orjson.dumps(known)[:-1], pieces[:-1])
        return Response(200, body, headers={"Cache-Control": REVALIDATE, "ETag": tag(pieces)})

    def _find(self, symbol: str, permit: Permit | None, *channels: str) -> int:
        index = self._house.terms.universe.find(symbol)
        if index is None:
            raise unknown_symbols([symbol])
        if permit is None or not permit.has(index, *channels):
            raise forbidden([symbol], channels or CHANNELS)
        return index


def tag(content: bytes) -> str:
    """Return an entity tag: equal for equal content."""
    return f'"{sha256(content).hexdigest()[:16]}"'


def kept(document: msgspec.Struct) -> Response:
    """Return a document that a client may keep, as long as it asks whether it still holds."""
    body = msgspec.json.encode(document)
    return Response(200, body, JSON, {"Cache-Control": REVALIDATE, "ETag": tag(body)})


def describe(instrument: Instrument) -> InstrumentAnswer:
    """Return an instrument as clients see it."""
    return InstrumentAnswer(
        symbol=instrument.symbol,
        name=instrument.name,
        sector=instrument.sector,
        tick_size=instrument.tick_units / 10**instrument.decimals,
        decimals=instrument.decimals,
        lot=instrument.lot,
        size_decimals=instrument.size_decimals,
    )
