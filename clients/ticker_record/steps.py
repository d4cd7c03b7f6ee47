"""Takes a message of several steps apart: what happened in each, as it stood on the tape. Pure."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ticker.ticks import CHANNELS, DTYPES, Rows
from ticker_client.arrays import Arrays

Step = tuple[int, dict[str, Rows]]


def steps_of(message: Arrays) -> Iterator[Step]:
    """Yield the steps in which something happened, oldest first, with rows of `DTYPES` by channel."""
    parts: dict[int, dict[str, Rows]] = {}
    for channel in CHANNELS:
        rows = message.rows.get(channel)
        if rows is None or not len(rows):
            continue
        seqs = rows["seq"]
        if (seqs[1:] < seqs[:-1]).any():
            rows = rows[np.argsort(seqs, kind="stable")]
            seqs = rows["seq"]
        bare = bared(channel, rows)
        starts = [0, *(np.flatnonzero(seqs[1:] != seqs[:-1]) + 1).tolist(), len(seqs)]
        for start, end in pairwise(starts):
            parts.setdefault(int(seqs[start]), {})[channel] = bare[start:end]
    yield from sorted(parts.items(), key=lambda part: part[0])


def bared(channel: str, rows: Rows) -> Rows:
    """Return rows without the step in which they happened."""
    bare = np.empty(len(rows), DTYPES[channel])
    for name in DTYPES[channel].names or ():
        bare[name] = rows[name]
    return bare
