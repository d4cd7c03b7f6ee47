"""One client of a run, whatever it is connected by, over all its connections."""

import asyncio
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ticker import clock
from ticker.errors import SetupError
from ticker.session.messages import AnyServerMessage, Error, Lag, Pong, Snapshot, Ticks, Welcome
from ticker_client.address import Address
from ticker_load.counts import thin
from ticker_load.inbox import Inbox
from ticker_load.proof import Step, Ways
from ticker_load.tally import Tally

Checked = Ticks | Snapshot | Lag


class Late:
    """Acks that are to be sent some time after the message they are for, the earliest first."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Callable[[int], None], int]] = deque()

    def put(self, due_us: int, ack: Callable[[int], None], seq: int) -> None:
        """Have `ack(seq)` called when it is due."""
        self._waiting.append((due_us, ack, seq))

    def ack_due(self, now_us: int) -> None:
        """Send all that is due by now."""
        while self._waiting and self._waiting[0][0] <= now_us:
            _, ack, seq = self._waiting.popleft()
            ack(seq)


@dataclass(frozen=True, slots=True)
class Terms:
    """What all clients have in common."""

    address: Address
    acks: str
    acks_number: float
    window: int
    pace: str
    rate_hz: float
    poll_every_s: float
    late: Late = field(default_factory=Late)


class Member:
    """One client: what it asks for, the place it has reached, and what is owed for it."""

    __slots__ = (
        "_unacked",
        "ack_every",
        "asked_us",
        "channels",
        "epoch",
        "inbox",
        "joined",
        "kind",
        "last",
        "last_us",
        "left",
        "offsets_us",
        "open",
        "place",
        "symbols",
        "tally",
        "terms",
        "ticked",
        "unanswered",
        "ways",
    )

    def __init__(
        self, terms: Terms, kind: str, symbols: list[str], channels: list[str], ways: Ways, tally: Tally, inbox: Inbox
    ) -> None:
        self.terms = terms
        self.kind = kind
        self.symbols = symbols
        self.channels = channels
        self.ways = ways
        self.tally = tally
        self.inbox = inbox
        self.place = ways.start
        self.last: Step | None = None
        self.last_us = 0
        self.epoch = ""
        self.open = False
        self.ticked = False
        self.unanswered = 0
        self.asked_us = 0
        every = {"every": max(1, round(terms.acks_number)), "late": 1} if kind == "ws" else {}
        self.ack_every = every.get(terms.acks, 0)
        self.offsets_us = array("q")
        self._unacked = 0
        self.renew()

    def renew(self) -> None:
        """Be ready for a new connection."""
        loop = asyncio.get_running_loop()
        self.joined: asyncio.Future[None] = loop.create_future()
        """Done when we are subscribed; a SetupError where that will never be."""
        self.left: asyncio.Future[int] = loop.create_future()
        """Done when the connection has ended, with its close code."""
        self._unacked = 0

    @property
    def position(self) -> str:
        """Return where to go on from, empty where that is nowhere."""
        return f"{self.epoch}:{self.place.seq}" if self.place.seq and self.epoch else ""

    def known(self, key: object) -> Step | None:
        """Return the step that these bytes make from here, where somebody has made it before."""
        return self.place.next.get(key)

    def learn(self, key: object, message: Checked, size: int) -> Step:
        """Return the step that a message makes from here."""
        return self.ways.step(self.place, key, message, self.kind, size)

    def take(self, step: Step, received_us: int) -> bool:
        """Make a step; tell whether an ack is due."""
        self.place = step.place
        self.tally.take(step, received_us)
        if not step.ts:
            return False
        self.last, self.last_us = step, received_us
        if not self.ticked:
            self.ticked = True
            self.tally.found.first_ticks_us.append(received_us - self.asked_us)
        if self.ack_every:
            self._unacked += 1
            if self._unacked >= self.ack_every:
                self._unacked = 0
                return True
        return False

    def sample(self) -> None:
        """Note how late the newest message was, uncorrected."""
        step = self.last
        if step is not None:
            since_us = step.oldest_us or step.seq * self.tally.found.latencies.step_us
            thin(self.offsets_us)
            self.offsets_us.append(self.last_us - since_us)
            self.last = None

    def welcomed(self, welcome: Welcome) -> None:
        """Note which tape it is."""
        found = self.tally.found
        tape = (welcome.epoch, welcome.step_ms)
        if found.tapes and tape not in found.tapes:
            found.errors["another tape"] += 1
        found.tapes.add(tape)
        found.latencies.step_us = found.latencies.step_us or round(welcome.step_ms * 1000)
        self.epoch = welcome.epoch

    def hear(self, message: AnyServerMessage, received_us: int) -> None:
        """Take note of a message that is neither ticks nor about them."""
        found = self.tally.found
        match message:
            case Error() if not self.joined.done():
                self.fail(f"refused: {message.message}")
            case Error():
                found.errors[message.code] += 1
            case Pong(ts=int(sent_us)) if self.unanswered:
                self.unanswered -= 1
                found.pings_us.append(received_us - sent_us)

    def waive(self) -> None:
        """Expect no more answers: we hang up ourselves."""
        self.tally.found.pings_sent -= self.unanswered
        self.unanswered = 0

    def subscribed(self) -> None:
        """Note that we have what we asked for."""
        if not self.joined.done():
            self.tally.found.subscribes_us.append(clock.wall_us() - self.asked_us)
            self.joined.set_result(None)

    def ended(self, code: int) -> None:
        """Note that the connection has ended."""
        if not self.left.done():
            self.left.set_result(code)

    def fail(self, what: str) -> None:
        """Whoever waits for us to join waits in vain."""
        if not self.joined.done():
            self.joined.set_exception(SetupError(f"{self.terms.address.url} {what}"))
            self.joined.exception()  # or asyncio complains where nobody waits any longer
