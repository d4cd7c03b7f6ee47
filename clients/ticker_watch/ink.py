"""Lines of words and styles into what a terminal understands; the only file that knows rich.

It says which colours there are, and that NO_COLOR wants none: bold and reverse are left then.
"""

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from ticker_watch.figures import Line

_MARK = "\0"


class Ink:
    """The colours of one terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._around: dict[str, tuple[str, str]] = {}

    def line(self, line: Line) -> str:
        """Return a line with the codes of its styles."""
        pieces = []
        for text, style in line:
            before, after = self._around.get(style) or self._learn(style)
            pieces.append(f"{before}{text}{after}")
        return "".join(pieces)

    def _learn(self, name: str) -> tuple[str, str]:
        style = Style.parse(name)
        if self._console.no_color or self._console.color_system is None:
            style = style.without_color
        before, _, after = style.render(_MARK, color_system=ColorSystem.STANDARD).partition(_MARK)
        self._around[name] = before, after
        return before, after


def can_show(console: Console) -> bool:
    """Tell whether standard output is a terminal that a picture can be shown on."""
    return console.is_terminal and not console.is_dumb_terminal
