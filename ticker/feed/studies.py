"""What a venue's channels are of the tape: rows made of each step's rows, as `ticker.venue` describes them.

A study sees every step from the one after it was begun, and is asked for the rows of those instruments that somebody
wants. What it says of a stretch of time it says in the first step that reaches the end of it.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ticker import venue
from ticker.feed.figures import bar_rows, opened, summary_rows, until_of
from ticker.feed.ledger import MINUTE_US, Ledger
from ticker.feed.pages import Changes, Pages
from ticker.feed.past import CLOSE, LAST, Window, summed
from ticker.feed.past import TRADES as COUNT
from ticker.ticks import QUOTES, STATUS, TRADES, Batch, Rows
from ticker.venue import CHANGE, DEPTH, PULSE, QUOTE, SHOWN, TRADE

Who = NDArray[np.bool_]
"""By instrument: whether anybody wants it."""
MONTH_US = 30 * venue.DAY_US
HALF_MINUTE_US = MINUTE_US // 2
Level = tuple[int, int, int, int, int, int, int, int, int]


class Scene(Protocol):
    """What studies of one step share: all as it stands after the step."""

    ledger: Ledger
    pages: Pages
    quotes: Rows
    """The newest quote of each instrument, `n` 0 where there was none."""
    book_n: NDArray[np.int64]
    """How many changes each book has had."""


class Working(Protocol):
    """A study under way."""

    def rows(self, batch: Batch, who: Who) -> Rows:
        """Return what this step says."""


def begin(study: venue.Study, scene: Scene, t: int) -> Working:
    """Begin a study at market time `t`."""
    match study:
        case venue.Trades():
            return Copied(scene, TRADES, TRADE)
        case venue.Quotes():
            return Copied(scene, QUOTES, QUOTE)
        case venue.States():
            return Passed(scene)
        case venue.Depth():
            return Depths(study, scene, t)
        case venue.Levels():
            return Ladders(study, scene, t)
        case venue.Bars(revised=True):
            return RevisedBars(study, scene, t)
        case venue.Bars():
            return RunningBars(study, scene, t)
        case venue.Summaries():
            return RunningSummaries(study, scene, t)
        case venue.Pulses():
            return Heartbeats(study, scene, t)


class Grid:
    """Stretches of market time."""

    def __init__(self, every_us: int, t: int) -> None:
        self._every_us = every_us
        self._slot = t // every_us if every_us else 0

    def reached(self, t: int) -> bool:
        """Tell whether a stretch has ended since this was last asked; with 0, one always has."""
        if not self._every_us:
            return True
        slot, before = t // self._every_us, self._slot
        self._slot = slot
        return slot != before


class Passed:
    """Rows of status as they are on the tape, with what becomes of trades that are taken back."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def rows(self, batch: Batch, who: Who) -> Rows:
        rows = batch.rows[STATUS]
        return self._scene.ledger.corrections.told(rows[who[rows["instrument"]]]) if len(rows) else rows


class Copied:
    """Rows of the tape, each with the number of its book."""

    def __init__(self, scene: Scene, channel: str, dtype: Any) -> None:
        self._scene = scene
        self._channel = channel
        self._none = np.empty(0, dtype)

    def rows(self, batch: Batch, who: Who) -> Rows:
        rows = batch.rows[self._channel]
        if not len(rows):
            return self._none
        rows = rows[who[rows["instrument"]]]
        found: Rows = np.empty(len(rows), self._none.dtype)
        for name in rows.dtype.names or ():
            found[name] = rows[name]
        found["book_n"] = self._scene.book_n[rows["instrument"]]
        return found


def _levels(rows: list[Level]) -> Rows:
    """Return levels as an array, the last of each instrument marked."""
    found = np.array(rows, DEPTH) if rows else np.empty(0, DEPTH)
    if rows:
        found["last"] = np.append(found["instrument"][1:] != found["instrument"][:-1], True)
    return found


class Depths:
    """What changed in books."""

    def __init__(self, study: venue.Depth, scene: Scene, t: int) -> None:
        self._scene = scene
        self._grid = Grid(study.every_us, t)
        self._shown = study.shown
        self._gathered: dict[int, Changes] = {}

    def rows(self, batch: Batch, who: Who) -> Rows:
        for instrument, changes in self._scene.pages.changed.items():
            if who[instrument]:
                had = self._gathered.get(instrument)
                self._gathered[instrument] = changes if had is None else had.followed(changes)
        if not self._grid.reached(batch.t) or not self._gathered:
            return _levels([])
        gathered, self._gathered = self._gathered, {}
        rows: list[Level] = []
        for i in sorted(i for i in gathered if who[i]):
            n, first = gathered[i].last, gathered[i].first
            sizes = gathered[i].sizes
            rows += [(i, n, batch.t, first, side, price, size, CHANGE, 0) for (side, price), size in sizes.items()]
            if self._shown:
                shown = self._scene.pages.shown(i)
                rows += [(i, n, batch.t, first, side, price, size, SHOWN, 0) for side, price, size in shown]
        return _levels(rows)


class Ladders:
    """The best levels, where something has changed."""

    def __init__(self, study: venue.Levels, scene: Scene, t: int) -> None:
        self._scene = scene
        self._grid = Grid(study.every_us, t)
        self._depth = study.depth
        self._changed: dict[int, int] = {}

    def rows(self, batch: Batch, who: Who) -> Rows:
        for instrument, changes in self._scene.pages.changed.items():
            if who[instrument]:
                self._changed[instrument] = changes.last
        if not self._grid.reached(batch.t) or not self._changed:
            return _levels([])
        changed, self._changed = self._changed, {}
        pages = self._scene.pages
        return _levels(
            [
                (i, changed[i], batch.t, changed[i], side, price, size, SHOWN, 0)
                for i in sorted(changed)
                if who[i]
                for side, price, size in pages.shown(i, self._depth)
            ]
        )


