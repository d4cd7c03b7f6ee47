"""What must hold on every tape of the realistic model, step by step: a judge that reads batches and nothing else.

It keeps what a reader could keep (books, quotes, bars, the day's figures, states) in plain dicts, one row after the
other, and knows of the market no more than its universe and calendar. Run by hand it judges as many events as asked:
`python tests/market_rules.py --events 10000000`.
"""

import argparse
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from ticker.config import Config, MarketConfig
from ticker.errors import TickerError
from ticker.files import shipped
from ticker.instruments import Universe
from ticker.market.calendar import AUCTION, CLOSED, PRE_OPEN, TRADING, Calendar
from ticker.market.market import Market
from ticker.stage import stage
from ticker.ticks import (
    ASK,
    BARS_1M,
    BARS_1S,
    BID,
    BOOK,
    BUY,
    CHANNELS,
    DTYPES,
    LEVELS,
    NO_CRC,
    QUOTES,
    REASONS,
    SELL,
    STATES,
    STATS,
    STATUS,
    TRADES,
    Batch,
    Rows,
)

LENGTHS_US = {BARS_1S: 1_000_000, BARS_1M: 60_000_000}
PRICE_MAX = SIZE_MAX = 2**31
HALTED, FROZEN = STATES.index("halted"), STATES.index("frozen")
SCHEDULE, HALT, RESUME, FREEZE, THAW, FAT_FINGER, CORRECTION = (
    REASONS.index(name) for name in ("schedule", "halt", "resume", "freeze", "thaw", "fat_finger", "correction")
)
SHOWN = 20
"""Violations that are kept with their words; all are counted."""


@dataclass(slots=True)
class Sum:
    """What the trades of an instrument in some time come to."""

    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    turnover: int = 0
    trades: int = 0

    def add(self, price: int, size: int) -> None:
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume, self.turnover, self.trades = self.volume + size, self.turnover + price * size, self.trades + 1

    @property
    def figures(self) -> tuple[int, ...]:
        return self.open, self.high, self.low, self.close, self.volume, self.turnover, self.trades


