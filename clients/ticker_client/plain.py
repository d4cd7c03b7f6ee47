"""What all transports over plain HTTP share. The server remembers nothing of us: we do.

A subscription begins with `GET /v1/snapshot` at a position S, and goes on with a stream or polls from a position P that
was reached. Those need not be equal. Where S is ahead, what is new comes again from P to S; where the old stream was
faster, we go back to S, and what was had comes again. The session tells known ticks apart by `n`, so that there is
neither hole nor repeat. `_revision` counts the changes of what is asked for: an answer to an earlier one is void.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

from msgspec import UNSET
from msgspec.structs import replace

from ticker.session.client import Paced
from ticker.session.messages import AnyServerMessage, Snapshot, Subscribed, Ticks, Unsubscribed
from ticker.session.requests import SnapshotAnswer
from ticker_client import problems, wants
from ticker_client.connection import Answer
from ticker_client.errors import NO_TICKER, ConnectionEnded, Refused
from ticker_client.http import HttpClient
from ticker_client.line import Desk
from ticker_client.records import Records

_BEGIN_AFRESH = ("gone", "bad_position", "unknown_symbol")


class Stale(Exception):
    """The server cannot go on from our position: we have to begin afresh."""


class PlainLine(ABC):
    """A line over HTTP; `follow` and `interrupt` are what its kinds differ in."""

    acknowledge = None

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._session = desk.session
        self._http = HttpClient(desk.address, desk.traffic)
        self._records = Records(self._http, desk.address.url)
        self._request = wants.Request({})
        self._lock = asyncio.Lock()  # one change of what is asked for at a time
        self._changed = asyncio.Event()
        self._revision = 0
        self._stale = False
        self._live = False

    @property
    def place(self) -> str:
        """The position reached, for a request: a server may call its tape what it likes, and not break our lines."""
        return quote(str(self._session.position), safe=":")

    # What its kinds differ in.

    @abstractmethod
    async def follow(self, revision: int) -> None:
        """Take in some of what comes after the position reached, as long as the revision is this one.

        Raises ConnectionEnded where nothing more will come, and Stale.
        """

    def interrupt(self) -> None:
        """Give up what is being waited for: it was asked for by an earlier revision."""
        self._http.drop_held()

    # What one hears.

    @property
    def live(self) -> bool:
        return self._live

    async def open(self) -> None:
        await self._greet()
        self._live = True

    async def listen(self) -> ConnectionEnded:
        self._ask_for(self._session.subscriptions)
        try:
            while True:
                ended = await self._listen_on()
                if ended is not None:
                    self._live = False
                    return ended
        finally:
            self._http.drop_held()

    async def settle(self) -> None:  # noqa: B027  # a default, not a duty
        """Return at once: what is answered is there."""

    async def close(self) -> None:
        self._live = False
        self._http.close()

    async def _listen_on(self) -> ConnectionEnded | None:
        """Follow what is wanted for a while; return why that is over, if it is."""
        revision = self._revision
        try:
            if not self._session.subscriptions:
                self._changed.clear()
                await self._changed.wait()
            elif self._stale or not self._session.reached:
                await self._begin_afresh()
            else:
                await self.follow(revision)
        except Stale:
            self._stale = True
        except ConnectionEnded as ended:
            return ended if revision == self._revision else None
        return None

    async def take(self, message: AnyServerMessage, revision: int) -> bool:
        """Take in a message, less what is not wanted; return whether what follows it is still asked for."""
        if isinstance(message, Ticks | Snapshot) and not self._request.exact:
            message = replace(message, data=self._request.sift(message.data))
        self._desk.inbox.take(message)
        await self._desk.inbox.room()
        return self._revision == revision

    def check(self, answer: Answer) -> None:
        """Raise Stale or ConnectionEnded where an answer is no success."""
        if answer.status == HTTPStatus.OK:
            return
        refused = problems.refusal(answer)
        if refused and refused.code in _BEGIN_AFRESH:
            raise Stale
        raise problems.ended(answer, self._desk.address.url)

    # What one may say.

    async def ping(self) -> None:
        await self._records.health()

    async def subscriptions(self) -> dict[str, list[str]]:
        return {channel: list(symbols) for channel, symbols in self._session.subscriptions.items()}

    async def subscribe(self, symbols: Sequence[str], channels: Sequence[str], paced: Paced | None) -> Subscribed:
        async with self._lock:
            self._check_live()
            wants.check(symbols, channels)
            reached = self._session.reached
            shown, known, refused = await self._records.snapshots(symbols, channels)
            if refused and not known:
                raise refused
            answer = self._grant(shown, known, channels, reached, paced or self._session.paced)
            if refused:
                raise refused
            return answer

    async def unsubscribe(self, symbols: Sequence[str], channels: Sequence[str]) -> Unsubscribed:
        async with self._lock:
            self._check_live()
            wants.check(symbols, channels)
            before = self._session.subscriptions
            universe = await self._records.universe() if wants.needs_universe(before, symbols, channels) else []
            left = wants.without(before, symbols, channels, universe)
            refused = wants.refusal(before, left, symbols, universe)
            answer = Unsubscribed(seq=self._session.reached, subscriptions=left)
            if left != before:
                self._desk.inbox.take(answer)
                self._change()
            if refused:
                raise refused
            return answer

    def _check_live(self) -> None:
        if not self._live:
            raise ConnectionEnded("there is no connection now")

    def _grant(
        self, shown: list[SnapshotAnswer], known: list[str], channels: Sequence[str], reached: int, paced: Paced
    ) -> Subscribed:
        """Take in snapshots and what they begin; `reached` is the position from before they were asked for."""
        session, inbox = self._session, self._desk.inbox
        before, added = session.subscriptions, wants.joined({}, known, channels)
        changed = paced != session.paced
        seq = min(document.seq for document in shown)
        answer = Subscribed(
            seq=seq,
            channels=list(added),
            symbols=next(iter(added.values())),
            pace=paced.pace,
            rate_hz=UNSET if paced.rate_hz is None else paced.rate_hz,
            snapshot=True,
            on_lag="skip",
            subscriptions=wants.joined(before, known, channels),
        )
        if seq < reached or any(document.epoch != session.position.epoch for document in shown):
            self._stale = True  # the server began anew, and we are the first to notice
        elif answer.subscriptions != before:
            session.go_on_from(min(session.reached, seq) if before else seq)
        inbox.take(answer)
        if not self._stale:
            self._show(shown, added, before)
        if self._stale or changed or answer.subscriptions != before:
            self._change()
        return answer

    def _show(self, shown: list[SnapshotAnswer], wanted: wants.Subscriptions, known: wants.Subscriptions) -> None:
        for document in shown:
            for snapshot in wants.snapshots(document.seq, document.data, wanted, known):
                self._desk.inbox.take(snapshot)

    def _change(self) -> None:
        self._ask_for(self._session.subscriptions)
        self._changed.set()
        self.interrupt()

    def _ask_for(self, subscriptions: wants.Subscriptions) -> None:
        self._revision += 1
        self._request = wants.Request(subscriptions)

    # Beginnings.

    async def _greet(self) -> None:
        self._desk.inbox.take(await self._records.welcome())

    async def _begin_afresh(self) -> None:
        """Have everything shown anew: what was missed until then shows in its `n`."""
        async with self._lock:
            await self._greet()
            shown: list[tuple[list[SnapshotAnswer], wants.Subscriptions]] = []
            left: wants.Subscriptions = {}
            for symbols, channels in wants.alike(self._session.subscriptions):
                documents, known, _ = await self._shown(symbols, channels)
                shown.append((documents, wants.joined({}, known, channels)))
                left = wants.joined(left, known, channels)
            everything = [document for documents, _ in shown for document in documents]
            if any(document.epoch != self._session.position.epoch for document in everything):
                raise ConnectionEnded(f"{self._desk.address.url} began anew")
            if left != self._session.subscriptions:  # this tape does not have all of it
                self._desk.inbox.take(Unsubscribed(seq=self._session.reached, subscriptions=left))
            if everything:
                self._session.go_on_from(min(document.seq for document in everything))
            for documents, wanted in shown:
                self._show(documents, wanted, {})
            self._stale = False
            self._ask_for(left)

    async def _shown(
        self, symbols: Sequence[str], channels: Sequence[str]
    ) -> tuple[list[SnapshotAnswer], list[str], object]:
        try:
            return await self._records.snapshots(symbols, channels)
        except Refused as error:
            raise ConnectionEnded(f"{self._desk.address.url}: {error}", NO_TICKER) from None
