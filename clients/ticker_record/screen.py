"""What a recording has so far: written over on a terminal; elsewhere gaps, when they are noticed, and a last line."""

import sys
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ticker import clock
from ticker.links.recorder import Recorder
from ticker_record import words


class Screen:
    """Standard error for what goes on, standard output for what came of it."""

    def __init__(self, path: Path) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._shown = self._console.is_terminal
        self._path = path
        self._last = (clock.monotonic_s(), 0)

    def __enter__(self) -> Self:
        if self._shown:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._live.stop()

    def say(self, sentence: str) -> None:
        """Say what is worth knowing while it goes on."""
        self._console.print(f"{self._path}: {sentence}", markup=False)

    def show(self, recorder: Recorder | None, connection: str) -> None:
        """Show what there is, where that can be written over."""
        if self._shown:
            self._live.update(self._table(recorder, connection), refresh=True)

    def sum_up(self, recorder: Recorder) -> None:
        """Say on standard output what was recorded."""
        first, last = recorder.first, recorder.head
        span = f"{recorder.label.epoch}:{first} to {last}" if recorder.steps else f"{recorder.label.epoch}:{last}"
        line = words.summary(str(self._path), recorder.ticks, recorder.steps, recorder.size, recorder.gaps, span)
        print(line, flush=True, file=sys.stdout)

    def _table(self, recorder: Recorder | None, connection: str) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_row("recording", str(self._path))
        if recorder is not None:
            table.add_row("position", f"{recorder.label.epoch}:{recorder.head}, {words.moment(recorder.t_us)}")
            table.add_row(
                "ticks", f"{recorder.ticks:,} in {words.plural(recorder.steps, 'step')}, {self._rate(recorder)}"
            )
            each = f", {recorder.size / recorder.ticks:.1f} bytes a tick" if recorder.ticks else ""
            table.add_row("file", f"{words.size(recorder.size)}{each}, {words.gaps(recorder.gaps)}")
        table.add_row("", connection)
        return table

    def _rate(self, recorder: Recorder) -> str:
        now_s = clock.monotonic_s()
        (before_s, ticks), self._last = self._last, (now_s, recorder.ticks)
        return f"{(recorder.ticks - ticks) / max(1e-9, now_s - before_s):,.0f} a second"
