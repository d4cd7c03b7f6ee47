"""A terminal for tests: a pty of some size with a command on it, and what would be seen there."""

import codecs
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 60.0
_PIECE = re.compile(r"\x1b\[(?P<parameters>[?0-9;]*)(?P<final>[A-Za-z])|(?P<control>[\r\n])|(?P<text>[^\x1b\r\n]+)")


HANGING_UP = ("env", "--default-signal=HUP")
"""Before a command that is to be told when its terminal closes: whoever runs the tests may have had that ignored."""


class TerminalScreen:
    """Runs a command on a pty. `raw` is every byte it wrote; what it leaves on its other screen is on `lines`."""

    def __init__(
        self, command: list[str], width: int = 80, height: int = 24, *, typed: bool = True, **environment: str
    ):
        self._ours, self._theirs = pty.openpty()
        self.before = termios.tcgetattr(self._theirs)
        self.raw = b""
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._changed = threading.Condition()
        self.resize(width, height)
        unset = {"NO_COLOR", "COLUMNS", "LINES"}
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        self.process = subprocess.Popen(
            (*HANGING_UP, *command),
            stdin=self._theirs if typed else subprocess.DEVNULL,
            stdout=self._theirs,
            stderr=subprocess.PIPE,
            env={**kept, "TERM": "xterm", **environment},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._theirs)
        self._reader.join(10)
        os.close(self._ours)

    def resize(self, width: int, height: int) -> None:
        """Have another size, and nothing on it yet; who runs there is to be told."""
        with self._changed:
            self.raw, self._taken = b"", 0
            self._cells = Cells(width, height, blank=hasattr(self, "process"))
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, text: str) -> None:
        """Type some keys."""
        os.write(self._ours, text.encode())

    @property
    def modes(self) -> list[Any]:
        """What termios says of the terminal now."""
        return termios.tcgetattr(self._theirs)

    @property
    def lines(self) -> list[str]:
        """What is seen, line by line."""
        with self._changed:
            self._cells.take(self._decode(self.raw[self._taken :]))
            self._taken = len(self.raw)
            return self._cells.lines

    def wait(self, fine: Callable[[list[str]], bool], what: str = "") -> list[str]:
        """Wait until what is seen is fine, and return it."""
        until = time.monotonic() + PATIENCE_S
        while True:
            lines = self.lines
            if fine(lines):
                return lines
            left = until - time.monotonic()
            shown = "\n".join(lines)
            assert left > 0, f"never seen: {what}\n{shown}"
            with self._changed:
                self._changed.wait(min(left, 0.5))

    def wait_for(self, *words: str) -> list[str]:
        """Wait until all of these are seen at once."""
        return self.wait(lambda lines: all(word in "\n".join(lines) for word in words), ", ".join(words))

    def end(self) -> int:
        """Wait for the command's end and return its exit code; what it wrote last may still be on its way."""
        return self.process.wait(PATIENCE_S)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65536)
            except OSError:
                return
            with self._changed:
                self.raw += data
                self._changed.notify_all()


class Cells:
    """What a terminal shows: cursor, clearing, wrapping and the other screen are obeyed, colours left out."""

    def __init__(self, width: int, height: int, *, blank: bool) -> None:
        """Where it is blank, it stays so until it is cleared: what comes before that was made for another size."""
        self._blank = blank
        self._width, self._height = width, height
        self._rest = ""  # of what came: maybe half a sequence
        self._wraps = True
        self._clear()

    @property
    def lines(self) -> list[str]:
        return ["".join(line).rstrip() for line in self._cells]

    def take(self, text: str) -> None:
        """Obey some more of what is written."""
        text = self._rest + text
        end = 0
        while piece := _PIECE.match(text, end):
            end = piece.end()
            self._obey(piece["final"], piece["parameters"], piece["control"], piece["text"] or "")
        self._rest = text[end:]

    def _clear(self) -> None:
        self._cells = [[" "] * self._width for _ in range(self._height)]
        self._row = self._column = 0

    def _obey(self, final: str | None, parameters: str | None, control: str | None, text: str) -> None:
        self._blank = self._blank and final != "J"
        if self._blank:
            return
        if final == "H":
            self._row, self._column = (int(number) - 1 for number in (parameters or "").split(";"))
        elif final == "K":
            self._cells[self._row][self._column :] = [" "] * (self._width - self._column)
        elif final == "J" or parameters == "?1049":
            self._clear()
        elif parameters == "?7":
            self._wraps = final == "h"
        elif control == "\r":
            self._column = 0
        elif control == "\n":
            self._row = min(self._row + 1, self._height - 1)
        for character in text:
            self._put(character)

    def _put(self, character: str) -> None:
        assert self._row < self._height, "written below the last line"
        if self._column == self._width:
            assert self._wraps, f"written beyond column {self._width}"
            self._row, self._column = min(self._row + 1, self._height - 1), 0
        self._cells[self._row][self._column] = character
        self._column += 1
