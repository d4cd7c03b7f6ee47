"""A WebSocket to a server, and a count of what goes over it."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, cast

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket
from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException
from websockets.typing import Subprotocol

from ticker_client.address import Address
from ticker_client.errors import ConnectionEnded, close_code, retry_after_s, why
from ticker_client.line import Traffic

MESSAGE_BYTES_MAX = 64 << 20  # a snapshot of ten thousand instruments is a few megabytes
QUEUE_MAX = 64  # messages: one read of the socket may bring a hundred small ones
CLOSE_S = 2.0  # for a server that has stopped answering
HIDDEN = "(hidden)"


class _Dial(websocket):
    """One that follows no redirect: it would take the token to wherever it is sent, and the other transports do not."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _hide_token(record: logging.LogRecord) -> bool:
    """Let the library log the head of a request, less what says who asks."""
    if isinstance(record.args, tuple) and "Authorization" in record.args:
        record.args = ("Authorization", HIDDEN)
    return True


_log = logging.getLogger("ticker_client.websocket")
_log.addFilter(_hide_token)


async def dialled(address: Address, subprotocols: Sequence[str], traffic: Traffic) -> ClientConnection:
    """Return an open connection that speaks the first of these that the server does. Raises ConnectionEnded."""
    url = address.stream
    try:
        return await _Dial(
            url,
            subprotocols=[Subprotocol(name) for name in subprotocols],
            compression=None,
            max_size=MESSAGE_BYTES_MAX,
            max_queue=QUEUE_MAX,
            close_timeout=CLOSE_S,
            proxy=None,
            create_connection=_metered(traffic),
            ssl=address.tls,
            logger=_log,
            additional_headers={"Authorization": address.bearer} if address.bearer else None,
        )
    except InvalidURI:
        raise ConnectionEnded(f"{url} is not a WebSocket address: write ws://host:port/v1/stream") from None
    except InvalidStatus as error:
        status, headers = error.response.status_code, error.response.headers
        after_s = retry_after_s(headers.get("Retry-After", ""))
        sentence = f"{url} answered HTTP {status}, not a WebSocket"
        raise ConnectionEnded(sentence, close_code(status), after_s) from None
    except (OSError, TimeoutError, WebSocketException) as error:
        raise ConnectionEnded(f"cannot connect to {url}: {why(error)}") from None


class _Meter:
    """A transport that counts what is written to it."""

    def __init__(self, transport: asyncio.Transport, traffic: Traffic) -> None:
        self._transport = transport
        self._traffic = traffic

    def write(self, data: bytes) -> None:
        self._traffic.bytes_sent += len(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _metered(traffic: Traffic) -> type[ClientConnection]:
    """Return a kind of connection that counts its traffic."""

    class Metered(ClientConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            traffic.connections += 1
            traffic.requests += 1
            super().connection_made(cast(asyncio.Transport, _Meter(cast(asyncio.Transport, transport), traffic)))

        def data_received(self, data: bytes) -> None:
            traffic.receive(data)
            super().data_received(data)

    return Metered
