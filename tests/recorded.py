"""A recording of a morning with incidents, with all that should be in it: its steps, and the picture after each."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from golden_tape import MORNING, SCRIPT, market_of
from ticker.feed.board import Board
from ticker.links.recorder import Recorder
from ticker.market.market import Market
from ticker.ticks import CHANNELS, EMPTY, Batch
from ticker.wire.label import Label
from ticker.wire.reel import Cut

STEPS = 600
MORNING_US = 1_767_623_370_000_000


@cache
def made() -> tuple[Market, list[Cut], list[Batch]]:
    """Return a market, its steps and, after each of them, the picture: the first one is of nothing."""
    market = market_of(MORNING, SCRIPT)
    start = market.time_us(0)
    board = Board(len(market.universe))
    cuts: list[Cut] = []
    pictures = [Batch(0, start, dict(EMPTY))]
    for _ in range(STEPS):
        batch = market.step()
        board.update(batch)
        cuts.append((batch, start + batch.seq * 250_000))  # a block is four steps, a minute 240
        shown = {channel: board.newest(channel, range(len(market.universe))) for channel in CHANNELS}
        pictures.append(Batch(batch.seq, batch.t, shown))
    return market, cuts, pictures


def label_of(market: Market) -> Label:
    return Label.of(
        market.universe, epoch=market.epoch, step_us=market.step_us, start_us=market.time_us(0), seed=MORNING.seed
    )


def record(path: Path, *spans: tuple[int, int], close: bool = True) -> Recorder:
    """Record the steps after one up to another, with a gap between two such spans."""
    market, cuts, pictures = made()
    recorder = Recorder.create(path, label_of(market))
    for after, until in spans or ((0, STEPS),):
        recorder.leap(pictures[after], cuts[after - 1][1] if after else market.time_us(0), "it was lost")
        for cut in cuts[after:until]:
            recorder.take(*cut)
    if close:
        recorder.close()
    return recorder


def plain(step: Cut | Batch) -> tuple[object, ...]:
    batch, emitted_us = (step, None) if isinstance(step, Batch) else step
    return batch.seq, batch.t, emitted_us, *(batch.rows[channel].tobytes() for channel in CHANNELS)


def assert_same(found: Sequence[Cut | Batch], wanted: Sequence[Cut | Batch]) -> None:
    assert [plain(step) for step in found] == [plain(step) for step in wanted]
