"""Slots of the wall clock: one message each, for everybody at a rate, whatever the clock does."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.feed.audience import LatestAudience
from ticker.feed.board import Board
from ticker.feed.feed import Feed
from ticker.feed.slots import Slots
from ticker.interest import Interest
from ticker.metrics import Metrics
from ticker.ticks import CHANNELS, DTYPES, TRADES, Batch

NOW_US = 1_700_000_000_000_000
TRADING = Interest.of([TRADES], 0b1)


class Toy:
    packs = False

    def render(self, channel: str, rows: Any) -> list[bytes]:
        return [b"%b%d " % (channel.encode(), row["n"]) for row in rows]

    def ticks(self, seq: int, emitted_us: int, pieces: bytes) -> bytes:
        return b"%d@%d %b" % (seq, emitted_us - NOW_US, pieces)


def framed(message: bytes, _: int) -> bytes:
    return message


class Somebody:
    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.slots = 0

    def offer(self, frame: bytes, seq: int) -> None:  # noqa: ARG002  # a protocol's arguments
        self.heard.append(frame)

    def flushed(self) -> None:
        self.slots += 1


def batch(seq: int) -> Batch:
    """Return a batch of one trade, the n of which is its seq."""
    rows = {channel: np.zeros(0, DTYPES[channel]) for channel in CHANNELS}
    rows[TRADES] = np.zeros(1, DTYPES[TRADES])
    rows[TRADES]["n"] = seq
    return Batch(seq, seq, rows)


@given(st.sampled_from([0.5, 3.0, 10.0, 100.0]), st.lists(st.integers(-300_000, 900_000), max_size=30))
def test_everybody_is_served_when_the_slot_is_another(rate_hz: float, waits_us: list[int]) -> None:
    slots, reader, now_us = Slots(rate_hz, NOW_US), Somebody(), NOW_US
    slot, served = int(NOW_US * rate_hz / 1e6), 0
    for wait_us in waits_us:
        now_us += wait_us
        slots.awaiting[reader] = None
        slots.flush(1, now_us, Metrics())
        if int(now_us * rate_hz / 1e6) != slot:
            slot, served = int(now_us * rate_hz / 1e6), served + 1
        assert reader.slots == served


def test_a_slot_serves_its_audiences_before_those_who_wait() -> None:
    board, reader = Board(1), Somebody()
    slots = Slots(10.0, NOW_US)
    audience = LatestAudience(cast(Any, Toy()), framed, TRADING, 10.0, board, 0)
    audience.live[reader] = None
    slots.audiences[audience.key] = audience
    board.update(batch(1))

    class Waiting(Somebody):
        def flushed(self) -> None:
            super().flushed()
            assert reader.heard == [b"1@100000 trades1 "]
            slots.awaiting[self] = None  # again, for the next one

    waiting = Waiting()
    slots.awaiting[waiting] = None
    slots.flush(1, NOW_US + 100_000, Metrics())
    slots.flush(1, NOW_US + 199_999, Metrics())
    assert (waiting.slots, audience.seq) == (1, 1)
    assert not slots.idle


def test_an_audience_with_nothing_new_says_nothing_and_stands_where_the_feed_does() -> None:
    board, reader, metrics = Board(1), Somebody(), Metrics()
    audience = LatestAudience(cast(Any, Toy()), framed, TRADING, 10.0, board, 3)
    audience.live[reader] = None
    audience.flush_newest(7, NOW_US, metrics)
    assert (reader.heard, audience.seq, audience.messages, metrics.messages_sent) == ([], 7, 0, 0)
    for seq in (8, 9, 10):
        board.update(batch(seq))
    board.counts(TRADES)
    audience.newest = type(audience.newest)(TRADING, Board(1))  # it has had none of the ten
    audience.flush_newest(10, NOW_US, metrics)
    assert reader.heard == [b"10@0 trades10 "]
    assert (audience.merged, metrics.ticks_conflated) == (9, 9)


def scene() -> tuple[Feed, Somebody]:
    feed = Feed("tape", 1, 10, 1, Metrics())
    feed.settle(NOW_US)
    return feed, Somebody()


def test_whoever_waits_no_longer_is_forgotten_however_far_off_the_slot_is() -> None:
    feed, reader = scene()
    feed.await_slot(reader, 1e-9)
    feed.forgo_slot(reader, 1e-9)
    feed.forgo_slot(reader, 2.0)
    assert feed._slots[1e-9].idle
    feed.settle(NOW_US)
    assert feed._slots == {}


def test_nobody_is_served_while_steps_wait_to_be_handed_out() -> None:
    """What the board shows is ahead of what was flushed."""
    feed, reader = scene()
    feed.await_slot(reader, 10.0)
    feed.publish(batch(1), NOW_US + 150_000)
    feed.settle(NOW_US + 200_000)
    assert reader.slots == 0
    feed.flush()
    assert reader.slots == 1


@pytest.mark.parametrize("seconds", [1.0, 3600.0, -3600.0])
def test_a_clock_that_is_set_begins_another_slot(seconds: float) -> None:
    feed, reader = scene()
    feed.await_slot(reader, 10.0)
    feed.settle(NOW_US + round(seconds * 1e6))
    assert reader.slots == 1


def test_rates_have_slots_of_their_own() -> None:
    feed, reader = scene()
    slow = Somebody()
    feed.await_slot(slow, 1.0)
    for tenth in range(1, 11):
        feed.await_slot(reader, 10.0)
        feed.settle(NOW_US + tenth * 100_000)
    assert (reader.slots, slow.slots) == (10, 1)
