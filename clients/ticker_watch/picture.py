"""What a feed has brought and what of it is looked at: from messages and keys to the lines of a picture."""

from collections.abc import Callable
from math import nan

from ticker import clock
from ticker_client.arrays import Arrays
from ticker_client.feed import Feed
from ticker_watch import frame, history, order
from ticker_watch.board import Board
from ticker_watch.columns import Scene
from ticker_watch.facts import Health, reason
from ticker_watch.figures import Line
from ticker_watch.frame import Size
from ticker_watch.ladder import Portrait
from ticker_watch.pulse import Pulse
from ticker_watch.table import Table
from ticker_watch.view import Deed, View

ORDER_S = 1.0  # rows that jump more often cannot be read
NOTICE_S = 6.0
RESTARTED = "the server has another tape now, or began this one anew: everything is counted afresh"


class Picture:
    """One picture of one feed; `portrait` gives the symbol whose book is looked at."""

    def __init__(self, feed: Feed, view: View, portrait: Callable[[], Portrait], *, keys: bool) -> None:
        self.view = view
        self.board: Board | None = None
        self.pulse = Pulse()
        self.visible: list[int] = []
        """The instruments whose rows are seen, numbered as on the board; none while it is paused."""
        self._feed = feed
        self._portrait = portrait
        self._keys = keys
        self._table = Table()
        self._frozen_board: Board | None = None
        self._frozen_portrait: Portrait | None = None
        self._restarts = 0
        self._listed: list[int] = []
        self._listed_s = -ORDER_S
        self._away_since_s: float | None = None
        self._notice, self._notice_s = "", -NOTICE_S

    def take(self, message: Arrays, now_s: float) -> None:
        """Take in a message received now."""
        session = self._feed.session
        if self.board is None or session.restarts != self._restarts:
            if self.board is not None:
                self.say(RESTARTED)
            self._restarts = session.restarts
            speed = session.welcome.speed if session.welcome else 1.0
            self.board = Board(message.instruments, history.cell_us(speed))
            self.visible = []
            self._listed_s = -ORDER_S
        self.board.take(message, now_s)
        if message.kind == "ticks":
            self.pulse.note((clock.wall_us() - message.ts) / 1000, now_s)

    def press(self, key: str, size: Size) -> Deed | None:
        """Obey a key, and return what else it asks for."""
        board = self._seen
        symbols = [board.instruments.symbols[number] for number in self._list(board)] if board else []
        deed = self.view.press(key, symbols, size.page(help_=self.view.help))
        self._listed_s = -ORDER_S
        if not self.view.paused:
            self._frozen_board = self._frozen_portrait = None
        elif self._frozen_board is None and self.board is not None:
            self._frozen_board = self.board.copy()
        return deed

    def say(self, notice: str) -> None:
        """Show a sentence for some seconds."""
        self._notice, self._notice_s = notice, clock.monotonic_s()

    def lines(self, size: Size) -> list[Line]:
        """Return the picture as it is now."""
        now_s = clock.monotonic_s()
        session = self._feed.session
        self.pulse.count(session.ticks + session.merged, now_s)
        if self.board is not None:
            self.board.settle(now_s)
        board = self._seen
        if board is not None and now_s >= self._listed_s + ORDER_S:
            self._listed, self._listed_s = self._list(board), now_s
        scene = Scene.of(board, self._touch, now_s) if board else None
        if self.view.book is None:
            subject = frame.of_table(size, self._table, scene, self.view, self._listed)
            top = self.view.top
            rows = self._listed[top : top + size.page(help_=self.view.help)]
            self.visible = rows if self._frozen_board is None else []
        else:
            subject = frame.of_book(size, self._seen_portrait(), self.view)
        of = int(board.now.heard.sum()) if board else 0
        return frame.frame(size, self._health(now_s), self.view, subject, len(self._listed), of, keys=self._keys)

    @property
    def _seen(self) -> Board | None:
        return self.board if self._frozen_board is None else self._frozen_board

    def _seen_portrait(self) -> Portrait:
        """Return the book to show: while paused, as it was when it was first seen."""
        frozen = self._frozen_portrait
        if frozen is not None and frozen.symbol == self.view.book:
            return frozen
        portrait = self._portrait()
        self._frozen_portrait = portrait if self.view.paused and portrait.book else None
        return portrait

    def _list(self, board: Board) -> list[int]:
        return order.listed(board, self.view.order, self.view.search, reverse=self.view.reverse)

    def _touch(self, symbol: str) -> tuple[float, float]:
        """Return the best bid and ask of a book, where that is what is watched."""
        book = self._feed.book(symbol)
        bid, ask = (book.best_bid, book.best_ask) if book else (None, None)
        return bid.price if bid else nan, ask.price if ask else nan

    def _health(self, now_s: float) -> Health:
        feed, session = self._feed, self._feed.session
        if feed.live:
            self._away_since_s = None
        elif self._away_since_s is None:
            self._away_since_s = now_s
        return Health(
            live=feed.live,
            transport=feed.transport,
            position=str(session.position),
            ticks_per_s=self.pulse.rate,
            latency=self.pulse.percentiles(now_s),
            missed=session.missed,
            lagged=session.lagged,
            away_s=0.0 if self._away_since_s is None else now_s - self._away_since_s,
            trouble=reason(feed.trouble),
            books=(session.books.passed, session.books.failed),
            t=self.board.t if self.board else 0,
            notice=self._notice if now_s < self._notice_s + NOTICE_S else "",
        )
