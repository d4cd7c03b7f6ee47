"""Whole conversations: server and client sessions joined by a list of bytes, in every order of events.

On one side the feed, the native dialect, the server's session and the outlet, on the other the client's session.
Pretended are the wire (which fills and drains), the loop, and a market that steps when it is told to.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from said import welcome
from ticker import universes
from ticker.config import Config, MarketConfig, StreamConfig
from ticker.dialects import native
from ticker.dialects.native import NativeDialect
from ticker.endpoints.house import House
from ticker.endpoints.outlet import Outlet
from ticker.errors import Refusal
from ticker.feed.feed import Feed
from ticker.interest import Interest
from ticker.market.market import Market
from ticker.metrics import Metrics
from ticker.session.client import ClientSession
from ticker.session.messages import (
    Ack,
    ClientMessage,
    Error,
    Lag,
    ListSubscriptions,
    Ping,
    Pong,
    SnapshotHead,
    Subscribe,
    Subscriptions,
    Ticks,
    Unsubscribe,
    Welcome,
)
from ticker.session.pace import Recovery
from ticker.session.server import ServerSession
from ticker.session.terms import Terms
from ticker.ticks import CHANNELS, TRADES

MARKET = MarketConfig(model="plain", instruments=4, trades_per_s=60.0, quotes_per_s=40.0)
FULL, DRAINED = 4, 1  # messages on the wire at which the server's transport pauses, and resumes
CATCH_UP_BYTES = 1024  # about ten ticks
NOW_US = 1_700_000_000_000_000

Tick = tuple[str, str, int]


def unframed(message: bytes, _: int) -> bytes:
    return message


class Loop:
    """An event loop that runs what is ready when it is told to."""

    def __init__(self) -> None:
        self.ready: deque[Callable[[], None]] = deque()

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.ready.append(callback)

    def turn(self) -> None:
        for _ in range(len(self.ready)):
            self.ready.popleft()()


class Place:
    """A market, its feed, and all that two ends share."""

    def __init__(self, steps_max: int) -> None:
        self.market = Market(MARKET, universes.load(MARKET))
        self.feed = Feed(self.market.epoch, MARKET.instruments, steps_max, 10, Metrics())
        self.loop = Loop()
        self.history: list[tuple[int, Tick, int]] = []
        """Every tick of the tape: its position, how clients know it, and its instrument."""
        self.house = House(
            config=Config(stream=StreamConfig(catch_up_bytes=CATCH_UP_BYTES)),
            feed=self.feed,
            terms=Terms(self.market.universe, 10, window_max=100, rate_hz=10.0, rate_max_hz=100.0),
            dialect=NativeDialect(self.market.universe),
            metrics=Metrics(),
            loop=cast(Any, self.loop),
            log=cast(Any, None),
            welcome=self.welcome,
            connections_max=10,
        )

    @property
    def symbols(self) -> list[str]:
        return [instrument.symbol for instrument in self.market.universe]

    def step(self) -> None:
        batch = self.market.step()
        self.history += [
            (batch.seq, (channel, self.symbols[row["instrument"]], int(row["n"])), int(row["instrument"]))
            for channel in CHANNELS
            for row in batch.rows[channel]
        ]
        self.feed.publish(batch, NOW_US + batch.seq)

    def welcome(self) -> Welcome:
        return welcome(self.market.epoch, self.feed.tape.head)


class ServerEnd:
    """One conversation as the server has it: a session, an outlet, and a transport that pauses when it is full."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.wire: deque[bytes] = deque()
        self.paused = False
        self.session = ServerSession(place.house.terms, place.feed.tape.head)
        self.outlet = Outlet(place.house, self, cast(Any, self), place.house.dialect, unframed)
        self._since: dict[tuple[str, int], int] = {}
        self._over: list[tuple[str, int, int, int]] = []
        self.write(native.reply(place.welcome()))

    # What an outlet asks of a transport.

    def write(self, data: bytes) -> None:
        self.wire.append(data)
        if len(self.wire) >= FULL and not self.paused:
            self.paused = True
            self.outlet.pause()

    def is_closing(self) -> bool:
        return False

    def drained(self) -> None:
        if self.paused and len(self.wire) <= DRAINED:
            self.paused = False
            self.outlet.resume()

    # What an outlet asks of its owner.

    def lagged(self, lag: Lag) -> bool:
        self.write(native.reply(lag))
        for head in self.session.snapshots():
            self.show(head)
        return True

    def hear(self, data: bytes) -> None:
        before = self.session.interest
        try:
            outcome = self.session.receive(native.parse(data), self.place.house.standing(self.outlet.cursor), NOW_US)
        except Refusal as refusal:
            self.write(native.refusal(refusal, None))
            return
        for answer in outcome.answers:
            self.write(native.reply(answer))
        for head in outcome.snapshots:
            self.show(head)
        if self.session.interest != before:
            self.note(before, self.session.interest)
            self.outlet.change(self.session.interest)

    def recovered(self, recovery: Recovery, gap: tuple[int, int] | None) -> None:
        raise AssertionError(recovery, gap)

    def show(self, head: SnapshotHead) -> None:
        feed, dialect = self.place.feed, self.place.house.dialect
        pieces = dialect.render(head.channel, feed.board.newest(head.channel, head.instruments))
        self.write(dialect.snapshot(feed.tape.head, head.channel, b"".join(pieces)))
        self.session.told(feed.tape.head)

    # What is owed: from the head where it was subscribed up to what had been written when it was unsubscribed.

    def note(self, before: Interest, after: Interest) -> None:
        for channel in CHANNELS:
            for index in (after - before).indices(channel):
                self._since[channel, index] = self.place.feed.tape.head
            for index in (before - after).indices(channel):
                lost = self.place.feed.tape.oldest - 1  # what is off the tape by now stays owed, and is counted
                until = max(self.outlet.cursor, lost)
                self._over.append((channel, index, self._since.pop((channel, index)), until))

    def debt(self) -> list[Tick]:
        """Return every tick that this client was to be sent by now, in the order of the tape."""
        head = self.place.feed.tape.head
        spans = [*self._over, *((channel, index, since, head) for (channel, index), since in self._since.items())]
        return [
            tick
            for seq, tick, index in self.place.history
            if any((tick[0], index) == span[:2] and span[2] < seq <= span[3] for span in spans)
        ]


