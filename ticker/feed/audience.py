"""Everyone who is owed the very same bytes.

A batch is rendered once per dialect, a message is joined and framed once per audience, and each reader costs one
`offer`. An audience has no cursor of its own: everybody in it has had all up to the feed's last flush.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from operator import itemgetter
from sys import getsizeof
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ticker.feed.tape import Entry
from ticker.interest import Interest
from ticker.metrics import Metrics
from ticker.ticks import CHANNELS, Batch, Rows


class Dialect(Protocol):
    """What the feed asks of a language."""

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        """Return one piece of a message per row."""

    def ticks(self, seq: int, emitted_us: int, pieces: bytes) -> bytes:
        """Return a whole message from joined pieces."""

    def __hash__(self) -> int:
        """Dialects are told apart by identity."""


class Reader(Protocol):
    """What the feed asks of somebody at the end of a line."""

    def offer(self, frame: bytes) -> None:
        """Take a message that is ready to be written."""

    def flushed(self) -> None:
        """Learn that the feed has flushed up to its head (asked for with `Feed.await_flush`)."""


Frame = Callable[[bytes, int], bytes]
"""Wraps a message, which reaches a `seq`, for the way it travels."""


class Rendering:
    """One batch in one dialect: its rows as bytes, to be taken whole or instrument by instrument."""

    __slots__ = ("_batch", "_dialect", "_instruments", "_pieces", "_tables", "_wholes")

    def __init__(self, batch: Batch, dialect: Dialect, instruments: int) -> None:
        self._batch = batch
        self._dialect = dialect
        self._instruments = instruments
        self._pieces: dict[str, list[bytes]] = {}
        self._wholes: dict[str, tuple[bytes, int]] = {}
        self._tables: dict[str, tuple[list[bytes], list[int]]] = {}

    def whole(self, channel: str) -> tuple[bytes, int]:
        """Return a channel's rows joined, and their count."""
        found = self._wholes.get(channel)
        if found is None:
            pieces = self._render(channel)
            found = self._wholes[channel] = (b"".join(pieces), len(pieces))
        return found

    def table(self, channel: str) -> tuple[list[bytes], list[int]]:
        """Return, for each instrument, its rows of a channel joined, and their count."""
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
        laid = chain.from_iterable(self._tables.values())  # these lists hold the same pieces once more
        return sum(map(getsizeof, chain([self, *rooms], shelves, pieces, wholes, laid)))

    def _render(self, channel: str) -> list[bytes]:
        pieces = self._pieces.get(channel)
        if pieces is None:
            pieces = self._pieces[channel] = self._dialect.render(channel, self._batch.rows[channel])
        return pieces

    def _lay_out(self, channel: str) -> tuple[list[bytes], list[int]]:
        places = self._batch.rows[channel]["instrument"]
        pieces = [b""] * self._instruments
        for place, piece in zip(places.tolist(), self._render(channel), strict=True):
            pieces[place] += piece
        return pieces, np.bincount(places, minlength=self._instruments).tolist()


class Selection:
    """An interest made ready to pick its rows out of renderings."""

    def __init__(self, interest: Interest, instruments: int) -> None:
        everything = (1 << instruments) - 1
        self._interest = interest
        self._instruments = instruments
        self._masks: dict[str, NDArray[np.bool_]] = {}
        whole = [channel for channel in CHANNELS if interest.mask(channel) == everything]
        self._pickers: dict[str, Callable[[list[Any]], Iterable[Any]]] = {
            channel: _picker(interest.indices(channel))
            for channel in CHANNELS
            if interest.mask(channel) and channel not in whole
        }
        self._channels = [channel for channel in CHANNELS if interest.mask(channel)]

    def pick(self, rendering: Rendering) -> tuple[bytes, int]:
        """Return the rows of a batch that are wanted, joined in tape order, and their count."""
        if len(self._channels) == 1:
            return self._pick(rendering, self._channels[0])
        parts = [self._pick(rendering, channel) for channel in self._channels]
        return b"".join([pieces for pieces, _ in parts]), sum([count for _, count in parts])

    def extract(self, batch: Batch, dialect: Dialect) -> tuple[bytes, int]:
        """Do the same without a rendering of the whole batch: for what nobody else is going to want."""
        pieces: list[bytes] = []
        for channel in self._channels:
            rows = batch.rows[channel]
            if channel in self._pickers:
                rows = rows[self._wanted(channel)[rows["instrument"]]]
            if len(rows):
                pieces += dialect.render(channel, rows)
        return b"".join(pieces), len(pieces)

    def count(self, batch: Batch) -> int:
        """Return how many rows of a batch are wanted."""
        return sum(
            int(np.count_nonzero(self._wanted(channel)[batch.rows[channel]["instrument"]]))
            for channel in self._channels
        )

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
        return b"".join(picker(pieces)), sum(picker(counts))


def _picker(indices: list[int]) -> Callable[[list[Any]], Iterable[Any]]:
    if len(indices) == 1:
        only = indices[0]
        return lambda table: (table[only],)
    return itemgetter(*indices)


class Audience:
    """Readers with the same dialect, framing and interest."""

    def __init__(self, dialect: Dialect, frame: Frame, interest: Interest, instruments: int) -> None:
        self.key = (dialect, frame, interest)
        self.interest = interest
        self.live: dict[Reader, None] = {}
        self.messages = 0
        """How many messages went out, so that a reader knows its share without counting."""
        self._dialect = dialect
        self._frame = frame
        self._instruments = instruments
        self._selection = Selection(interest, instruments)

    def render(self, entries: Iterable[Entry], bytes_max: int | None = None) -> tuple[bytes | None, int, int]:
        """Return a framed message (None where nothing is wanted), its ticks, and the `seq` it reaches.

        It ends at the first entry that fills `bytes_max`.
        """
        pieces, ticks, size = [], 0, 0
        entry = None
        for entry in entries:
            part, count = self._pick(entry)
            if count:
                pieces.append(part)
                ticks += count
                size += len(part)
                if bytes_max is not None and size >= bytes_max:
                    break
        if entry is None:
            raise ValueError("nothing to render")
        seq = entry.batch.seq
        if not ticks:
            return None, 0, seq
        joined = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return self._frame(self._dialect.ticks(seq, entry.emitted_us, joined), seq), ticks, seq

    def count(self, entry: Entry) -> int:
        """Return how many ticks of an entry this audience is owed."""
        return self._selection.count(entry.batch)

    def flush(self, entries: Iterable[Entry], metrics: Metrics) -> None:
        """Send the entries to every live reader."""
        frame, ticks, _ = self.render(entries)
        if frame is None:
            return
        self.messages += 1
        readers = tuple(self.live)  # a reader may leave while it is written to
        for reader in readers:
            reader.offer(frame)
        metrics.sent(len(readers), ticks * len(readers), len(frame) * len(readers))

    def _pick(self, entry: Entry) -> tuple[bytes, int]:
        if entry.renderings is None:
            return self._selection.extract(entry.batch, self._dialect)
        rendering: Rendering | None = entry.renderings.get(self._dialect)
        if rendering is None:
            rendering = entry.renderings[self._dialect] = Rendering(entry.batch, self._dialect, self._instruments)
        return self._selection.pick(rendering)
