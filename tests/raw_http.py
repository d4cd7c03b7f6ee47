"""An HTTP client that sends any bytes at all, and takes what comes as it comes."""

import re
import socket
import time
from contextlib import suppress
from typing import Any, Protocol

import orjson

PATIENCE_S = 5.0
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
PROBE = b"OPTIONS /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PROBED = 204


class Listening(Protocol):
    """A server on 127.0.0.1: ours or another."""

    @property
    def port(self) -> int: ...


def get(target: str, *headers: str, version: str = "1.1", method: str = "GET") -> bytes:
    """Return a request without a body."""
    return "\r\n".join([f"{method} {target} HTTP/{version}", "Host: 127.0.0.1", *headers, "", ""]).encode("latin-1")


def exchange(server: Listening, *packets: bytes, pause_s: float = 0.0, patience_s: float = PATIENCE_S) -> bytes:
    """Send packets and return all that comes until the server hangs up or is silent, once it has begun to answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            for packet in packets:
                client.sendall(packet)
                time.sleep(pause_s)
        first = b""
        client.settimeout(patience_s)
        with suppress(TimeoutError, ConnectionResetError):
            first = client.recv(65536)
        return first + read_on(client, 0.5) if first else first


def converse(server: Listening, data: bytes) -> list[int]:
    """Send bytes and return the statuses of all answers to them, to the end of the connection.

    Once something is answered, one more request asks for the end: its own answer is not returned. Where nothing but
    bytes without a status line comes back, that is HTTP/0.9's way of saying 200.
    """
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as client:
        answer = b""
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(data)
        with suppress(BrokenPipeError, ConnectionResetError):
            answer = client.recv(65536)
            if answer:
                client.sendall(PROBE)
        answer += read_on(client, PATIENCE_S)
    found = statuses(answer)
    if answer and not found:
        return [200]
    return found[:-1] if found[-1:] == [PROBED] else found


def read_on(client: socket.socket, silence_s: float) -> bytes:
    """Read until the server hangs up or is silent."""
    answer = b""
    client.settimeout(silence_s)
    with suppress(TimeoutError, ConnectionResetError):
        while part := client.recv(65536):
            answer += part
    return answer


def statuses(answer: bytes) -> list[int]:
    """Return the status of every answer."""
    return [int(code) for code in STATUS.findall(answer)]


def status(answer: bytes) -> int:
    """Return the status of the first answer."""
    return statuses(answer)[0]


def headers(answer: bytes) -> dict[str, str]:
    """Return the headers of the first answer, by their names in lower case."""
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def body(answer: bytes) -> dict[str, Any]:
    """Return the JSON document of a single answer."""
    document: dict[str, Any] = orjson.loads(answer.partition(b"\r\n\r\n")[2])
    return document


def verdict(server: Listening, *packets: bytes) -> int:
    """Send packets and return the status that is answered, 0 where the server hangs up; then hang up."""
    found = statuses(answered(server, *packets))
    return found[0] if found else 0


def answered(server: Listening, *packets: bytes) -> bytes:
    """Send packets and return the head that is answered, and no more; then hang up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as client:
        answer = b""
        with suppress(BrokenPipeError, ConnectionResetError):
            for packet in packets:
                client.sendall(packet)
        with suppress(ConnectionResetError):
            while b"\r\n\r\n" not in answer and (part := client.recv(4096)):
                answer += part
    return answer.partition(b"\r\n\r\n")[0]
