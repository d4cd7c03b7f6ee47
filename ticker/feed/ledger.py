"""What was traded, for those who ask about more than now: the last trades, and the sums of each second and minute.

Batches are only noted as they pass, and put in their places when somebody looks, or when there are many. It goes back
as far as it was told, and as so many bytes hold; before that it knows nothing, and says nothing.

A trade that is corrected or broken stays among the trades as it was printed. Its second and its minute are reckoned
anew, with the price it should have had or without it, as long as all trades of that minute are kept.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ticker.feed.corrections import Corrections
from ticker.feed.past import FIGURES, Past
from ticker.feed.tape import Entry
from ticker.ticks import DTYPES, STATUS, TRADES, Batch, Rows
from ticker.venue import undone

NOTED_MAX = 128  # steps that may wait: put away in a few hundred microseconds
MINUTE_US, SECOND_US = 60_000_000, 1_000_000
TRADES_KEPT = 1000  # of an instrument: as many as a venue shows at once
SECONDS_KEPT = 1001
SHARE = 4  # of the bytes: the part that the trades may take, and the seconds


class Ledger:
    """Trades of so many instruments, from market time `t` on, in about so many bytes."""

    def __init__(self, instruments: int, t: int, size_bytes: int) -> None:
        row_bytes = DTYPES[TRADES].itemsize * instruments
        slot_bytes = 8 * FIGURES * instruments
        self.trades_kept = max(1, min(TRADES_KEPT, size_bytes // SHARE // row_bytes))
        self.minutes = Past(instruments, MINUTE_US, max(2, size_bytes // SHARE * (SHARE - 2) // slot_bytes), t)
        self.seconds = Past(instruments, SECOND_US, max(2, min(SECONDS_KEPT, size_bytes // SHARE // slot_bytes)), t)
        self._noted: list[Batch] = []
        self._trades = np.empty((instruments, self.trades_kept), DTYPES[TRADES])
        self._trades.view(np.uint8).fill(0)  # so that memory is taken now, and not more and more of it
        self.corrections = Corrections(instruments)
        self._amended: dict[tuple[int, int], int] = {}
        """By instrument and number: prices that trades should have had, 0 of those that are broken."""

    def follow(self, entries: Iterable[Entry]) -> None:
        """Note steps that were handed out."""
        for entry in entries:
            self._noted.append(entry.batch)
            self.minutes.amended.clear()
            self.seconds.amended.clear()
            if len(rows := entry.batch.rows[STATUS]):
                self._correct(rows)
        if len(self._noted) > NOTED_MAX:
            self.settle()

    def _correct(self, rows: Rows) -> None:
        """Take in what status rows say of trades that were printed badly."""
        self.corrections.note(rows)
        taken_back = self.corrections.of(rows)[["instrument", "ref", "price_ticks", "value_ppm"]]
        for instrument, ref, price, value in taken_back.tolist():
            self.settle()
            self._amend(instrument, ref, undone(price, value) if value else 0)

    def _amend(self, instrument: int, ref: int, price: int) -> None:
        """Reckon minute and second of a trade anew: the second only where the minute could be."""
        trade = self._trades[instrument, ref % self.trades_kept]
        if trade["n"] != ref:
            return
        self._amended[instrument, ref] = price
        if len(self._amended) > self.corrections.kept:
            del self._amended[next(iter(self._amended))]
        if self._reckon(self.minutes, instrument, int(trade["t"])):
            self._reckon(self.seconds, instrument, int(trade["t"]))

    def _reckon(self, past: Past, instrument: int, t: int) -> bool:
        """Reckon the slot that a market time is in anew, as far as its trades are kept."""
        slot = past.slot_at(t)
        if slot is None:
            return False
        kept: Rows = self._trades[instrument]
        kept = kept[(kept["n"] > 0) & (kept["t"] // past.length_us == t // past.length_us)]
        kept = kept[np.argsort(kept["n"])]
        prices = [self._amended.get((instrument, n), price) for n, price in kept[["n", "price_ticks"]].tolist()]
        kept["price_ticks"] = prices
        left = kept[kept["price_ticks"] > 0]
        return past.amend(slot, instrument, left, len(kept) - len(left))

    def settle(self) -> None:
        """Put what was noted in its place."""
        noted, self._noted = self._noted, []
        if not noted:
            return
        parts = [rows.tobytes() for batch in noted if len(rows := batch.rows[TRADES])]
        trades: Rows = np.frombuffer(b"".join(parts), DTYPES[TRADES])  # 20 x concatenate
        times = [batch.t for batch in noted]
        self.minutes.take(times, trades)
        self.seconds.take(times, trades)
        self._trades[trades["instrument"], trades["n"] % self.trades_kept] = trades  # of one place the last one stays

    def past(self, length_us: int) -> Past:
        """Return the slots that add up to a length: minutes, unless it is less."""
        self.settle()
        return self.minutes if length_us % MINUTE_US == 0 else self.seconds

    def newest(self, instruments: NDArray[np.intp], numbers: NDArray[np.int64]) -> Rows:
        """Return the trades with these numbers, one an instrument: those that were last."""
        found: Rows = self._trades[instruments, numbers % self.trades_kept]
        return found

    def trades(
        self,
        instrument: int,
        limit: int,
        first: int | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
    ) -> Rows:
        """Return trades, oldest first: the newest, or the first of a number or a time on (both included)."""
        self.settle()
        kept: Rows = self._trades[instrument]
        kept = kept[kept["n"] > 0]
        kept = kept[np.argsort(kept["n"])]
        if until_us is not None:
            kept = kept[kept["t"] <= until_us]
        if first is None and since_us is None:
            return kept[max(0, len(kept) - limit) :]
        if first is not None:
            kept = kept[kept["n"] >= first]
        if since_us is not None:
            kept = kept[kept["t"] >= since_us]
        return kept[:limit]
