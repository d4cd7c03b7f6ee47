"""The terminal while a picture is on it: another screen, no cursor, single keys; put back however it ends."""

import asyncio
import os
import shutil
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ticker_watch.keys import Keys

ESCAPE_S = 0.05  # the rest of an arrow key comes sooner
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_INPUT, _FLAGS = 0, 3  # places in what termios tells


class Terminal:
    """What is painted on and typed at. Where standard input is no terminal, there are no keys."""

    def __init__(self, input_: int, output: int) -> None:
        self._input = input_
        self._output = output
        self.has_keys = os.isatty(input_)
        self._before = termios.tcgetattr(input_) if self.has_keys else None
        self._entered = False
        self._lines: list[str] = []
        self._keys = Keys()
        self._escape: asyncio.TimerHandle | None = None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the terminal for a while, and put it back whatever happens."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """Take the terminal."""
        if self._entered:
            return
        self._entered = True
        if self.has_keys:
            tty.setcbreak(self._input)
            modes = termios.tcgetattr(self._input)
            modes[_INPUT] &= ~termios.IXON  # or Ctrl-S would stop us for good
            termios.tcsetattr(self._input, termios.TCSADRAIN, modes)
        self._write(_ENTER)
        self.forget()

    def leave(self) -> None:
        """Put the terminal back."""
        if not self._entered:
            return
        self._entered = False
        with suppress(OSError):
            self._write(_LEAVE)
        if self._before is not None:
            with suppress(termios.error):
                termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in cells."""
        with suppress(OSError):
            size = os.get_terminal_size(self._output)
            if size.columns > 0 and size.lines > 0:
                return size.columns, size.lines
        fallback = shutil.get_terminal_size()
        return fallback.columns, fallback.lines

    # What is shown.

    def forget(self) -> None:
        """Have the next picture drawn in whole."""
        self._lines = []

    def show(self, lines: list[str]) -> None:
        """Show a picture, a line of text and codes each: those that are as they were are left. Raises OSError."""
        whole = len(lines) != len(self._lines)
        pieces = ["\x1b[2J"] if whole else []
        for place, line in enumerate(lines):
            if whole or line != self._lines[place]:
                pieces.append(f"\x1b[{place + 1};1H\x1b[K{line}")
        self._lines = lines
        if pieces:
            self._write("".join(pieces))

    def _write(self, text: str) -> None:
        data = memoryview(text.encode())
        while data:
            data = data[os.write(self._output, data) :]

    # What is typed.

    def listen(self, press: Callable[[str], object], end: Callable[[], object]) -> None:
        """Have keys told, and the end of the input."""
        if self.has_keys:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._input, self._read, loop, press, end)

    def deafen(self) -> None:
        """Tell no more keys."""
        if self._escape is not None:
            self._escape.cancel()
        if self.has_keys:
            asyncio.get_running_loop().remove_reader(self._input)

    def _read(self, loop: asyncio.AbstractEventLoop, press: Callable[[str], object], end: Callable[[], object]) -> None:
        if self._escape is not None:
            self._escape.cancel()
            self._escape = None
        try:
            data = os.read(self._input, 4096)
        except OSError:
            data = b""
        if not data:
            self.deafen()
            end()
            return
        _press_all(press, self._keys.take(data))
        if self._keys.unfinished:
            self._escape = loop.call_later(ESCAPE_S, lambda: _press_all(press, self._keys.flush()))


def _press_all(press: Callable[[str], object], keys: list[str]) -> None:
    for key in keys:
        press(key)
