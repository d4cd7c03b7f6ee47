"""One connection to one NATS server, until it breaks.

The library can reconnect by itself; here it must not. What it had not sent by then, and what it was asked to expect,
belong to a world that may be gone: whoever uses a connection begins anew on another one (`link`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.protocol.command import hpub_cmd

from ticker.errors import SetupError, TickerError
from ticker.links.nats.addresses import Access, Address

CONNECT_S = 3.0
ASK_S = 3.0
CLOSE_S = 1.0
PING_S = 1  # whole seconds are what the library takes
PINGS_LOST = 3
PENDING_BYTES = 64 * 1024 * 1024  # ours to send: `writer` bounds it far below
INCOMING_BYTES = 64 * 1024 * 1024  # of theirs, in one subscription; flow control bounds it below
INCOMING_MESSAGES = 64 * 1024
STATUS, DESCRIPTION = "Status", "Description"
NO_RESPONDERS = "503"

Received = Callable[[Msg], Awaitable[None]]

logging.getLogger("nats").addHandler(logging.NullHandler())
logging.getLogger("nats").propagate = False  # it logs with tracebacks what we say in a sentence


class Trouble(TickerError):
    """Something that may pass: the conversation with NATS begins anew."""


class _Client(Client):
    """The library's client, which never says who it is without TLS where TLS was asked for."""

    def _connect_command(self) -> bytes:
        server = self._current_server
        if server is not None and server.uri.scheme == "tls" and not self._server_info.get("tls_required"):
            raise nats.errors.Error("nats: it does not speak TLS")
        command: bytes = super()._connect_command()
        return command


