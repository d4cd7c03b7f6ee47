"""Every tick as a line, JSON or CSV, for whatever reads standard output."""

from collections.abc import Callable, Iterable

import msgspec

from ticker.session.kinds import Tick
from ticker_client.feed import Feed
from ticker_client.options import Options
from ticker_watch.outlet import Outlet
from ticker_watch.sheet import Sheet
from ticker_watch.wishes import LINE_CHANNELS, Wishes

_encode = msgspec.json.Encoder().encode_lines


def options(wishes: Wishes) -> Options:
    """Return how lines are heard: every tick, as it stands on the tape."""
    return Options(transport=wishes.transport, books=False)


async def printed(feed: Feed, wishes: Wishes, outlet: Outlet) -> None:
    """Print ticks until the feed ends, or there are enough. Raises ConnectionEnded, Refused and BrokenPipeError."""
    channels = wishes.channels or LINE_CHANNELS
    spell: Callable[[Iterable[Tick]], bytes] = _encode
    if wishes.csv:
        sheet = Sheet(channels)
        spell = sheet.rows
    await feed.subscribe(*wishes.symbols, channels=channels)
    if wishes.csv:
        await outlet.write(sheet.header())
    left = wishes.count
    async for message in feed.batches():
        ticks = message.data if left is None else message.data[:left]
        await outlet.write(spell(ticks))
        if left is not None and (left := left - len(ticks)) == 0:
            return
