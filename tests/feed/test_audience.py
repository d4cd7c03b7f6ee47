"""An audience's message is a plain filter of the tape, made once for all who are owed it."""

from collections import Counter
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.feed.audience import Audience
from ticker.feed.tape import Entry
from ticker.interest import Interest, bits
from ticker.metrics import Metrics
from ticker.ticks import CHANNELS, DTYPES, QUOTES, TRADES, Batch, Rows

INSTRUMENTS = 6


class Toy:
    """A dialect that writes `trades3.17;` for the 17th trade of instrument 3, and counts what it is asked."""

    def __init__(self) -> None:
        self.packs = False
        self.renders: Counter[str] = Counter()

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        self.renders[channel] += 1
        return [f"{channel}{row['instrument']}.{row['n']};".encode() for row in rows]

    def ticks(self, seq: int, emitted_us: int, pieces: bytes) -> bytes:
        return b"%d@%d %b" % (seq, emitted_us, pieces)


class Listener:
    """A reader that keeps what it is offered."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def offer(self, frame: bytes, seq: int) -> None:  # noqa: ARG002  # a protocol's arguments
        self.heard.append(frame)


def framed(message: bytes, _: int) -> bytes:
    return b"<%b>" % message


def entries_of(steps: list[dict[str, list[int]]]) -> list[Entry]:
    """Return entries with ticks of these instruments, `n` counted per channel and instrument."""
    n: Counter[tuple[str, int]] = Counter()
    entries = []
    for seq, ticks in enumerate(steps, 1):
        rows = {channel: np.zeros(len(ticks.get(channel, [])), DTYPES[channel]) for channel in CHANNELS}
        for channel in CHANNELS:
            for row, instrument in zip(rows[channel], sorted(ticks.get(channel, [])), strict=True):
                n[channel, instrument] += 1
                row["instrument"], row["n"] = instrument, n[channel, instrument]
        entries.append(Entry(Batch(seq, 1000 * seq, rows), 1000 * seq))
    return entries


def wanted(interest: Interest, entry: Entry) -> list[bytes]:
    """Return the pieces of an entry that are wanted, one row at a time, in tape order."""
    return [
        piece
        for channel in CHANNELS
        for row, piece in zip(entry.batch.rows[channel], Toy().render(channel, entry.batch.rows[channel]), strict=True)
        if row["instrument"] in interest.indices(channel)
    ]


def audience_of(interest: Interest, dialect: Toy | None = None) -> Audience:
    return Audience(dialect or Toy(), framed, interest, INSTRUMENTS)


def flush(audience: Audience, entries: list[Entry], metrics: Metrics) -> None:
    """Send entries as a feed does."""
    frame, ticks, seq = audience.compose(entries)
    if frame is not None:
        audience.send(frame, ticks, seq, metrics)


instruments = st.integers(0, INSTRUMENTS - 1)
tapes = st.lists(
    st.fixed_dictionaries({channel: st.lists(instruments, max_size=8) for channel in CHANNELS}), min_size=1, max_size=6
).map(entries_of)
masks = st.one_of(st.just((1 << INSTRUMENTS) - 1), st.integers(0, (1 << INSTRUMENTS) - 1))
interests = st.tuples(*[masks for _ in CHANNELS]).map(Interest)

TWO_STEPS = [{QUOTES: [0, 1], TRADES: [1, 1, 4]}, {TRADES: [0, 4]}]
EVERYTHING = Interest.of(CHANNELS, (1 << INSTRUMENTS) - 1)


@given(tapes, interests)
@settings(deadline=None)
def test_a_message_is_the_wanted_rows_in_tape_order(entries: list[Entry], interest: Interest) -> None:
    pieces = [piece for entry in entries for piece in wanted(interest, entry)]
    last = entries[-1]
    message = framed(Toy().ticks(last.batch.seq, last.emitted_us, b"".join(pieces)), last.batch.seq) if pieces else None
    assert audience_of(interest).render(entries) == (message, len(pieces), last.batch.seq)
    assert audience_of(interest).compose(entries) == (message, len(pieces), last.batch.seq)


@given(tapes, interests)
@settings(deadline=None)
def test_what_is_counted_is_what_is_wanted(entries: list[Entry], interest: Interest) -> None:
    for entry in entries:
        assert audience_of(interest).count([entry]) == len(wanted(interest, entry))
    assert audience_of(interest).count(entries) == sum(len(wanted(interest, entry)) for entry in entries)


@given(tapes, interests, st.data())
@settings(deadline=None)
def test_a_message_ends_at_the_first_entry_that_fills_it(
    entries: list[Entry], interest: Interest, data: st.DataObject
) -> None:
    sizes = list(accumulate(sum(map(len, wanted(interest, entry))) for entry in entries))
    bytes_max = data.draw(st.sampled_from(sizes)) + data.draw(st.integers(-1, 1))
    full = next((k for k, size in enumerate(sizes) if size and size >= bytes_max), len(entries) - 1)
    assert audience_of(interest).render(entries, bytes_max) == audience_of(interest).render(entries[: full + 1])


def test_entries_after_the_last_one_are_not_taken() -> None:
    entries = iter(entries_of(TWO_STEPS))
    audience_of(EVERYTHING).render(entries, bytes_max=1)
    assert [entry.batch.seq for entry in entries] == [2]


def test_no_entries_are_no_message() -> None:
    with pytest.raises(ValueError, match="nothing to render"):
        audience_of(EVERYTHING).render([])


@given(tapes, interests)
@settings(deadline=None)
def test_entries_that_are_no_longer_fresh_read_the_same(entries: list[Entry], interest: Interest) -> None:
    fresh = audience_of(interest).render(entries)
    for entry in entries:
        entry.renderings = None
    assert audience_of(interest).render(entries) == fresh
    assert all(entry.renderings is None for entry in entries)


def test_a_row_is_rendered_once_however_many_audiences_pick_from_it() -> None:
    dialect, entries = Toy(), entries_of(TWO_STEPS)
    for mask in range(1, (1 << INSTRUMENTS) - 1):
        audience_of(Interest.of(CHANNELS, mask), dialect).render(entries)
    assert dialect.renders == {QUOTES: 1, TRADES: 2}, "and none where there is none"


def test_a_row_is_rendered_once_for_those_who_want_all_of_it_and_the_others_together() -> None:
    dialect, entries = Toy(), entries_of(TWO_STEPS)
    audience_of(EVERYTHING, dialect).render(entries)
    audience_of(Interest.of(CHANNELS, bits([1])), dialect).render(entries)
    assert dialect.renders == {QUOTES: 1, TRADES: 2}, "and none where there is none"


def test_each_dialect_has_renderings_of_its_own() -> None:
    first, second, entries = Toy(), Toy(), entries_of(TWO_STEPS)
    for dialect in (first, second, first, second):
        audience_of(EVERYTHING, dialect).render(entries)
    assert first.renders == second.renders == {QUOTES: 1, TRADES: 2}


def test_a_channel_nobody_wants_is_not_rendered() -> None:
    dialect = Toy()
    audience_of(Interest.of([TRADES], bits([1])), dialect).render(entries_of(TWO_STEPS))
    assert dialect.renders == {TRADES: 2}


def test_every_live_reader_is_offered_a_flush_once() -> None:
    audience, metrics = audience_of(Interest.of([TRADES], bits([4]))), Metrics()
    listeners = [Listener() for _ in range(3)]
    audience.live.update(dict.fromkeys(listeners))
    flush(audience, entries_of(TWO_STEPS), metrics)
    expected = b"<2@2000 trades4.1;trades4.2;>"
    assert [listener.heard for listener in listeners] == [[expected]] * 3
    assert audience.messages == 1
    assert (metrics.messages_sent, metrics.ticks_sent, metrics.bytes_sent) == (3, 6, 3 * len(expected))


def test_a_flush_without_a_wanted_tick_is_silent() -> None:
    audience, metrics, listener = audience_of(Interest.of([TRADES], bits([5]))), Metrics(), Listener()
    audience.live[listener] = None
    flush(audience, entries_of(TWO_STEPS), metrics)
    assert (listener.heard, audience.messages, metrics.messages_sent) == ([], 0, 0)


def test_a_reader_may_leave_while_it_is_written_to() -> None:
    audience = audience_of(EVERYTHING)

    class Leaver(Listener):
        def offer(self, frame: bytes, seq: int) -> None:
            super().offer(frame, seq)
            del audience.live[self]

    listeners = [Leaver(), Listener(), Leaver()]
    audience.live.update(dict.fromkeys(listeners))
    entries = entries_of(TWO_STEPS)
    flush(audience, entries[:1], Metrics())
    flush(audience, entries[1:], Metrics())
    assert [len(listener.heard) for listener in listeners] == [1, 2, 1]
