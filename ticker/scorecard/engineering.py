"""The engineering block, as far as a run shows it. Pure.

A market makes the same tape twice, from a checkpoint and among fewer; its quotes and trades keep some rules.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ticker.scorecard.collect import Source
from ticker.scorecard.sessions import Session, standing
from ticker.ticks import CHANNELS

DIGEST_STEPS = 1_000
"""Steps of fresh runs that are compared byte by byte, at most."""


class Kept(Source, Protocol):
    """A market whose state can be saved and loaded."""

    def save(self) -> bytes: ...
    def load(self, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class EngineeringRow:
    """One rule: how many were looked at, how many broke it. `count` 0: not in this data."""

    name: str
    count: int
    broken: int

    @property
    def passed(self) -> bool:
        return self.count > 0 and self.broken == 0


def digest(market: Source, steps: int) -> str:
    """Return the SHA-256 of the next steps' rows, channel by channel."""
    seen = hashlib.sha256()
    for _ in range(steps):
        batch = market.step()
        seen.update(f"{batch.seq}:{batch.t}:".encode())
        for channel in CHANNELS:
            if channel in batch.rows:
                seen.update(batch.rows[channel].tobytes())
    return seen.hexdigest()


def twice(market: Callable[[], Source], steps: int = DIGEST_STEPS) -> EngineeringRow:
    """Return whether two fresh markets of one configuration make the same bytes."""
    first, second = digest(market(), steps), digest(market(), steps)
    return EngineeringRow("same seed, same bytes", steps, 0 if first == second else steps)


def continued(market: Callable[[], Kept], steps: int = DIGEST_STEPS) -> EngineeringRow:
    """Return whether a market that goes on from a checkpoint makes the bytes of one that never stopped."""
    first, second = market(), market()
    digest(first, steps // 2)
    second.load(first.save())
    same = digest(first, steps - steps // 2) == digest(second, steps - steps // 2)
    return EngineeringRow("same bytes from a checkpoint", steps, 0 if same else steps)


def among_fewer(market: Callable[[int], Source], instruments: int, steps: int = DIGEST_STEPS) -> EngineeringRow:
    """Return whether instruments do the same in a market of half as many."""
    name = "same path among fewer"
    if instruments < 2:
        return EngineeringRow(name, 0, 0)
    many, few = paths(market(instruments), steps), paths(market(instruments // 2), steps)
    common = many.keys() & few.keys()
    return EngineeringRow(name, len(common), sum(many[symbol] != few[symbol] for symbol in common))


def paths(market: Source, steps: int) -> dict[str, bytes]:
    """Return by symbol the bytes of all its rows in the next steps, without its index."""
    batches = [market.step().rows for _ in range(steps)]
    found = {one.symbol: b"" for one in market.universe}
    for channel in batches[0]:
        rows = np.concatenate([batch[channel] for batch in batches])
        for index, one in enumerate(market.universe):
            mine = rows[rows["instrument"] == index]
            mine["instrument"] = 0
            found[one.symbol] += mine.tobytes()
    return found


def engineering(sessions: Sequence[Session]) -> tuple[EngineeringRow, ...]:
    """Return the rules that quotes and trades of continuous trading keep."""
    trades = sum(len(one.trade_s) for one in sessions)
    quotes = sum(len(one.quote_s) for one in sessions)
    known = sum(len(one.trade_s) for one in sessions if one.has_quotes and one.has_sides)
    return (
        EngineeringRow("bid below ask", quotes, sum(_crossed(one) for one in sessions)),
        EngineeringRow("sizes > 0", quotes + trades, sum(_empty(one) for one in sessions)),
        EngineeringRow("prices in whole ticks > 0", quotes + trades, sum(_priceless(one) for one in sessions)),
        EngineeringRow("trades at the touch", known, sum(off_touch(one) for one in sessions)),
    )


def _crossed(session: Session) -> int:
    return int((session.bid_ticks >= session.ask_ticks).sum())


def _empty(session: Session) -> int:
    return int((session.size <= 0).sum() + ((session.bid_size <= 0) | (session.ask_size <= 0)).sum())


def _priceless(session: Session) -> int:
    columns = (session.price_ticks, session.bid_ticks, session.ask_ticks)
    grid = all(np.issubdtype(column.dtype, np.integer) for column in columns)
    below = int((session.price_ticks < 1).sum() + ((session.bid_ticks < 1) | (session.ask_ticks < 1)).sum())
    return below if grid else len(session.price_ticks) + len(session.bid_ticks)


def off_touch(session: Session) -> int:
    """Return how many trades did not print where the quote that stood says.

    The first trade after a quote prints at or inside it. Later ones of the same instant may have walked up the book
    before the next quote tells, so a purchase is then at the ask or above, a sale at the bid or below.
    """
    if not (session.has_quotes and session.has_sides):
        return 0
    where = standing(session, session.trade_s)
    bid, ask = session.bid_ticks[where], session.ask_ticks[where]
    first = np.concatenate([[True], where[1:] != where[:-1]])[: len(where)]
    inside = (session.price_ticks >= bid) & (session.price_ticks <= ask)
    walked = np.where(session.side > 0, session.price_ticks >= ask, session.price_ticks <= bid)
    return int((~(inside | (walked & ~first))).sum())
