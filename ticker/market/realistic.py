"""The realistic model: what happens in a step, in the order in which it happens.

Makers pull what is stale, take back, place and refresh; then the book is published as quotes and levels; then orders at
market trade with what was published, at its touch; last the worth of everything moves, by the market, the news and the
surprise in those orders. So a trade prints at the quote that stood, and what it took shows in the next step.
"""

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ticker.market.auction import Auction
from ticker.market.calendar import AUCTION, CLOSED, PRE_OPEN, TRADING, Times
from ticker.market.climate import BLOCK_STEPS, Climate, Weather
from ticker.market.draws import keys, pieces, words
from ticker.market.exact import Floats, exp
from ticker.market.incidents import Incident
from ticker.market.levels import FAR, Levels
from ticker.market.makers import HYSTERESIS_SHARE, HYSTERESIS_TICKS, Chances, Makers
from ticker.market.notices import Notices
from ticker.market.orders import Orders
from ticker.market.prints import Prints
from ticker.market.published import Published
from ticker.market.seasons import Season
from ticker.market.soundness import finite
from ticker.market.tables import normal
from ticker.market.traits import Traits
from ticker.market.turmoil import FAT_FACTOR, Turmoil
from ticker.ticks import BOOK, BUY, DTYPES, EMPTY, QUOTES, SELL, STATUS, TRADES, Rows

FLOW_SHARE = 0.97
"""Of an instrument's own variance that comes from orders; the rest is news nobody traded on."""
SPREAD = 0.68
"""Half-spread in units of the volatility from one order to the next (Wyart et al., 2008)."""
HALF_SPREAD_MIN, HALF_SPREAD_MAX = 0.03, 0.3
"""In ticks; and as a share of the price."""
SHOCK_RATE = 3.0
"""Orders come so many times as often while a shock lasts."""
AT_ONCE = 0.6
"""Share of the factors' returns that a price takes in at once; the rest comes later (Epps, 1979)."""
LAG_S, LAG_MIN_S, LAG_MAX_S = 20.0, 2.0, 40.0
"""How much later, for an instrument with an order a second; busier ones are quicker."""
NEWS_S = 4.0
WORTH_MIN, WORTH_MAX = 3.0, 5e8
"""In ticks. No price can fall to nothing, nor leave 32 bits."""
INDICATIVE_S = 1.0
"""Between two words about an auction as it stands."""

_LOWEST = -1.5  # edge of a bid, so that it is one tick at least
_WORDS = 6  # drawn for an instrument in every step


