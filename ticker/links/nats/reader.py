"""A consumer of the stream that is watched: where it falls silent, or leaves something out, it is given up.

It is ephemeral, without acknowledgements, with heartbeats and flow control: whoever is slow has messages wait in
JetStream, not here. The library does not notice that a consumer is gone; here nothing is heard for two heartbeats then.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from nats.aio.msg import Msg

from ticker import clock
from ticker.links.nats.connection import DESCRIPTION, STATUS, Connection, Trouble
from ticker.links.nats.jetstream import JetStream
from ticker.links.nats.names import Names

SLICE_S = 0.01  # of messages at a time: as long as a client may wait for an answer because of them
LAST_OF_CONSUMER, LAST_OF_STREAM, STALLED = "Nats-Last-Consumer", "Nats-Last-Stream", "Nats-Consumer-Stalled"
CONTROL = "100"
GONE_AFTER_NS = 5_000_000_000

Start = dict[str, Any]
"""Where a consumer begins, in JetStream's words."""
Take = Callable[[int, str, dict[str, str], bytes], None]
"""What takes a message: its number, subject, headers, data. May raise Again."""


class Again(Exception):  # nothing is wrong: the consumer is made anew
    """The consumer is to be made anew."""


def from_message(seq: int) -> Start:
    """Begin with a message, or the first after it that there is."""
    return {"deliver_policy": "by_start_sequence", "opt_start_seq": max(1, seq)}


def from_time(time: str) -> Start:
    """Begin with the first message since a time."""
    return {"deliver_policy": "by_start_time", "opt_start_time": time}


class Reader:
    """One consumer; `idle` is called at each of its heartbeats: there is no more at the moment than up to
    a message."""

    def __init__(
        self, connection: Connection, names: Names, heartbeat_s: float, take: Take, idle: Callable[[int], None]
    ) -> None:
        self._connection = connection
        self._names = names
        self._heartbeat_s = heartbeat_s
        self._take = take
        self._idle = idle
        self._heard_s = clock.monotonic_s()
        self._slice_s = 0.0
        self._count = 0
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def silent(self) -> bool:
        """Whether nothing was heard for two heartbeats."""
        return clock.monotonic_s() - self._heard_s > 2 * self._heartbeat_s

    async def run(self, start: Start) -> None:
        """Read until something is wrong. Raises Again, Trouble."""
        inbox = self._connection.inbox()
        subscribed = await self._connection.subscribe(inbox, self._received)
        try:
            jetstream = JetStream(self._connection)
            self._heard_s = clock.monotonic_s()
            await jetstream.consume(self._names.stream, {**self._config(inbox), **start})
            while not self.silent:
                await asyncio.wait([self._over], timeout=self._heartbeat_s / 2)
                if self._over.done():
                    self._over.result()
            raise Again
        finally:
            await subscribed.end()
            if self._over.done():
                self._over.exception()

    def end(self, error: Exception) -> None:
        """Read no more: `run` raises this."""
        if not self._over.done():
            self._over.set_exception(error)

    def _config(self, inbox: str) -> dict[str, Any]:
        return {
            "deliver_subject": inbox,
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "idle_heartbeat": int(self._heartbeat_s * 1e9),
            "flow_control": True,
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": GONE_AFTER_NS,
        }

    async def _received(self, msg: Msg) -> None:
        if self._over.done():
            return
        self._heard_s = clock.monotonic_s()
        try:
            headers = msg.headers or {}
            if STATUS in headers and not msg.data:
                await self._control(msg, headers)
                return
            seq, count = _numbers(msg.reply)
            if count != self._count + 1:
                raise Again
            self._count = count
            self._take(seq, msg.subject, headers, msg.data)
        except Exception as error:
            self.end(error)
        if clock.monotonic_s() - self._slice_s > SLICE_S:
            await asyncio.sleep(0)
            self._slice_s = clock.monotonic_s()

    async def _control(self, msg: Msg, headers: dict[str, str]) -> None:
        """Answer flow control, and see in a heartbeat whether we have had everything. Raises Again."""
        if headers[STATUS] != CONTROL:
            raise Again
        if msg.reply and headers.get(DESCRIPTION, "").startswith("Flow"):
            await self._connection.publish(msg.reply, b"")
            return
        stalled = headers.get(STALLED)
        if stalled:
            await self._connection.publish(stalled, b"")
        if headers.get(LAST_OF_CONSUMER, str(self._count)) != str(self._count):
            raise Again
        self._idle(int(headers.get(LAST_OF_STREAM, "0")))


def _numbers(reply: str) -> tuple[int, int]:
    """Return a message's number in the stream, and in what the consumer has delivered. Raises Trouble."""
    tokens = reply.split(".")
    try:
        at = 5 if len(tokens) == 9 else 7  # a server of a domain names it, and its account, in front
        return int(tokens[at]), int(tokens[at + 1])
    except (IndexError, ValueError):
        raise Trouble("JetStream delivered a message without its number") from None
