"""The picture on a terminal: what comes, what is typed, and a new picture eight times a second."""

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ticker import clock
from ticker.errors import ConfigError
from ticker.ticks import BOOK, STATUS
from ticker_client.errors import Refused
from ticker_client.feed import Feed
from ticker_client.options import Options
from ticker_watch import history, switching
from ticker_watch.board import Board
from ticker_watch.focus import Focus
from ticker_watch.frame import Size
from ticker_watch.ink import Ink
from ticker_watch.picture import Picture
from ticker_watch.switching import RATE_HZ, Interest
from ticker_watch.table import TREND_MAX
from ticker_watch.terminal import Terminal
from ticker_watch.view import Deed, View
from ticker_watch.wishes import TABLE_CHANNELS, Wishes

PAINT_S = 1 / RATE_HZ
TYPED_S = 0.02  # several keys at once are one picture
FILL_S = 0.2  # the history of rows is asked for as they come into sight


def options(wishes: Wishes) -> Options:
    """Return how a picture is heard: packed, which costs least, and without books where none are asked for."""
    return Options(transport=wishes.transport, encoding="packed", books=BOOK in wishes.channels)


class Live:
    """One picture of one feed; it is over when `run` returns, or is cancelled."""

    def __init__(self, wishes: Wishes, feed: Feed, terminal: Terminal, ink: Ink) -> None:
        self._feed = feed
        self._terminal = terminal
        self._ink = ink
        self._count = wishes.count
        self._interest = Interest(wishes.symbols, wishes.channels or TABLE_CHANNELS)
        view = View(book=wishes.book, chosen=wishes.book)
        self._focus = Focus(lambda: wishes.feed(Options(transport=feed.transport)))
        self._picture = Picture(feed, view, self._focus.portrait, keys=terminal.has_keys)
        self._typed = asyncio.Event()
        self._over = asyncio.Event()
        self._switching: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Show the picture until that is enough. Raises ConnectionEnded, Refused and ConfigError."""
        await switching.subscribe(self._feed, self._interest)
        book = self._picture.view.book
        if book is not None:
            await self._check_book(book)
            self._focus.show(book)
        with self._terminal.taken(), self._signals():
            self._terminal.listen(self._press, self._over.set)
            try:
                await _first_of(self._hear(), self._paint(), self._fill(), self._over.wait())
            finally:
                self._terminal.deafen()
                await self._focus.close()
                if self._switching is not None:
                    self._switching.cancel()

    def summary(self, seconds: float) -> str:
        """Return in one line what there was."""
        session = self._feed.session
        found = self._picture.pulse.percentiles(clock.monotonic_s())
        latency = f", latency {found[0]:.1f} ms, p99 {found[1]:.1f} ms" if found else ""
        return (
            f"{seconds:.1f} s over {self._feed.transport}: {session.ticks:,} ticks, "
            f"{session.merged:,} merged, {session.missed:,} missed{latency}"
        )

    async def _check_book(self, symbol: str) -> None:
        try:
            await self._feed.snapshot(symbol, channels=[STATUS])
        except Refused as error:
            raise ConfigError(f"--book: {error}") from None

    async def _hear(self) -> None:
        async for message in self._feed.arrays():
            self._picture.take(message, clock.monotonic_s())
            if self._count is not None and self._feed.session.ticks >= self._count:
                return

    async def _paint(self) -> None:
        while True:
            self._typed.clear()
            try:
                self._terminal.show([self._ink.line(line) for line in self._picture.lines(self._size)])
            except OSError:
                return  # the terminal was closed: there is nobody to tell
            with suppress(TimeoutError):
                async with asyncio.timeout(PAINT_S):
                    await self._typed.wait()
                await asyncio.sleep(TYPED_S)

    async def _fill(self) -> None:
        """Fill in the minutes before, of rows in sight, a symbol after the other."""
        asked: set[int] = set()
        filled: Board | None = None
        while True:
            board = self._picture.board
            if board is not filled:
                asked.clear()
                filled = board
            number = next((number for number in self._picture.visible if number not in asked), None)
            if board is None or not board.trend.begun or number is None:
                await asyncio.sleep(FILL_S)
                continue
            asked.add(number)
            await history.fill(self._feed, board.trend, number, board.instruments.symbols[number], TREND_MAX)

    @property
    def _size(self) -> Size:
        return Size(*self._terminal.size)

    def _press(self, key: str) -> None:
        deed = self._picture.press(key, self._size)
        self._focus.show(self._picture.view.book)
        match deed:
            case Deed.QUIT:
                self._over.set()
            case Deed.SWITCH if self._switching is None:
                self._switching = asyncio.create_task(self._switch())
            case Deed.REDRAW:
                self._terminal.forget()
        self._typed.set()

    async def _switch(self) -> None:
        self._picture.say("changing the transport…")
        try:
            self._picture.say(await switching.switch(self._feed, self._interest))
            self._picture.pulse.forget()
            self._focus.again()
        finally:
            self._switching = None

    # What the system tells.

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        told = {signal.SIGWINCH: self._redraw, signal.SIGTSTP: self._stand_still}
        for number, tell in told.items():
            loop.add_signal_handler(number, tell)
        try:
            yield
        finally:
            for number in told:
                loop.remove_signal_handler(number)

    def _redraw(self) -> None:
        self._terminal.forget()
        self._typed.set()

    def _stand_still(self) -> None:
        """Give the terminal back for as long as we are stopped (Ctrl-Z)."""
        self._terminal.leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._terminal.enter()
        self._typed.set()


async def _first_of(*works: Coroutine[Any, Any, Any]) -> None:
    """Work on all of these until one of them is done, and give up the others. Raises what that one raises."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