class ClientEnd:
    """The same conversation as the client has it."""

    def __init__(self, server: ServerEnd, ack_every: int) -> None:
        self.server = server
        self.wire: deque[bytes] = deque()
        self.session = ClientSession(ack_every)
        self.had: list[Tick] = []
        self.wanted: set[tuple[str, str]] = set()
        self.expected: deque[object] = deque()
        """What must be the answers to questions on their way."""

    def say(self, message: ClientMessage) -> None:
        self.wire.append(native.command(message))

    def hear(self) -> None:
        message = native.read(self.server.wire.popleft())
        self.server.drained()
        if ack := self.session.receive(message):
            self.say(ack)
        match message:
            case Ticks():
                self.had += [(t.channel, t.sym, t.n) for t in message.data]
            case Pong():
                assert message.ts == self.expected.popleft()
            case Subscriptions():
                assert message.subscriptions == self.expected.popleft()
            case Error():
                raise AssertionError(message)

    def speak(self) -> None:
        self.server.hear(self.wire.popleft())

    def subscribe(self, channels: list[str], symbols: list[str]) -> None:
        self.say(Subscribe(id=1, symbols=list(symbols), channels=list(channels)))
        self.wanted |= {(channel, symbol) for channel in channels for symbol in symbols}

    def unsubscribe(self, channels: list[str], symbols: list[str]) -> None:
        self.say(Unsubscribe(id=2, symbols=list(symbols), channels=list(channels)))
        self.wanted -= {(channel, symbol) for channel in channels for symbol in symbols}

    def ask(self, ts: int | None) -> None:
        if ts is not None:
            self.say(Ping(ts=ts))
            self.expected.append(ts)
            return
        symbols = self.server.place.symbols
        kept = {channel: [s for s in symbols if (channel, s) in self.wanted] for channel in CHANNELS}
        self.say(ListSubscriptions())
        self.expected.append({c: ["*"] if found == symbols else found for c, found in kept.items() if found})

    @property
    def faults(self) -> tuple[int, int, int]:
        return self.session.missed, self.session.repeated, self.session.reordered


