"""Which instruments a table shows, and in which order. Pure."""

import numpy as np

from ticker_watch.board import Board

_FALLING = ("change", "last", "volume", "activity")  # the greatest first, unless that is turned round


def listed(board: Board, order: str, search: str, *, reverse: bool) -> list[int]:
    """Return the instruments whose symbol has the search in it, in order; those without a value come last."""
    symbols = board.instruments.symbols
    wanted = search.upper()
    found = sorted((number for number in board.shown() if wanted in symbols[number].upper()), key=symbols.__getitem__)
    if order == "symbol":
        return found[::-1] if reverse else found
    column = board.change if order == "change" else getattr(board.now, order)
    values = column[found] if (order in _FALLING) == reverse else -column[found]
    return [found[place] for place in np.argsort(values, kind="stable").tolist()]


def falling(order: str, *, reverse: bool) -> bool:
    """Tell whether the greatest come first."""
    return (order in _FALLING) != reverse
