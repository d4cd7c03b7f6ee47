"""Ticks turned into messages: what several readers want of a batch is made once.

A dialect either *spells*, row by row, and its rows are joined as bytes; or it *packs*, and a message is made of the
rows themselves. Which rows is what a `Selection` says.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from sys import getsizeof
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ticker.feed.tape import Entry
from ticker.interest import Interest
from ticker.ticks import EMPTY, STATUS, Batch, Rows

Table = dict[str, Rows]
"""Rows by channel."""


NOTHING = EMPTY[STATUS]


def rows_of(batch: Batch, channel: str) -> Rows:
    """Return the rows of a channel; none where nobody wanted it when the batch was made."""
    return batch.rows.get(channel, NOTHING)


class SpellingDialect(Protocol):
    """What the feed asks of a language that is written row by row."""

    @property
    def packs(self) -> Literal[False]: ...

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        """Return one piece of a message per row."""

    def ticks(self, seq: int, emitted_us: int, pieces: bytes) -> bytes:
        """Return a whole message from joined pieces."""

    def snapshot(self, seq: int, channel: str, pieces: bytes) -> bytes:
        """Return a message that shows the newest of a channel, from joined pieces."""

    def __hash__(self) -> int:
        """Dialects are told apart by identity."""


class PackingDialect(Protocol):
    """What the feed asks of a language that takes rows as they are."""

    @property
    def packs(self) -> Literal[True]: ...

    def ticks(self, seq: int, emitted_us: int, steps: Sequence[tuple[int, Table]]) -> bytes:
        """Return a whole message from the rows of each step."""

    def snapshot(self, seq: int, channel: str, rows: Rows) -> bytes:
        """Return a message that shows the newest of a channel."""

    def __hash__(self) -> int:
        """Dialects are told apart by identity."""


Dialect = SpellingDialect | PackingDialect


class Rendering:
    """One batch in one dialect: its rows as bytes, to be taken whole or instrument by instrument."""

    __slots__ = ("_batch", "_dialect", "_instruments", "_pieces", "_tables", "_wholes")

    def __init__(self, batch: Batch, dialect: SpellingDialect, instruments: int) -> None:
        self._batch = batch
        self._dialect = dialect
        self._instruments = instruments
        self._pieces: dict[str, list[bytes]] = {}
        self._wholes: dict[str, tuple[bytes, int]] = {}
        self._tables: dict[str, tuple[list[bytes], list[int] | None]] = {}

    def whole(self, channel: str) -> tuple[bytes, int]:
        """Return a channel's rows joined, and their count."""
        if not len(rows_of(self._batch, channel)):
            return b"", 0
        found = self._wholes.get(channel)
        if found is None:
            pieces = self._render(channel)
            found = self._wholes[channel] = (b"".join(pieces), len(pieces))
        return found

    def table(self, channel: str) -> tuple[list[bytes], list[int] | None]:
        """Return, for each instrument, its rows of a channel joined, and their count; None where each has just one."""
        if not len(rows_of(self._batch, channel)):
            return _bare_table(self._instruments)
        found = self._tables.get(channel)
        if found is None:
            found = self._tables[channel] = self._lay_out(channel)
        return found

    @property
    def size_bytes(self) -> int:
        """What has been made so far, added up now: the bytes, and what holds them."""
        rooms = (self._pieces, self._wholes, self._tables)
        shelves = [shelf for room in rooms for shelf in room.values()]
        pieces = chain.from_iterable(self._pieces.values())
        wholes = [whole for whole, _ in self._wholes.values()]
        laid = [shelf for table in self._tables.values() for shelf in table if shelf]  # the same pieces once more
        tables = [(row, counts) for row, counts in self._tables.values() if counts]
        joined = [piece for row, counts in tables for piece, count in zip(row, counts, strict=True) if count > 1]
        return sum(map(getsizeof, chain([self, *rooms], shelves, pieces, wholes, laid, joined)))

    def _render(self, channel: str) -> list[bytes]:
        pieces = self._pieces.get(channel)
        if pieces is None:
            pieces = self._pieces[channel] = self._dialect.render(channel, rows_of(self._batch, channel))
        return pieces

    def _lay_out(self, channel: str) -> tuple[list[bytes], list[int] | None]:
        places = rows_of(self._batch, channel)["instrument"]
        if len(places) == self._instruments and bool((places == np.arange(self._instruments)).all()):
            return self._render(channel), None
        pieces = [b""] * self._instruments
        for place, piece in zip(places.tolist(), self._render(channel), strict=True):
            pieces[place] += piece
        return pieces, np.bincount(places, minlength=self._instruments).tolist()


