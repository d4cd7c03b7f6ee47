"""What a server answers to plain questions: who it is, what is traded, what is newest."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from ticker.dialects import native
from ticker.session.kinds import Tick
from ticker.session.messages import Welcome
from ticker.session.requests import Bar, BarsAnswer, InstrumentAnswer, InstrumentsAnswer, SnapshotAnswer
from ticker_client import problems, wants
from ticker_client.address import Address
from ticker_client.errors import NO_TICKER, ConnectionEnded, Refused
from ticker_client.http import HttpClient
from ticker_client.instruments import Instrument, Instruments
from ticker_client.line import Traffic

Read = TypeVar("Read")


_PARTLY = ("unknown_symbol", "forbidden")
"""Refusals that name symbols: the others can be had, as a WebSocket has it by itself."""


class Snapshots(NamedTuple):
    """What was shown, of which symbols, and the refusal of those that do not exist."""

    shown: list[SnapshotAnswer]
    known: list[str]
    refused: Refused | None


_read_shown: Callable[[bytes], SnapshotAnswer] = native.reader(SnapshotAnswer)
_read_bars: Callable[[bytes], BarsAnswer] = native.reader(BarsAnswer)
_read_listed: Callable[[bytes], InstrumentsAnswer] = native.reader(InstrumentsAnswer)
_read_document: Callable[[bytes], dict[str, Any]] = native.reader(dict[str, Any])


def _read_welcome(body: bytes) -> Welcome:
    return msgspec.convert({**_read_document(body), "type": "welcome"}, Welcome)


def _read_instruments(body: bytes) -> Instruments:
    found = _read_listed(body).instruments
    return Instruments([Instrument(each.symbol, each.tick_size, each.decimals) for each in found])


class Records:
    """Questions to one server. All raise ConnectionEnded, those about symbols Refused as well."""

    def __init__(self, http: HttpClient, url: str) -> None:
        self._http = http
        self._url = url

    async def welcome(self) -> Welcome:
        """Return what a WebSocket would be greeted with."""
        try:
            return await self._read(_read_welcome, "/")
        except Refused as error:
            raise ConnectionEnded(f"{self._url} answers like no ticker server: {error}", NO_TICKER) from None

    async def health(self) -> None:
        """Have the server say that it is well."""
        await self._ask("/healthz")

    async def universe(self) -> list[str]:
        """Return all symbols that are traded."""
        return (await self.instruments()).symbols

    async def instruments(self) -> Instruments:
        """Return all that is traded."""
        return await self._read(_read_instruments, "/v1/instruments")

    async def described(self) -> list[InstrumentAnswer]:
        """Return all that is traded, and what is said of it."""
        return (await self._read(_read_listed, "/v1/instruments")).instruments

    async def snapshots(self, symbols: Sequence[str], channels: Sequence[str]) -> Snapshots:
        """Return the newest ticks of symbols on channels, as many of them as exist."""
        known, refused = list(symbols), None
        while known:
            try:
                shown = [
                    await self._read(_read_shown, f"/v1/snapshot?{wants.query(portion, channels)}")
                    for portion in wants.portions(known)
                ]
                return Snapshots(shown, known, refused)
            except Refused as error:
                named = error.details.get("symbols")
                left = [symbol for symbol in known if not isinstance(named, list) or symbol not in named]
                if error.code not in _PARTLY or len(left) == len(known):
                    raise
                known, refused = left, refused or error
        return Snapshots([], [], refused)

    async def newest(self, symbols: Sequence[str], channels: Sequence[str]) -> list[Tick]:
        """Return the newest ticks of symbols on channels, all of which are to exist."""
        wants.check(symbols, channels)
        found = await self.snapshots(symbols, channels)
        if found.refused:
            raise found.refused
        return [tick for shown in found.shown for tick in shown.data]

    async def bars(self, symbol: str, interval: str, limit: int | None) -> list[Bar]:
        """Return finished bars, oldest first."""
        path = f"/v1/bars?symbol={quote(symbol, safe='')}&interval={quote(interval, safe='')}"
        return (await self._read(_read_bars, path + ("" if limit is None else f"&limit={limit}"))).bars

    async def _read(self, decode: Callable[[bytes], Read], path: str) -> Read:
        body = await self._ask(path)
        try:
            return decode(body)
        except msgspec.DecodeError as error:
            raise ConnectionEnded(f"{self._url} answers like no ticker server: {error}", NO_TICKER) from None

    async def _ask(self, path: str) -> bytes:
        answer = await self._http.get(path)
        if answer.status == HTTPStatus.OK:
            return answer.body
        refused = problems.refusal(answer)
        if refused is None or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise problems.ended(answer, self._url)
        raise refused


@asynccontextmanager
async def asked(address: Address, traffic: Traffic) -> AsyncIterator[Records]:
    """Give a server to ask, over connections of its own."""
    http = HttpClient(address, traffic)
    try:
        yield Records(http, address.url)
    finally:
        http.close()
