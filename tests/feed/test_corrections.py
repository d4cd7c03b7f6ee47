"""Trades that are taken back, against the plainest reckoning: a list of all trades, changed as the tape says so."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from trading_floor import Trading

from ticker.config import MarketConfig
from ticker.feed.corrections import KEPT, KEPT_EACH, Corrections
from ticker.feed.floor import Floor
from ticker.feed.sight import Sight
from ticker.interest import Streams
from ticker.market.incidents import Incident
from ticker.ticks import BUY, DTYPES, REASONS, STATUS, TRADES, Rows
from ticker.venue import Bars, States, Study, Summaries, undone

SECOND, MINUTE = 1_000_000, 60_000_000
CONFIG = MarketConfig(universe="crypto", instruments=3, step_ms=50.0, activity=0.02)
ALL = 0b111
STUDIES: dict[str, Study] = {
    "states": States(),
    "minutes": Bars(MINUTE),
    "running": Bars(MINUTE, every_us=SECOND),
    "revised": Bars(MINUTE, revised=True),
    "pairs": Bars(2 * MINUTE, revised=True),
    "summaries": Summaries(3 * MINUTE, every_us=7 * SECOND, all=True),
}
FAT_FINGER, CORRECTION = REASONS.index("fat_finger"), REASONS.index("correction")
FAT = [
    # Step, instruments, corrected so many steps later, by how much it is off.
    *((100 + 37 * k, (k % 3,), 0, 0.5) for k in range(12)),
    *((1100 + 9 * k, (0, 1, 2), 60, -0.3) for k in range(8)),
    *((2000 + 101 * k, (k % 3,), 1300, 1.5) for k in range(12)),
    *((3550 + 6 * k, (0, 2), 40, 0.01) for k in range(7)),
    *((1150, (k % 3,), lasts, 0.2) for k, lasts in enumerate([*range(44, 56), *range(644, 656)])),
    *((4750, (k,), lasts, 0.2) for k, lasts in enumerate((49, 50, 51))),
]
"""Most are taken back in their own minute, the others up to two minutes later; the last ones are in the step before the
one that ends it, in that one, and in the next."""


class Print(NamedTuple):
    """A trade as it was printed."""

    n: int
    t: int
    price: int
    size: int
    side: int


class Plain:
    """All trades by instrument, and what has become of those that were taken back."""

    def __init__(self) -> None:
        self.trades: list[list[Print]] = [[], [], []]
        self.fates: dict[tuple[int, int], int] = {}
        """By instrument and number: the price it should have had, 0 where it is broken."""
        self._off: dict[tuple[int, int], int] = {}

    def take(self, rows: dict[str, Rows]) -> list[tuple[int, int]]:
        """Take in a step; return which trades are taken back in it: instrument and time."""
        gone = []
        for i, _, _, _, reason, price, _, value, ref in rows[STATUS].tolist():
            if reason == FAT_FINGER and ref:
                self._off[i, ref] = value
            if reason == CORRECTION:
                off = self._off[i, ref]
                right = max(1, int(price / (1 + off / 1_000_000) + 0.5))
                self.fates[i, ref] = 0 if ref % 2 else right
                gone.append((i, self.trades[i][ref - 1].t))
        for i, *trade in rows[TRADES].tolist():
            self.trades[i].append(Print(*trade))
        return gone

    def bar(self, i: int, since: int, until: int) -> dict[str, int]:
        """Return what stands in a bar now."""
        printed = [trade for trade in self.trades[i] if since <= trade.t < until]
        left = [(self.fates.get((i, trade.n), trade.price), trade) for trade in printed]
        left = [(price, trade) for price, trade in left if price]
        bought = [(price, trade.size) for price, trade in left if trade.side == BUY]
        prices = [price for price, _ in left] or [self._before(i, since)]
        return {
            **dict(zip(("open_ticks", "close_ticks"), (prices[0], prices[-1]), strict=True)),
            **dict(zip(("high_ticks", "low_ticks"), (max(prices), min(prices)), strict=True)),
            **{"trades": len(left), "volume": sum(trade.size for _, trade in left)},
            "turnover": sum(price * trade.size for price, trade in left),
            "taker_volume": sum(size for _, size in bought),
            "taker_turnover": sum(price * size for price, size in bought),
            "first": printed[0].n if left else -1,
            "last": printed[-1].n if left else -1,
        }

    def _before(self, i: int, since: int) -> int:
        prices = [self.fates.get((i, trade.n), trade.price) for trade in self.trades[i] if trade.t < since]
        return ([0] + [price for price in prices if price])[-1]


class Played(NamedTuple):
    """A market with fat fingers, and what the plain reckoning made of it on the way."""

    trading: Trading
    plain: Plain
    expected: dict[str, list[tuple[int, ...]]]
    """What is told again, by channel: market time, when it opened, instrument, figures."""
    finished: dict[tuple[int, int], dict[str, int]]
    """Minutes as they stood when they were over."""
    volumes: dict[int, list[int]]
    """Of three minutes, by market time."""


def figures(row: Any, names: dict[str, int]) -> dict[str, int]:
    return {name: int(row[name]) for name in names}


def play(trading: Trading, steps: int = 5600, later: int = 0) -> Played:
    """Let so many steps pass, with those fat fingers that are taken back so many steps later, or more."""
    played = Played(trading, Plain(), {"revised": [], "pairs": []}, {}, {})
    waiting: dict[str, set[tuple[int, int]]] = {"revised": set(), "pairs": set()}
    before = trading.feed.tape.t
    for step in range(1, steps):
        for at, who, lasts, value in FAT:
            if at == step and lasts >= later:
                trading.market.cause(Incident("fat_finger", 0, who, lasts, value))
        trading.steps(1)
        batch = trading.batches[-1]
        taken_back = played.plain.take(batch.rows)
        for channel, length in (("revised", MINUTE), ("pairs", 2 * MINUTE)):
            for i, t in taken_back:
                if (t // length + 1) * length <= before:
                    waiting[channel].add((t // length * length, i))
            if (batch.t - MINUTE // 2) // MINUTE != (before - MINUTE // 2) // MINUTE:
                told = sorted(waiting[channel])
                stand = [played.plain.bar(i, start, start + length) for start, i in told]
                played.expected[channel] += [
                    (batch.t, *which, *bar.values()) for which, bar in zip(told, stand, strict=True)
                ]
                waiting[channel].clear()
        if batch.t // MINUTE != before // MINUTE:
            start = before // MINUTE * MINUTE
            for i in range(3):
                played.finished[start, i] = played.plain.bar(i, start, start + MINUTE)
        if batch.t // (7 * SECOND) != before // (7 * SECOND):
            since = (batch.t - 3 * MINUTE) // MINUTE * MINUTE
            played.volumes[batch.t] = [played.plain.bar(i, since, batch.t + 1)["volume"] for i in range(3)]
        before = batch.t
    return played


@pytest.fixture(scope="module")
def played() -> Played:
    """Return four and a half minutes, all studies wanted from the beginning."""
    trading = Trading(CONFIG, STUDIES)
    trading.want(Streams.of(STUDIES, ALL))
    return play(trading)


def test_a_trade_that_is_taken_back_is_corrected_or_broken(played: Played) -> None:
    told, there = played.trading.told.of("states"), played.trading.rows(STATUS)
    assert len(told) == len(there)
    off = {(row["instrument"], row["ref"]): row["value_ppm"] for row in there if row["reason"] == FAT_FINGER}
    seen = set()
    for row, was in zip(told, there, strict=True):
        same = [name for name in row.dtype.names if name != "value_ppm"]
        assert row[same] == was[same]
        if row["reason"] != CORRECTION:
            assert row["value_ppm"] == was["value_ppm"]
            continue
        even = row["ref"] % 2 == 0
        seen.add(even)
        assert row["value_ppm"] == (off[row["instrument"], row["ref"]] if even else 0)
        fate = undone(int(row["price_ticks"]), int(row["value_ppm"])) if even else 0
        assert fate == played.plain.fates[int(row["instrument"]), int(row["ref"])]
    assert seen == {True, False} and len(played.plain.fates) > 50
    assert (there["value_ppm"][there["reason"] == CORRECTION] == 0).all(), "the tape's own rows are as they were"


@pytest.mark.parametrize("channel", ["revised", "pairs"])
def test_finished_bars_are_told_again_at_the_next_half_minute(played: Played, channel: str) -> None:
    rows = played.trading.told.of(channel)
    names = played.plain.bar(0, 0, 0)
    told = [(int(row["at"]), int(row["t"]), int(row["instrument"]), *figures(row, names).values()) for row in rows]
    assert told == played.expected[channel]
    length = 2 * MINUTE if channel == "pairs" else MINUTE
    assert (rows["at"] % MINUTE == MINUTE // 2).all() and (rows["at"] > rows["until"]).all()
    assert (rows["until"] == rows["t"] + length).all() and (rows["done"] == 1).all()
    assert len(rows) > (5 if channel == "revised" else 2)


def test_some_are_told_twice_as_they_stand_each_time(played: Played) -> None:
    told = [row[:3] for row in played.expected["revised"]]
    bars = [which for _, *which in told]
    twice = [which for which in bars if bars.count(which) > 1]
    assert twice
    stands = {row[3:] for row in played.expected["revised"] if list(row[1:3]) == twice[0]}
    assert len(stands) == 2


def test_a_bar_is_told_once_when_it_is_over_with_what_was_known_then(played: Played) -> None:
    changed = 0
    for channel in ("minutes", "running"):
        rows = played.trading.told.of(channel)
        rows = rows[rows["done"] == 1]
        assert len(rows) == sum(bar["trades"] > 0 for bar in played.finished.values())
        for row in rows:
            expected = played.finished[int(row["t"]), int(row["instrument"])]
            assert figures(row, expected) == expected
            printed = [p for p in played.plain.trades[int(row["instrument"])] if row["t"] <= p.t < row["until"]]
            changed += sum(p.size for p in printed) != row["volume"]
    assert changed > 4, "in its own minute a trade is taken back without a word"


@pytest.mark.parametrize("length", [SECOND, 5 * SECOND, MINUTE, 3 * MINUTE, 60 * MINUTE])
def test_bars_that_are_asked_for_are_amended(played: Played, length: int) -> None:
    emptied = 0
    for i in range(3):
        rows = played.trading.sight.bars(i, Bars(length), 10_000)
        for row in rows[1:] if length < MINUTE else rows:
            expected = played.plain.bar(i, int(row["t"]), int(row["until"]))
            assert figures(row, expected) == expected, (i, row)
            emptied += any(row["t"] <= p.t < row["until"] for p in played.plain.trades[i]) and not row["trades"]
    assert emptied or length > SECOND, "seconds in which all that was traded is broken"


def test_windows_are_amended(played: Played) -> None:
    rows = played.trading.told.of("summaries")
    assert set(rows["t"].tolist()) == set(played.volumes)
    for row in rows:
        assert row["volume"] == played.volumes[int(row["t"])][int(row["instrument"])]
    now = played.trading.sight.summaries([0, 1, 2], 60 * MINUTE)
    for i, row in enumerate(now):
        expected = played.plain.bar(i, 0, 1 << 62)
        assert figures(row, {name: 0 for name in expected if name in rows.dtype.names}) == {
            name: value for name, value in expected.items() if name in rows.dtype.names
        }


def test_trades_stay_as_they_were_printed(played: Played) -> None:
    for i in range(3):
        rows = played.trading.sight.trades(i, 10_000)
        printed = [(p.n, p.t, p.price, p.size, p.side) for p in played.plain.trades[i]]
        assert rows[["n", "t", "price_ticks", "size", "side"]].tolist() == printed[-len(rows) :]


def test_where_a_minute_is_not_kept_whole_it_stays_as_it_was() -> None:
    trading = Trading(CONFIG, STUDIES, size_bytes=2_000)
    assert trading.floor.ledger.trades_kept < 5
    trading.want(Streams.of(["states", "revised"], ALL))
    played = play(trading, 4500, later=1000)
    assert (trading.told.of("states")["reason"] == CORRECTION).sum() == len(played.plain.fates)
    assert played.expected["revised"] and "revised" not in trading.told.rows
    for i in range(3):
        for row in trading.sight.bars(i, Bars(MINUTE), 10):
            printed = [p for p in played.plain.trades[i] if row["t"] <= p.t < row["until"]]
            assert (row["volume"], row["trades"]) == (sum(p.size for p in printed), len(printed))


def test_what_was_before_anybody_came_is_known() -> None:
    trading = Trading(CONFIG, STUDIES)
    for _ in range(4):
        trading.market.cause(Incident("fat_finger", 0, (0, 1, 2), 100, 0.25))
        trading.steps(1)
    trading.steps(20)
    late = Floor(trading.feed, 3, 4_000_000, trading.faults.append)
    desk, trading.desk = trading.desk, late.desk(STUDIES.__getitem__, trading.desk.line._metrics)
    assert desk is not trading.desk
    trading.want(Streams.of(["states"], ALL))
    trading.steps(100)
    rows = trading.told.of("states")
    rows = rows[rows["reason"] == CORRECTION]
    assert len(rows) == 12
    assert rows["value_ppm"].tolist() == [0 if ref % 2 else 250_000 for ref in rows["ref"]]
    whole = Sight(late, trading.universe).bars(0, Bars(60 * MINUTE), 1)
    assert whole["volume"] == trading.sight.bars(0, Bars(60 * MINUTE), 1)["volume"]


def status(*rows: tuple[int, int, int, int]) -> Rows:
    """Return status rows: instrument, reason, value, number of the trade."""
    found: Rows = np.zeros(len(rows), DTYPES[STATUS])
    for row, values in zip(found, rows, strict=True):
        for name, value in zip(("instrument", "reason", "value_ppm", "ref"), values, strict=True):
            row[name] = value
    return found


def told(corrections: Corrections, instrument: int, ref: int) -> int:
    return int(corrections.told(status((instrument, CORRECTION, 0, ref)))["value_ppm"][0])


def test_the_newest_fat_fingers_are_remembered() -> None:
    corrections, most = Corrections(2), KEPT + 2 * KEPT_EACH
    for number in range(2, 2 * most + 4, 2):
        corrections.note(status((1, FAT_FINGER, 7, number)))
    assert told(corrections, 1, 2) == 0
    assert {told(corrections, 1, number) for number in range(4, 2 * most + 4, 2)} == {7}
    assert told(corrections, 0, 4) == 0, "of another instrument"


def test_what_makes_no_price_is_broken() -> None:
    corrections = Corrections(1)
    corrections.note(status((0, FAT_FINGER, -1_000_000, 2), (0, FAT_FINGER, -999_999, 4), (0, FAT_FINGER, 50, 0)))
    assert [told(corrections, 0, ref) for ref in (0, 2, 4)] == [0, 0, -999_999]
    assert undone(1, -999_999) == 1_000_000


def test_other_rows_are_the_same_ones() -> None:
    rows = status((0, FAT_FINGER, 5, 2))
    assert Corrections(1).told(rows) is rows
