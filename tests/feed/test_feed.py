"""The feed: every tick passes once, and nobody is told of what was before they came or after they left."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker import universes
from ticker.config import MarketConfig
from ticker.feed.audience import Audience
from ticker.feed.feed import Feed
from ticker.feed.tape import Entry
from ticker.interest import Interest, bits
from ticker.market.market import Market
from ticker.metrics import Metrics
from ticker.ticks import CHANNELS, DTYPES, QUOTES, TRADES, Batch, Rows

CONFIG = MarketConfig(model="plain", instruments=4, trades_per_s=30.0, quotes_per_s=30.0)
ALL = (1 << CONFIG.instruments) - 1
EVERYTHING = Interest.of(CHANNELS, ALL)


class Plain:
    """A dialect of one line a tick, and of no words around them."""

    packs = False

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        return [f"{channel} {row['instrument']} {row['n']}\n".encode() for row in rows]

    def ticks(self, seq: int, emitted_us: int, pieces: bytes) -> bytes:  # noqa: ARG002  # a protocol's arguments
        return pieces


class Somebody:
    """A reader, live or behind, that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.lost: list[int] = []
        self.flushes = 0
        self.audience: Audience | None = None

    def offer(self, frame: bytes, seq: int) -> None:  # noqa: ARG002  # a protocol's arguments
        self.heard.append(frame)

    def flushed(self) -> None:
        self.flushes += 1

    def dropped(self, entry: Entry) -> None:
        self.lost.append(entry.batch.seq)


def framed(message: bytes, _: int) -> bytes:
    return message


class Scene:
    """A market and its feed."""

    def __init__(self, steps_max: int = 100) -> None:
        self.market = Market(CONFIG, universes.load(CONFIG))
        self.metrics = Metrics()
        self.feed = Feed(self.market.epoch, CONFIG.instruments, steps_max, 10, self.metrics)
        self.dialect = Plain()

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.feed.publish(self.market.step(), 1_000_000 * self.market.seq)

    def join(self, reader: Somebody, interest: Interest = EVERYTHING, frame: Any = framed) -> None:
        reader.audience = self.feed.audience(self.dialect, frame, interest)
        self.feed.join(reader, reader.audience)

    def leave(self, reader: Somebody) -> None:
        assert reader.audience
        self.feed.leave(reader, reader.audience)
        reader.audience = None

    def lines(self, interest: Interest, after: int, until: int) -> bytes:
        """Return what somebody with this interest is owed of the steps after one up to another."""
        return b"".join(
            line
            for entry in self.feed.tape.since(after)
            if entry.batch.seq <= until
            for channel in CHANNELS
            for row, line in zip(
                entry.batch.rows[channel], self.dialect.render(channel, entry.batch.rows[channel]), strict=True
            )
            if row["instrument"] in interest.indices(channel)
        )


deeds = st.lists(
    st.one_of(
        st.tuples(st.just("steps"), st.integers(1, 3)),
        st.tuples(st.just("flush"), st.just(0)),
        st.tuples(st.just("move"), st.integers(0, 2)),
    ),
    max_size=25,
)
interests = st.tuples(*[st.integers(0, ALL) for _ in CHANNELS]).map(Interest)


@given(deeds, st.lists(interests, min_size=25, max_size=25))
@settings(deadline=None)
def test_a_reader_hears_all_it_wants_between_coming_and_going(
    deeds: list[tuple[str, int]], wishes: list[Interest]
) -> None:
    """Readers come and go at flushes, as endpoints have them do."""
    scene, readers, owed = Scene(), [Somebody() for _ in range(3)], Counter[int]()
    expected = [b"", b"", b""]
    for (deed, number), wish in zip(deeds, wishes, strict=False):
        if deed == "steps":
            scene.steps(number)
        else:
            before = scene.feed.flushed
            scene.feed.flush()
            for k, reader in enumerate(readers):
                if reader.audience:
                    line = scene.lines(reader.audience.interest, before, scene.feed.flushed)
                    expected[k] += line
                    owed[k] += bool(line)
        if deed == "move" and readers[number].audience:
            scene.leave(readers[number])
        elif deed == "move":
            scene.join(readers[number], wish)
        assert scene.feed.audiences == len({reader.audience.interest for reader in readers if reader.audience})
    assert [b"".join(reader.heard) for reader in readers] == expected
    assert [len(reader.heard) for reader in readers] == [owed[k] for k in range(3)]


def test_readers_who_want_the_same_share_an_audience() -> None:
    scene = Scene()
    first, second, third, other = Somebody(), Somebody(), Somebody(), Somebody()
    scene.join(first)
    scene.join(second)
    scene.join(third, frame=lambda message, _: message)
    scene.join(other, Interest.of([TRADES], bits([1])))
    assert first.audience is second.audience
    assert len({first.audience, third.audience, other.audience}) == scene.feed.audiences == 3


def test_an_empty_audience_is_forgotten() -> None:
    scene, first, second = Scene(), Somebody(), Somebody()
    scene.join(first)
    scene.join(second)
    before = first.audience
    scene.leave(first)
    assert scene.feed.audiences == 1
    scene.leave(second)
    assert scene.feed.audiences == 0
    scene.join(first)
    assert first.audience is not before


def test_an_audience_that_nobody_joined_is_not_kept() -> None:
    scene = Scene()
    scene.feed.audience(scene.dialect, framed, EVERYTHING)
    assert scene.feed.audiences == 0