@lru_cache(maxsize=8)
def _bare_table(instruments: int) -> tuple[list[bytes], list[int] | None]:
    """Return the table of no rows, which all batches share: most have none on most channels."""
    return [b""] * instruments, [0] * instruments


class Selection:
    """An interest made ready to pick its rows out of renderings."""

    __slots__ = ("_channels", "_instruments", "_interest", "_masks", "_only", "_picker", "_pickers")

    def __init__(self, interest: Interest, instruments: int) -> None:
        everything = (1 << instruments) - 1
        self._interest = interest
        self._instruments = instruments
        self._masks: dict[str, NDArray[np.bool_]] = {}
        channels = [channel for channel in interest.channels if interest.mask(channel)]
        whole = [channel for channel in channels if interest.mask(channel) == everything]
        self._pickers: dict[str, Callable[[list[Any]], tuple[Any, ...]]] = {
            channel: _picker(interest.indices(channel)) for channel in channels if channel not in whole
        }
        self._channels = channels
        self._only = self._channels[0] if len(self._channels) == 1 else None
        self._picker = self._pickers.get(self._only) if self._only else None

    def pick(self, rendering: Rendering) -> tuple[bytes, int]:
        """Return the rows of a batch that are wanted, joined in tape order, and their count."""
        if self._picker is not None and self._only is not None:
            pieces, counts = rendering.table(self._only)
            picked = self._picker(pieces)
            return b"".join(picked), len(picked) if counts is None else sum(self._picker(counts))
        parts = [self._pick(rendering, channel) for channel in self._channels]
        return b"".join([pieces for pieces, _ in parts]), sum([count for _, count in parts])

    def prepare(self, rendering: Rendering) -> None:
        """Have those rows rendered."""
        for channel in self._channels:
            if channel in self._pickers:
                rendering.table(channel)
            else:
                rendering.whole(channel)

    def extract(self, batch: Batch, dialect: SpellingDialect) -> tuple[bytes, int]:
        """Do the same without a rendering of the whole batch: for what nobody else is going to want."""
        pieces: list[bytes] = []
        for channel in self._channels:
            rows = rows_of(batch, channel)
            if channel in self._pickers:
                rows = rows[self._wanted(channel)[rows["instrument"]]]
            if len(rows):
                pieces += dialect.render(channel, rows)
        return b"".join(pieces), len(pieces)

    def rows(self, batch: Batch) -> tuple[Table, int]:
        """Return the rows of a batch that are wanted, by channel, and their count."""
        table: Table = {}
        for channel in self._channels:
            rows = rows_of(batch, channel)
            if channel in self._pickers:
                rows = rows[self._wanted(channel)[rows["instrument"]]]
            table[channel] = rows
        return table, sum(map(len, table.values()))

    def count(self, batches: Sequence[Batch]) -> int:
        """Return how many rows of these batches are wanted: a whole tape of them takes a few milliseconds."""
        total = 0
        for channel in self._channels:
            numbers = [rows["instrument"] for batch in batches if len(rows := rows_of(batch, channel))]
            if numbers:
                total += int(np.count_nonzero(self._wanted(channel)[np.concatenate(numbers)]))
        return total

    def _wanted(self, channel: str) -> NDArray[np.bool_]:
        """Return, for each instrument, whether it is wanted on a channel; made when first asked for."""
        wanted = self._masks.get(channel)
        if wanted is None:
            wanted = self._masks[channel] = np.zeros(self._instruments, np.bool_)
            wanted[self._interest.indices(channel)] = True
        return wanted

    def _pick(self, rendering: Rendering, channel: str) -> tuple[bytes, int]:
        picker = self._pickers.get(channel)
        if picker is None:
            return rendering.whole(channel)
        pieces, counts = rendering.table(channel)
        picked = picker(pieces)
        return b"".join(picked), len(picked) if counts is None else sum(picker(counts))


