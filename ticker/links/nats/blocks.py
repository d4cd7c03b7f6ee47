"""Steps as messages, and messages as steps.

A message carries the steps of one flush (`wire.reel`), or a part of them where they are larger than NATS takes; its
headers say which tape and steps they are. Whatever is not sound is refused here, and never reaches a reader: anybody
who may publish to the subject can publish anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ticker.errors import Refusal, TickerError
from ticker.links.nats.jetstream import MESSAGE_ID
from ticker.ticks import BOOK, QUOTES, TRADES, Batch, Position, Rows
from ticker.wire import reel

POSITION = "Ticker-Position"
FIRST = "Ticker-First"
PART = "Ticker-Part"
INCIDENT = "Ticker-Incident"
HEADERS_BYTES = 4096  # what headers and subject take at most, of the largest message that NATS lets through
PART_BYTES_MAX = 1024 * 1024  # larger ones would hold up everything else on a connection
PARTS_MAX = 4096

Cut = tuple[Batch, int]


class Poison(TickerError):
    """A message that is none of ours, or a bad one."""


class Letter(NamedTuple):
    """What is published: a subject's headers and bytes."""

    headers: dict[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """The steps of one flush."""

    first: int
    last: int
    cuts: Sequence[Cut]


def letters(epoch: str, first: int, last: int, data: bytes, size_max: int) -> list[Letter]:
    """Return the messages that carry a block, of at most `size_max` bytes with all that goes with them."""
    room = min(PART_BYTES_MAX, max(HEADERS_BYTES, size_max - HEADERS_BYTES))
    position = str(Position(epoch, last))
    headers = {MESSAGE_ID: position, POSITION: position, FIRST: str(first)}
    if len(data) <= room:
        return [Letter(headers, data)]
    parts = [data[at : at + room] for at in range(0, len(data), room)]
    return [
        Letter({**headers, MESSAGE_ID: f"{position}/{number}", PART: f"{number}/{len(parts)}"}, part)
        for number, part in enumerate(parts, 1)
    ]


def position_of(headers: dict[str, str], epoch: str) -> int | None:
    """Return the step that a message reaches, None where it is no last part of a block of this tape."""
    try:
        tape, seq = Position.parse(headers.get(POSITION, ""))
        number, count = _part(headers)
    except (Refusal, Poison):
        return None
    return seq if tape == epoch and number == count else None


class Assembler:
    """Puts blocks of one tape together and looks at them closely."""

    def __init__(self, epoch: str, instruments: int) -> None:
        self._epoch = epoch
        self._instruments = instruments
        self._parts: list[bytes] = []
        self._of = ""

    def take(self, headers: dict[str, str], data: bytes) -> Block | None:
        """Return the block that is complete with this message, None where more is to come. Raises Poison."""
        try:
            tape, last = Position.parse(headers.get(POSITION, ""))
        except Refusal as refusal:
            raise Poison(refusal.message) from None
        if tape != self._epoch:
            raise Poison("of another tape")
        number, count = _part(headers)
        whole = self._join(headers[POSITION], number, count, data)
        if whole is None:
            return None
        try:
            cuts = reel.cut(whole, self._instruments)
        except ValueError as error:
            raise Poison(str(error)) from None
        if cuts[-1][0].seq != last or str(cuts[0][0].seq) != headers.get(FIRST, ""):
            raise Poison("its headers name other steps than it has")
        for batch, _ in cuts:
            check(batch)
        return Block(cuts[0][0].seq, last, cuts)

    def _join(self, position: str, number: int, count: int, data: bytes) -> bytes | None:
        """Return a block's bytes where this part is its last."""
        if number == 1:
            self._parts, self._of = [], f"{position} {count}"
        if self._of != f"{position} {count}" or number != len(self._parts) + 1:
            self._parts, self._of = [], ""
            return None  # we came in the middle, or what follows has begun anew: the position tells
        self._parts.append(data)
        if number < count:
            return None
        parts, self._parts, self._of = self._parts, [], ""
        return b"".join(parts) if count > 1 else data


def check(batch: Batch) -> None:
    """Raise Poison for prices, sizes and counts that cannot be."""
    for channel, rows in batch.rows.items():
        if len(rows) and int(rows["n"].min()) < 1:
            raise Poison(f"{channel} that count from below 1")
    quotes, book, trades = batch.rows[QUOTES], batch.rows[BOOK], batch.rows[TRADES]
    _positive(QUOTES, quotes, "bid_ticks", "ask_ticks", "bid_size", "ask_size")
    _positive(BOOK, book, "price_ticks")
    _positive(TRADES, trades, "price_ticks", "size")
    if len(book) and int(book["size"].min()) < 0:
        raise Poison("a book with a size below 0")
    if len(quotes) and bool((quotes["bid_ticks"] > quotes["ask_ticks"]).any()):
        raise Poison("quotes whose bid is above their ask")


def _positive(channel: str, rows: Rows, *fields: str) -> None:
    for field in fields:
        if len(rows) and int(np.min(rows[field])) < 1:
            raise Poison(f"{channel} whose {field} is not above 0")


def _part(headers: dict[str, str]) -> tuple[int, int]:
    """Return which part of how many a message is. Raises Poison."""
    number, slash, count = headers.get(PART, "1/1").partition("/")
    if not (slash and number.isascii() and number.isdigit() and count.isascii() and count.isdigit()):
        raise Poison("parts that are not numbered")
    if len(number) > 5 or len(count) > 5 or not 1 <= int(number) <= int(count) <= PARTS_MAX:
        raise Poison("parts that are not numbered")
    return int(number), int(count)
