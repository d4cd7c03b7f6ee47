"""The whole of "nothing lost, nobody waits": clients of every kind at once, doing anything in any order.

The server is real but for its sockets, its loop and its clocks (`stage`). Each connection has a ledger that knows,
tick by tick, what the client is owed, and judges every message the moment it is written (`ledger`).
"""

import sys
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import UNSET

from stage import Stage
from ticker.session.messages import Subscribe, Unsubscribe, Window
from ticker.ticks import CHANNELS, Position

CLIENTS = 3
ACK_DEADLINE_S = 5.0
NEVER_HZ = 1e-6
RATES = [10.0, 100.0, NEVER_HZ]
ALL: dict[str, Any] = {"symbols": ["*"], "channels": list(CHANNELS)}

who = st.integers(0, CLIENTS - 1)
wishes = st.sampled_from([[0, 1, 2, 3], [0, 1], [1], [2, 3]])  # few, so that audiences are shared
channels = st.sampled_from([list(CHANNELS), ["trades"], ["quotes"]])


class Machine(RuleBasedStateMachine):
    """Whatever happens, in whatever order: each ledger agrees with all that was written to its client."""

    STEPS_MAX = 10_000

    @initialize(
        packs=st.lists(st.booleans(), min_size=CLIENTS, max_size=CLIENTS),
        windows=st.lists(st.integers(0, 2), min_size=CLIENTS, max_size=CLIENTS),
        rates=st.lists(st.sampled_from([UNSET, UNSET, *RATES]), min_size=CLIENTS, max_size=CLIENTS),
        on_lags=st.lists(st.sampled_from([UNSET, "close"]), min_size=CLIENTS, max_size=CLIENTS),
        head=st.integers(0, 3),
    )
    def begin(self, packs: list[bool], windows: list[int], rates: list[Any], on_lags: list[Any], head: int) -> None:
        self.stage = Stage(self.STEPS_MAX, ack_deadline_s=ACK_DEADLINE_S)
        for _ in range(head):
            self.stage.step()
        self.clients = [self.stage.connect(packs=packed) for packed in packs]
        for client, window, rate_hz, on_lag in zip(self.clients, windows, rates, on_lags, strict=True):
            client.say(Window(size=window))
            pace = "every" if rate_hz is UNSET else "latest"
            client.subscribe(Subscribe(**ALL, pace=pace, rate_hz=rate_hz, on_lag=on_lag))

    # The market and the clocks.

    @rule(steps=st.integers(1, 20), flushes=st.sampled_from([True, True, False]), turns=st.booleans())
    def beat(self, steps: int, flushes: bool, turns: bool) -> None:
        """Steps, each flushed or not yet, the loop turning with each or not yet."""
        for _ in range(steps):
            self.stage.step()
            if flushes:
                self.stage.flush()
            if turns:
                self.stage.run()

    @rule(steps=st.integers(1, 20))
    def beat_on(self, steps: int) -> None:
        self.beat(steps, True, True)

    @rule(flushes=st.booleans(), turns=st.sampled_from([0, 1, 1000]))
    def turn(self, flushes: bool, turns: int) -> None:
        """The loop goes on a little, or until it is idle; a flush may come before, late."""
        if flushes:
            self.stage.flush()
        if turns == 1000:
            self.stage.run()
        elif turns:
            self.stage.loop.turn()

    @rule(
        seconds=st.sampled_from([0.02, 0.25, 1.1, 2.6, ACK_DEADLINE_S, ACK_DEADLINE_S]),
        jump_s=st.sampled_from([0, 0, 0, -60, 3600]),
    )
    def wait(self, seconds: float, jump_s: float) -> None:
        """Time passes; now and then the wall clock is set."""
        self.stage.now_us += round(jump_s * 1e6)
        self.stage.wait(seconds)

    # What clients say.

    @rule(
        k=who,
        wish=wishes,
        channels=channels,
        pace=st.sampled_from([UNSET, "every", "latest"]),
        snapshot=st.sampled_from([UNSET, True, False]),
        on_lag=st.sampled_from([UNSET, "skip", "close"]),
        back=st.none() | st.integers(0, 30),
    )
    def subscribe(self, k: int, wish: list[int], channels: list[str], back: int | None, **terms: Any) -> None:
        client, head = self.clients[k], self.stage.tape.head
        place = UNSET if back is None else str(Position(self.stage.market.epoch, max(0, head - back)))
        symbols = [self.stage.tape.symbols[index] for index in wish]
        refused = client.subscribe(Subscribe(symbols=symbols, channels=channels, from_=place, **terms))
        assert refused in ([], ["bad_request"], ["bad_position"], ["gone"])
        assert not (back is None and refused)

    @rule(k=who, rate_hz=st.sampled_from([None, None, *RATES]))
    def change_pace(self, k: int, rate_hz: float | None) -> None:
        if rate_hz is None:
            assert not self.clients[k].subscribe(Subscribe(**ALL, pace="every"))
        else:
            assert not self.clients[k].subscribe(Subscribe(**ALL, pace="latest", rate_hz=rate_hz))

    @rule(k=who, rest=st.sampled_from([UNSET, True]), back=st.integers(0, 5))
    def want_more_from_there(self, k: int, rest: Any, back: int) -> None:
        """Every tick of one channel more, from a position that is kept."""
        client = self.clients[k]
        place = max(self.stage.tape.head - back, self.stage.tape.floor)
        message = Subscribe(
            symbols=["*"], channels=["quotes"], pace="every", snapshot=rest, from_=f"{self.stage.market.epoch}:{place}"
        )
        assert client.subscribe(message) in ([], ["bad_position"])

    @rule(k=who, wish=wishes, channels=channels)
    def unsubscribe(self, k: int, wish: list[int], channels: list[str]) -> None:
        symbols = [self.stage.tape.symbols[index] for index in wish]
        assert self.clients[k].say(Unsubscribe(symbols=symbols, channels=channels)) in ([], ["not_subscribed"])

    @rule(k=who, size=st.integers(0, 4))
    def set_window(self, k: int, size: int) -> None:
        assert not self.clients[k].say(Window(size=size))
        assert self.clients[k].ledger.window == size

    @rule(k=who, which=st.sampled_from(["oldest", "newest", "again", "never sent"]), data=st.data())
    def ack(self, k: int, which: str, data: st.DataObject) -> None:
        client, ledger = self.clients[k], self.clients[k].ledger
        if which == "never sent":
            assert not client.ack(self.stage.tape.head + data.draw(st.integers(1, 1000)))
        elif which == "again" or not ledger.unacked:
            assert client.ack(data.draw(st.sampled_from(ledger.positions)))
        else:
            assert client.ack(ledger.unacked[0 if which == "oldest" else -1])

    # What transports do.

    @rule(k=who, how=st.sampled_from(["stall", "stall", "drain a little", "read on"]))
    def read(self, k: int, how: str) -> None:
        client = self.clients[k]
        match how:
            case "stall":
                client.reads = False
            case "drain a little":
                client.read(2)
            case "read on":
                client.read_on()

    @rule(k=who, packs=st.booleans(), window=st.integers(0, 2), data=st.data())
    def come_back(self, k: int, packs: bool, window: int, data: st.DataObject) -> None:
        """Hang up, and begin again with nothing, or from any position that was reached."""
        gone = self.clients[k]
        gone.leave()
        client = self.clients[k] = self.stage.connect(packs=packs)
        client.say(Window(size=window))
        place = data.draw(st.none() | st.sampled_from([0, *gone.ledger.reached[-9:]]))
        if place is None or not gone.ledger.wanted:
            return
        table: dict[str, list[str]] = {}
        for channel, index in sorted(gone.ledger.wanted):
            table.setdefault(CHANNELS[channel], []).append(self.stage.tape.symbols[index])
        refused = client.subscribe(Subscribe(subscriptions=table, from_=str(Position(self.stage.market.epoch, place))))
        assert refused == (["gone"] if 0 < place < self.stage.tape.floor else [])

    # What must be so.

    @invariant()
    def who_was_closed_is_gone(self) -> None:
        for k, client in enumerate(self.clients):
            if client.over:
                client.leave()
                self.clients[k] = self.stage.connect()

    @rule()
    def rest(self) -> None:
        """Everybody reads and acknowledges, and time passes: then nobody is owed anything."""
        self.stage.step()
        self.stage.flush()
        for client in self.clients:
            client.read_on()
        self.stage.run()
        for _ in range(4):
            self.stage.wait(1.0)
            self.who_was_closed_is_gone()
            while any(client.ledger.unacked for client in self.clients):
                for client in self.clients:
                    client.ack(client.ledger.positions[-1])
                self.stage.run()
        for client in self.clients:
            ledger = client.ledger
            if ledger.rate_hz != NEVER_HZ:
                assert (ledger.owed, ledger.merged, ledger.stretches) == ([], 0, [])
        assert self.stage.feed.laggards == {}
        assert self.stage.house.unacked() == 0

    def teardown(self) -> None:
        if sys.exc_info()[0] or not hasattr(self, "stage"):
            return  # it has failed already
        self.rest()
        for client in self.clients:
            client.leave()
        feed, house = self.stage.feed, self.stage.house
        self.stage.step()
        self.stage.flush()
        self.stage.wait(0.0)
        assert (feed.audiences, feed.laggards, house.flows, house.connections) == (0, {}, {}, {})
        assert (feed._slots, feed._awaiting) == ({}, [])


class ShortTape(Machine):
    """The same with a tape of six steps: whoever is slow loses ticks, is told exactly how many, and goes on."""

    STEPS_MAX = 6


TestMachine = Machine.TestCase
TestMachine.settings = settings(deadline=None, max_examples=250, stateful_step_count=50)
TestShortTape = ShortTape.TestCase
TestShortTape.settings = settings(deadline=None, max_examples=250, stateful_step_count=50)
