"""What a request asks for: the parameters of a query, understood or refused in a sentence."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qs

from ticker.dialects.alpaca.feeds import Feed
from ticker.venue import DAY_US, MONTH, Bars

MINUTE_US = 60_000_000
LIMIT, LIMIT_MAX = 1000, 10_000
"""Rows on a page: unless asked otherwise, and at most."""
PAGE_MAX = 2000
"""So many we give at once, whatever is asked: the rest has a token, which libraries follow."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK_BEGINS_US = 4 * DAY_US  # 1970 began on a Thursday
_UNITS = {"Min": MINUTE_US, "T": MINUTE_US, "Hour": 60 * MINUTE_US, "H": 60 * MINUTE_US}
_ONES = {"Day": DAY_US, "D": DAY_US, "Week": 7 * DAY_US, "W": 7 * DAY_US, "Month": MONTH, "M": MONTH}
_MOST = {"Min": 59, "T": 59, "Hour": 23, "H": 23}
_TIMEFRAME = re.compile(r"([1-9]\d?)(Min|T|Hour|H|Day|D|Week|W|Month|M)")
_PLACE = re.compile(r"-?[0-9]{1,18}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Unfit(Exception):
    """A request that is refused: what with, and why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Page(NamedTuple):
    """Times (both included) in microseconds; `after` is where the page before ended: a symbol, and a place in it."""

    since_us: int
    until_us: int
    limit: int = LIMIT
    newest_first: bool = False
    after: tuple[str, int] | None = None


class Query:
    """The parameters of a request."""

    def __init__(self, query: str) -> None:
        try:
            self._given = parse_qs(query, keep_blank_values=True, max_num_fields=64)
        except ValueError:
            raise Unfit("invalid query") from None

    def get(self, name: str, otherwise: str = "") -> str:
        """Return a parameter, the last one where it is given twice."""
        return self._given.get(name, [otherwise])[-1]

    def symbols(self, feed: Feed) -> list[str]:
        """Return the symbols that are asked for, each once."""
        symbols = [symbol for symbol in self.get("symbols").split(",") if symbol]
        if not symbols:
            raise Unfit("symbols is required")
        return [checked(symbol, feed) for symbol in dict.fromkeys(symbols)]

    def page(self, market_us: int, offset_us: int) -> Page:
        """Return what part of the past is asked for: the current day, unless it is said."""
        today_us = (market_us - offset_us) // DAY_US * DAY_US + offset_us
        since_us = self._moment("start", offset_us, today_us)
        until_us = self._moment("end", offset_us, market_us)
        if since_us > until_us:
            raise Unfit("end should not be before start")
        sort, token = self.get("sort", "asc"), self.get("page_token")
        if sort not in ("asc", "desc"):
            raise Unfit(f"invalid sort: {sort[:32]}")
        return Page(since_us, until_us, self._limit(), sort == "desc", _place(token) if token else None)

    def _limit(self) -> int:
        text = self.get("limit", str(LIMIT))
        if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= LIMIT_MAX:
            raise Unfit(f"invalid limit: {text[:32]}")
        return min(int(text), PAGE_MAX)

    def _moment(self, name: str, offset_us: int, otherwise: int) -> int:
        """Return a time: RFC 3339, or a day, the whole of it."""
        text = self.get(name)
        if not text:
            return otherwise
        try:
            # A plus that was not quoted has become a blank.
            moment = datetime.fromisoformat(text.replace(" ", "+"))
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            t_us = (aware - _EPOCH) // timedelta(microseconds=1)
        except (ValueError, OverflowError):
            raise Unfit(f"invalid {name}: {text[:64]}") from None
        whole_day = DAY_US - 1 if name == "end" else 0
        return t_us + offset_us + whole_day if _DATE.fullmatch(text) else t_us


def checked(symbol: str, feed: Feed) -> str:
    """Return a symbol that may be one."""
    if symbol == "*" or not feed.well_formed(symbol):
        raise Unfit(f"invalid symbol: {symbol[:32]}")
    return symbol


def timeframe(text: str, offset_us: int) -> Bars:
    """Return the bars of a timeframe such as 5Min; from an hour on they begin where the market's day does."""
    found = _TIMEFRAME.fullmatch(text)
    if not found:
        raise Unfit(f"invalid timeframe: {text[:32]}")
    count, unit = int(found[1]), found[2]
    if count > _MOST.get(unit, 1):
        raise Unfit(f"invalid timeframe: {text}")
    if unit in _ONES:
        return Bars(_ONES[unit], offset_us + (_WEEK_BEGINS_US if unit in ("Week", "W") else 0))
    length_us = count * _UNITS[unit]
    return Bars(length_us, offset_us % length_us)


def token_of(symbol: str, place: int) -> str:
    """Return what a client brings back to go on from here."""
    return urlsafe_b64encode(f"{symbol}|{place}".encode()).decode()


def _place(token: str) -> tuple[str, int]:
    try:
        symbol, _, place = urlsafe_b64decode(token.encode()).decode().partition("|")
    except ValueError:
        raise Unfit("invalid page_token") from None
    if not _PLACE.fullmatch(place):
        raise Unfit("invalid page_token")
    return symbol, int(place)
