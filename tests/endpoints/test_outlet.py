"""One reader, however its transport stalls and its wishes change: no hole, no repeat, no loss unannounced."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.config import Config, StreamConfig
from ticker.endpoints.house import House
from ticker.endpoints.outlet import Outlet
from ticker.feed.feed import Feed
from ticker.interest import Interest
from ticker.metrics import Metrics
from ticker.session.messages import Lag
from ticker.session.pace import Recovery
from ticker.ticks import DTYPES, EMPTY, TRADES, Batch, Rows

INSTRUMENTS = 3


class ToyDialect:
    """Renders a trade as `instrument:n;`."""

    packs = False

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        assert channel == TRADES or not len(rows)
        return [b"%d:%d;" % (row["instrument"], row["n"]) for row in rows]

    def ticks(self, seq: int, emitted_us: int, pieces: bytes) -> bytes:
        assert emitted_us == seq
        return b"%d|%b" % (seq, pieces)


def unframed(message: bytes, _: int) -> bytes:
    return message


class Wire:
    """A transport, a loop and a conversation, all pretended."""

    def __init__(self, tape_steps: int) -> None:
        self.soon: list[Callable[[], None]] = []
        self.written: list[bytes] = []
        self.lags: list[tuple[int, int, int]] = []
        self.paused = False
        self.fills = False  # whether telling a loss fills the transport
        self.waiting_bytes = 0
        self.feed = Feed("tape", INSTRUMENTS, tape_steps, 10, Metrics())
        house = SimpleNamespace(
            feed=self.feed,
            dialect=ToyDialect(),
            metrics=Metrics(),
            loop=SimpleNamespace(call_soon=self.soon.append),
            config=Config(stream=StreamConfig(catch_up_bytes=1024)),
        )
        self.outlet = Outlet(cast(House, house), self, cast(Any, self), cast(Any, house.dialect), unframed)
        self.n = [0] * INSTRUMENTS
        self.counts = [tuple(self.n)]  # by position
        self.asked: list[Recovery] = []
        self.told: list[Recovery] = []

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, _: str) -> None:
        """Have no socket."""

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes

    def write(self, frame: bytes) -> None:
        assert not self.paused, "ticks are not written to a transport that is full"
        self.written.append(frame)

    def lagged(self, lag: Lag) -> bool:
        self.lags.append((lag.from_, lag.to, lag.dropped))
        if self.fills:
            self.paused = True
            self.outlet.pause()
        return True

    def recover(self, interest: Interest, since: int) -> None:
        self.asked.append(Recovery(since, self.feed.tape.head))
        self.outlet.recover(interest, since)

    def recovered(self, recovery: Recovery, gap: tuple[int, int] | None) -> None:
        assert all(seq <= self.outlet.cursor for seq, _, _ in self.received())
        assert recovery.until <= self.outlet.cursor
        assert bool(gap) <= bool(self.lags)
        assert gap is None or gap[0] < recovery.until
        self.told.append(recovery)

    def step(self, mask: int) -> None:
        """Publish a step in which the instruments of a mask trade."""
        rows = np.zeros(mask.bit_count(), DTYPES[TRADES])
        rows["instrument"] = [index for index in range(INSTRUMENTS) if mask >> index & 1]
        for row in rows:
            self.n[row["instrument"]] += 1
            row["n"] = self.n[row["instrument"]]
        self.counts.append(tuple(self.n))
        seq = self.feed.tape.head + 1
        self.feed.publish(Batch(seq, 1000 * seq, EMPTY | {TRADES: rows}), seq)

    def run_soon(self) -> None:
        while self.soon:
            self.soon.pop(0)()

    def received(self) -> list[tuple[int, int, int]]:
        """Return (seq, instrument, n) of every tick written."""
        found = []
        for message in self.written:
            seq, _, body = message.partition(b"|")
            for piece in body.split(b";")[:-1]:
                instrument, _, n = piece.partition(b":")
                found.append((int(seq), int(instrument), int(n)))
        return found


ACTIONS = st.one_of(
    st.tuples(st.just("step"), st.integers(0, 7)),
    st.tuples(st.sampled_from(["flush", "pause", "resume", "soon"]), st.just(0)),
    st.tuples(st.just("want"), st.integers(0, 7)),
    st.tuples(st.just("recover"), st.integers(0, 63)),  # which instruments, and how far back
)


@settings(max_examples=400, deadline=None)
@given(st.lists(ACTIONS, max_size=80), st.sampled_from([4, 1000]))
def test_what_was_wanted_came_once_and_in_order(actions: list[tuple[str, int]], tape_steps: int) -> None:
    wire = Wire(tape_steps)
    wanted, begun = 0, False
    since = [0] * INSTRUMENTS  # n of each instrument when it was last asked for
    for action, argument in [*actions, ("resume", 0), ("flush", 0), ("soon", 0), ("flush", 0), ("soon", 0)]:
        match action:
            case "step":
                wire.step(argument)
            case "flush":
                wire.feed.flush()
            case "pause" if not wire.paused:
                wire.paused = True
                wire.outlet.pause()
            case "resume" if wire.paused:
                wire.paused = False
                wire.outlet.resume()
            case "soon":
                wire.run_soon()
            case "want" if argument != wanted:
                for index in range(INSTRUMENTS):
                    if argument >> index & 1 and not wanted >> index & 1:
                        since[index] = wire.n[index]
                wanted, begun = argument, True
                wire.outlet.change(Interest.of([TRADES], wanted))
            case "recover" if argument & 7 & ~wanted:
                back = max(wire.feed.tape.oldest - 1, wire.feed.tape.head - argument // 8)
                place = max(back, wire.outlet.cursor) if begun else back
                added, begun = argument & 7 & ~wanted, True
                for index in range(INSTRUMENTS):
                    if added >> index & 1:
                        since[index] = wire.counts[place][index]
                wanted |= added
                wire.recover(Interest.of([TRADES], added), place)
    ticks = wire.received()
    assert wire.told == wire.asked
    assert [seq for seq, _, _ in ticks] == sorted(seq for seq, _, _ in ticks)
    assert len(set(wire.written)) == len(wire.written)
    for index in range(INSTRUMENTS):
        came = [n for _, instrument, n in ticks if instrument == index]
        assert came == sorted(set(came))
        if wanted >> index & 1 and not wire.lags:
            assert [n for n in came if n > since[index]] == list(range(since[index] + 1, wire.n[index] + 1))
    if tape_steps == 1000:
        assert not wire.lags


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=60))
def test_what_falls_off_the_tape_is_counted_exactly(steps: list[int]) -> None:
    wire = Wire(tape_steps=4)
    wire.outlet.change(Interest.of([TRADES], 0b111))
    wire.paused = True
    wire.outlet.pause()
    for mask in steps:
        wire.step(mask)
        wire.feed.flush()
    wire.paused = False
    wire.outlet.resume()
    wire.run_soon()
    received = len(wire.received())
    assert received + sum(dropped for _, _, dropped in wire.lags) == sum(wire.n)
    assert all(since < until == len(steps) for since, until, _ in wire.lags)
    wire.step(0b111)
    wire.feed.flush()
    assert len(wire.received()) == received + 3  # it is live again


def test_a_full_transport_is_not_written_to_by_a_first_subscription() -> None:
    wire = Wire(tape_steps=1000)
    wire.paused = True
    wire.outlet.pause()
    wire.outlet.change(Interest.of([TRADES], 0b111))
    for _ in range(3):
        wire.step(0b111)
        wire.feed.flush()
        wire.run_soon()
    assert wire.written == []
    wire.paused = False
    wire.outlet.resume()
    wire.run_soon()
    assert len(wire.received()) == 9


def test_a_reader_whose_transport_fills_while_it_is_told_of_a_loss_is_not_live() -> None:
    wire = Wire(tape_steps=4)
    wire.outlet.change(Interest.of([TRADES], 0b111))
    wire.paused = wire.fills = True
    wire.outlet.pause()
    for _ in range(10):
        wire.step(0b111)
        wire.feed.flush()
    wire.paused = False
    wire.outlet.resume()
    wire.run_soon()
    assert len(wire.lags) == 1
    wire.step(0b111)
    wire.feed.flush()  # nothing may be written now: Wire.write would complain
    wire.paused = wire.fills = False
    wire.outlet.resume()
    wire.run_soon()
    assert [n for _, _, n in wire.received()] == [11, 11, 11]


def test_a_recovery_that_was_sent_whole_is_complete_whatever_is_lost_after_it() -> None:
    wire = Wire(tape_steps=4)
    for _ in range(3):
        wire.step(0b111)
    wire.feed.flush()
    wire.recover(Interest.of([TRADES], 0b111), 0)
    wire.soon.pop(0)()  # all of it goes out, and before that is told the transport fills
    assert len(wire.received()) == 9
    wire.paused = True
    wire.outlet.pause()
    for _ in range(10):
        wire.step(0b111)
        wire.feed.flush()
    wire.paused = False
    wire.outlet.resume()
    wire.run_soon()
    assert [since for since, _, _ in wire.lags] == [3]
    assert wire.told == [Recovery(0, 3)]  # `recovered` has checked that no gap was claimed


def test_a_reader_that_drains_and_fills_again_between_two_looks_has_not_stalled() -> None:
    wire = Wire(tape_steps=8)
    stall_s = wire.outlet.house.config.stream.stall_s
    wire.outlet.pause()
    wire.waiting_bytes = 100
    assert not wire.outlet.stalled(0.0)
    wire.outlet.resume()  # it read all that
    wire.outlet.pause()  # and was sent more at once
    wire.waiting_bytes = 200
    assert not wire.outlet.stalled(stall_s + 1)
    assert not wire.outlet.stalled(2 * stall_s)
    assert wire.outlet.stalled(2 * stall_s + 2)
