"""One instrument's trading session as columns, and how to look at it on a clock.

Times are seconds since the open. A quote stands before the trades of the same instant, as on the tape. Prints of the
same instant and side are one trade (see `merged`): the reference data are cleaned that way too.
"""

from dataclasses import dataclass, replace

import numpy as np

from ticker.scorecard.estimators import Floats, Ints

US_DAY_S = 23_400.0
"""9:30 to 16:00: the session that the reference values come from."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What happened to one instrument: trades (`side` +1 bought, -1 sold, 0 unknown) and best quotes, in time order.

    `length_s` is how long we looked, from the open; `day_s` how long a whole session is (None: it never closes).
    Quote columns are empty where the source has none. Sizes count `size_unit`s; parts of a share or coin are below 1.
    """

    trade_s: Floats
    price_ticks: Ints
    size: Ints
    side: Ints
    quote_s: Floats
    bid_ticks: Ints
    bid_size: Ints
    ask_ticks: Ints
    ask_size: Ints
    tick_value: float = 0.01
    length_s: float = US_DAY_S
    day_s: float | None = US_DAY_S
    symbol: str = ""
    size_unit: float = 1.0
    day: str = ""

    @property
    def has_quotes(self) -> bool:
        return len(self.quote_s) > 0

    @property
    def has_sides(self) -> bool:
        return bool(np.any(self.side))

    @property
    def is_whole_day(self) -> bool:
        """Whether opening, midday and close are all in it."""
        return self.day_s is not None and self.length_s >= 0.98 * self.day_s

    @property
    def mid_ticks(self) -> Floats:
        return (self.bid_ticks + self.ask_ticks) / 2

    @property
    def spread_ticks(self) -> Ints:
        return self.ask_ticks - self.bid_ticks


def merged(session: Session) -> Session:
    """Return the session with the prints of one instant and side as one trade: sizes added, the middle print's price.

    The reference trades were cleaned by `tradesCleanup` of the R package highfrequency, which merges one time stamp's
    prints into their median price and total size; an order that walks three levels is one trade there, too.
    """
    if len(session.trade_s) == 0:
        return session
    same = (np.diff(session.trade_s) == 0) & (np.diff(session.side) == 0)
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    counts = np.diff(np.append(starts, len(session.trade_s)))
    return replace(
        session,
        trade_s=session.trade_s[starts],
        side=session.side[starts],
        price_ticks=session.price_ticks[starts + (counts - 1) // 2],
        size=np.add.reduceat(session.size, starts),
    )


def two_sided(session: Session) -> Session:
    """Return the session without quotes that lack a side or are crossed: halts and auctions say nothing of a spread."""
    fine = (session.bid_size > 0) & (session.ask_size > 0) & (session.bid_ticks < session.ask_ticks)
    if fine.all():
        return session
    columns = ("quote_s", "bid_ticks", "bid_size", "ask_ticks", "ask_size")
    return replace(session, **{name: getattr(session, name)[fine] for name in columns})


def grid(session: Session, every_s: float) -> Floats:
    """Return the times 0, every_s, 2 every_s, ... up to the end of the session."""
    return np.arange(int(session.length_s / every_s + 1e-9) + 1).astype(np.float64) * every_s


def sampled(times: Floats, values: Floats | Ints, at: Floats) -> Floats:
    """Return the value that stood at each time of `at` (previous tick); before the first one, the first."""
    where = np.maximum(np.searchsorted(times, at, side="right") - 1, 0)
    return np.asarray(values, np.float64)[where]


def counted(times: Floats, at: Floats, weights: Floats | Ints | None = None) -> Floats:
    """Return how many events (or how much of `weights`) fell into each interval between neighbours of `at`."""
    total = np.arange(len(times) + 1) if weights is None else np.concatenate([[0], np.cumsum(weights)])
    found: Floats = np.diff(total[np.searchsorted(times, at, side="right")]).astype(np.float64)
    return found


def standing(session: Session, at: Floats) -> Ints:
    """Return the index of the quote that stood at each time; the first one where none did yet."""
    return np.maximum(np.searchsorted(session.quote_s, at, side="right") - 1, 0)


def time_held(session: Session) -> Floats:
    """Return for how many seconds each quote stood."""
    held: Floats = np.diff(np.append(session.quote_s, max(session.length_s, session.quote_s[-1])))
    return held
