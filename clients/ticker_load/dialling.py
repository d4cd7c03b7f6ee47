"""How a client gets its connection."""

import asyncio
import resource
import socket
from collections.abc import Callable
from typing import TypeVar

from ticker.errors import SetupError
from ticker_load.member import Member, Terms
from ticker_load.requests import Listener
from ticker_load.subscriber import Subscriber

JOIN_S = 10.0
OTHER_FILES = 64  # descriptors for all that is not a connection
Line = Subscriber | Listener
AnyLine = TypeVar("AnyLine", bound=asyncio.Protocol)


async def dial(member: Member) -> Line:
    """Connect a client and wait until it has what it asked for. Raises SetupError."""
    line: Line = await connected(member.terms, lambda: Subscriber(member) if member.kind == "ws" else Listener(member))
    try:
        async with asyncio.timeout(JOIN_S):
            await member.joined
    except BaseException as error:  # refused, or out of time
        line.abort()
        if isinstance(error, TimeoutError):
            raise _silent(member.terms) from None
        raise
    return line


async def connected(terms: Terms, make: Callable[[], AnyLine]) -> AnyLine:
    """Return a connection to the server of a plan. Raises SetupError."""
    address, loop = terms.address, asyncio.get_running_loop()
    try:
        async with asyncio.timeout(JOIN_S):
            _, line = await loop.create_connection(make, address.host, address.port, ssl=address.tls)
    except TimeoutError:
        raise _silent(terms) from None
    except OSError as error:
        raise SetupError(f"cannot connect to {address.url}: {_reason(error)}") from None
    return line


def _silent(terms: Terms) -> SetupError:
    return SetupError(f"{terms.address.url} did not answer within {JOIN_S:.0f} s")


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "connection refused: is the server running?"
    return error.strerror or str(error)


def allow_open_files(clients: int, each: int = 1) -> None:
    """Take all the file descriptors we may have. Raises SetupError where they are too few for so many each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and clients * each + OTHER_FILES > hard:
        raise SetupError(f"--clients: {clients} need {clients * each} open files, and `ulimit -Hn` allows {hard}")
