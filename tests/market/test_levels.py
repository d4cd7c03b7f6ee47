"""The order book against plain dicts: what rests is what was placed less what was taken back, traded or pushed off."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker import universes
from ticker.config import MarketConfig
from ticker.market import realistic
from ticker.market.levels import DEPTH, FAR, SIZE_MAX, Ints, Levels
from ticker.market.market import Market
from ticker.ticks import BUY, LEVELS, TRADES

INSTRUMENTS = 3
ROWS = 2 * INSTRUMENTS

rows = st.integers(0, ROWS - 1)
sizes = st.integers(1, 1000) | st.just(SIZE_MAX)
ranks = st.integers(0, DEPTH - 1)
offsets = st.integers(0, 40)
operations = st.one_of(
    st.tuples(st.just("add"), st.dictionaries(rows, st.tuples(offsets, sizes), min_size=1)),
    st.tuples(st.just("add"), st.dictionaries(rows, st.tuples(offsets, sizes), min_size=1)),
    st.tuples(st.just("cancel"), st.dictionaries(rows, st.tuples(ranks, sizes), min_size=1)),
    st.tuples(st.just("remove"), st.dictionaries(rows, st.tuples(ranks), min_size=1)),
    st.tuples(st.just("pull"), st.dictionaries(rows, st.tuples(offsets), min_size=1)),
    st.tuples(st.just("take"), st.dictionaries(rows, st.tuples(sizes), min_size=1)),
    st.tuples(st.just("resize"), st.dictionaries(rows, st.tuples(sizes), min_size=1)),
)


class Books:
    """The reference: a dict from key to size for each row; a level that was emptied stays until it is removed."""

    def __init__(self) -> None:
        self.sides: list[dict[int, int]] = [{} for _ in range(ROWS)]

    def ranked(self, row: int) -> list[int]:
        return sorted(self.sides[row])

    def add(self, row: int, key: int, size: int) -> None:
        side = self.sides[row]
        side[key] = min(side.get(key, 0) + size, SIZE_MAX)
        if len(side) > DEPTH:
            del side[max(side)]

    def cancel(self, row: int, rank: int, size: int) -> None:
        if rank < len(self.sides[row]):
            key = self.ranked(row)[rank]
            self.sides[row][key] -= min(size, self.sides[row][key])

    def remove(self, row: int, rank: int) -> None:
        if rank < len(self.sides[row]):
            del self.sides[row][self.ranked(row)[rank]]

    def pull(self, row: int, key: int) -> None:
        self.sides[row] = {known: size for known, size in self.sides[row].items() if known >= key}

    def take(self, row: int, size: int) -> None:
        self.cancel(row, 0, size)

    def resize(self, row: int, size: int) -> None:
        if self.sides[row]:
            self.sides[row][self.ranked(row)[0]] = size


def key_of(row: int, offset: int) -> int:
    """Return a key that is a price of its side: asks from 100 up, bids from 99 down."""
    return 100 + offset if row % 2 else offset - 99


def apply(levels: Levels, books: Books, name: str, what: dict[int, tuple[int, ...]]) -> None:
    if name in ("add", "pull"):
        what = {row: (key_of(row, fields[0]), *fields[1:]) for row, fields in what.items()}
    if name == "take":  # nobody takes more than rests there
        what = {row: (min(size, int(levels.sizes[row, 0])),) for row, (size,) in what.items()}
    if name == "resize":
        what = {row: fields for row, fields in what.items() if books.sides[row]}
    if not what:
        return
    for row, fields in what.items():
        getattr(books, name)(row, *fields)
    columns = np.array(list(what.values()), np.int64).reshape(len(what), -1).T
    getattr(levels, name)(np.array(list(what), np.int64), *columns)


@given(st.lists(operations, max_size=60))
@settings(max_examples=300)
def test_levels_are_sorted_dicts(script: list[Any]) -> None:
    levels, books = Levels(INSTRUMENTS), Books()
    for name, what in script:
        apply(levels, books, name, what)
        for row, side in enumerate(books.sides):
            expected = sorted(side.items()) + [(FAR, 0)] * (DEPTH + 1 - len(side))
            assert list(zip(levels.keys[row].tolist(), levels.sizes[row].tolist(), strict=True)) == expected
        assert levels.best.tolist() == [min(side, default=FAR) for side in books.sides]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 500)), max_size=12))
def test_orders_that_take_together_leave_what_they_leave(wanted: list[tuple[int, int]]) -> None:
    levels, left = Levels(2), [4000, 4000, 4000]
    levels.add(np.arange(3), np.array([-5, 6, -7]), np.array(left))
    levels.take(np.array([row for row, _ in wanted], np.int64), np.array([size for _, size in wanted], np.int64))
    for row, size in wanted:
        left[row] -= size
    assert levels.sizes[:3, 0].tolist() == left


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=30, max_size=30))
def test_a_side_is_filled_with_the_best_of_some_orders(orders: list[tuple[int, bool]]) -> None:
    levels = Levels(1)
    keys, sizes = np.arange(30)[None, ::-1] - 40, np.array([[100 * size for size, _ in orders]])
    levels.fill(0, keys, sizes)
    expected = sorted((int(k), int(s)) for k, s in zip(keys[0], sizes[0], strict=True) if s)[:DEPTH]
    assert list(zip(levels.keys[0].tolist(), levels.sizes[0].tolist(), strict=True))[: len(expected)] == expected
    assert (levels.keys[1] == FAR).all() and levels.sizes[0].sum() == sum(size for _, size in expected)
    levels.clear()
    assert (levels.keys == FAR).all() and not levels.sizes.any()


def test_the_top_is_ten_asks_and_ten_bids() -> None:
    levels = Levels(2)
    for offset in range(DEPTH):
        levels.add(np.arange(4), np.array([-50, 60, -5000, 6000]) + offset, np.array([1, 2, 3, 4]) + offset)
    asks, bids = [(6000 + k, 4 + k) for k in range(LEVELS)], [(k - 5000, 3 + k) for k in range(LEVELS)]
    assert levels.top(np.array([1])).tolist() == [[key << 32 | size for key, size in asks + bids]]


class Ledger(Levels):
    """Levels that keep account of every row: `rests` is what the entries come to, whatever stands in the levels."""

    def __init__(self, instruments: int) -> None:
        super().__init__(instruments)
        self.rests = np.zeros(2 * instruments, np.int64)
        self.traded = np.zeros(2 * instruments, np.int64)
        self.pushed = 0

    @property
    def sums(self) -> Ints:
        return self.sizes.sum(axis=1, dtype=np.int64)

    def _balance(self, name: str, *fields: Any) -> Ints:
        """Do it, and return what came of it."""
        before = self.sums
        getattr(super(), name)(*fields)
        change: Ints = self.sums - before
        self.rests += change
        assert (self.keys[:, 1:] > self.keys[:, :-1]).sum() + (self.keys[:, 1:] == FAR).sum() >= self.keys[:, 1:].size
        assert (self.sizes >= 0).all()
        return change

    def add(self, rows: Ints, keys: Ints, sizes: Ints) -> None:
        last = self.sizes[rows, DEPTH - 1].astype(np.int64)
        placed = np.zeros(len(self.rests), np.int64)
        placed[rows] = sizes
        lost = placed - self._balance("add", rows, keys, sizes)
        assert (sizes > 0).all() and (lost >= 0).all(), "no order adds more than its size"
        assert ((lost[rows] == 0) | (lost[rows] == last) | (lost[rows] == sizes)).all(), "all of it, or the last level"
        assert (last[lost[rows] > 0] > 0).all(), "only where there is no room"
        self.pushed += int(lost.sum())

    def cancel(self, rows: Ints, ranks: Ints, sizes: Ints) -> None:
        assert (self._balance("cancel", rows, ranks, sizes) <= 0).all()

    def remove(self, rows: Ints, ranks: Ints) -> None:
        assert (self._balance("remove", rows, ranks) <= 0).all()

    def pull(self, rows: Ints, keys: Ints) -> None:
        assert (self._balance("pull", rows, keys) <= 0).all()

    def resize(self, rows: Ints, sizes: Any) -> None:
        assert (self.keys[rows, 0] != FAR).all() and (sizes > 0).all()
        self._balance("resize", rows, sizes)

    def take(self, rows: Ints, got: Ints) -> None:
        assert (got >= 0).all()
        change = self._balance("take", rows, got)
        assert change.sum() == -got.sum()
        self.traded -= change

    def clear(self) -> None:
        self._balance("clear")

    def fill(self, side: int, keys: Ints, sizes: Ints) -> None:
        assert not self.sums[side::2].any()
        self._balance("fill", side, keys, sizes)


@pytest.fixture
def ledgers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Ledger]]:
    """The ledgers of the markets that are made."""
    kept: list[Ledger] = []

    def keep(instruments: int) -> Ledger:
        kept.append(Ledger(instruments))
        return kept[-1]

    monkeypatch.setattr(realistic, "Levels", keep)
    yield kept


@pytest.mark.parametrize(("universe", "step_ms", "steps"), [("default", 10.0, 1500), ("crypto", 2000.0, 600)])
def test_in_a_market_sizes_are_conserved(ledgers: list[Ledger], universe: str, step_ms: float, steps: int) -> None:
    config = MarketConfig(universe=universe, instruments=8, step_ms=step_ms, activity=4)
    market = Market(config, universes.load(config))
    printed = np.zeros(16, np.int64)
    for _ in range(steps):
        trades = market.step().rows[TRADES]
        if market.seq > 1 or universe == "crypto":  # the opening auction is held before anything rests
            np.add.at(printed, 2 * trades["instrument"] + (trades["side"] == BUY), trades["size"])
        (ledger,) = ledgers
        assert ledger.sums.tolist() == ledger.rests.tolist(), "nothing changes but by an entry"
        assert ledger.traded.tolist() == printed.tolist(), "what was taken is what was printed"
    assert ledger.pushed > 0 and printed.all()


def test_sizes_are_conserved_from_one_day_to_the_next(ledgers: list[Ledger]) -> None:
    config = MarketConfig(instruments=5, step_ms=30_000.0)
    market = Market(config, universes.load(config))
    phases = set()
    for _ in range(850):
        market.step()
        phases.add(market.phase)
        assert ledgers[0].sums.tolist() == ledgers[0].rests.tolist()
    assert phases == {"pre_open", "auction", "trading", "closed"}