def settle(place: Place, clients: list[ClientEnd]) -> None:
    """Let everything that is on its way arrive."""
    place.feed.flush()
    for _ in range(10_000):
        for client in clients:
            while client.wire:
                client.speak()
            while client.server.wire:
                client.hear()
        if not (place.loop.ready or any(client.wire or client.server.wire for client in clients)):
            break
        place.loop.turn()
    else:
        raise AssertionError("it never comes to rest")


channels = st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=2, unique=True)
some_symbols = st.sets(st.integers(0, MARKET.instruments - 1), min_size=1)
either = st.integers(0, 1)


class Conversations(RuleBasedStateMachine):
    """Two clients say anything at any time while the market steps, wires fill and drain, and the loop turns."""

    STEPS_MAX = 10_000

    @initialize(ack_every=st.integers(1, 4), wishes=st.tuples(some_symbols, some_symbols))
    def begin(self, ack_every: int, wishes: tuple[set[int], set[int]]) -> None:
        self.place = Place(self.STEPS_MAX)
        self.clients = [ClientEnd(ServerEnd(self.place), ack_every) for _ in range(2)]
        for client, indices in zip(self.clients, wishes, strict=True):
            client.subscribe([TRADES], [self.place.symbols[index] for index in sorted(indices)])
            client.speak()

    @rule(steps=st.integers(1, 12), turns=st.booleans())
    def beat(self, steps: int, turns: bool) -> None:
        """The market steps and flushes, and the loop turns with every step or not yet."""
        for _ in range(steps):
            self.place.step()
            self.place.feed.flush()
            if turns:
                self.place.loop.turn()

    @rule(steps=st.integers(1, 3))
    def beat_without_flush(self, steps: int) -> None:
        for _ in range(steps):
            self.place.step()

    @rule()
    def turn(self) -> None:
        self.place.loop.turn()

    @rule(who=either, channels=channels, indices=some_symbols, at_once=st.booleans())
    def subscribe(self, who: int, channels: list[str], indices: set[int], at_once: bool) -> None:
        self.clients[who].subscribe(channels, [self.place.symbols[index] for index in sorted(indices)])
        if at_once:
            self.server_hears(who)

    @rule(who=either, channels=channels, indices=some_symbols, at_once=st.booleans())
    def unsubscribe(self, who: int, channels: list[str], indices: set[int], at_once: bool) -> None:
        client = self.clients[who]
        symbols = [self.place.symbols[index] for index in sorted(indices)]
        if {(channel, s) for channel in channels for s in symbols} & client.wanted:
            client.unsubscribe(channels, symbols)
        if at_once:
            self.server_hears(who)

    @rule(who=either, ts=st.none() | st.integers(0, 99))
    def ask(self, who: int, ts: int | None) -> None:
        client = self.clients[who]
        client.ask(ts)
        client.say(Ack(seq=min(ts or 0, client.session.seq)))

    @rule(who=either, messages=st.integers(1, 8))
    def client_hears(self, who: int, messages: int) -> None:
        client = self.clients[who]
        for _ in range(min(messages, len(client.server.wire))):
            client.hear()

    @rule(who=either)
    def server_hears(self, who: int) -> None:
        client = self.clients[who]
        while client.wire:
            client.speak()

    @invariant()
    def nothing_is_missed_repeated_or_reordered(self) -> None:
        for client in self.clients:
            assert client.faults == (0, 0, 0), client.session.gaps

    @rule()
    def rest(self) -> None:
        """Everything that is on its way arrives, and all is as it should be."""
        settle(self.place, self.clients)
        for client in self.clients:
            self.judge(client, client.server.debt())
            assert not client.expected
            interest = client.server.session.interest
            assert {(c, self.place.symbols[i]) for c in CHANNELS for i in interest.indices(c)} == client.wanted
        assert self.place.feed.laggards == {}, "everybody is level"

    def teardown(self) -> None:
        for _ in range(2):
            self.rest()
            self.place.step()

    def judge(self, client: ClientEnd, debt: list[Tick]) -> None:
        assert client.had == debt
        assert client.session.lagged == 0