def test_steps_wait_for_the_flush_and_go_out_together() -> None:
    scene, reader = Scene(), Somebody()
    scene.join(reader)
    scene.steps(3)
    assert (reader.heard, scene.feed.flushed, scene.feed.tape.head) == ([], 0, 3)
    scene.feed.flush()
    assert (reader.heard, scene.feed.flushed) == ([scene.lines(EVERYTHING, 0, 3)], 3)


def test_nothing_leaves_the_tape_before_it_was_handed_out() -> None:
    scene, longer, reader = Scene(steps_max=3), Scene(), Somebody()
    scene.join(reader)
    scene.steps(10)
    longer.steps(10)
    assert scene.feed.tape.oldest - 1 <= scene.feed.flushed < 10
    scene.feed.flush()
    assert b"".join(reader.heard) == longer.lines(EVERYTHING, 0, 10)


def test_nothing_that_the_tape_has_no_bytes_for_is_lost_before_it_was_handed_out() -> None:
    scene, longer, reader = Scene(), Scene(), Somebody()
    scene.feed.tape.bytes_max = 2500  # three steps or so
    scene.join(reader)
    scene.steps(20)
    longer.steps(20)
    assert scene.feed.tape.oldest > 10
    assert scene.feed.tape.oldest - 1 <= scene.feed.flushed < 20
    scene.feed.flush()
    assert b"".join(reader.heard) == longer.lines(EVERYTHING, 0, 20)


def test_a_heavy_step_pushes_many_off_the_tape_and_each_is_told_of() -> None:
    scene, laggard, live = Scene(), Somebody(), Somebody()
    scene.feed.laggards[laggard] = None
    scene.join(live)
    scene.steps(5)
    scene.feed.tape.bytes_max = scene.feed.tape.bytes
    heavy = {channel: np.zeros(30, DTYPES[channel]) for channel in CHANNELS}
    scene.feed.publish(Batch(6, 0, heavy), 0)
    assert scene.feed.flushed == 5
    assert laggard.lost == list(range(1, scene.feed.tape.oldest))
    assert len(laggard.lost) > 1


def test_a_flush_of_nothing_new_is_silent() -> None:
    scene, reader = Scene(), Somebody()
    scene.join(reader)
    scene.feed.await_flush(reader)
    scene.feed.flush()
    assert (reader.heard, reader.flushes) == ([], 0)
    scene.steps(1)
    scene.feed.flush()
    scene.feed.flush()
    assert (len(reader.heard), reader.flushes) == (1, 1)


def test_who_awaits_a_flush_is_told_once_and_after_the_readers() -> None:
    scene, live = Scene(), Somebody()
    scene.join(live)

    class Waiting(Somebody):
        def flushed(self) -> None:
            super().flushed()
            assert live.heard
            assert scene.feed.flushed == scene.feed.tape.head
            if self.flushes == 1:
                scene.feed.await_flush(self)  # again, for the next one

    waiting = Waiting()
    scene.feed.await_flush(waiting)
    for expected in (1, 2, 2):
        scene.steps(1)
        scene.feed.flush()
        assert waiting.flushes == expected


def test_who_is_behind_is_told_of_every_entry_that_falls_off_the_tape() -> None:
    scene, laggard, gone = Scene(steps_max=3), Somebody(), Somebody()
    scene.feed.laggards.update({laggard: None, gone: None})
    scene.steps(5)
    del scene.feed.laggards[gone]
    scene.steps(2)
    assert (laggard.lost, gone.lost) == ([1, 2, 3, 4], [1, 2])


def test_a_laggard_may_give_up_when_it_is_told() -> None:
    scene = Scene(steps_max=1)

    class Quitter(Somebody):
        def dropped(self, entry: Entry) -> None:
            super().dropped(entry)
            del scene.feed.laggards[self]

    quitters = [Quitter(), Quitter()]
    scene.feed.laggards.update(dict.fromkeys(quitters))
    scene.steps(3)
    assert [quitter.lost for quitter in quitters] == [[1], [1]]


def test_a_reader_that_leaves_in_a_flush_has_had_it() -> None:
    scene, steady = Scene(), Somebody()

    class Choking(Somebody):
        def offer(self, frame: bytes, seq: int) -> None:
            super().offer(frame, seq)
            assert scene.feed.flushed == 2
            scene.leave(self)

    choking = Choking()
    scene.join(choking, Interest.of([QUOTES], ALL))  # an audience of its own, forgotten in the middle of the flush
    scene.join(steady)
    scene.steps(2)
    scene.feed.flush()
    scene.steps(1)
    scene.feed.flush()
    assert (len(choking.heard), len(steady.heard)) == (1, 2)


def test_what_lies_between_two_positions() -> None:
    scene = Scene(steps_max=4)
    scene.steps(6)
    assert [entry.batch.seq for entry in scene.feed.between(3, 5)] == [4, 5]
    assert list(scene.feed.between(6, 9)) == []
    assert list(scene.feed.between(5, 3)) == []
    with pytest.raises(LookupError):
        list(scene.feed.between(1, 5))


def test_a_step_counts_and_is_on_the_board_before_it_is_flushed() -> None:
    scene = Scene()
    scene.steps(2)
    assert scene.metrics.steps == 2
    assert scene.feed.position == (scene.market.epoch, 2)
    assert scene.feed.board.newest(QUOTES, [0])["n"].tolist() != []
