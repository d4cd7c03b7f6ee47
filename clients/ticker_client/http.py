"""GET from one server, over connections that are kept alive."""

import asyncio
from http import HTTPStatus

from ticker_client.address import Address
from ticker_client.connection import Answer, Connection, Lost
from ticker_client.errors import ConnectionEnded, why
from ticker_client.line import Traffic

CONNECT_S = 10.0
ANSWER_S = 10.0  # for an answer that is not meant to be held


class HttpClient:
    """GET from one server, over as few connections as will do.

    One exchange at a time may be `held`, a stream or an answer that is long in coming: `drop_held` ends it.
    """

    def __init__(self, address: Address, traffic: Traffic) -> None:
        self._address = address
        self._traffic = traffic
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._held: Connection | None = None
        self._drops = 0

    async def get(
        self, path: str, *, accept: str = "application/json", wait_s: float = 0.0, held: bool = False
    ) -> Answer:
        """Return an answer that is due within `wait_s` and a little. Raises ConnectionEnded."""
        connection, answer = await self._exchange(path, accept, wait_s + ANSWER_S, held)
        return await self._whole(connection, answer, wait_s + ANSWER_S)

    async def _whole(self, connection: Connection, answer: Answer, within_s: float) -> Answer:
        """Return an answer with its body."""
        try:
            async with asyncio.timeout(within_s):
                body = await connection.body()
        except (Lost, TimeoutError) as error:
            connection.abort()
            raise self._ended(error) from None
        except BaseException:
            connection.abort()
            raise
        finally:
            self._release(connection)
        return Answer(answer.status, answer.headers, body)

    async def stream(self, path: str, accept: str, header: str = "") -> tuple[Answer, Connection]:
        """Return an answer and the held connection that brings its body; a refusal is whole. Raises ConnectionEnded.

        `header` is another line of the head.
        """
        accepted = f"{accept}\r\n{header}" if header else accept
        connection, answer = await self._exchange(path, accepted, ANSWER_S, held=True)
        if answer.status == HTTPStatus.OK:
            return answer, connection
        return await self._whole(connection, answer, ANSWER_S), connection

    async def chunk(self, connection: Connection, silence_s: float) -> bytes:
        """Return the next piece of a stream, empty at its end. Raises ConnectionEnded, also after that much silence."""
        try:
            async with asyncio.timeout(silence_s):
                return await connection.chunk()
        except (Lost, TimeoutError) as error:
            raise self._ended(error) from None

    def drop_held(self) -> None:
        """End the held exchange, if there is one, also where it is only about to begin: nothing more of it is heard."""
        self._drops += 1
        if self._held is not None:
            self._held.abort()
            self._release(self._held)

    def close(self) -> None:
        for connection in (*self._idle, *self._busy):
            connection.abort()
        self._idle.clear()
        self._busy.clear()
        self._held = None

    async def _exchange(self, path: str, accept: str, within_s: float, held: bool) -> tuple[Connection, Answer]:
        """Send a request, a second time where a connection that was kept alive turns out to be none any more."""
        drops = self._drops
        while True:
            connection = await self._connection()
            if held and drops != self._drops:
                self._release(connection)
                raise self._ended(Lost("given up"))
            self._held = connection if held else self._held
            again = connection.exchanges > 0
            try:
                async with asyncio.timeout(within_s):
                    target = self._address.prefix + path
                    return connection, await connection.request(target, self._host, accept, self._address.bearer)
            except (Lost, TimeoutError) as error:
                retry = again and connection.untouched and not connection.aborted and isinstance(error, Lost)
                self._give_up(connection)
                if not retry:
                    raise self._ended(error) from None
            except BaseException:
                self._give_up(connection)
                raise

    @property
    def _host(self) -> str:
        return self._address.authority

    async def _connection(self) -> Connection:
        while self._idle:
            if (connection := self._idle.pop()).usable:
                self._busy.add(connection)
                return connection
        address = self._address
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self._traffic), address.host, address.port, ssl=address.tls
                )
        except (OSError, TimeoutError) as error:
            raise ConnectionEnded(f"cannot connect to {address.url}: {why(error)}") from None
        self._busy.add(connection)
        return connection

    def _give_up(self, connection: Connection) -> None:
        connection.abort()
        self._release(connection)

    def _release(self, connection: Connection) -> None:
        self._busy.discard(connection)
        if self._held is connection:
            self._held = None
        if connection.usable and not connection.aborted:
            self._idle.append(connection)
        elif not connection.aborted:
            connection.abort()

    def _ended(self, error: Exception) -> ConnectionEnded:
        return ConnectionEnded(f"{self._address.url}: {why(error)}")
