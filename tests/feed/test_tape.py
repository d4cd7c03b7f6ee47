"""The tape against a plain list, and what it says it weighs against what Python allocates."""

import gc
import tracemalloc
from collections.abc import Iterable
from weakref import ref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker import universes
from ticker.config import MarketConfig
from ticker.dialects.native import NativeDialect
from ticker.feed.audience import Audience
from ticker.feed.tape import UNBOUNDED, Entry, Tape, weigh
from ticker.interest import Interest
from ticker.market.market import Market
from ticker.market.walk import BLOCK_STEPS
from ticker.ticks import CHANNELS, DTYPES, TRADES, Batch

LOAD = MarketConfig(model="plain", universe="numbered", instruments=10, arrivals="every_step", quotes_per_s=0.0)
MARKETS = {"default": MarketConfig(), "load": LOAD, "quiet": MarketConfig(instruments=1)}


def filled(steps_max: int, steps: int, before: int = 0) -> tuple[Tape, list[int]]:
    """Return a tape after so many steps, the first of them `before + 1`, and what had to go, in order."""
    tape = Tape("epoch", steps_max, UNBOUNDED)
    gone = [tape.append(Batch(before + k, 0, {}), 1000 * k) for k in range(1, steps + 1)]
    return tape, [entry.batch.seq for entries in gone for entry in entries]


def batch(seq: int, trades: int) -> Batch:
    """Return a step with so many trades in it, a second of market time each."""
    return Batch(seq, 1_000_000 * seq, {TRADES: np.zeros(trades, DTYPES[TRADES])})


def seqs(entries: Iterable[Entry]) -> list[int]:
    return [entry.batch.seq for entry in entries]


@given(st.integers(1, 12), st.integers(0, 40), st.integers(0, 5))
@settings(deadline=None)
def test_the_tape_is_the_end_of_a_list(steps_max: int, steps: int, before: int) -> None:
    tape, gone = filled(steps_max, steps, before)
    everything = list(range(before + 1, before + steps + 1))
    kept = everything[-steps_max:]
    assert gone == everything[: max(0, steps - steps_max)]
    assert tape.head == (everything[-1] if everything else 0)
    assert tape.oldest == (kept[0] if kept else 1)
    for seq in range(tape.oldest - 1, tape.head + 3):
        assert seqs(tape.since(seq)) == [k for k in kept if k > seq]
    for seq in range(-2, tape.oldest - 1):
        with pytest.raises(LookupError, match=rf"position {seq} is gone, {tape.oldest - 1} is the oldest"):
            tape.since(seq)


def test_an_entry_remembers_when_it_was_emitted() -> None:
    tape, _ = filled(3, 5)
    assert [entry.emitted_us for entry in tape.since(2)] == [3000, 4000, 5000]


@pytest.mark.parametrize("seq", [1, 2, 4, 0])
def test_steps_follow_each_other(seq: int) -> None:
    tape, _ = filled(5, 2)
    with pytest.raises(ValueError, match="does not follow 2"):
        tape.append(Batch(seq, 0, {}), 0)
    assert (tape.head, seqs(tape.since(0))) == (2, [1, 2])


def test_renderings_are_kept_only_while_they_are_fresh() -> None:
    tape, _ = filled(Tape.FRESH_STEPS + 10, Tape.FRESH_STEPS + 5)
    stale = [entry.batch.seq for entry in tape.since(0) if entry.renderings is None]
    assert stale == [1, 2, 3, 4, 5]


def test_entries_do_not_share_renderings() -> None:
    tape, _ = filled(2, 2)
    first, second = tape.since(0)
    assert first.renderings is not None
    first.renderings["dialect"] = "words"
    assert second.renderings == {}


