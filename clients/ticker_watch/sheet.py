"""Ticks as CSV (RFC 4180): a header, then a row a tick, whichever channels they come by.

The columns are `ch`, `sym`, `n`, `t`, and then the fields of the channels that are watched, named as in JSON, in the
order of the protocol's channels whatever the order they were asked for in; a field that several have is one column.
What a tick does not have is empty. The same channels have the same columns, always.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET
from msgspec.structs import fields

from ticker.session.kinds import KINDS, Tick
from ticker.ticks import CHANNELS

HEAD = ("ch", "sym", "n", "t")


class Sheet:
    """Columns for some channels, and the rows that go under them."""

    def __init__(self, channels: Iterable[str]) -> None:
        wanted = set(channels)
        kinds = [KINDS[channel] for channel in CHANNELS if channel in wanted]
        named = dict.fromkeys([*HEAD[1:], *(each.name for kind in kinds for each in fields(kind))])
        self.columns = (HEAD[0], *named)
        self._names = {kind: tuple(named) for kind in kinds}

    def header(self) -> bytes:
        """Return the names of the columns, as a line."""
        return _lines([self.columns])

    def rows(self, ticks: Iterable[Tick]) -> bytes:
        """Return a line for each tick."""
        return _lines([(_tag(tick), *[_text(tick, name) for name in self._names[type(tick)]]) for tick in ticks])


def _tag(tick: Tick) -> str:
    return str(tick.__struct_config__.tag)


def _text(tick: Tick, name: str) -> Any:
    value = getattr(tick, name, UNSET)
    if value is UNSET or value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else value


def _lines(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
