"""What is looked at, and what a key does to that: a small state machine that knows neither terminal nor feed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

ORDERS = ("symbol", "change", "last", "volume", "activity")
SEARCH_MAX = 16  # as long as a symbol may be


class Deed(Enum):
    """What a key asks for beyond the picture."""

    QUIT = "quit"
    SWITCH = "switch"
    REDRAW = "redraw"


@dataclass
class View:
    """Which rows, in which order, and which of them is chosen.

    `chosen` is a symbol: it stays chosen wherever its value takes it. None is whichever comes first. `book` is the
    symbol whose book is shown; None shows the table.
    """

    order: str = "symbol"
    reverse: bool = False
    chosen: str | None = None
    search: str = ""
    typing: bool = False
    paused: bool = False
    help: bool = False
    book: str | None = None
    top: int = 0
    """The first row that is shown."""

    def press(self, key: str, listed: Sequence[str], page: int) -> Deed | None:
        """Obey a key; `listed` are the symbols in the table, in order, and `page` says how many fit at once."""
        if self.typing:
            self._type(key)
            return None
        if key in _MOVES:
            self._move(_MOVES[key](page), listed)
            return None
        match key:
            case "q":
                return Deed.QUIT
            case "t":
                return Deed.SWITCH
            case "redraw":
                return Deed.REDRAW
            case "p" | " ":
                self.paused = not self.paused
            case "?":
                self.help = not self.help
            case "escape":
                self._back()
            case _ if self.book is None:
                self._press_in_table(key, listed)
        return None

    def place(self, listed: Sequence[str]) -> int:
        """Return where the chosen symbol is; the first, where it is not among these."""
        return listed.index(self.chosen) if self.chosen in listed else 0

    def scroll(self, listed: Sequence[str], page: int) -> range:
        """Return the places of the rows to show, the chosen one among them."""
        place = self.place(listed)
        self.top = min(max(self.top, place - page + 1), place, max(0, len(listed) - page))
        return range(self.top, min(len(listed), self.top + page))

    def _press_in_table(self, key: str, listed: Sequence[str]) -> None:
        match key:
            case "s":
                self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
                self.reverse = False
                self.chosen = None  # who is first now is what one wants to see
            case "S" | "r":
                self.reverse = not self.reverse
                self.chosen = None
            case "/":
                self.typing = True
            case "enter" if listed:
                self.chosen = self.book = listed[self.place(listed)]

    def _type(self, key: str) -> None:
        match key:
            case "enter":
                self.typing = False
            case "escape":
                self.typing, self.search = False, ""
            case "backspace":
                self.search = self.search[:-1]
            case "clear":
                self.search = ""
            case _ if len(key) == 1 and len(self.search) < SEARCH_MAX:
                self.search += key

    def _move(self, steps: int, listed: Sequence[str]) -> None:
        """Choose another row; in the book's view, show its book."""
        if not listed:
            return
        if self.book is not None:
            self.chosen = self.book
        place = min(max(0, self.place(listed) + steps), len(listed) - 1)
        self.chosen = listed[place]
        if self.book is not None:
            self.book = self.chosen
        elif steps < 0 and place == 0:
            self.chosen = None  # stay at the top, whoever is there

    def _back(self) -> None:
        """Leave the innermost of: help, the book, the search."""
        if self.help:
            self.help = False
        elif self.book is not None:
            self.book = None
        else:
            self.search = ""


_MOVES: dict[str, Callable[[int], int]] = {
    "up": lambda _: -1,
    "k": lambda _: -1,
    "down": lambda _: 1,
    "j": lambda _: 1,
    "pageup": lambda page: -page,
    "pagedown": lambda page: page,
    "home": lambda _: -(10**9),
    "g": lambda _: -(10**9),
    "end": lambda _: 10**9,
    "G": lambda _: 10**9,
}
