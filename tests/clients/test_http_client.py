"""HTTP as the client speaks it, against a server that says just what it is told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ticker_client import ConnectionEnded, Refused, problems
from ticker_client.address import Address
from ticker_client.connection import Answer, Connection, Lost
from ticker_client.http import HttpClient
from ticker_client.line import Traffic

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
HANG_UP = b""


class Script:
    """A server that answers each request with the next of its lines, and hangs up where there is none to say."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.requests: list[str] = []
        self.connections = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.traffic = Traffic()

    def client(self, port: int) -> HttpClient:
        return HttpClient(Address.of(f"http://127.0.0.1:{port}/prefix/"), self.traffic)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.bytes_received += len(head)
                self.requests.append(head.decode().split(" ")[1])
                line = self.lines.pop(0)
                if not line:
                    break
                self.bytes_sent += len(line)
                writer.write(line)
                if b"close" in line:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


Said = tuple[Script, HttpClient]


@pytest.fixture
async def said() -> AsyncIterator[Said]:
    script = Script()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    client = script.client(server.sockets[0].getsockname()[1])
    yield script, client
    client.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.01)


async def test_a_connection_serves_one_request_after_the_other_and_all_is_counted(said: Said) -> None:
    script, client = said
    script.lines = [OK, OK, OK]
    for path in ("/a", "/b?c=d", "/e"):
        answer = await client.get(path)
        assert (answer.status, answer.body) == (200, b"hi")
    assert script.requests == ["/prefix/a", "/prefix/b?c=d", "/prefix/e"]
    assert script.connections == 1
    traffic = script.traffic
    assert (traffic.connections, traffic.requests) == (1, 3)
    assert (traffic.bytes_sent, traffic.bytes_received) == (script.bytes_received, script.bytes_sent)


async def test_a_server_that_closes_gets_a_new_connection(said: Said) -> None:
    script, client = said
    script.lines = [CLOSE, OK]
    assert [(await client.get("/")).body for _ in range(2)] == [b"hi", b"hi"]
    assert script.connections == 2


async def test_a_kept_connection_that_is_none_any_more_costs_a_second_try(said: Said) -> None:
    script, client = said
    script.lines = [OK, HANG_UP, OK]
    assert [(await client.get(path)).body for path in ("/a", "/b")] == [b"hi", b"hi"]
    assert script.requests == ["/prefix/a", "/prefix/b", "/prefix/b"]


async def test_there_is_no_third_try(said: Said) -> None:
    script, client = said
    script.lines = [OK, HANG_UP, HANG_UP]
    await client.get("/a")
    with pytest.raises(ConnectionEnded, match="lost"):
        await client.get("/b")
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    "line",
    [HANG_UP, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nclose", b"HTTP/1.1 200 close", b"SSH-2.0-close\r\n"],
    ids=["nothing", "half a body", "half a head", "another protocol"],
)
async def test_half_an_answer_is_none(said: Said, line: bytes) -> None:
    script, client = said
    script.lines = [line]
    with pytest.raises(ConnectionEnded):
        await client.get("/")
    assert len(script.requests) == 1, "what may have been obeyed is not asked again"


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi",
    ],
    ids=["chunked", "after a 100", "until the end"],
)
async def test_a_body_may_be_framed_in_any_way(said: Said, line: bytes) -> None:
    script, client = said
    script.lines = [line]
    assert (await client.get("/")).body == b"hi"


async def test_a_stream_is_heard_as_it_comes_and_can_be_dropped(said: Said) -> None:
    script, client = said
    script.lines = [STREAM.replace(b"Connection: close", b"X: y") + b"one"]
    answer, connection = await client.stream("/", "text/event-stream")
    assert answer.headers["content-type"] == "text/event-stream"
    assert await client.chunk(connection, 5) == b"one"
    waiting = asyncio.create_task(client.chunk(connection, 5))
    await asyncio.sleep(0)
    client.drop_held()
    with pytest.raises(ConnectionEnded, match="given up"):
        await waiting


async def test_a_stream_ends_with_its_connection(said: Said) -> None:
    script, client = said
    script.lines = [STREAM + b"one"]
    _, connection = await client.stream("/", "text/event-stream")
    assert [await client.chunk(connection, 5) for _ in range(2)] == [b"one", b""]


async def test_silence_ends_a_stream(said: Said) -> None:
    script, client = said
    script.lines = [STREAM.replace(b"Connection: close", b"X: y")]
    _, connection = await client.stream("/", "text/event-stream")
    with pytest.raises(ConnectionEnded, match="no answer in time"):
        await client.chunk(connection, 0.05)


