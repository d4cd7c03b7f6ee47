"""Short and long polls: what came after a position, at once, or as soon as there is something.

A long poll that finds nothing waits as a reader of the feed, in the audience of all who wait for the same: it costs
nothing while nothing happens, and its answer is rendered once for all of them.
"""

import asyncio
from collections.abc import Callable

import orjson

from ticker.endpoints.house import House
from ticker.endpoints.http import NO_STORE, Held, Request, Response, problem
from ticker.errors import Refusal, fault
from ticker.feed.audience import Audience
from ticker.feed.leap import Leap
from ticker.interest import Interest
from ticker.session.requests import TicksQuery
from ticker.session.terms import read_position
from ticker.ticks import Position


class Polls:
    """Answers polls over one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.held = 0

    def ticks(self, request: Request) -> Response | Held:
        """Answer with what came after `since`, one message a step; without `since`, with where the tape stands."""
        query = request.read(TicksQuery)
        interest = self._house.interest(query, request.permit)
        longest_s = self._house.config.http.wait_max_s
        if query.wait > longest_s:
            raise Refusal("bad_request", f"wait: {longest_s:g} seconds are the most", field="wait", limit=longest_s)
        head = self._house.feed.tape.head
        since = read_position(query.since, self._house.standing()) if isinstance(query.since, str) else head
        seq, batches = self.read(interest, since, query.limit)
        if batches or not query.wait or seq < head or self._house.draining:
            return self.response(self.answer(seq, batches))
        return Waiter(self, self._house, interest, seq, query.limit, query.wait)

    def read(self, interest: Interest, since: int, limit: int) -> tuple[int, list[bytes]]:
        """Return at most `limit` messages from after `since`, and the position up to which the tape was read."""
        audience = self._house.feed.audience(self._house.dialect, bare, interest)
        seq, ticks, batches = since, 0, list[bytes]()
        for entry in self._house.feed.between(since, since + self._house.config.http.scan_steps):
            message, count, seq = audience.render([entry])
            if message is not None:
                batches.append(message)
                ticks += count
            if len(batches) == limit:
                break
        self._house.metrics.sent(len(batches), ticks, sum(map(len, batches)))
        return seq, batches

    def body(self, message: bytes, seq: int) -> bytes:
        """Frame one message as the whole answer to a poll."""
        return self.answer(seq, [message])

    def answer(self, seq: int, batches: list[bytes]) -> bytes:
        """Return an answer that reaches a position."""
        opened = orjson.dumps(Position(self._house.feed.tape.epoch, seq)._asdict())[:-1]
        return b'%b,"batches":[%b]}' % (opened, b",".join(batches))

    def response(self, body: bytes) -> Response:
        return Response(200, body, headers=NO_STORE)


def bare(message: bytes, _: int) -> bytes:
    """Frame a message as itself."""
    return message


class Waiter:
    """A poll that is held: it has had everything up to `seq`, and is answered by the next message for its audience."""

    __slots__ = ("_answer", "_audience", "_house", "_interest", "_limit", "_polls", "_seq", "_timer", "_wait_s")

    waits = False

    def __init__(self, polls: Polls, house: House, interest: Interest, seq: int, limit: int, wait_s: float) -> None:
        self._polls = polls
        self._house = house
        self._interest = interest
        self._seq = seq
        self._limit = limit
        self._wait_s = wait_s
        self._answer: Callable[[Response], None] | None = None
        self._audience: Audience | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, answer: Callable[[Response], None]) -> None:
        self._answer = answer
        self._polls.held += 1
        self._timer = self._house.loop.call_later(self._wait_s, self.finish)
        self._wait()

    def flushed(self) -> None:
        """Look again: what was ahead of the feed's readers has been handed out."""
        if self._answer is None:
            return
        self._seq, batches = self._polls.read(self._interest, self._seq, self._limit)
        if batches:
            self._say(self._polls.answer(self._seq, batches))
        else:
            self._wait()

    def offer(self, frame: bytes, seq: int) -> None:  # noqa: ARG002  # the frame names it
        self._say(frame)

    def leapt(self, leap: Leap) -> None:  # noqa: ARG002  # the next request learns that its position is gone
        """Answer with nothing: there is a hole in the tape."""
        self.finish()

    def failed(self, error: Exception) -> None:
        """Say that it could not be answered."""
        self._house.faults.note("a poll could not be answered", error)
        answer = self._answer
        self.cancel()
        if answer is not None:
            answer(problem(fault()))

    def finish(self) -> None:
        try:
            if self._audience is not None:
                self._seq = self._house.feed.flushed
            self._say(self._polls.answer(self._seq, []))
        except Exception as error:  # or it would be held for ever
            self.failed(error)

    def cancel(self) -> None:
        if self._answer is None:
            return
        self._answer = None
        self._polls.held -= 1
        if self._timer is not None:
            self._timer.cancel()
        if self._audience is not None:
            self._house.feed.leave(self, self._audience)
            self._audience = None

    def _wait(self) -> None:
        feed = self._house.feed
        if self._seq == feed.flushed:
            self._audience = feed.audience(self._house.dialect, self._polls.body, self._interest)
            feed.join(self, self._audience)
        else:
            feed.await_flush(self)

    def _say(self, body: bytes) -> None:
        answer = self._answer
        self.cancel()
        if answer is not None:
            answer(self._polls.response(body))