class Realistic:
    """The state of every instrument. Steps are made in order, each once."""

    name = "realistic-5"

    def __init__(self, seed: int, traits: Traits, step_us: int, season: Season) -> None:
        count = len(traits)
        self._traits = traits
        self._step_s = step_s = step_us / 1_000_000
        self._keys = keys(seed, "steps", traits.symbols)
        self._climate = Climate(seed, traits, step_s, season)
        self._orders = Orders(seed, traits, step_s)
        self._levels = Levels(count)
        self._makers = Makers(seed, traits, self._levels, step_s)
        self._auction = Auction(seed, traits, step_s)
        self._published = Published(count, self._levels)
        self._prints = Prints(traits.lot, self._levels)
        self.notices = Notices(count)
        self.turmoil = Turmoil(count, step_s)
        self._worth = traits.reference_ticks.astype(np.float64)
        self._worth_then = self._worth.copy()  # as this block began
        self._lagging = np.zeros(count)
        self._news = np.zeros(count)
        self._own = np.zeros(count)  # the own return of this block so far
        self._has_nights = season.has_nights
        lag_s = np.clip(LAG_S / np.sqrt(traits.orders_per_s), LAG_MIN_S, LAG_MAX_S)
        self._leak = 1 - exp(-step_s / lag_s)
        self._news_leak = 1 - float(exp(-step_s / NEWS_S))
        self._indicative_steps = max(1, round(INDICATIVE_S / step_s))
        self._phase = -1
        self._unseen = False  # the whole book is to be published
        self._weather: Weather | None = None
        self._edges = np.zeros((count, 2))

    # Between steps.

    def cause(self, incident: Incident) -> None:
        """Take in what is to happen at a step that has not been made."""
        self.turmoil.cause(incident)

    def state(self) -> dict[str, Any]:
        """Return all that later steps depend on."""
        arrays = {name: getattr(self, name).copy() for name in _ARRAYS}
        weather = None if self._weather is None else {name: getattr(self._weather, name) for name in _WEATHER}
        parts = {name: getattr(self, name).state() for name in _PARTS}
        return {**arrays, "weather": weather, "levels": self._levels.state(), "phase": self._phase, **parts}

    def restore(self, state: dict[str, Any], step: int, times: Times) -> None:  # noqa: ARG002  # a Model's
        """Go on from a state, that was taken after a step."""
        for name in _ARRAYS:
            setattr(self, name, state[name].copy())
        for name in _PARTS:
            getattr(self, name).restore(state[name])
        self._levels.restore(state["levels"])
        self._phase = state["phase"]
        self._weather = None if state["weather"] is None else Weather(**state["weather"])
        if step % BLOCK_STEPS and self._weather is not None:
            self._settle_in()

    # A step.

    def step(self, step: int, since_us: int, times: Times, at: int) -> dict[str, Rows]:
        """Make step `step`, from 1, which began at `since_us` and is number `at` of these times; return its rows."""
        t_us, phase = int(times.t_us[at]), int(times.phase[at])
        place = (step - 1) % BLOCK_STEPS
        if times.night[at] and self._has_nights:
            self._sleep(int(times.day[at]))
        if place == 0 or self._weather is None:
            self._turn_weather((step - 1) // BLOCK_STEPS, float(times.fraction[at]))
        if self.turmoil.due(step):
            self.turmoil.turn(step, t_us, self.notices)
        entered = phase != self._phase
        if entered:
            self._enter(step, phase, t_us)
        if self.turmoil.waits:
            self.turmoil.take_up(step, phase, t_us, self.notices)
        if self.turmoil.changed:
            self._unseen = True  # what happened to the book of the halted is to be seen when they are back
            self._settle_in()
        drawn = pieces(words(self._keys, (step - 1) * _WORDS, _WORDS))
        self._noise = normal()[drawn[0, :, 2]] * self._noise_deviation
        if phase == TRADING:
            return self._trade(step, place, since_us, t_us, drawn)
        rows = dict(EMPTY)
        if phase == PRE_OPEN:
            self._gather(step, t_us)
        elif phase == AUCTION:
            rows[TRADES] = self._open(t_us)
        if entered or self._unseen:
            who = np.flatnonzero(~self.turmoil.quiet)
            t = np.full(len(who), t_us)
            if phase == CLOSED:  # what the last trades left
                rows[QUOTES] = self._published.quotes(who, t)
            rows[BOOK] = self._published.book(who, t)
            self._unseen = False
        if phase != CLOSED:
            self._move(place, None)
        if self.turmoil.push.any():
            self._push(phase)
        rows[STATUS] = self.notices.take()
        return rows

    def _enter(self, step: int, phase: int, t_us: int) -> None:
        """Begin a phase of the day."""
        gathered = self._phase == PRE_OPEN
        self._phase = phase
        if phase in (PRE_OPEN, AUCTION) and not gathered:
            self._levels.clear()
            self._orders.calm()
            self._auction.begin(step, np.rint(self._worth).astype(np.int64))
        if phase == TRADING:
            self._seed(step)
            self._unseen = True
        if phase == CLOSED:
            self._clear_away()
        if phase != AUCTION:  # that says its price as well
            self.turmoil.enter(phase, t_us, self.notices)

    def _sleep(self, day: int) -> None:
        """Let a night pass."""
        moved = self._worth * (1 + self._climate.night(day) + self._news + self._lagging)
        self._worth = np.clip(moved, WORTH_MIN, WORTH_MAX)
        self._news[:] = 0.0
        self._lagging[:] = 0.0
        self._weather = None

    def _gather(self, step: int, t_us: int) -> None:
        """Let orders gather, and say now and then what an auction would come to."""
        self._auction.gather(step)
        if step % self._indicative_steps == 0:
            found = self._auction.uncross()
            fields = {"price_ticks": found.price_ticks, "size": found.volume}
            self.notices.say(np.arange(len(self._traits)), t_us, self.turmoil.state_of, "schedule", **fields)

    def _open(self, t_us: int) -> Rows:
        """Hold the auction: one trade of each instrument, and what is left over is its book."""
        found = self._auction.uncross()
        self.turmoil.enter(AUCTION, t_us, self.notices, price_ticks=found.price_ticks, size=found.volume)
        for side, orders, ticks in ((0, found.bids, -found.prices), (1, found.asks, found.prices)):
            sizes = orders * ~self.turmoil.quiet[:, None]  # who is halted has no auction
            self._levels.fill(side, ticks, sizes)
        self._prints.forget()
        who = np.flatnonzero((found.volume > 0) & ~self.turmoil.quiet)
        rows = np.empty(len(who), DTYPES[TRADES])
        self._prints.n[who] += 1
        rows["instrument"], rows["n"], rows["t"] = who, self._prints.n[who], t_us
        rows["price_ticks"], rows["size"] = found.price_ticks[who], found.volume[who]
        rows["side"] = np.where(found.bids.sum(1) >= found.asks.sum(1), BUY, SELL)[who]
        self._worth = np.where(found.volume > 0, 0.5 * self._worth + 0.5 * found.price_ticks, self._worth)
        return rows

    def _trade(self, step: int, place: int, since_us: int, t_us: int, draws: NDArray[np.uint16]) -> dict[str, Rows]:
        """Make a step of continuous trading, by draws of shape (_WORDS, instruments, 4)."""
        drawn = draws[0]
        changed = self._quote(self._makers.chances(draws[1:]))
        seen = changed.reshape(-1, 2).any(axis=1)
        if self._any_quiet:
            seen &= ~self.turmoil.quiet
        who = np.flatnonzero(seen)
        half_us = max(1, (t_us - since_us) // 2)
        early = since_us + 1 + (drawn[who, 3].astype(np.int64) * (half_us - 1) >> 16)
        rows = {QUOTES: self._published.quotes(who, early), BOOK: self._published.book(who, early)}
        rows[TRADES] = self._match(step, place, drawn, since_us + half_us, max(1, t_us - since_us - half_us))
        rows[STATUS] = self.notices.take()
        return rows

    # What rests.

    def _quote(self, chances: Chances) -> NDArray[np.bool_]:
        """Let the makers act; return which rows of the book are not as they were published."""
        makers, edges = self._makers, self._edges
        np.subtract(self._half, self._worth, out=edges[:, 0])
        np.minimum(edges[:, 0], _LOWEST, out=edges[:, 0])
        np.add(self._half, self._worth, out=edges[:, 1])
        edge = edges.reshape(-1)
        off = edge - self._levels.best
        changed = np.full(len(off), self._unseen)
        self._unseen = False
        changed[self._prints.traded] = True
        self._clear_away()
        stale = np.flatnonzero((off > self._slack) & chances.pull)
        if len(stale):
            makers.pull(edge, self._slack, stale)
            changed[stale] = True
        if len(chances.cancelled):
            changed[makers.cancel(chances.draws[0], chances.cancelled)] = True
        better = (off < -1 - self._slack) & chances.improve
        better |= (self._levels.best == FAR) & ~self._quiet_rows
        adding = np.flatnonzero(better | chances.place)
        if len(adding):
            makers.add(chances.draws[1], adding, better[adding], edge, self._slack, self._worth)
            changed[adding] = True
        if len(chances.refreshed):
            changed[makers.refresh(chances.draws[2], chances.refreshed, self._worth)] = True
        return changed

    def _clear_away(self) -> None:
        """Remove the levels that trades have emptied."""
        if len(self._prints.emptied):
            self._makers.clear(self._prints.emptied)
        self._prints.forget()

    def _seed(self, step: int) -> None:
        """Let the makers set up a book, or complete one."""
        edge = np.stack([np.minimum(self._half - self._worth, _LOWEST), self._half + self._worth], axis=1).reshape(-1)
        self._makers.seed(step, edge, self._slack, self._worth)

    # What trades.

    def _match(self, step: int, place: int, drawn: NDArray[np.uint16], since_us: int, span_us: int) -> Rows:
        """Let orders trade with the book, and move what everything is worth; return the trades."""
        orders = self._orders
        chance = np.asarray((drawn[:, 0].astype(np.uint32) << 16 | drawn[:, 1]) * 2.0**-32, np.float64)
        count = orders.count(self._rate, chance)
        count[orders.pending != 0] += 1
        if self._any_quiet:
            count[self.turmoil.quiet] = 0
        who = np.flatnonzero(count)
        trend = np.sign(self._lagging + self.turmoil.push).astype(np.int64)
        expected = orders.expected(trend)
        surprise = np.zeros(len(count))
        orders.fade()
        fat: list[Rows] = []
        for incident in self.turmoil.fat_fingers():
            fat.append(self._print_badly(incident, step, since_us, since_us + span_us, fat))
        if len(who):
            count = np.minimum(count[who], orders.rounds_max)
            arrived = orders.arrive(step, who, count, expected, trend)
            orders.excite(arrived)
            surprise += np.bincount(arrived.who, arrived.surprise, len(surprise))
            part_us = (span_us // count).repeat(count)
            jitter = drawn[arrived.who, 3].astype(np.int64) * part_us >> 16
            prints, rest = self._prints.fill(arrived, count, since_us + arrived.number * part_us + jitter)
            orders.pending[who] = np.where(arrived.buys[arrived.first], rest, -rest)
            fat.append(prints)
        self._move(place, surprise)
        return self._prints.number(fat)

    def _print_badly(self, incident: Incident, step: int, t_us: int, end_us: int, others: list[Rows]) -> Rows:
        """Print the trades of a fat finger: far off and far too large, said to be wrong before, taken back later.

        `others` are the trades of fat fingers in this step before this one.
        """
        who = np.array(incident.instruments, np.int64)
        n = self._prints.n[who] + 1
        for rows in others:
            n += np.isin(who, rows["instrument"])
        rows = np.zeros(len(who), DTYPES[TRADES])
        rows["instrument"], rows["t"] = who, t_us
        rows["price_ticks"] = np.clip(np.rint(self._worth[who] * (1 + incident.value)), 1, WORTH_MAX)
        lot = self._traits.lot[who]
        rows["size"] = np.maximum(1, (self._traits.touch_size[who] / lot).astype(np.int64)) * lot * FAT_FACTOR
        rows["side"] = BUY if incident.value > 0 else SELL
        value = round(incident.value * 1_000_000)
        for number, price, size, ref in zip(who, rows["price_ticks"], rows["size"], n, strict=True):
            self.turmoil.bust(step, incident, int(number), int(price), int(size), int(ref))
        fields: dict[str, ArrayLike] = {"price_ticks": rows["price_ticks"], "size": rows["size"], "value_ppm": value}
        self.notices.say(who, end_us, self.turmoil.state_of[who], "fat_finger", ref=n, **fields)
        return rows

    # What everything is worth.

    def _move(self, place: int, surprise: Floats | None) -> None:
        """Let a step's news come in; `surprise` is that in its orders, None where there is no trading."""
        weather = self._weather
        assert weather is not None
        factor = weather.factor[place] * self.turmoil.factor
        self._lagging += (1 - AT_ONCE) * factor
        late = self._lagging * self._leak
        self._lagging -= late
        news = self._news * self._news_leak
        self._news -= news
        own = self._noise
        if surprise is not None:
            own = own + self._impact * surprise
        moved = self._worth * (1 + (AT_ONCE * factor + late + news + own + self.turmoil.push))
        if self._any_quiet:
            moved = np.where(self.turmoil.halted, self._worth * (1 + self.turmoil.push), moved)
        finite(moved)
        self._worth = np.minimum(np.maximum(moved, WORTH_MIN), WORTH_MAX)
        self._own += own

    def _push(self, phase: int) -> None:
        """Let shocks count while nobody trades: after the close as well, and for the orders that gather."""
        if phase == CLOSED:
            moved = self._worth * (1 + self.turmoil.push)
            finite(moved)
            self._worth = np.minimum(np.maximum(moved, WORTH_MIN), WORTH_MAX)
        elif phase == PRE_OPEN:
            who = np.flatnonzero(self.turmoil.push)
            self._auction.follow(who, np.rint(self._worth[who]).astype(np.int64))

    def _turn_weather(self, number: int, fraction: float) -> None:
        """Begin a block of steps."""
        if self._weather is not None:
            own = self._own / (self._weather.own * sqrt(BLOCK_STEPS))
        else:
            own = np.zeros(len(self._traits))
        self._own = np.zeros(len(self._traits))
        self._weather = self._climate.block(number, fraction, np.clip(own, -4.0, 4.0))
        self._news += self._weather.news
        self._worth_then = self._worth.copy()
        self._settle_in()

    def _settle_in(self) -> None:
        """Work out what holds for this block, as things are."""
        self.turmoil.changed = False
        weather, turmoil = self._weather, self.turmoil
        assert weather is not None
        rate = self._traits.orders_per_s * weather.activity * turmoil.factor
        self._rate = np.where(turmoil.push != 0, SHOCK_RATE * rate, rate)
        own, total = weather.own * turmoil.factor, weather.total * turmoil.factor
        spread = SPREAD * total * self._worth_then / np.sqrt(self._rate)
        half = np.maximum(HALF_SPREAD_MIN, 0.5 * (spread * weather.spread - 1))
        self._half = np.minimum(HALF_SPREAD_MAX * self._worth_then, half)
        self._slack = np.repeat(HYSTERESIS_TICKS + HYSTERESIS_SHARE * self._half, 2)
        self._impact = own * np.sqrt(FLOW_SHARE / (self._rate * self._step_s)) * self._orders.scale
        finite(self._half, self._rate, self._impact)
        self._noise_deviation = own * sqrt(1 - FLOW_SHARE)
        self._any_quiet = bool(turmoil.quiet.any())
        self._quiet_rows = np.repeat(turmoil.quiet, 2)
        self._makers.settle_in(self._rate, turmoil.stuffed, turmoil.quiet)


_ARRAYS = ("_worth", "_worth_then", "_lagging", "_news", "_own")
_PARTS = ("_climate", "_orders", "_auction", "_published", "_prints", "notices", "turmoil")
_WEATHER = ("factor", "own", "total", "activity", "spread", "news")
