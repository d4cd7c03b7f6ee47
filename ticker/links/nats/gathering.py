"""A tape that is about to be opened: its picture, and what the stream has had of it until then and since."""

from ticker.links.nats.blocks import Block, Cut
from ticker.ticks import Batch
from ticker.wire.label import Label


class Gathering:
    """One tape's; `shown` is the picture."""

    def __init__(self, label: Label, shown: Batch) -> None:
        self.label = label
        self.shown = shown
        self.blocks: list[Block] = []

    def add(self, block: Block) -> bool:
        """Add a block; return whether the picture is reached."""
        if self.blocks and block.last <= self.blocks[-1].last:
            return False
        self.blocks.append(block)
        return block.last >= self.shown.seq

    def past(self) -> list[Cut]:
        """Return the steps up to the picture, as far back as there is none missing."""
        found: list[Cut] = []
        follows = self.shown.seq + 1
        for block in reversed(self.blocks):
            cuts = [cut for cut in block.cuts if cut[0].seq < follows]
            if cuts and cuts[-1][0].seq == follows - 1:
                found += reversed(cuts)
                follows = cuts[0][0].seq
            elif cuts:
                break
        return found[::-1]
