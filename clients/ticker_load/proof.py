"""The proof by `n` that nothing is missing, for thousands of readers at the price of a few.

Readers who are owed the same are sent the very same bytes. So a message is decoded and checked once for each `Place`
that it may come after, and the `Step` it makes is found by its bytes ever after: a lookup a message and a reader.
A reader of whom something is withheld leaves the common way at once, because from its place other bytes follow, and
comes back to it where it has had the same in the end.

Only the newest place of a way holds the table of `n`. An older one knows what changed since, and has its table made
from that should a reader go another way from there.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakValueDictionary

from ticker.session.kinds import BarTick, Book, Tick
from ticker.session.messages import AnyServerMessage, Lag, Snapshot, Ticks

HOLES_MAX = 10_000  # remembered, so that what fills one is late and not double
Key = tuple[type[Tick], str]
Hole = tuple[Key, int]
Table = dict[Key, int]


class Gap(NamedTuple):
    """Ticks of a symbol that were not received: those after `after_n` and before `before_n`."""

    channel: str
    symbol: str
    after_n: int
    before_n: int


class Place:
    """What a reader has had: the newest `n` of every symbol on every channel, and the holes between."""

    __slots__ = ("__weakref__", "_changes", "_later", "_table", "holes", "next", "seq")

    def __init__(self, seq: int = 0, table: Table | None = None, holes: frozenset[Hole] = frozenset()) -> None:
        self.seq = seq
        self.holes = holes
        self.next: dict[object, Step] = {}
        """What may follow, by its bytes."""
        self._table: Table | None = {} if table is None else table
        self._changes: Table = {}
        self._later: Place | None = None

    def table(self) -> Table:
        """Return the table, a copy where a later place holds it."""
        way: list[Place] = []
        place = self
        while place._table is None:
            way.append(place)
            assert place._later is not None
            place = place._later
        if not way:
            return place._table
        table = dict(place._table)
        for earlier in reversed(way):
            table.update(earlier._changes)
        return table

    def hand_on(self, later: "Place", table: Table, changes: Table) -> None:
        """Let a later place have the table."""
        if self._table is table:
            self._table, self._changes, self._later = None, changes, later


@dataclass(slots=True)
class Step:
    """A message as it came after a place, what it proves, and when it was received, by all who were in that place."""

    place: Place
    kind: str
    message: AnyServerMessage
    size: int
    seq: int = 0
    ts: int = 0
    ticks: int = 0
    oldest_us: int = 0
    """Market time of the first tick that tells it; 0 where none does."""
    newest_us: int = 0
    missed: int = 0
    repeated: int = 0
    reordered: int = 0
    lagged: int = 0
    merged: int = 0
    gap: Gap | None = None
    received_us: "array[int]" = None  # type: ignore[assignment]  # set at once

    def __post_init__(self) -> None:
        self.received_us = array("q")


class Ways:
    """All places that readers of the same interest are in."""

    def __init__(self, *, merging: bool = False) -> None:
        self.start = Place()
        self._merging = merging
        self._places: WeakValueDictionary[int, Place] = WeakValueDictionary()

    def step(self, place: Place, key: object, message: Ticks | Snapshot | Lag, kind: str, size: int) -> Step:
        """Return the step that a message makes from a place, and remember it by its key."""
        begun = Place() if place is self.start else place
        walk = _Walk(begun, self._merging)
        step = Step(place, kind, message, size)
        match message:
            case Ticks():
                self._follow(walk, step, message)
            case Snapshot():
                walk.show(message.data)
            case Lag():
                step.lagged, step.merged = message.dropped, message.conflated
                if message.reason != "pace":
                    walk.loosen()
        step.place = self._reached(walk, step)
        if place is not self.start:  # from where all would be remembered for ever
            place.next[key] = step
        return step

    def _follow(self, walk: "_Walk", step: Step, message: Ticks) -> None:
        walk.follow(message.data)
        step.seq, step.ts, step.ticks = message.seq, message.ts, len(message.data)
        step.missed, step.repeated, step.reordered, step.gap = walk.missed, walk.repeated, walk.reordered, walk.gap
        if message.seq <= walk.place.seq and not walk.repeated and not walk.reordered:
            step.reordered = 1
        step.oldest_us, step.newest_us = _dated(message.data), _dated(reversed(message.data))

    def _reached(self, walk: "_Walk", step: Step) -> Place:
        """Return the place that a walk ends in: one that is known already where it is the same.

        A symbol of which nothing has come yet may be known there: whatever comes next is the next one for both.
        """
        seq, holes = max(walk.place.seq, step.seq), frozenset(walk.holes)
        known = self._places.get(seq) if seq > walk.place.seq else None
        if known is not None and known.holes == holes and walk.table.items() <= known.table().items():
            walk.undo()
            return known
        place = Place(seq, walk.table, holes)
        walk.place.hand_on(place, walk.table, walk.changes)
        self._places[seq] = place
        return place


class _Walk:
    """A message being followed from a place: the table as it becomes, and what it was."""

    def __init__(self, place: Place, merging: bool) -> None:
        self.place = place
        self.table = place.table()
        self.changes: Table = {}
        self.holes = set(place.holes)
        self.missed = self.repeated = self.reordered = 0
        self.gap: Gap | None = None
        self._merging = merging

    def follow(self, ticks: list[Tick]) -> None:
        """Take note of ticks in the order of the tape."""
        table, image = self.table, None
        for tick in ticks:
            key = (type(tick), tick.sym)
            if isinstance(tick, Book):
                if image is not None and not tick.fresh and (tick.n, tick.sym) == (image.n, image.sym):
                    continue  # one more row of an image, which counts once
                image = tick if tick.fresh else None
            last = table.get(key, 0)
            if tick.n == last + 1 or last <= 0 or self._judge(tick, key, last):
                self._set(key, tick.n)

    def show(self, ticks: list[Tick]) -> None:
        """Take note of the newest ticks."""
        for tick in ticks:
            key = (type(tick), tick.sym)
            self._set(key, max(tick.n, abs(self.table.get(key, 0))))

    def loosen(self) -> None:
        """Let every symbol go on with any `n`, once: a jump was announced."""
        for key, n in list(self.table.items()):
            self._set(key, -abs(n))

    def undo(self) -> None:
        """Leave the table as it was."""
        for key, n in self.changes.items():
            if n:
                self.table[key] = n
            else:
                del self.table[key]

    def _set(self, key: Key, n: int) -> None:
        self.changes.setdefault(key, self.table.get(key, 0))
        self.table[key] = n

    def _judge(self, tick: Tick, key: Key, last: int) -> bool:
        """Take note of a tick that is not the next one; tell whether the following ones are counted from it."""
        if self._merging:
            return tick.n > last
        if tick.n > last:
            self.missed += tick.n - last - 1
            self.gap = self.gap or Gap(tick.channel, tick.sym, last, tick.n)
            room = HOLES_MAX - len(self.holes)
            self.holes.update((key, n) for n in range(last + 1, min(tick.n, last + 1 + room)))
            return True
        if (key, tick.n) in self.holes:
            self.holes.discard((key, tick.n))
            self.missed -= 1
            self.reordered += 1
        else:
            self.repeated += 1
        return False


def _dated(ticks: Iterable[Tick]) -> int:
    """Return the time of the first tick whose `t` is when it happened, 0 where there is none."""
    return next((tick.t for tick in ticks if not isinstance(tick, BarTick)), 0)