_NUMBERS: list[int] = []  # the same objects for all: those of a thousand pickers would fill the caches


def _picker(indices: list[int]) -> Callable[[list[Any]], tuple[Any, ...]]:
    if len(indices) == 1:
        only = indices[0]
        return lambda table: (table[only],)
    _NUMBERS.extend(range(len(_NUMBERS), indices[-1] + 1))
    return itemgetter(*[_NUMBERS[index] for index in indices])


class Spelling:
    """Messages in a dialect that spells: pieces, joined."""

    __slots__ = ("_dialect", "_instruments", "_selection")

    def __init__(self, dialect: SpellingDialect, selection: Selection, instruments: int) -> None:
        self._dialect = dialect
        self._selection = selection
        self._instruments = instruments

    def part(self, entry: Entry) -> tuple[Any, int, int]:
        """Return what a message takes of an entry, its ticks, and about how many bytes it makes."""
        pieces, count = self._pieces(entry)
        return pieces, count, len(pieces)

    def prepare(self, entry: Entry) -> None:
        """Render what is going to be wanted of a fresh entry."""
        if (rendering := self._rendering(entry)) is not None:
            self._selection.prepare(rendering)

    def single(self, entry: Entry) -> tuple[bytes | None, int]:
        """Return a whole message of one entry, None where nothing of it is wanted, and its ticks."""
        pieces, count = self._pieces(entry)
        return self._dialect.ticks(entry.batch.seq, entry.emitted_us, pieces) if count else None, count

    def _pieces(self, entry: Entry) -> tuple[bytes, int]:
        rendering = self._rendering(entry)
        if rendering is None:
            return self._selection.extract(entry.batch, self._dialect)
        return self._selection.pick(rendering)

    def _rendering(self, entry: Entry) -> Rendering | None:
        """Return the rendering of an entry, None where it is not fresh."""
        if entry.renderings is None:
            return None
        rendering: Rendering | None = entry.renderings.get(self._dialect)
        if rendering is None:
            rendering = entry.renderings[self._dialect] = Rendering(entry.batch, self._dialect, self._instruments)
        return rendering

    def message(self, seq: int, emitted_us: int, parts: list[Any]) -> bytes:
        """Return a whole message from the parts of its entries."""
        return self._dialect.ticks(seq, emitted_us, parts[0] if len(parts) == 1 else b"".join(parts))

    def newest(self, seq: int, emitted_us: int, table: Table) -> bytes:
        """Return a whole message of these rows."""
        pieces = [piece for channel, rows in table.items() for piece in self._dialect.render(channel, rows)]
        return self._dialect.ticks(seq, emitted_us, b"".join(pieces))


class Packing:
    """Messages in a dialect that packs: tables of rows, side by side."""

    __slots__ = ("_dialect", "_selection")

    def __init__(self, dialect: PackingDialect, selection: Selection) -> None:
        self._dialect = dialect
        self._selection = selection

    def part(self, entry: Entry) -> tuple[Any, int, int]:
        """Return what a message takes of an entry, its ticks, and about how many bytes it makes."""
        table, count = self._selection.rows(entry.batch)
        return (entry.batch.seq, table), count, sum([rows.nbytes for rows in table.values()])

    def prepare(self, entry: Entry) -> None:
        """Do nothing: rows are packed as they are."""

    def single(self, entry: Entry) -> tuple[bytes | None, int]:
        """Return a whole message of one entry, None where nothing of it is wanted, and its ticks."""
        table, count = self._selection.rows(entry.batch)
        seq = entry.batch.seq
        return self._dialect.ticks(seq, entry.emitted_us, [(seq, table)]) if count else None, count

    def message(self, seq: int, emitted_us: int, parts: list[Any]) -> bytes:
        """Return a whole message from the parts of its entries."""
        return self._dialect.ticks(seq, emitted_us, parts)

    def newest(self, seq: int, emitted_us: int, table: Table) -> bytes:
        """Return a whole message of these rows."""
        return self._dialect.ticks(seq, emitted_us, [(seq, table)])


def form_of(dialect: Dialect, selection: Selection, instruments: int) -> Spelling | Packing:
    """Return how messages of a selection are made in a dialect."""
    if dialect.packs:
        return Packing(dialect, selection)
    return Spelling(dialect, selection, instruments)
