"""Publishes the backlog: many messages under way at once, each on condition that nobody else has written since.

Every message names the number of the one before it, and its name. The stream refuses it where that is not its last,
and all that follow, whose numbers might be right again: somebody else has written, and we see who leads (`Deposed`).
"""

import asyncio
from typing import NamedTuple

from nats.aio.msg import Msg

from ticker import clock
from ticker.links.nats.backlog import Backlog, Item
from ticker.links.nats.blocks import HEADERS_BYTES, INCIDENT, POSITION, Letter, letters
from ticker.links.nats.connection import Connection, Trouble
from ticker.links.nats.jetstream import EXPECTED_LAST, EXPECTED_LAST_ID, MESSAGE_ID, WRONG_LAST, Refused, acknowledged
from ticker.links.nats.names import Names
from ticker.ticks import Position

UNDER_WAY = 256
UNDER_WAY_BYTES = 8 * 1024 * 1024
ACK_S = 2.0  # without one for so long while one is due, the connection is given up
LOOK_S = 0.25


class Deposed(Trouble):
    """Somebody else has written to the stream."""


class _Sent(NamedTuple):
    item: Item
    complete: bool
    """Whether the item is stored with this message."""
    seq: int
    size: int
    at_s: float


class Writer:
    """Publishes one backlog over one connection, after message `last` of the stream."""

    def __init__(self, connection: Connection, names: Names, epoch: str, backlog: Backlog, last: int) -> None:
        self.last = last
        """The number of the last message that the stream has acknowledged."""
        self.refusal = ""
        self._connection = connection
        self._names = names
        self._epoch = epoch
        self._backlog = backlog
        self._expected = last
        self._before = ""
        self._sent: dict[str, _Sent] = {}
        self._bytes = 0
        self._heard_s = clock.monotonic_s()
        self._failure: Trouble | None = None
        self._wake = asyncio.Event()
        self._ready = False
        self._inbox = connection.inbox()
        self._count = 0

    @property
    def unacked(self) -> int:
        """How many messages are under way."""
        return len(self._sent)

    @property
    def in_step(self) -> bool:
        """Whether NATS has about all that there is: nothing has been waiting for long."""
        oldest = next(iter(self._sent.values()), None)
        waited_s = clock.monotonic_s() - oldest.at_s if oldest else 0.0
        return self._failure is None and not self._connection.lost.done() and waited_s < 1.0

    def pump(self) -> None:
        """Send what there is to send, as far as so much may be under way."""
        try:
            while self._ready and self._failure is None and self._backlog.waiting and self._may_send:
                self._send(self._backlog.next())
        except Trouble as trouble:
            self._fail(trouble)

    async def run(self) -> None:
        """Publish for ever. Raises Trouble, Deposed where somebody else does."""
        subscribed = await self._connection.subscribe(f"{self._inbox}.*", self._acked)
        self._ready = True
        try:
            await self._run()
        finally:
            self._ready = False
            await subscribed.end()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self.pump()
            if self._failure is not None:
                raise self._failure
            look = loop.call_later(LOOK_S, self._wake.set)
            await self._wake.wait()
            look.cancel()
            self._wake.clear()
            self._check()

    @property
    def _may_send(self) -> bool:
        return len(self._sent) < UNDER_WAY and self._bytes < UNDER_WAY_BYTES

    def _check(self) -> None:
        """Raise Trouble where an acknowledgement is overdue."""
        oldest = next(iter(self._sent.values()), None)
        if oldest and clock.monotonic_s() - max(oldest.at_s, self._heard_s) > ACK_S:
            raise Trouble("NATS does not acknowledge what is published")

    def _send(self, item: Item) -> None:
        if item.incident is None:
            subject, parts = self._names.steps, self._letters(item)
        else:
            subject = self._names.incident
            name = f"{self._epoch}:incident:{item.incident}"
            position = str(Position(self._epoch, item.last))
            parts = [Letter({MESSAGE_ID: name, POSITION: position, INCIDENT: str(item.incident)}, item.data)]
        for number, (headers, data) in enumerate(parts, 1):
            self._publish(item, subject, headers, data, complete=number == len(parts))

    def _letters(self, item: Item) -> list[Letter]:
        return letters(self._epoch, item.first, item.last, item.data, self._connection.payload_bytes_max)

    def _publish(self, item: Item, subject: str, headers: dict[str, str], data: bytes, *, complete: bool) -> None:
        self._count += 1
        reply = f"{self._inbox}.{self._count}"
        size = len(data) + HEADERS_BYTES
        self._sent[reply] = _Sent(item, complete, self._expected + 1, size, clock.monotonic_s())
        self._bytes += size
        attempt = self._backlog.attempt
        name = f"{headers[MESSAGE_ID]}#{attempt}" if attempt else headers[MESSAGE_ID]
        fenced = {**headers, MESSAGE_ID: name, EXPECTED_LAST: str(self._expected)}
        if self._before:
            fenced[EXPECTED_LAST_ID] = self._before
        self._expected += 1
        self._before = name
        self._connection.post(subject, data, reply, fenced)

    async def _acked(self, msg: Msg) -> None:
        sent = self._sent.pop(msg.subject, None)
        if sent is None:
            return
        self._bytes -= sent.size
        self._heard_s = clock.monotonic_s()
        try:
            seq, repeated = acknowledged(msg)
            if seq != sent.seq:
                self._backlog.attempt += repeated  # it was stored once, and is not any more
                raise Deposed("NATS has stored under another number what was published")
            self.last = seq
            sent.item.stored = sent.item.stored or sent.complete
            if sent.item.stored and sent.item.done is not None and not sent.item.done.done():
                sent.item.done.set_result(None)
        except Refused as refused:
            self._fail(Deposed(str(refused)) if refused.code in WRONG_LAST else refused)
        except Trouble as trouble:
            self._fail(trouble)
        self.pump()

    def _fail(self, trouble: Trouble) -> None:
        """Keep the first failure: those that follow are its consequences."""
        if self._failure is None:
            self._failure = trouble
        self._wake.set()
