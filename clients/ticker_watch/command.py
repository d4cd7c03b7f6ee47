"""`ticker watch`: connect, show or print, and end: by a key, a signal, a limit, or a reader that leaves."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from rich.console import Console

from ticker import clock
from ticker.errors import SetupError
from ticker_client.errors import ConnectionEnded, Refused
from ticker_watch import lines, live
from ticker_watch.ink import Ink, can_show
from ticker_watch.live import Live
from ticker_watch.outlet import Outlet
from ticker_watch.terminal import Terminal
from ticker_watch.wishes import Wishes

__all__ = ["Wishes", "run"]


def run(wishes: Wishes) -> int:
    """Watch, and return the exit code. Raises SetupError where that cannot be."""
    if sys.stdout is None:
        raise SetupError("standard output is closed: there is nowhere to show anything")
    console = Console()
    terminal = can_show(console)
    wishes.check(terminal=terminal)
    try:
        asyncio.run(_picture(wishes, console) if terminal and not wishes.lines else _lines(wishes))
    except (ConnectionEnded, Refused) as error:
        raise SetupError(str(error)) from None
    except BrokenPipeError:
        pass  # whoever read our output has had enough
    return 0


async def _lines(wishes: Wishes) -> None:
    outlet = Outlet(sys.stdout.fileno())

    async def work() -> None:
        async with wishes.feed(lines.options(wishes)) as feed:
            await lines.printed(feed, wishes, outlet)

    await _until_told(wishes, work(), outlet.gone())


async def _picture(wishes: Wishes, console: Console) -> None:
    began_s = clock.monotonic_s()
    shown: list[Live] = []

    async def work() -> None:
        async with wishes.feed(live.options(wishes)) as feed:
            terminal = Terminal(sys.stdin.fileno() if sys.stdin else -1, sys.stdout.fileno())
            shown.append(Live(wishes, feed, terminal, Ink(console)))
            await shown[0].run()

    await _until_told(wishes, work())
    if shown:
        with suppress(OSError):  # the terminal may have been closed
            print(shown[0].summary(clock.monotonic_s() - began_s), flush=True)


async def _until_told(wishes: Wishes, work: Coroutine[Any, Any, None], *ends: Coroutine[Any, Any, None]) -> None:
    """Do some work until it is done or long enough, a signal comes, or one of the ends. Raises what it raises."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup knows better
            loop.add_signal_handler(number, told.set)
    working = asyncio.ensure_future(work)
    others = [asyncio.ensure_future(end) for end in (*ends, told.wait())]
    try:
        timeout_s = wishes.duration_s
        await asyncio.wait([working, *others], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, *others):
            task.cancel()
        await asyncio.wait([working, *others])
    if not working.cancelled():
        working.result()