@dataclass
class Seen:
    """What is known of one instrument."""

    state: int = -1
    halted: bool = False
    frozen: bool = False
    sides: tuple[dict[int, int], dict[int, int]] = field(default_factory=lambda: ({}, {}))
    quote: tuple[int, int, int, int] | None = None
    bars: dict[str, dict[int, Sum]] = field(default_factory=lambda: {BARS_1S: {}, BARS_1M: {}})
    today: Sum | None = None
    previous: int = 0
    wrong: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Price and size of trades that were said to be a mistake, by `n`."""
    late: int = 0
    """Fat fingers that wait for trading."""
    taken: list[int] = field(default_factory=lambda: [0, 0])
    """What was bought and sold at the touch since the book was shown last."""

    @property
    def quiet(self) -> bool:
        return self.halted or self.frozen

    @property
    def left(self) -> tuple[dict[int, int], dict[int, int]]:
        """What is left of the book after those trades."""
        bids, asks = dict(self.sides[BID]), dict(self.sides[ASK])
        for levels, best, taken in ((asks, min, self.taken[BUY]), (bids, max, self.taken[SELL])):
            if taken:
                price = best(levels)
                levels[price] -= taken
                if not levels[price]:
                    del levels[price]
        return bids, asks

    @property
    def touch(self) -> tuple[int, int, int, int] | None:
        asks, bids = self.sides[ASK], self.sides[BID]
        if not asks or not bids:
            return None
        bid, ask = max(bids), min(asks)
        return bid, bids[bid], ask, asks[ask]


class Rules:
    """Judges the batches of a market from its first one on."""

    def __init__(self, universe: Universe, step_us: int, start_us: int) -> None:
        self._calendar = Calendar(universe.hours, start_us, step_us)
        self._step_us = step_us
        self._lots = [instrument.lot for instrument in universe]
        self._seen = [Seen(previous=instrument.reference_ticks) for instrument in universe]
        self._n = {channel: np.zeros(len(universe), np.int64) for channel in CHANNELS}
        self._t = {channel: np.zeros(len(universe), np.int64) for channel in CHANNELS}
        self._running: dict[str, set[tuple[int, int]]] = {channel: set() for channel in LENGTHS_US}
        self._seq, self._since_us, self._day, self._phase = 0, start_us, 0, -1
        self.events: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.told: list[str] = []
        self.reasons: set[str] = set()
        self.states: set[str] = set()
        self.days = 1

    @classmethod
    def of(cls, market: Market) -> "Rules":
        return cls(market.universe, market.step_us, market.time_us(0))

    def take(self, batch: Batch) -> None:
        """Judge the next batch."""
        times = self._calendar.block(batch.seq, 1)
        self._check(batch.seq == self._seq + 1, "seq follows seq", batch.seq)
        self._check(batch.t == times.t_us[0], "time is the calendar's", batch.t)
        self._check(tuple(batch.rows) == CHANNELS, "all channels, in order", batch.rows)
        self._seq, self._entered = batch.seq, int(times.phase[0]) != self._phase
        self._phase = int(times.phase[0])
        if times.day[0] != self._day:
            self._turn_day(int(times.day[0]))
        for channel, rows in batch.rows.items():
            self.events[channel] += len(rows)
            self._check_heads(channel, rows, batch.t)
        said = batch.rows[STATUS].tolist()
        bad = self._take_status(said)
        left = self._left()
        touched = self._take_book(batch.rows[BOOK])
        touched |= self._take_quotes(batch.rows[QUOTES].tolist())
        for who in range(len(self._seen)) if self._entered else touched:
            self._check_touch(who)
        for who, sides in left.items():
            self._check_left(who, sides)
        if self._phase == CLOSED and not self._entered:
            back = {row[0] for row in said if row[4] in (RESUME, THAW)}
            self._check(touched <= back, "nothing moves after the close", touched - back)
        self._take_trades(batch.rows[TRADES], bad)
        for channel, length_us in LENGTHS_US.items():
            self._take_bars(channel, length_us, batch)
        self._take_stats(batch.rows[STATS].tolist(), batch.t)
        self._since_us = batch.t

    def _check(self, good: bool, rule: str, *about: Any) -> None:
        if not good:
            self.broken[rule] += 1
            if len(self.told) < SHOWN:
                self.told.append(f"step {self._seq}: {rule}: {about}")

    def _turn_day(self, day: int) -> None:
        self._day = day
        self.days += 1
        for seen in self._seen:
            if seen.today:
                seen.previous, seen.today = seen.today.close, None

    def _check_heads(self, channel: str, rows: Rows, t_us: int) -> None:
        """Judge what all channels have: instrument, n, t."""
        if not len(rows):
            return
        self._check(rows.dtype == DTYPES[channel], "dtype", channel)
        who, n, t = rows["instrument"].astype(np.int64), rows["n"], rows["t"]
        self._check(bool(((who >= 0) & (who < len(self._seen))).all()), "instrument is known", channel)
        self._check(bool((np.diff(who) >= 0).all()), "instruments ascend", channel)
        first = np.flatnonzero(np.diff(who, prepend=-1))
        counts = np.diff(first, append=len(who))
        due = self._n[channel][who] + 1 + np.arange(len(who)) - first.repeat(counts)
        self._check(bool((n == due).all()), "n has no hole", channel)
        self._n[channel][who[first]] += counts
        if channel in LENGTHS_US:
            self._check(bool((t <= t_us).all()), "a bar has opened", channel)
        elif channel in (STATS, STATUS):
            self._check(bool((t == t_us).all()), "t is the step's", channel)
        else:
            self._check(bool(((t > self._since_us) & (t <= t_us)).all()), "t lies in the step", channel)
            self._check(bool((t > t_us - self._step_us).all()), "t lies in the step after a night", channel)
        before = np.where(np.diff(who, prepend=-1) != 0, self._t[channel][who], np.roll(t, 1))
        self._check(bool((t >= before).all()), "t does not fall", channel)
        self._t[channel][who] = t

    def _take_status(self, rows: list[Any]) -> dict[tuple[int, int], tuple[int, int]]:
        """Judge what is said of states; return the trades of this step that are said to be wrong: price and size."""
        bad, scheduled = {}, set()
        for who, _, _, state, reason, price, size, _, ref in rows:
            seen = self._seen[who]
            seen.state = state
            self.states.add(STATES[state])
            self.reasons.add(REASONS[reason])
            seen.halted = reason == HALT or (seen.halted and reason != RESUME)
            seen.frozen = reason == FREEZE or (seen.frozen and reason != THAW)
            self._check(price >= 0 and size >= 0 and ref >= 0, "status has numbers", who, price, size, ref)
            if reason == SCHEDULE:
                scheduled.add(who)
            if reason == FAT_FINGER and ref:
                bad[who, ref] = seen.wrong[ref] = price, size
                seen.late = max(0, seen.late - 1)
            elif reason == FAT_FINGER:
                self._check(state != TRADING and not price and not size, "a fat finger names a trade, or waits", who)
                seen.late += 1
            if reason == CORRECTION:
                self._check(seen.wrong.pop(ref, None) == (price, size), "a correction is of a wrong trade", who, ref)
        if self._entered:
            self._check(len(scheduled) == len(self._seen), "a phase is told to all", len(scheduled))
        for who in range(len(self._seen)) if self._entered else {row[0] for row in rows}:
            seen = self._seen[who]
            due = HALTED if seen.halted else FROZEN if seen.frozen else self._phase
            self._check(seen.state == due, "status tells the state", who, STATES[seen.state], STATES[due])
            self._check(due != TRADING or not seen.late, "what waits for trading takes place with it", who, seen.late)
        return bad

    def _left(self) -> dict[int, tuple[dict[int, int], dict[int, int]]]:
        """Return what the last trades of the day have left, as it closes; and take note of whose book is shown anew."""
        left = {}
        for who, seen in enumerate(self._seen):
            if not seen.quiet and (any(seen.taken) or self._entered):
                if self._phase == CLOSED:
                    left[who] = seen.left
                seen.taken = [0, 0]
        return left

    def _check_left(self, who: int, sides: tuple[dict[int, int], dict[int, int]]) -> None:
        """Judge a book after the close: what the last trades left, and behind it what the ten levels did not show."""
        for side, left in enumerate(sides):
            shown = self._seen[who].sides[side]
            self._check(left.items() <= shown.items(), "the book of the close is what is left", who, left, shown)
            behind = [price for price in shown if price not in left]
            better = [price for price in behind if left and (price > min(left) if side == BID else price < max(left))]
            self._check(not better, "nobody joins the book of the close", who, side, better)

    def _take_book(self, rows: Rows) -> set[int]:
        """Judge changes of the book; return whose changed."""
        touched, proved = set(), set()
        for who, _, _, side, price, size, crc, fresh in rows.tolist():
            seen, lot = self._seen[who], self._lots[who]
            levels = seen.sides[side]
            touched.add(who)
            self._check(who not in proved, "the checksum stands on the last row", who)
            self._check(0 < price < PRICE_MAX and 0 <= size < SIZE_MAX and size % lot == 0, "level", who, price, size)
            self._check(levels.get(price, 0) != size, "a row of the book says something new", who, side, price, size)
            self._check(fresh == 0, "nothing is fresh on the tape", who)
            levels.pop(price, None)
            if size:
                levels[price] = size
            if crc != NO_CRC:
                proved.add(who)
                self._check(crc == checksum(seen.sides), "checksum", who)
        self._check(touched == proved, "every book is proved", touched ^ proved)
        for who in touched:
            seen = self._seen[who]
            self._check(not (seen.halted or seen.frozen), "no book while halted or frozen", who)
            self._check(max(map(len, seen.sides)) <= LEVELS, "ten levels", who)
            touch = seen.touch
            self._check(touch is None or touch[0] < touch[2], "book neither crossed nor locked", who, touch)
        return touched

    def _take_quotes(self, rows: list[Any]) -> set[int]:
        touched = set()
        for who, _, _, bid, bid_size, ask, ask_size in rows:
            seen, lot = self._seen[who], self._lots[who]
            self._check(seen.state in (TRADING, CLOSED), "quotes only in trading", who, STATES[seen.state])
            self._check(0 < bid < ask < PRICE_MAX, "bid below ask", who, bid, ask)
            self._check(0 < bid_size < SIZE_MAX and 0 < ask_size < SIZE_MAX, "sizes of a quote", who)
            self._check(bid_size % lot == 0 and ask_size % lot == 0, "quotes in lots", who, bid_size, ask_size)
            self._check(seen.quote != (bid, bid_size, ask, ask_size), "a quote says something new", who)
            self._check(who not in touched, "one quote a step", who)
            seen.quote = bid, bid_size, ask, ask_size
            touched.add(who)
        return touched

    def _check_touch(self, who: int) -> None:
        seen = self._seen[who]
        if seen.state == TRADING:
            self._check(bool(seen.sides[ASK]), "somebody sells", who)
            self._check(bool(seen.sides[BID]), "somebody buys", who)
        if seen.state in (TRADING, CLOSED):
            self._check(
                seen.touch is None or seen.quote == seen.touch, "quote is the touch", who, seen.quote, seen.touch
            )
        if seen.state == PRE_OPEN:
            self._check(not any(seen.sides), "no book before the auction", who, seen.sides)

    def _take_trades(self, rows: Rows, bad: dict[tuple[int, int], tuple[int, int]]) -> None:
        taken: Counter[tuple[int, int]] = Counter()
        for who, n, t, price, size, side in rows.tolist():
            seen, lot = self._seen[who], self._lots[who]
            self._check(0 < price < PRICE_MAX and 0 < size < SIZE_MAX and size % lot == 0, "a trade", who, price, size)
            self._check(self._phase in (AUCTION, TRADING), "trades in trading", who, STATES[self._phase])
            self._check(seen.state == self._phase, "no trade while halted or frozen", who, STATES[seen.state])
            if (who, n) in bad:
                self._check(bad.pop((who, n)) == (price, size), "a fat finger is as it is told", who, n)
            elif self._phase == TRADING:
                levels = seen.sides[ASK if side == BUY else BID]
                touch = (min(levels) if side == BUY else max(levels)) if levels else 0
                taken[who, side] += size
                self._check(price == touch, "trades print at the touch", who, side, price, touch)
                self._check(taken[who, side] <= levels.get(price, 0), "no more trades than rests", who, side, price)
                seen.taken[side] = taken[who, side]
            else:
                taken[who, 0] += 1
                self._check(taken[who, 0] == 1, "an auction is one trade", who)
                bids, asks = seen.sides
                fair = max(bids, default=0) <= price <= min(asks, default=PRICE_MAX)
                self._check(fair, "what an auction leaves does not pay its price", who, price, bids, asks)
            self._sum_up(seen, who, t, price, size)
        self._check(not bad, "a fat finger has its trade", bad)

    def _sum_up(self, seen: Seen, who: int, t: int, price: int, size: int) -> None:
        seen.today = seen.today or Sum(price, price, price, price)
        seen.today.add(price, size)
        for channel, length_us in LENGTHS_US.items():
            key = t - t % length_us
            bar = seen.bars[channel].setdefault(key, Sum(price, price, price, price))
            bar.add(price, size)
            self._running[channel].add((who, key))

    def _take_bars(self, channel: str, length_us: int, batch: Batch) -> None:
        for who, _, opened, *figures, done in batch.rows[channel].tolist():
            bar = self._seen[who].bars[channel].get(opened)
            self._check(bar is not None and bar.figures == tuple(figures), "bars add up", channel, who, opened, figures)
            self._check(bool(done) == (batch.t >= opened + length_us), "done when it is over", channel, who, opened)
            if done:
                self._running[channel].discard((who, opened))
                self._seen[who].bars[channel].pop(opened, None)
        over = {key for key in self._running[channel] if key[1] + length_us <= batch.t}
        self._check(not over, "all bars that are over are told", channel, over)
        self._running[channel] -= over

    def _take_stats(self, rows: list[Any], t_us: int) -> None:
        for who, _, _, first, high, low, last, previous, volume, turnover, trades in rows:
            seen = self._seen[who]
            figures = first, high, low, last, volume, turnover, trades
            known = seen.today.figures if seen.today else None
            self._check(figures == known, "stats add up", who, t_us, figures, known)
            self._check(previous == seen.previous, "the close of the day before", who, previous, seen.previous)


def checksum(sides: tuple[dict[int, int], dict[int, int]]) -> int:
    """Return the checksum of a book as the protocol words it."""
    both = sorted(sides[ASK].items()), sorted(sides[BID].items(), reverse=True)
    lines = ["".join(f"{price:08x}{size:08x}" for price, size in levels).ljust(16 * LEVELS, "0") for levels in both]
    return zlib.crc32("".join(lines).encode())


def judge(market: Market, events: int = 2**62, steps: int = 2**62) -> Rules:
    """Judge a market for so many events or steps, whatever comes first."""
    rules = Rules.of(market)
    made = 0
    while made < events and market.seq < steps:
        try:
            batch = market.step()
        except TickerError as error:
            rules.broken[f"the market failed: {error}"] += 1
            break
        rules.take(batch)
        made += sum(map(len, batch.rows.values()))
    return rules


def runs(step_ms: float) -> Iterator[MarketConfig]:
    """Yield each universe in steps of 10 ms, and each scenario in steps that make its incidents come up soon."""
    for universe in shipped("universes"):
        yield MarketConfig(universe=universe, step_ms=step_ms or 10.0)
    for scenario in shipped("scenarios"):
        yield MarketConfig(scenario=scenario, step_ms=step_ms or (3000.0 if scenario == "ordinary_day" else 100.0))


def main() -> None:
    """Judge every universe and every scenario."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="of each universe and scenario")
    parser.add_argument("--only", default="", help="a universe or a scenario")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--step-ms", type=float, default=0.0)
    asked = parser.parse_args()
    for market in runs(asked.step_ms):
        name = market.scenario or market.universe
        if asked.only in ("", name):
            config = Config(market=msgspec.structs.replace(market, seed=asked.seed))
            made = stage(config).market
            rules = judge(made, asked.events)
            events, broken = sum(rules.events.values()), sum(rules.broken.values())
            print(
                f"{name}: {made.seq:,} steps of {market.step_ms:g} ms, {events:,} events, {broken} violations",
                flush=True,
            )
            for channel, count in rules.events.items():
                print(f"    {channel}: {count:,}")
            print("\n".join(rules.told), end="")


if __name__ == "__main__":
    main()
