"""What is owed to those who want the newest, against a list of ticks for each of them."""

from collections import Counter

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ticker.feed.board import Board
from ticker.feed.newest import Newest
from ticker.interest import Interest
from ticker.ticks import BOOK, CHANNELS, DTYPES, QUOTES, TRADES, Batch

INSTRUMENTS = 4
EVERYTHING = (1 << INSTRUMENTS) - 1
Key = tuple[str, int]

interests = st.tuples(*[st.integers(0, EVERYTHING) for _ in CHANNELS]).map(Interest)
ticks = st.lists(st.integers(0, INSTRUMENTS - 1), max_size=6)
LEVELS = 7
"""How many levels a book gets to have here: a change sets the next of them, and none twice in a step."""


class Ticking:
    """A board, and batches on it."""

    def __init__(self) -> None:
        self.board = Board(INSTRUMENTS)
        self.n: Counter[Key] = Counter()
        self.seq = 0

    def step(self, **instruments: list[int]) -> Batch:
        """Publish a batch in which these instruments tick, by channel."""
        self.seq += 1
        rows = {}
        for channel in CHANNELS:
            ticking = sorted(instruments.get(channel, []))
            rows[channel] = np.zeros(len(ticking), DTYPES[channel])
            for row, instrument in zip(rows[channel], ticking, strict=True):
                self.n[channel, instrument] += 1
                row["instrument"], row["n"] = instrument, self.n[channel, instrument]
                if channel == BOOK:
                    row["price_ticks"], row["size"] = 1 + self.n[channel, instrument] % LEVELS, 7
        batch = Batch(self.seq, 1000 * self.seq, rows)
        self.board.update(batch)
        return batch


def keys(interest: Interest) -> set[Key]:
    return {(channel, index) for channel in CHANNELS for index in interest.indices(channel)}


def keys_of(batch: Batch) -> list[Key]:
    return [(channel, int(row["instrument"])) for channel in CHANNELS for row in batch.rows[channel]]


class Newer(RuleBasedStateMachine):
    """Ticks come, are taken, and the interest changes; a twin goes on alone from some time on."""

    @initialize(interest=interests, before=ticks)
    def begin(self, interest: Interest, before: list[int]) -> None:
        self.ticking = Ticking()
        self.ticking.step(trades=before, quotes=before, book=before)
        self.newest = Newest(interest, self.ticking.board)
        self.owed: list[Key] = []
        self.batches: list[Batch] = []  # since all was level
        self.twin: tuple[Newest, list[Key]] | None = None

    @rule(trades=ticks, quotes=ticks, book=ticks)
    def step(self, trades: list[int], quotes: list[int], book: list[int]) -> None:
        batch = self.ticking.step(trades=trades, quotes=quotes, book=book)
        self.owed += [key for key in keys_of(batch) if key in keys(self.newest.interest)]
        if self.twin is not None:
            newest, owed = self.twin
            self.twin = newest, owed + [key for key in keys_of(batch) if key in keys(newest.interest)]
        self.batches.append(batch)

    @rule(interest=interests)
    def change(self, interest: Interest) -> None:
        before = self.newest
        self.newest = before.changed(interest, self.ticking.board)
        self.owed = [key for key in self.owed if key in keys(interest)]
        assert self.newest.interest == interest

    @rule()
    def take(self) -> None:
        self.compare(self.newest, self.owed)
        self.owed, self.batches = [], []

    @rule(interest=interests)
    def owe(self, interest: Interest) -> None:
        """Batches that were never sent are taken back, as far as somebody wanted them then."""
        self.take()
        unsent = [
            self.ticking.step(trades=[0, 0, 2], quotes=[1], book=[0, 0]),
            self.ticking.step(trades=[2], quotes=[1, 3], book=[0, 3]),
        ]
        newest = Newest(self.newest.interest, self.ticking.board)
        newest.owe(unsent, interest)
        wanted = keys(interest) & keys(newest.interest)
        self.newest, self.owed = newest, [key for batch in unsent for key in keys_of(batch) if key in wanted]
        self.twin = None

    @rule()
    def go_on_alone(self) -> None:
        self.twin = self.newest.copy(), self.owed[:]

    @invariant()
    def it_counts_what_it_owes(self) -> None:
        assert self.newest.owed(self.ticking.board) == len(self.owed)

    def teardown(self) -> None:
        if hasattr(self, "ticking"):
            self.take()
            if self.twin is not None:
                self.compare(*self.twin)

    def compare(self, newest: Newest, owed: list[Key]) -> None:
        table, count, merged = newest.take(self.ticking.board)
        levels = {key: min(LEVELS, self.ticking.n[key]) if key[0] == BOOK else 1 for key in set(owed)}
        assert (count, merged) == (sum(levels.values()), len(owed) - len(set(owed)))
        found = Counter((c, int(r["instrument"])) for c in CHANNELS for r in table.get(c, ()))
        assert found == levels
        assert list(found) == sorted(found, key=lambda key: (CHANNELS.index(key[0]), key[1]))
        assert all(row["n"] == self.ticking.n[c, row["instrument"]] for c in CHANNELS for row in table.get(c, ()))
        assert newest.owed(self.ticking.board) == 0
        assert newest.take(self.ticking.board) == ({}, 0, 0)


TestNewer = Newer.TestCase
TestNewer.settings = settings(deadline=None, max_examples=100, stateful_step_count=30)


def test_only_what_is_new_is_taken_and_the_rest_of_it_is_merged() -> None:
    ticking = Ticking()
    ticking.step(trades=[0, 1, 2, 3])
    newest = Newest(Interest.of([TRADES], 0b0111), ticking.board)
    ticking.step(trades=[0, 0, 3], quotes=[1])
    ticking.step(trades=[0, 2])
    table, count, merged = newest.take(ticking.board)
    assert list(table) == [TRADES]
    assert table[TRADES][["instrument", "n"]].tolist() == [(0, 4), (2, 2)]
    assert (count, merged) == (2, 2)


def test_rows_that_were_taken_do_not_change_later() -> None:
    ticking = Ticking()
    newest = Newest(Interest.of([QUOTES], EVERYTHING), ticking.board)
    ticking.step(quotes=[1])
    table, _, _ = newest.take(ticking.board)
    ticking.step(quotes=[1])
    assert table[QUOTES]["n"].tolist() == [1]


def test_what_is_taken_up_again_begins_anew() -> None:
    ticking = Ticking()
    newest = Newest(Interest.of([TRADES], 0b11), ticking.board)
    ticking.step(trades=[0, 1])
    newest = newest.changed(Interest.of([TRADES], 0b10), ticking.board)
    newest = newest.changed(Interest.of([TRADES], 0b11), ticking.board)
    assert newest.owed(ticking.board) == 1
    assert newest.take(ticking.board)[0][TRADES]["instrument"].tolist() == [1]
