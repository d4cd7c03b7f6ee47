"""The tape against a plain list."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.feed.tape import Entry, Tape
from ticker.ticks import Batch


def filled(steps_max: int, steps: int, before: int = 0) -> tuple[Tape, list[int]]:
    """Return a tape after so many steps, the first of them `before + 1`, and what had to go, in order."""
    tape = Tape("epoch", steps_max)
    gone = [tape.append(Batch(before + k, 0, {}), 1000 * k) for k in range(1, steps + 1)]
    return tape, [entry.batch.seq for entry in gone if entry]


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
