"""The board and the market as they stand at a step, kept in the bucket: from these others go on."""

import asyncio
from collections.abc import Callable

from ticker.links.nats.bucket import Bucket, Kept
from ticker.links.nats.connection import Trouble
from ticker.links.nats.names import LABEL, PICTURE
from ticker.ticks import Batch
from ticker.wire import reel
from ticker.wire.label import Label


async def labelled(bucket: Bucket) -> Label | None:
    """Return the tape's label, None where there is none yet. Raises Trouble where it cannot be read."""
    found = await bucket.get(LABEL)
    try:
        return Label.decode(found.data) if found else None
    except ValueError as error:
        raise Trouble(f"the label that is kept in NATS is none: {error}") from None


async def picture(bucket: Bucket, label: Label, fits: Callable[[Kept], bool]) -> tuple[Batch, int] | None:
    """Return the newest picture of a tape that fits, and the stream's last message by then. Raises Trouble."""
    found = await bucket.fetch(PICTURE, lambda kept: kept.epoch == label.epoch and fits(kept))
    if found is None:
        return None
    kept, data = found
    try:
        shown = await asyncio.to_thread(reel.shown, data, len(label.universe.instruments))
    except ValueError as error:
        raise Trouble(f"the picture that is kept in NATS is none: {error}") from None
    if shown.seq != kept.seq:
        raise Trouble("the picture that is kept in NATS is of another step than it says")
    return shown, kept.after