class ShortTape(Conversations):
    """The same with a tape of three steps: who is slow loses ticks, is told how many, and goes on."""

    STEPS_MAX = 3

    def judge(self, client: ClientEnd, debt: list[Tick]) -> None:
        had = set(client.had)
        assert len(client.had) == len(had)
        assert client.had == [tick for tick in debt if tick in had]
        assert client.session.lagged == len(debt) - len(had)


TestConversations = Conversations.TestCase
TestConversations.settings = settings(deadline=None, max_examples=60, stateful_step_count=50)
TestShortTape = ShortTape.TestCase
TestShortTape.settings = settings(deadline=None, max_examples=60, stateful_step_count=50)


def joined(steps_max: int = 1000) -> tuple[Place, ClientEnd]:
    place = Place(steps_max)
    return place, ClientEnd(ServerEnd(place), ack_every=2)


def test_a_quiet_conversation() -> None:
    place, client = joined()
    client.subscribe([TRADES], place.symbols)
    settle(place, [client])
    for _ in range(50):
        place.step()
        settle(place, [client])
    assert client.had == [tick for _, tick, _ in place.history if tick[0] == TRADES]
    assert client.faults == (0, 0, 0)
    assert client.server.session.acked >= client.session.seq - 2


def test_what_is_asked_for_between_two_flushes_begins_after_the_next() -> None:
    place, client = joined()
    place.step()
    client.subscribe([TRADES], place.symbols)
    client.speak()
    place.loop.turn()
    for _ in range(5):
        place.step()
        settle(place, [client])
        assert client.had == client.server.debt()
        assert place.feed.laggards == {}
    assert client.had


@pytest.mark.parametrize("channels", [[TRADES], list(CHANNELS)])
def test_a_client_that_reads_nothing_holds_no_more_than_its_wire(channels: list[str]) -> None:
    place, client = joined()
    client.subscribe(channels, place.symbols)
    client.speak()
    answers = len(client.server.wire)  # of all channels more than fit
    for _ in range(200):
        place.step()
        place.feed.flush()
        place.loop.turn()
    assert len(client.server.wire) == max(FULL, answers)
    settle(place, [client])
    assert client.had == client.server.debt()
    assert client.faults == (0, 0, 0)


def test_a_client_that_lost_ticks_is_told_how_many() -> None:
    place, client = joined(steps_max=3)
    client.subscribe(list(CHANNELS), place.symbols)
    client.speak()
    for _ in range(50):
        place.step()
        place.feed.flush()
        place.loop.turn()
    settle(place, [client])
    assert client.session.lagged > 50
    assert client.session.lagged + len(client.had) == len(client.server.debt())
    assert client.faults == (0, 0, 0)


def test_asking_twice_for_a_symbol_harms_nothing() -> None:
    place, client = joined()
    client.subscribe([TRADES], place.symbols)
    settle(place, [client])
    for _ in range(10):
        place.step()
    client.subscribe([TRADES], place.symbols[:2])
    client.speak()  # before the next flush
    settle(place, [client])
    assert client.faults == (0, 0, 0)
    assert client.had == client.server.debt()


def test_ticks_that_are_lost_between_two_flushes_harm_nothing() -> None:
    place, client = joined(steps_max=6)
    client.subscribe([TRADES], place.symbols)
    settle(place, [client])
    for _ in range(20):
        place.step()
        place.feed.flush()
    for _ in range(3):
        place.step()  # the next flush is not yet
    client.server.drained()
    while client.server.wire:
        client.hear()
    place.loop.turn()
    settle(place, [client])
    assert client.session.lagged
    assert client.faults == (0, 0, 0)
