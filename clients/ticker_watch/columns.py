"""The columns of the table: what stands in a cell, and how wide a column is at least. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import REASONS, STATES
from ticker_watch.board import Board
from ticker_watch.figures import ARROWS, STYLES, Span, money, percent, quantity, rate, sign

FLASH_S = 0.4
TREND_MIN = 8
STATE_STYLES = {"trading": "dim", "halted": "bold red", "frozen": "bold red"}
"""What else there is, a schedule brings: yellow."""


UNSAID = ("schedule", "halt", "resume", "freeze", "thaw")


@dataclass(frozen=True, slots=True)
class Scene:
    """What a table is made of: `touch` returns bid and ask where no quote says them."""

    board: Board
    touch: Callable[[str], tuple[float, float]]
    now_s: float
    changes: NDArray[np.float64]
    """In percent, of all instruments."""

    @classmethod
    def of(cls, board: Board, touch: Callable[[str], tuple[float, float]], now_s: float) -> "Scene":
        """Return what a board shows now."""
        return cls(board, touch, now_s, board.change)

    @property
    def cell_s(self) -> float:
        """Return how many seconds of market time a cell of a trend is."""
        return self.board.trend.cell_us / 1e6

    def decimals(self, number: int) -> int:
        """Return the digits of an instrument's prices."""
        return self.board.instruments[number].decimals


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, how it may be ordered by, its least width, and its cells."""

    title: str
    cell: Callable[[Scene, int], Span]
    least: int
    order: str = ""
    left: bool = False


def _last(scene: Scene, number: int) -> Span:
    now = scene.board.now
    way = int(now.way[number])
    style = STYLES[way]
    flash = f"bold reverse {style}" if style and scene.now_s - now.moved_s[number] < FLASH_S else style
    return f"{money(now.last[number], scene.decimals(number))} {ARROWS[way]}", flash


def _change(scene: Scene, number: int) -> Span:
    value = float(scene.changes[number])
    return percent(value), STYLES[sign(value)]


def _touch(side: int) -> Callable[[Scene, int], Span]:
    def cell(scene: Scene, number: int) -> Span:
        price = float((scene.board.now.bid, scene.board.now.ask)[side][number])
        if isnan(price):
            price = scene.touch(scene.board.instruments.symbols[number])[side]
        return money(price, scene.decimals(number)), ""

    return cell


def _price(name: str) -> Callable[[Scene, int], Span]:
    return lambda scene, number: (money(getattr(scene.board.now, name)[number], scene.decimals(number)), "dim")


def _quantity(name: str, style: str = "") -> Callable[[Scene, int], Span]:
    return lambda scene, number: (quantity(getattr(scene.board.now, name)[number]), style)


def said(state: str, reason: str) -> Span:
    """Return a state of trading in words, with the reason where the state does not say it."""
    why = "" if reason in UNSAID else f": {reason}"
    return f"{state}{why}".replace("_", " "), STATE_STYLES.get(state, "yellow")


def _state(scene: Scene, number: int) -> Span:
    """Return what an instrument's trading is in, and what made it so where that was no schedule."""
    word = int(scene.board.now.state[number])
    if word < 0:
        return "-", "dim"
    return said(STATES[word], REASONS[int(scene.board.now.reason[number])])


SYMBOL = Column("Symbol", lambda scene, number: (scene.board.instruments.symbols[number], "bold"), 7, "symbol", True)
LAST = Column("Last", _last, 8, "last")
CHANGE = Column("Change", _change, 7, "change")
BID = Column("Bid", _touch(0), 6)
ASK = Column("Ask", _touch(1), 6)
BID_SIZE = Column("Bid size", _quantity("bid_size", "dim"), 8)
ASK_SIZE = Column("Ask size", _quantity("ask_size", "dim"), 8)
SIZE = Column("Size", _quantity("size"), 5)
VOLUME = Column("Volume", _quantity("volume"), 7, "volume")
ACTIVITY = Column("Ticks/s", lambda scene, number: (rate(scene.board.now.activity[number]), "dim"), 8, "activity")
LOW = Column("Low", _price("low"), 6)
HIGH = Column("High", _price("high"), 6)
TREND = Column("", lambda _, __: ("", ""), TREND_MIN, left=True)
STATE = Column("State", _state, 8, left=True)

IN_ORDER = (SYMBOL, LAST, CHANGE, BID_SIZE, BID, ASK, ASK_SIZE, SIZE, VOLUME, ACTIVITY, LOW, HIGH, TREND, STATE)
BY_WEIGHT = (SYMBOL, LAST, CHANGE, STATE, BID, ASK, TREND, VOLUME, SIZE, ACTIVITY, BID_SIZE, ASK_SIZE, LOW, HIGH)
PRICED = (LAST, BID, ASK, LOW, HIGH)
"""By what is left out first where there is no room: the last."""
