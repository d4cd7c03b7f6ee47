"""From one transport to the next, at the pace each can be had at: the newest only, or by polls every tick."""

from collections.abc import Sequence
from typing import NamedTuple

from ticker_client.errors import ConnectionEnded, Refused
from ticker_client.feed import Feed
from ticker_client.transports import CONFLATED, TRANSPORTS

RATE_HZ = 8.0  # as often as the page: more would not be seen


class Interest(NamedTuple):
    """What is watched."""

    symbols: Sequence[str]
    channels: Sequence[str]


async def subscribe(feed: Feed, interest: Interest) -> None:
    """Ask for what is watched, at the pace of a picture where the transport knows one. Raises Refused."""
    if feed.transport in CONFLATED:
        await feed.subscribe(*interest.symbols, channels=interest.channels, pace="latest", rate_hz=RATE_HZ)
    else:
        await feed.subscribe(*interest.symbols, channels=interest.channels)


async def switch(feed: Feed, interest: Interest) -> str:
    """Go on over the next transport; return what went wrong, or nothing."""
    names = list(TRANSPORTS)
    to = names[(names.index(feed.transport) + 1) % len(names)]
    was_conflated, conflated = feed.transport in CONFLATED, to in CONFLATED
    try:
        if was_conflated and not conflated:
            await feed.subscribe(*interest.symbols, channels=interest.channels, pace="every")
        await feed.switch(to)
        if conflated and not was_conflated:
            await subscribe(feed, interest)
    except (ConnectionEnded, Refused) as error:
        return f"{to} cannot be had: {error}"
    return ""