@given(st.integers(1, 10), st.integers(500, 6000), st.lists(st.integers(0, 100), max_size=40))
@settings(deadline=None)
def test_the_tape_keeps_as_many_steps_and_bytes_as_it_may(steps_max: int, bytes_max: int, sizes: list[int]) -> None:
    tape = Tape("epoch", steps_max, bytes_max)
    kept: list[Batch] = []
    for seq, trades in enumerate(sizes, 1):
        kept.append(batch(seq, trades))
        owed = []
        while len(kept) > steps_max or (len(kept) > 1 and sum(map(weigh, kept)) > bytes_max):
            owed.append(kept.pop(0).seq)
        expected = tape.oldest_with(kept[-1])
        assert seqs(tape.append(kept[-1], 0)) == owed
        assert tape.oldest == expected == kept[0].seq
        assert seqs(tape.since(tape.oldest - 1)) == [one.seq for one in kept]
        assert (tape.bytes, tape.ticks) == (sum(map(weigh, kept)), sum(len(one.rows[TRADES]) for one in kept))
        assert tape.seconds == len(kept) - 1


def test_the_newest_entry_stays_whatever_it_weighs() -> None:
    tape = Tape("epoch", 100, 2000)
    assert seqs(entry for k in range(1, 4) for entry in tape.append(batch(k, 0), 0)) == []
    assert seqs(tape.append(batch(4, 1000), 0)) == [1, 2, 3]
    assert (tape.oldest, tape.bytes) == (4, weigh(batch(4, 1000)))
    assert seqs(tape.append(batch(5, 0), 0)) == [4]


def test_an_empty_tape_weighs_nothing() -> None:
    tape = Tape("epoch", 100, 2000)
    assert (tape.bytes, tape.ticks, tape.seconds, tape.rendered_bytes) == (0, 0, 0.0, 0)


@pytest.mark.parametrize("name", MARKETS)
def test_a_step_weighs_what_python_allocates_for_it(name: str) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        market, tape = Market(MARKETS[name], universes.load(MARKETS[name])), Tape("epoch", 10_000, UNBOUNDED)
        held: list[int] = []
        for _ in range(2):
            for k in range(10 * BLOCK_STEPS):
                tape.append(market.step(), 1_700_000_000_000_000 + k)
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0] - tape.bytes - tape.blocks.free_bytes)
            weighed = tape.bytes
    finally:
        tracemalloc.stop()
    # The market itself is there both times, and so are the dicts of fresh entries.
    assert abs(held[1] - held[0]) < 0.15 * weighed / 2


def test_a_rendering_is_gone_when_its_entry_is_stale() -> None:
    class Words:
        size_bytes = 100

    tape, renderings = Tape("epoch", 1000, UNBOUNDED), []
    for k in range(1, Tape.FRESH_STEPS + 6):
        tape.append(batch(k, 1), 0)
        (newest,) = tape.since(k - 1)
        assert newest.renderings is not None
        newest.renderings["dialect"] = words = Words()
        renderings.append(ref(words))
    del words
    assert [k for k, words in enumerate(renderings, 1) if words() is None] == [1, 2, 3, 4, 5]
    assert tape.rendered_bytes == 100 * Tape.FRESH_STEPS


@pytest.mark.parametrize("name", MARKETS)
def test_renderings_weigh_what_python_allocates_for_them(name: str) -> None:
    market, tape = Market(MARKETS[name], universes.load(MARKETS[name])), Tape("epoch", 1000, UNBOUNDED)
    count = len(market.universe)
    dialect, everything = NativeDialect(market.universe), (1 << count) - 1
    wishes = [Interest.of(CHANNELS, everything), Interest.of(CHANNELS, everything // 3)]
    audiences = [Audience(dialect, lambda message, _: message, wish, count) for wish in wishes]

    def rendered() -> int:
        """Append and render steps, and return what is allocated more than before them."""
        for _ in range(Tape.FRESH_STEPS):
            tape.append(market.step(), 0)
        gc.collect()
        tracemalloc.start()
        for entry in list(tape.since(tape.head - Tape.FRESH_STEPS)):
            for audience in audiences:
                audience.render([entry])
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return held

    rendered()  # for what is made once
    held = rendered()
    assert tape.rendered_bytes == pytest.approx(held, rel=0.15)
    for _ in range(Tape.FRESH_STEPS):
        tape.append(market.step(), 0)
    assert tape.rendered_bytes == 0