async def test_dropping_what_is_only_about_to_begin_is_in_time(said: Said) -> None:
    script, client = said
    asked = asyncio.create_task(client.get("/", held=True))
    await asyncio.sleep(0)  # it is connecting
    client.drop_held()
    with pytest.raises(ConnectionEnded, match="given up"):
        await asked
    assert script.requests == []


async def test_a_server_that_is_full_is_heard_before_it_is_asked() -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    client = Script().client(server.sockets[0].getsockname()[1])
    answer = await client.get("/")
    assert (answer.status, answer.after_s) == (503, 7.0)
    ended = problems.ended(answer, "http://here/")
    assert (ended.final, ended.after_s) == (False, 7.0)
    client.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.01)


class Pipe(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True

    def write(self, data: object) -> None: ...

    def abort(self) -> None: ...

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


async def test_a_stream_that_nobody_reads_lets_the_socket_fill() -> None:
    pipe, connection = Pipe(), Connection(Traffic())
    connection.connection_made(pipe)
    asking = asyncio.create_task(connection.request("/", "localhost", "*/*"))
    await asyncio.sleep(0)
    connection.data_received(STREAM)
    await asking
    for _ in range(5):
        connection.data_received(bytes(64 * 1024))
    assert not pipe.reading
    while connection._size:
        assert await connection.chunk()
    assert pipe.reading
    connection.connection_lost(None)
    assert await connection.chunk() == b""


async def test_bytes_that_nobody_asked_for_end_a_connection() -> None:
    connection = Connection(Traffic())
    connection.connection_made(Pipe())
    asking = asyncio.create_task(connection.request("/", "localhost", "*/*"))
    await asyncio.sleep(0)
    connection.data_received(OK)
    await asking
    assert await connection.body() == b"hi" and connection.usable
    connection.data_received(OK)
    assert not connection.usable
    with pytest.raises(Lost):
        await connection.request("/", "localhost", "*/*")


@pytest.mark.parametrize(
    ("status", "code", "final"),
    [(400, 4500, True), (401, 4501, True), (403, 4503, True), (404, 4500, True)]
    + [(status, None, False) for status in (408, 425, 429, 500, 503)],
)
def test_a_refusal_ends_for_good_unless_the_server_is_only_busy(status: int, code: int | None, final: bool) -> None:
    ended = problems.ended(Answer(status, {}, b'{"code":"bad_request","detail":"wait: 25 at most"}'), "http://here/")
    assert str(ended) == f"http://here/ answered HTTP {status}: wait: 25 at most"
    assert (ended.code, ended.final) == (code, final)


def test_a_problem_is_the_refusal_that_a_websocket_would_spell() -> None:
    body = b'{"type":"about:blank","title":"Gone","status":410,"code":"gone","detail":"long ago","oldest":"e:7"}'
    refused = problems.refusal(Answer(410, {}, body))
    assert isinstance(refused, Refused)
    assert (str(refused), refused.code, refused.details) == ("long ago", "gone", {"oldest": "e:7"})


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b"\xff"])
def test_what_is_no_problem_is_no_refusal(body: bytes) -> None:
    assert problems.refusal(Answer(404, {}, body)) is None


ADDRESSES: list[tuple[str, str, int, str, str]] = [
    ("ws://host:81/v1/stream", "host", 81, "", "ws://host:81/v1/stream"),
    ("ws://host", "host", 80, "", "ws://host"),
    ("http://host:81", "host", 81, "", "ws://host:81/v1/stream"),
    ("http://host:81/", "host", 81, "", "ws://host:81/v1/stream"),
    ("http://host/under/", "host", 80, "/under", "ws://host/under/v1/stream"),
    ("http://[::1]:81/v1/stream", "::1", 81, "", "ws://[::1]:81/v1/stream"),
    ("https://host/", "host", 443, "", "wss://host/v1/stream"),
    ("wss://host/x/v1/stream?a=b", "host", 443, "/x", "wss://host/x/v1/stream?a=b"),
]


@pytest.mark.parametrize(("url", "host", "port", "prefix", "stream"), ADDRESSES)
def test_one_url_gives_all_addresses(url: str, host: str, port: int, prefix: str, stream: str) -> None:
    address = Address.of(url)
    assert (address.host, address.port, address.prefix, address.stream) == (host, port, prefix, stream)
    assert (address.tls is not None) == url.startswith(("wss", "https"))


@pytest.mark.parametrize("url", ["", "host:81", "ftp://host/", "ws:///v1/stream", "http://host:port/", "http://[::1/"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(ConnectionEnded, match="is not a WebSocket address"):
        Address.of(url)
