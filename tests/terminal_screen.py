"""A terminal for tests: a pty of some size with a command on it, and what would be seen there."""

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


class TerminalScreen:
    """Runs a command on a pty. `raw` is every byte it wrote; what it leaves on its other screen is on `lines`."""

    def __init__(
        self, command: list[str], width: int = 80, height: int = 24, *, typed: bool = True, **environment: str
    ):
        self._ours, self._theirs = pty.openpty()
        self.before = termios.tcgetattr(self._theirs)
        self.raw = b""
        self._seen: list[str] = []
        self._changed = threading.Condition()
        self.resize(width, height)
        unset = {"NO_COLOR", "COLUMNS", "LINES"}
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        self.process = subprocess.Popen(
            command,
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
        """Have another size; who runs there is to be told."""
        self.size = width, height
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
            return seen(self.raw.decode(errors="ignore"), *self.size)

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
        """Wait for the command's end and return its exit code; what it wrote is all in `raw` then."""
        code = self.process.wait(PATIENCE_S)
        until = time.monotonic() + PATIENCE_S
        while b"\x1b[?1049h" in self.raw and b"\x1b[?1049l" not in self.raw and time.monotonic() < until:
            time.sleep(0.01)
        return code

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65536)
            except OSError:
                return
            with self._changed:
                self.raw += data
                self._changed.notify_all()


def seen(text: str, width: int, height: int) -> list[str]:
    """Return what a terminal shows of a text: cursor, clearing and the other screen are obeyed, colours left out."""
    cells = [[" "] * width for _ in range(height)]
    row = column = 0
    wraps = True
    for piece in _PIECE.finditer(text):
        match piece["final"], piece["control"]:
            case "H", _:
                row, column = (int(number) - 1 for number in piece["parameters"].split(";"))
            case "J", _:
                cells = [[" "] * width for _ in range(height)]
            case "K", _:
                cells[row][column:] = [" "] * (width - column)
            case "h" | "l", _ if piece["parameters"] == "?1049":
                cells, row, column = [[" "] * width for _ in range(height)], 0, 0
            case "h" | "l", _ if piece["parameters"] == "?7":
                wraps = piece["final"] == "h"
            case _, "\r":
                column = 0
            case _, "\n":
                row = min(row + 1, height - 1)
        for character in piece["text"] or "":
            assert row < height, "written below the last line"
            if column == width:
                assert wraps, f"written beyond column {width}: {piece['text']}"
                row, column = min(row + 1, height - 1), 0
            cells[row][column] = character
            column += 1
    return ["".join(line).rstrip() for line in cells]
