"""The parameters of a request over HTTP, read and checked as the venue does: Binance Spot API, "General information".

A parameter that an endpoint does not know is refused, as is one that is sent twice, or empty. Numbers are digits alone.
A time is in milliseconds or in microseconds, whichever its length says. Nothing here knows what a parameter is for.
"""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import orjson

from ticker.dialects.binance import faults
from ticker.dialects.binance.faults import Fault

LONG_MAX = 2**63 - 1
MICROSECONDS_FROM = 10**14
"""A time is in microseconds from here on: as milliseconds it would be the year 5138, as microseconds 1973."""

_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_LETTER = r"(?:(?![a-z])[\w\-.])"
_SYMBOL = re.compile(rf"{_LETTER}{{1,50}}")
_SYMBOLS = re.compile(rf'\[(?:"{_LETTER}{{1,50}}"(?:,"{_LETTER}{{1,50}}")*)?\]')
_PERMISSION = re.compile(r"[A-Z0-9_]{1,20}", re.ASCII)
_PERMISSIONS = re.compile(r'\[(?:"[A-Z0-9_]{1,20}"(?:,"[A-Z0-9_]{1,20}")*)?\]', re.ASCII)
_STRAY = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Span(NamedTuple):
    """From when to when in microseconds, both included; None where it was not said."""

    since_us: int | None
    until_us: int | None


class Query:
    """What was sent with a request."""

    def __init__(self, sent: Mapping[str, str]) -> None:
        self._sent = sent

    def has(self, name: str) -> bool:
        return name in self._sent

    def raw(self, name: str) -> str:
        """Return a parameter as it was sent, empty where it was not."""
        return self._sent.get(name, "")

    def text(self, name: str) -> str | None:
        """Return a parameter, None where it was not sent. Raises Fault for an empty one."""
        if self._sent.get(name) == "":
            raise faults.empty(name)
        return self._sent.get(name)

    def needed(self, name: str) -> str:
        """Return a parameter. Raises Fault where there is none."""
        if not self._sent.get(name):
            raise faults.mandatory(name)
        return self._sent[name]

    def symbol(self) -> str:
        """Return `symbol`, which must be there. Raises Fault for what cannot be one."""
        text = self.needed("symbol")
        if not _SYMBOL.fullmatch(text):
            raise faults.illegal("symbol", faults.LEGAL_SYMBOL)
        return text

    def symbols(self) -> list[str]:
        """Return `symbols`, which must be there: a list in JSON. Raises Fault."""
        text = self.needed("symbols")
        if not _SYMBOLS.fullmatch(text):
            raise faults.illegal("symbols", faults.LEGAL_SYMBOLS)
        names: list[str] = orjson.loads(text)
        if not names:
            raise faults.empty("symbols")
        if len(set(names)) < len(names):
            raise faults.duplicate_symbol()
        return names

    def permissions(self) -> list[str] | None:
        """Return `permissions`, one or a list in JSON, None where they were not sent. Raises Fault."""
        text = self.text("permissions")
        if text is None:
            return None
        if _PERMISSION.fullmatch(text):
            return [text]
        if not _PERMISSIONS.fullmatch(text):
            raise faults.illegal("permissions", faults.LEGAL_PERMISSIONS)
        found: list[str] = orjson.loads(text)
        return found

    def number(self, name: str) -> int | None:
        """Return a number that is not negative, None where it was not sent. Raises Fault."""
        text = self.text(name)
        if text is None:
            return None
        if not _NUMBER.fullmatch(text):
            raise faults.illegal(name, faults.LEGAL_NUMBER)
        if int(text) > LONG_MAX:
            raise faults.overflow(name)
        return int(text)

    def limit(self, default: int, most: int) -> int:
        """Return `limit`, no more than `most`. Raises Fault for 0 and for what is no number."""
        found = self.number("limit")
        if found == 0:
            raise faults.invalid("limit")
        return default if found is None else min(found, most)

    def span(self) -> Span:
        """Return `startTime` to `endTime`: the whole millisecond that the end names is in it. Raises Fault."""
        since, until = self.number("startTime"), self.number("endTime")
        return Span(
            since if since is None or since >= MICROSECONDS_FROM else since * 1000,
            until if until is None or until >= MICROSECONDS_FROM else until * 1000 + 999,
        )

    def choice(self, name: str, known: Collection[str], otherwise: Fault) -> str | None:
        """Return a parameter that is one of a few, None where it was not sent. Raises `otherwise` for any other."""
        text = self.text(name)
        if text is not None and text not in known:
            raise otherwise
        return text


def read(text: str, known: Collection[str]) -> Query:
    """Read a query as it was sent, of an endpoint that knows these parameters. Raises Fault."""
    sent: dict[str, str] = {}
    for part in filter(None, text.split("&")):
        key, _, value = part.partition("=")
        key = _plain(key)
        if key in sent:
            raise faults.duplicate()
        sent[key] = _plain(value)
    if len(sent) > len(known):
        raise faults.too_many(len(known), len(sent))
    found = sum(key in known for key in sent)
    if found < len(sent):
        raise faults.unread(found, len(sent))
    return Query(sent)


def _plain(text: str) -> str:
    """Undo percent-encoding; a plus is a space, as in a form."""
    if _STRAY.search(text):
        raise faults.illegal_somewhere()
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeError:
        raise faults.illegal_somewhere() from None
