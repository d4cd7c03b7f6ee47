"""Rows in blocks: the same rows, and memory that comes and goes in pieces of one size."""

import gc

import numpy as np
import pytest

from ticker.feed.blocks import BLOCK_BYTES, LARGE_BYTES, Blocks
from ticker.feed.tape import UNBOUNDED, Tape
from ticker.ticks import BOOK, DTYPES, EMPTY, TRADES, Batch, Rows


def rows(channel: str, count: int, seed: int = 1) -> Rows:
    dice = np.random.default_rng(seed)
    return np.frombuffer(dice.bytes(count * DTYPES[channel].itemsize), DTYPES[channel])


def batch(seq: int, trades: Rows) -> Batch:
    return Batch(seq, seq * 1000, {**EMPTY, TRADES: trades, BOOK: rows(BOOK, seq % 7, seq)})


@pytest.mark.parametrize("channel", DTYPES)
def test_rows_are_what_they_were(channel: str) -> None:
    blocks = Blocks()
    for count in (1, 3, 1000):
        found, laid = rows(channel, count), blocks.lay(rows(channel, count))
        assert laid.dtype == found.dtype
        assert laid.tobytes() == found.tobytes()
        assert laid.base is not None and laid.base.nbytes == BLOCK_BYTES


def test_rows_that_do_not_stand_side_by_side_are_laid_side_by_side() -> None:
    every_other = rows(TRADES, 10)[::2]
    laid = Blocks().lay(every_other)
    assert laid.flags.c_contiguous
    assert laid.tobytes() == every_other.tobytes()


def test_none_and_very_many_are_left_as_they_are() -> None:
    many = rows(TRADES, LARGE_BYTES // DTYPES[TRADES].itemsize + 1)
    blocks = Blocks()
    assert blocks.lay(EMPTY[TRADES]) is EMPTY[TRADES]
    assert blocks.lay(many) is many
    assert blocks.free_bytes == 0


def test_what_was_laid_stays_as_it_is_whatever_comes_after_it() -> None:
    blocks = Blocks()
    kept = [(blocks.lay(rows(TRADES, 700, seed)), seed) for seed in range(200)]
    assert len({id(laid.base) for laid, _ in kept}) > 3
    for laid, seed in kept:
        assert laid.tobytes() == rows(TRADES, 700, seed).tobytes()


def test_a_tape_lies_in_as_many_blocks_as_it_weighs_and_a_little() -> None:
    tape = Tape("epoch", 10_000, 4 * BLOCK_BYTES)
    for seq in range(1, 3000):
        tape.append(batch(seq, rows(TRADES, 1 + seq % 400, seq)), 0)
    laid = [one for entry in tape.since(tape.oldest - 1) for one in entry.batch.rows.values() if len(one)]
    bases = {id(one.base): one.base for one in laid}
    assert {base.nbytes for base in bases.values() if base is not None} == {BLOCK_BYTES}
    assert len(bases) <= 4 + 2


def test_a_block_is_given_back_when_nobody_holds_an_array_in_it() -> None:
    tape = Tape("epoch", 50, UNBOUNDED)
    gc.collect()
    for seq in range(1, 2000):
        tape.append(batch(seq, rows(TRADES, 500, seq)), 0)
    blocks = [found for found in gc.get_objects() if isinstance(found, np.ndarray) and found.nbytes == BLOCK_BYTES]
    assert len(blocks) <= 3
