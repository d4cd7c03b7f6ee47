"""The board against a plain dict of newest rows."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.feed.board import Board
from ticker.ticks import BOOK, CHANNELS, DTYPES, TRADES, Batch, Rows

INSTRUMENTS = 5
steps = st.lists(
    st.fixed_dictionaries({channel: st.lists(st.integers(0, INSTRUMENTS - 1)) for channel in CHANNELS}), max_size=8
)


def rows(channel: str, instruments: list[int], n: dict[int, int]) -> Rows:
    """Return rows in tape order, each different from all before."""
    found = np.zeros(len(instruments), DTYPES[channel])
    for row, instrument in zip(found, sorted(instruments), strict=True):
        n[instrument] = n.get(instrument, 0) + 1
        row["instrument"], row["n"], row["t"] = instrument, n[instrument], 100 * n[instrument]
    return found


@given(steps)
@settings(deadline=None)
def test_the_newest_row_of_everything(batches: list[dict[str, list[int]]]) -> None:
    board = Board(INSTRUMENTS)
    counts: dict[str, dict[int, int]] = {channel: {} for channel in CHANNELS}
    newest: dict[str, dict[int, Any]] = {channel: {} for channel in CHANNELS}
    for seq, wanted in enumerate(batches, 1):
        batch = Batch(
            seq, 1000 * seq, {channel: rows(channel, wanted[channel], counts[channel]) for channel in CHANNELS}
        )
        board.update(batch)
        for channel in CHANNELS:
            newest[channel].update({int(row["instrument"]): row.tolist() for row in batch.rows[channel]})
        for channel in CHANNELS:
            if channel != BOOK:  # which has a file of its own
                everything = list(range(INSTRUMENTS))
                assert board.newest(channel, everything).tolist() == [row for _, row in sorted(newest[channel].items())]
            assert board.counts(channel).tolist() == [counts[channel].get(index, 0) for index in range(INSTRUMENTS)]


def test_only_the_instruments_asked_for_and_only_those_that_ticked() -> None:
    board = Board(INSTRUMENTS)
    board.update(Batch(1, 1000, {TRADES: rows(TRADES, [0, 1, 3], {})}))
    assert board.newest(TRADES, [1, 2, 3])["instrument"].tolist() == [1, 3]
    assert board.newest(TRADES, [2]).tolist() == []
    assert board.newest(TRADES, []).tolist() == []


def test_a_snapshot_does_not_change_afterwards() -> None:
    board = Board(INSTRUMENTS)
    counts: dict[int, int] = {}
    board.update(Batch(1, 1000, {TRADES: rows(TRADES, [2], counts)}))
    before = board.newest(TRADES, [2])
    board.update(Batch(2, 2000, {TRADES: rows(TRADES, [2], counts)}))
    assert before["n"].tolist() == [1]
    assert board.newest(TRADES, [2])["n"].tolist() == [2]
