"""Bytes from a keyboard into keys: a character as itself, everything else by a name.

Pure: who reads the bytes also says when an escape that nothing follows was the key of that name (`flush`).
"""

import codecs
import re

ESCAPE = "escape"
NAMED = {
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x15": "clear",  # Ctrl-U
    "\x0c": "redraw",  # Ctrl-L
}
"""Control characters that mean something; the others are left out."""
_FINAL = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end"}
_NUMBERED = {"1": "home", "7": "home", "4": "end", "8": "end", "5": "pageup", "6": "pagedown"}
_SEQUENCE = re.compile(r"\x1b(?:\[(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~])|O(?P<single>[@-~]))")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?")


class Keys:
    """What was read and is not a whole key yet."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("ignore").decode
        self._text = ""

    @property
    def unfinished(self) -> bool:
        """Whether an escape waits for what follows it."""
        return bool(self._text)

    def take(self, data: bytes) -> list[str]:
        """Return the keys that are complete with these bytes."""
        self._text += self._decode(data)
        found: list[str] = []
        while self._text and not _UNFINISHED.fullmatch(self._text):
            key = self._next()
            found += [key] if key else []
        return found

    def flush(self) -> list[str]:
        """Return the keys that an unfinished escape stands for: nothing follows it."""
        text, self._text = self._text, ""
        return [ESCAPE] if text == "\x1b" else []

    def _next(self) -> str | None:
        """Take one key away; None where it means nothing."""
        if sequence := _SEQUENCE.match(self._text):
            self._text = self._text[sequence.end() :]
            final = sequence["single"] or sequence["final"]
            if final == "~":
                return _NUMBERED.get(sequence["parameters"].partition(";")[0])
            return _FINAL.get(final)
        first, self._text = self._text[0], self._text[1:]
        if first == "\x1b":
            return ESCAPE
        return first if first.isprintable() else NAMED.get(first)
