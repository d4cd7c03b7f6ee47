"""A WebSocket client that does only what it is told: it reads when asked to, and sends any bytes at all."""

import base64
import json
import os
import socket
import time
from typing import Any, Self

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

PATIENCE_S = 10.0


class PlainClient:
    """One connection to `ws://127.0.0.1:port/v1/stream`, blocking, with small kernel buffers on our side if asked."""

    def __init__(
        self, port: int, target: str = "/v1/stream", *, receive_buffer: int | None = None, extensions: str = ""
    ) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        try:
            self.socket.connect(("127.0.0.1", port))
            self.head = self._shake_hands(target, f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else "")
        except (AssertionError, OSError):
            self.socket.close()
            raise
        self._ws = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN, max_size=None)
        if b"permessage-deflate" in self.head:
            self._ws.extensions = [PerMessageDeflate(True, True, 15, 15)]
        self.frames: list[Frame] = []
        self.bytes_received = 0
        self.ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _shake_hands(self, target: str, header: str) -> bytes:
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{header}\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            octet = self.socket.recv(1)
            assert octet, head
            head += octet
        assert head.startswith(b"HTTP/1.1 101 "), head
        return head

    def send(self, *messages: dict[str, Any]) -> None:
        """Send JSON messages, all in one packet."""
        self.send_frames(*(Frame(Opcode.TEXT, json.dumps(message).encode()) for message in messages))

    def send_frames(self, *frames: Frame) -> None:
        """Send frames, masked, and deflated where that was agreed on."""
        extensions = self._ws.extensions
        self.socket.sendall(b"".join(frame.serialize(mask=True, extensions=extensions) for frame in frames))

    def read(self, seconds: float = 0.0) -> list[dict[str, Any]]:
        """Read for a while, at least once, and return the JSON messages that came."""
        until = time.monotonic() + seconds
        messages = []
        while not self.ended:
            messages += self._read_once(max(0.01, until - time.monotonic()))
            if time.monotonic() >= until:
                break
        return messages

    def read_until(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """Read until a message of a type (with these fields) has come; return all that came."""
        messages: list[dict[str, Any]] = []
        until = time.monotonic() + PATIENCE_S
        wanted = {"type": kind, **fields}
        while not any(wanted.items() <= message.items() for message in messages):
            assert time.monotonic() < until and not self.ended, f"no {wanted} in {messages[-5:]}"
            messages += self._read_once(0.1)
        return messages

    def read_close(self) -> int | None:
        """Read until the server ends the connection; return its close code, None where it just hung up."""
        until = time.monotonic() + PATIENCE_S
        while not self.ended:
            assert time.monotonic() < until, "still open"
            self._read_once(0.1)
        close = self._ws.close_rcvd
        return close.code if close else None

    def _read_once(self, timeout_s: float) -> list[dict[str, Any]]:
        self.socket.settimeout(timeout_s)
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            return []
        except ConnectionResetError:
            data = b""
        finally:
            self.socket.settimeout(PATIENCE_S)
        self.bytes_received += len(data)
        if data:
            self._ws.receive_data(data)
        else:
            self.ended = True
        events = [event for event in self._ws.events_received() if isinstance(event, Frame)]
        self.frames += events
        return [json.loads(bytes(event.data)) for event in events if event.opcode is Opcode.TEXT]


def assert_no_hole(messages: list[dict[str, Any]]) -> int:
    """Check that ticks rise without a hole, a repeat or a reordering; return how many there were."""
    last: dict[tuple[str, str], int] = {}
    seq = count = 0
    for message in messages:
        if message["type"] != "ticks":
            continue
        assert message["seq"] > seq, (message["seq"], seq)
        seq = message["seq"]
        for tick in message["data"]:
            key = tick["ch"], tick["sym"]
            assert key not in last or tick["n"] == last[key] + 1, (key, last[key], tick["n"])
            last[key] = tick["n"]
            count += 1
    return count
