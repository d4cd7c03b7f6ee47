"""The conversation with NATS that begins anew whenever it breaks: for ever, at once the first time, then with patience.

Before it has once come about, what an operator has to put right ends it, in a sentence; afterwards nothing does.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn

from structlog.stdlib import BoundLogger

from ticker import clock
from ticker.errors import SetupError
from ticker.links.nats.addresses import Access, Address
from ticker.links.nats.connection import Connection, Trouble
from ticker.links.nats.jetstream import JetStream

PAUSE_S = 0.1
PAUSE_MAX_S = 2.0
CANCEL_S = 0.1
TELL_S = 60.0  # a line in the log about the same trouble

Talk = Callable[[Connection], Coroutine[Any, Any, None]]


class Misfit(SetupError):
    """What no other try makes any better, whatever went well before."""


class Link:
    """One server's conversation with any of several NATS servers."""

    def __init__(self, access: Access, name: str, log: BoundLogger) -> None:
        self.reason = "NATS has not been reached yet"
        """Why there is no conversation; empty while there is one."""
        self.settled = False
        """Whether it has once come about."""
        self.connects = 0
        self._access = access
        self._name = name
        self._log = log
        self._told_s = -TELL_S
        self._complained = False
        self._addresses = list(access.addresses)
        random.shuffle(self._addresses)

    async def run(self, talk: Talk) -> NoReturn:
        """Connect and talk, again and again. Raises SetupError where nobody can but the operator."""
        if self._access.exposed:
            advice = "tls:// and nats.tls_ca, or a network that nobody else is on"
            self._log.warning("NATS is reached without TLS", server=self._access.exposed, advice=advice)
        pause_s = PAUSE_S
        mistakes = 0
        while True:
            address = self._addresses[0]
            self._addresses = [*self._addresses[1:], address]
            began_s = clock.monotonic_s()
            try:
                await self._converse(address, talk)
            except SetupError as error:
                mistakes += 1
                if isinstance(error, Misfit) or (not self.settled and mistakes >= len(self._addresses)):
                    raise
                self._tell(str(error))
            except Trouble as trouble:
                mistakes = 0
                self._tell(str(trouble))
            except Exception as error:  # a fault of ours, or an answer that nobody thought of: no reason to serve less
                self._tell(f"{type(error).__name__}: {error}", error)
            if clock.monotonic_s() - began_s > TELL_S / 10:
                pause_s = PAUSE_S  # it went well for a while
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
            pause_s = min(PAUSE_MAX_S, 2 * pause_s)

    async def _converse(self, address: Address, talk: Talk) -> None:
        connection = await Connection.open(self._access, address, self._name)
        try:
            await JetStream(connection).check()
            self.connects += 1
            self._hear(address)
            await together(talk(connection), _loss(connection))
        finally:
            await connection.close()

    def _hear(self, address: Address) -> None:
        if self._complained:
            self._complained = False
            self._log.info("NATS is there", server=address.shown)
        self.reason = ""

    def _tell(self, reason: str, fault: Exception | None = None) -> None:
        """Say what is wrong, at most once a minute."""
        self.reason = reason
        if clock.monotonic_s() - self._told_s >= TELL_S:
            self._told_s = clock.monotonic_s()
            self._complained = True
            self._log.warning("no conversation with NATS: trying again", reason=reason, exc_info=fault)


async def _loss(connection: Connection) -> None:
    await asyncio.wait([connection.lost])
    raise Trouble(f"the connection to NATS at {connection.address.shown} was lost")


async def together(*parts: Awaitable[None]) -> None:
    """Do all of these at once until one is over, or fails: then none goes on."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await ended(*tasks)


async def ended(*tasks: asyncio.Future[None]) -> None:
    """Have tasks be over: the library loses a cancellation at times, so they are cancelled until they are."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at: nobody else does