class RunningBars:
    """Bars as they grow, and as they end."""

    def __init__(self, study: venue.Bars, scene: Scene, t: int) -> None:
        self._study = study
        self._past = scene.ledger.past(study.length_us)
        self._scene = scene
        self._grid = Grid(study.every_us, t)
        self._window = Window(self._past)
        self._start = opened(study, t)
        self._sent = self._past.figures(self._past.count - 1)[LAST].copy()

    def rows(self, batch: Batch, who: Who) -> Rows:
        until = until_of(self._study, self._start)
        ended = batch.t >= until
        due = self._grid.reached(batch.t) and self._study.every_us > 0
        if not ended and not due:
            return bar_rows(None, [], 0, 0, 0, done=False)
        self._scene.ledger.settle()
        parts = []
        while batch.t >= until:
            parts.append(self._ended(self._start, until, batch.t, who))
            self._start = self._next(until, batch.t)
            until = until_of(self._study, self._start)
        if due:
            parts.append(self._running(until, batch.t, who))
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def _ended(self, start: int, until: int, t: int, who: Who) -> Rows:
        past = self._past
        total = summed(past, past.first_from(start), past.first_from(until))
        wanted = who & (total.figures[CLOSE] > 0)
        if not self._study.empty:
            wanted &= total.figures[COUNT] > 0
        return bar_rows(total, np.flatnonzero(wanted), start, until, t, done=True)

    def _next(self, until: int, t: int) -> int:
        """Return when the next bar opened: over a night there are none."""
        slot = self._past.first_from(until)
        return opened(self._study, self._past.start_of(slot) if slot < self._past.count else t)

    def _running(self, until: int, t: int, who: Who) -> Rows:
        total = self._window.upto_now(self._past.first_from(self._start))
        last = total.figures[LAST]
        who = who & (last != self._sent) & (total.figures[COUNT] > 0)
        self._sent[who] = last[who]
        return bar_rows(total, np.flatnonzero(who), self._start, until, t, done=False)


class RevisedBars:
    """Finished bars in which a trade was corrected or broken, half a minute past a minute."""

    def __init__(self, study: venue.Bars, scene: Scene, t: int) -> None:
        self._study = study
        self._past = scene.ledger.past(study.length_us)
        self._grid = Grid(MINUTE_US, t - HALF_MINUTE_US)
        self._t = t
        self._changed: dict[int, set[int]] = {}
        """By when they opened: the instruments."""

    def rows(self, batch: Batch, who: Who) -> Rows:
        before, self._t = self._t, batch.t
        for instrument, t in self._past.amended:
            start = opened(self._study, t)
            if until_of(self._study, start) <= before:  # else it has not been told, and is right when it is
                self._changed.setdefault(start, set()).add(instrument)
        if not self._grid.reached(batch.t - HALF_MINUTE_US) or not self._changed:
            return bar_rows(None, [], 0, 0, 0, done=False)
        changed, self._changed = self._changed, {}
        return np.concatenate([self._told(start, changed[start], batch.t, who) for start in sorted(changed)])

    def _told(self, start: int, instruments: set[int], t: int, who: Who) -> Rows:
        until, past = until_of(self._study, start), self._past
        total = summed(past, past.first_from(start), past.first_from(until))
        wanted = [i for i in sorted(instruments) if who[i] and total.figures[CLOSE, i] > 0]
        return bar_rows(total, wanted, start, until, t, done=True)


class RunningSummaries:
    """What a window that moves with time comes to."""

    def __init__(self, study: venue.Summaries, scene: Scene, t: int) -> None:
        self._study = study
        self._scene = scene
        self._grid = Grid(study.every_us if study.on == "time" else 0, t)
        self._past = scene.ledger.past(MINUTE_US)
        self._window = Window(self._past)
        self._month = Window(self._past)
        self._sent = np.full(len(scene.book_n), -1, np.int64)

    def rows(self, batch: Batch, who: Who) -> Rows:
        study = self._study
        if study.on != "time":
            rows = batch.rows[TRADES if study.on == "trades" else QUOTES]
            there = np.zeros(len(who), np.bool_)
            there[rows["instrument"]] = True
            who = who & there
        elif not self._grid.reached(batch.t):
            who = np.zeros(len(who), np.bool_)
        if not who.any():
            return np.empty(0, venue.SUMMARY)
        self._scene.ledger.settle()
        if study.on == "time" and not study.all:
            last = self._past.figures(self._past.count - 1)[LAST]
            who = who & (last != self._sent)
            self._sent[who] = last[who]
        return self._rows(np.flatnonzero(who), batch.t)

    def _rows(self, who: NDArray[np.intp], t: int) -> Rows:
        since = (t - self._study.window_us) // MINUTE_US * MINUTE_US
        total = self._window.upto_now(self._past.first_from(since))
        month = self._month.upto_now(self._past.first_from(t - MONTH_US))
        return summary_rows(self._scene, total, month, who, since, t)


class Heartbeats:
    """A row an instrument, time after time."""

    def __init__(self, study: venue.Pulses, scene: Scene, t: int) -> None:
        self._scene = scene
        self._grid = Grid(study.every_us, t)

    def rows(self, batch: Batch, who: Who) -> Rows:
        if not self._grid.reached(batch.t):
            return np.empty(0, PULSE)
        wanted = np.flatnonzero(who)
        past = self._scene.ledger.past(MINUTE_US)
        found = np.empty(len(wanted), PULSE)
        found["instrument"], found["t"] = wanted, batch.t
        found["n"] = past.figures(past.count - 1)[LAST][wanted]
        found["book_n"] = self._scene.book_n[wanted]
        return found
