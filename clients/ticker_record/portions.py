"""What is wanted of a recording, step by step."""

from collections.abc import Iterator
from typing import NamedTuple

from ticker.links.recording import Recording
from ticker.ticks import Batch, Rows


class Portion(NamedTuple):
    """Of one step, the rows that are wanted, by channel; there may be none."""

    seq: int
    emitted_us: int
    rows: dict[str, Rows]


def portions(recording: Recording, channels: tuple[str, ...], wanted: Rows | None) -> Iterator[Portion]:
    """Yield what some channels say of some instruments, by a mask, or of all."""
    for step in recording.after(recording.first - 1):
        if isinstance(step, Batch):
            continue  # what a keyframe shows has happened before
        batch, emitted_us = step
        rows = {channel: batch.rows[channel] for channel in channels if len(batch.rows[channel])}
        if wanted is not None:
            rows = {channel: found[wanted[found["instrument"]]] for channel, found in rows.items()}
        yield Portion(batch.seq, emitted_us, rows)
