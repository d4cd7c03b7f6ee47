"""Recordings of a market that was run as fast as it goes, with whatever holes a test wants."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ticker import settings, universes
from ticker.feed.board import Board
from ticker.links.recorder import Recorder
from ticker.market.market import Market
from ticker.ticks import CHANNELS, Batch
from ticker.wire.label import Label
from ticker.wire.reel import Cut

EMITTED_US = 1_800_000_000_000_000
STEP_MS = 100.0


def market(**values: Any) -> Market:
    """Return a small market at its beginning."""
    given = {"instruments": 5, "step_ms": STEP_MS, "start": "2026-01-05T14:35:00Z", **values}
    config = settings.build(settings.from_flags({f"market.{name}": str(value) for name, value in given.items()})).market
    return Market(config, universes.load(config))


def label(played: Market) -> Label:
    return Label.of(
        played.universe, epoch=played.epoch, step_us=played.step_us, start_us=played.time_us(0), seed=1, speed=1.0
    )


def cuts(played: Market, steps: int) -> list[Cut]:
    """Return the next steps, each emitted when its market time is over."""
    found = []
    for _ in range(steps):
        batch = played.step()
        found.append((batch, EMITTED_US + batch.seq * played.step_us + batch.seq % 7))
    return found


def picture(board: Board, batch: Batch) -> Batch:
    """Return a board as the picture of a step."""
    everybody = range(board.instruments)
    return Batch(batch.seq, batch.t, {channel: board.newest(channel, everybody) for channel in CHANNELS})


def tape(path: Path, steps: int, missing: Iterable[int] = (), **values: Any) -> list[Cut]:
    """Record so many steps but those that are to be missing; return all of them."""
    played = market(**values)
    found = cuts(played, steps)
    holes = set(missing)
    board = Board(len(played.universe))
    with Recorder.create(path, label(played)) as recorder:
        nothing = {channel: board.newest(channel, range(board.instruments)) for channel in CHANNELS}
        recorder.leap(Batch(0, played.time_us(0), nothing), EMITTED_US)
        for batch, emitted_us in found:
            board.update(batch)
            if batch.seq in holes:
                continue
            if batch.seq - 1 in holes:
                before = Board(len(played.universe))
                for earlier, _ in found[: batch.seq - 1]:
                    before.update(earlier)
                recorder.leap(picture(before, found[batch.seq - 2][0]), emitted_us)
            recorder.take(batch, emitted_us)
    return found
