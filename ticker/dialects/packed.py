"""The native protocol with its ticks packed (subprotocol `ticker.v1.packed`): columns in binary messages.

Everything but `ticks` and `snapshot` is said as in `native`, in text messages. Instruments go by number; what the
numbers stand for is said once, by a `Listing`. `ticker.wire.packed` has the layout byte by byte.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from ticker.instruments import Universe
from ticker.session.messages import Listing
from ticker.ticks import Rows
from ticker.wire.packed import SNAPSHOT, TICKS, pack

SUBPROTOCOL = "ticker.v1.packed"


class PackedDialect:
    """Packs the ticks of any universe."""

    subprotocol = SUBPROTOCOL
    packs: Literal[True] = True

    def ticks(self, seq: int, emitted_us: int, steps: Sequence[tuple[int, Mapping[str, Rows]]]) -> bytes:
        """Return a `ticks` message of these steps, oldest first; `seq` and the wall clock are the last one's."""
        return pack(TICKS, seq, emitted_us, steps)

    def snapshot(self, seq: int, channel: str, rows: Rows) -> bytes:
        """Return a `snapshot` message of the newest rows of a channel."""
        return pack(SNAPSHOT, seq, 0, [(seq, {channel: rows})])


def listing(universe: Universe) -> Listing:
    """Return what the numbers of instruments stand for."""
    return Listing(
        symbols=[instrument.symbol for instrument in universe],
        tick_sizes=[instrument.tick_units / 10**instrument.decimals for instrument in universe],
        decimals=[instrument.decimals for instrument in universe],
        size_decimals=[instrument.size_decimals for instrument in universe],
    )
