"""The whole picture: lines of state, the table or a book, and a line of keys, of the size asked for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ticker_watch import facts, ladder, table
from ticker_watch.columns import Scene
from ticker_watch.facts import Health
from ticker_watch.figures import Line
from ticker_watch.ladder import Portrait
from ticker_watch.table import Table
from ticker_watch.view import View

ABOVE, BELOW, HEADING = 3, 1, 1
HELPLESS = 6  # lines that help leaves to what it is about


@dataclass(frozen=True, slots=True)
class Size:
    """Of a terminal, in cells."""

    width: int
    height: int

    @property
    def body(self) -> int:
        """How many lines are between those of state and of keys."""
        return max(0, self.height - ABOVE - BELOW)

    def page(self, *, help_: bool) -> int:
        """Return how many rows of the table are seen at once."""
        return max(1, self.body - HEADING - (self.help_lines if help_ else 0))

    @property
    def help_lines(self) -> int:
        """How many lines of help there is room for."""
        return min(len(facts.HELP), max(0, self.body - HELPLESS))


def frame(
    size: Size, health: Health, view: View, subject: Sequence[Line], found: int, of: int, *, keys: bool
) -> list[Line]:
    """Return the picture of a subject, the lines of a table or of a book; `found` of so many symbols are listed."""
    helped = facts.helped(size.help_lines, size.width) if view.help else []
    body = list(subject[: size.body - len(helped)])
    body += [[] for _ in range(size.body - len(helped) - len(body))]
    lines = [
        facts.first(health, view, size.width),
        facts.second(health, size.width),
        facts.third(health, size.width),
        *body,
        *helped,
        facts.last(view, found, of, size.width, keys=keys),
    ]
    return lines[-size.height :] if size.height < len(lines) else lines


def of_table(size: Size, table_: Table, scene: Scene | None, view: View, listed: Sequence[int]) -> list[Line]:
    """Return the table: the instruments `listed`, in that order, as far as they fit."""
    if scene is None:
        return [[("waiting for the first prices", "dim")]]
    symbols = [scene.board.instruments.symbols[number] for number in listed]
    places = view.scroll(symbols, size.page(help_=view.help))
    numbers = [listed[place] for place in places]
    layout = table_.fit(scene, numbers, size.width)
    chosen = view.place(symbols)
    lines = [table.heading(layout, view, scene.cell_s)]
    lines += [table.row(layout, scene, listed[place], chosen=place == chosen) for place in places]
    if not listed:
        lines.append([(f"no symbol has {view.search} in it" if view.search else "nothing has come yet", "dim")])
    return lines


def of_book(size: Size, portrait: Portrait, view: View) -> list[Line]:
    """Return the book of one symbol."""
    return ladder.picture(portrait, size.body - (size.help_lines if view.help else 0), size.width)
