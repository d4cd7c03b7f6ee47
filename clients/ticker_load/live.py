"""How a run goes, on a terminal, written over twice a second."""

from collections import deque
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ticker import clock
from ticker_load import words
from ticker_load.histogram import Histogram
from ticker_load.paper import milliseconds
from ticker_load.plan import Plan
from ticker_load.serverside import ServerSide, share
from ticker_load.worker import Status

BLOCKS = "▁▂▃▄▅▆▇█"
RATES = 40
BAR = 40


class Watching:
    """Lines on standard error that are written over; nothing where that is not a terminal."""

    def __init__(self, plan: Plan) -> None:
        console = Console(stderr=True, highlight=False)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._shown = console.is_terminal
        self._plan = plan
        self._began_s: float | None = None
        self._last = (clock.monotonic_s(), 0, 0)
        self._rates: deque[float] = deque(maxlen=RATES)

    def __enter__(self) -> Self:
        if self._shown:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._live.stop()

    def show(self, statuses: list[Status], doing: str, server: ServerSide) -> None:
        """Say how it goes."""
        if not self._shown:
            return
        now_s = clock.monotonic_s()
        if doing == "measuring" and self._began_s is None:
            self._began_s = now_s
        self._live.update(self.lines(statuses, doing, server, now_s), refresh=True)

    def lines(self, statuses: list[Status], doing: str, server: ServerSide, now_s: float) -> Table:
        """Return what is shown."""
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(no_wrap=True)
        done_s = min(now_s - self._began_s, self._plan.seconds) if self._began_s is not None else 0.0
        table.add_row(doing, self._progress(done_s))
        table.add_row("clients", self._clients(statuses, done_s))
        table.add_row("ticks/s", self._rate(statuses, now_s))
        table.add_row("late", _late(statuses))
        table.add_row("server", _told(server))
        return table

    def _progress(self, done_s: float) -> Table:
        row = Table.grid(padding=(0, 1))
        row.add_row(
            ProgressBar(total=self._plan.seconds, completed=done_s, width=BAR),
            f"{done_s:,.0f} of {self._plan.seconds:,.0f} s, {self._phase(done_s)}",
        )
        return row

    def _phase(self, done_s: float) -> str:
        for phase in self._plan.phases:
            done_s -= phase.seconds
            if done_s < 0:
                break
        return phase.name

    def _clients(self, statuses: list[Status], done_s: float) -> Text:
        wanted = self._plan.members_at(done_s)
        text = Text(f"{sum(status.joined for status in statuses):,} of {wanted:,}")
        counts = {
            "lost": sum(status.lost for status in statuses),
            "missed": sum(status.seen.missed for status in statuses),
            "lagged": sum(status.seen.lagged for status in statuses),
            "resumed": sum(status.resumed for status in statuses),
        }
        for name, count in counts.items():
            if count:
                text.append(f", {count:,} {name}", "green" if name == "resumed" else "bold red")
        return text

    def _rate(self, statuses: list[Status], now_s: float) -> str:
        ticks, size = (sum(getattr(status.seen, name) for status in statuses) for name in ("ticks", "bytes"))
        passed_s = max(now_s - self._last[0], 1e-3)
        rate, bytes_per_s = (ticks - self._last[1]) / passed_s, (size - self._last[2]) / passed_s
        self._last = (now_s, ticks, size)
        self._rates.append(rate)
        top = max(1.0, *self._rates)
        drawn = "".join(BLOCKS[min(7, int(one / top * 8))] for one in self._rates)
        return f"{rate:,.0f}, {bytes_per_s / 1e6:,.1f} MB/s {drawn}"


def _late(statuses: list[Status]) -> str:
    whole = Histogram()
    for status in statuses:
        whole.add(status.latest)
    if whole.max is None:
        return "-"
    p50, p99 = whole.at((0.5, 0.99))
    return f"p50 {milliseconds(p50)}, p99 {milliseconds(p99)}, max {milliseconds(whole.max)} ms"


def _told(server: ServerSide) -> str:
    if len(server.looks) < 2:
        return "-"
    before, now = server.looks[-2:]
    return words.server(share(before, now), now.rss_bytes, now.late_s)
