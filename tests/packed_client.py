"""A plain client of the packed subprotocol: what it reads is turned into the messages that JSON would have been."""

import base64
import os
from typing import Any

import orjson
from websockets.frames import Frame, Opcode

from plain_client import PlainClient
from ticker.ticks import QUOTES, TRADES
from ticker.wire.packed import SNAPSHOT, Packed, unpack

SIDES = ("buy", "sell")


class Listed:
    """What the numbers in packed messages stand for, as an `instruments` message says."""

    def __init__(self, message: dict[str, Any]) -> None:
        self._rows = list(zip(message["symbols"], message["tick_sizes"], message["decimals"], strict=True))

    def message(self, data: bytes) -> dict[str, Any]:
        """Return what a packed message says as JSON would."""
        packed = unpack(data)
        ticks = self._ticks(packed)
        if packed.kind == SNAPSHOT:
            [channel] = packed.rows
            return {"type": "snapshot", "seq": packed.seq, "channel": channel, "data": ticks}
        return {"type": "ticks", "seq": packed.seq, "ts": packed.ts, "data": ticks}

    def _ticks(self, packed: Packed) -> list[dict[str, Any]]:
        """Return the ticks in the order of the tape: by step, then by channel."""
        quotes, trades = (packed.rows[name].tolist() if name in packed.rows else [] for name in (QUOTES, TRADES))
        found = [(seq, 0, self._quote(*row)) for seq, *row in quotes]
        found += [(seq, 1, self._trade(*row)) for seq, *row in trades]
        return [tick for _, _, tick in sorted(found, key=lambda item: item[:2])]

    def _quote(self, instrument: int, n: int, t: int, bid: int, bsz: int, ask: int, asz: int) -> dict[str, Any]:
        symbol, size, decimals = self._rows[instrument]
        prices = {"bid": round(bid * size, decimals), "bsz": bsz, "ask": round(ask * size, decimals), "asz": asz}
        return {"ch": "quote", "sym": symbol, "n": n, "t": t, **prices}

    def _trade(self, instrument: int, n: int, t: int, price: int, sz: int, side: int) -> dict[str, Any]:
        symbol, size, decimals = self._rows[instrument]
        price_and_side = {"px": round(price * size, decimals), "sz": sz, "side": SIDES[side]}
        return {"ch": "trade", "sym": symbol, "n": n, "t": t, **price_and_side}


class MessageReader:
    """Turns frames of either subprotocol into messages."""

    def __init__(self) -> None:
        self.listed: Listed | None = None

    def read(self, frames: list[Frame]) -> list[dict[str, Any]]:
        """Return the messages in frames that follow one another."""
        return [self._message(frame) for frame in frames if frame.opcode in (Opcode.TEXT, Opcode.BINARY)]

    def _message(self, frame: Frame) -> dict[str, Any]:
        if frame.opcode is Opcode.BINARY:
            assert self.listed is not None, "a packed message before what its numbers stand for"
            return self.listed.message(bytes(frame.data))
        message: dict[str, Any] = orjson.loads(frame.data)
        if message["type"] == "instruments":
            self.listed = Listed(message)
        return message


class PackedClient(PlainClient):
    """One connection that offers `subprotocols`; what it reads looks the same whichever was chosen."""

    def __init__(self, port: int, subprotocols: str = "ticker.v1.packed", *, receive_buffer: int | None = None) -> None:
        self._subprotocols = subprotocols
        self._reader = MessageReader()
        super().__init__(port, receive_buffer=receive_buffer)

    def _shake_hands(self, target: str, *_: str) -> bytes:
        self.socket.sendall(upgrade(target, self._subprotocols))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        assert head.startswith(b"HTTP/1.1 101 "), head
        return head

    def _read_once(self, timeout_s: float) -> list[dict[str, Any]]:
        before = len(self.frames)
        super()._read_once(timeout_s)
        return self._reader.read(self.frames[before:])


def upgrade(target: str, subprotocols: str) -> bytes:
    """Return the head of a handshake that offers subprotocols, parted by commas."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {subprotocols}\r\n\r\n"
    ).encode()