class Connection:
    """An open connection; `lost` is resolved when it is none any more."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.denied = ""
        """What we were not permitted to do, as the server said it last."""
        self._nc = _Client()
        self._said: Exception | None = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, access: Access, address: Address, name: str) -> Self:
        """Connect. Raises Trouble, and SetupError where it would be in vain to try again."""
        self = cls(address)
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._nc.connect(**self._options(access, name))
        except (OSError, nats.errors.Error, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            await self.close()
            raise self._refused(self._said if isinstance(error, nats.errors.NoServersError) else error) from None
        except BaseException:
            await self.close()
            raise
        nc = self._nc
        for task in (nc._reading_task, nc._flusher_task, nc._ping_interval_task):  # without any it only looks alive
            if task is not None:
                task.add_done_callback(self._end)
        return self

    def _options(self, access: Access, name: str) -> dict[str, Any]:
        return {
            "servers": [self.address.url],
            "name": name,
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": 0,
            "connect_timeout": CONNECT_S,
            "ping_interval": PING_S,
            "max_outstanding_pings": PINGS_LOST,
            "pending_size": PENDING_BYTES,
            "error_cb": self._note,
            "closed_cb": self._closed,
            "disconnected_cb": self._closed,
            **access.options,
        }

    @property
    def discovered(self) -> list[str]:
        """Other servers of its cluster, as addresses."""
        return [uri.geturl() for uri in self._nc.discovered_servers]

    @property
    def payload_bytes_max(self) -> int:
        """The largest message that it takes."""
        return int(self._nc.max_payload)

    def inbox(self) -> str:
        """Return a subject that nobody else knows."""
        return str(self._nc.new_inbox())

    async def publish(self, subject: str, data: bytes, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Send a message; it is on its way when this returns, no more. Raises Trouble."""
        try:
            await self._nc.publish(subject, data, reply, headers)
        except nats.errors.Error as error:
            raise Trouble(_plain(error)) from None
        if self.lost.done():
            raise Trouble("the connection to NATS was lost")

    def post(self, subject: str, data: bytes, reply: str, headers: dict[str, str]) -> None:
        """Write a message at once, in front of whatever else is due in this turn of the loop. Raises Trouble.

        The library's own way takes several turns, and the next step of a market is made in between.
        """
        nc = self._nc
        if self.lost.done() or not nc.is_connected or nc._transport is None:
            raise Trouble("the connection to NATS was lost")
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"NATS/1.0\r\n{lines}\r\n".encode()
        if nc._pending:  # what was to be sent before, such as a subscription
            nc._transport.writelines(nc._pending[:])
            nc._pending, nc._pending_data_size = [], 0
        nc._transport.write(hpub_cmd(subject, reply, head, data))

    async def ask(self, subject: str, data: bytes = b"", headers: dict[str, str] | None = None) -> Msg | None:
        """Return what is answered, None where nobody is there to answer. Raises Trouble, SetupError (no permission)."""
        answer = asyncio.ensure_future(self._nc.request(subject, data, ASK_S, headers=headers))
        answer.add_done_callback(_look)
        both: list[asyncio.Future[Any]] = [answer, self.lost]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            raise Trouble("the connection to NATS was lost")
        try:
            return answer.result()
        except nats.errors.NoRespondersError:
            return None
        except nats.errors.TimeoutError:
            if self.denied:
                raise SetupError(f"NATS at {self.address.shown} does not permit us: {self.denied}") from None
            raise Trouble(f"NATS at {self.address.shown} does not answer") from None
        except (nats.errors.Error, asyncio.CancelledError) as error:
            raise Trouble(_plain(error) or "the connection to NATS was lost") from None

    async def subscribe(self, subject: str, received: Received) -> "Subscribed":
        """Have every message to a subject received, one after the other. Raises Trouble."""
        try:
            return Subscribed(
                await self._nc.subscribe(
                    subject,
                    cb=received,
                    pending_msgs_limit=INCOMING_MESSAGES,
                    pending_bytes_limit=INCOMING_BYTES,
                )
            )
        except nats.errors.Error as error:
            raise Trouble(_plain(error)) from None

    async def close(self) -> None:
        """Be gone, whatever is still to be sent."""
        self._lose()
        transport = self._nc._transport
        writer = getattr(transport, "_io_writer", None)
        bare = getattr(transport, "_bare_io_writer", None)
        for one in (writer, bare):  # or it would wait for what nobody takes
            if one is not None:
                one.transport.abort()
        with suppress(Exception):
            async with asyncio.timeout(CLOSE_S):
                await self._nc.close()

    def _end(self, task: "asyncio.Task[Any]") -> None:
        """Be lost: a part of the library is over, for a reason that is nobody's fault."""
        _look(task)
        self._lose()

    def _lose(self) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    async def _closed(self) -> None:
        self._lose()

    async def _note(self, error: Exception) -> None:
        self._said = error
        text = _plain(error)
        if "permissions violation" in text.lower():
            self.denied = text

    def _refused(self, error: Exception | None) -> TickerError:
        """Return what it means that we could not connect."""
        text, shown = _plain(error), self.address.shown
        lower = text.lower()
        if "authorization" in lower or "authentication" in lower:
            return SetupError(f"NATS at {shown} does not let us in (authorization): see nats.user, nats.creds")
        if "certificate" in lower or "ssl" in lower or "tls" in lower:
            return SetupError(f"NATS at {shown}: TLS failed: {text}: see nats.tls_ca, nats.tls_cert")
        return Trouble(f"NATS at {shown} cannot be reached: {text}")


class Subscribed:
    """A subscription that can be ended."""

    def __init__(self, subscription: Any) -> None:
        self._subscription = subscription

    async def end(self) -> None:
        """Receive no more."""
        with suppress(nats.errors.Error):
            await self._subscription.unsubscribe()


def _look(answer: "asyncio.Future[Any]") -> None:
    """Look at what became of a request for which nobody waits any longer."""
    if not answer.cancelled():
        answer.exception()


def _plain(error: BaseException | None) -> str:
    """Return what an error says, in one line and in few words."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, OSError) and error.strerror and error.errno:
        return error.strerror.lower()
    text = " ".join(str(error or "").split()).removeprefix("nats: ").strip("'")
    return text[:200] or (type(error).__name__ if error else "nobody is there")
