"""A plain client of the packed subprotocol: what it reads is turned into the messages that JSON would have been."""

import base64
import os
from fractions import Fraction
from typing import Any

import orjson
from websockets.frames import Frame, Opcode

from plain_client import PlainClient
from ticker.ticks import CHANNELS, REASONS, STATES
from ticker.wire.packed import SNAPSHOT, Packed, unpack

TAGS = {
    "status": "status",
    "quotes": "quote",
    "book": "book",
    "trades": "trade",
    "bars.1s": "bar.1s",
    "bars.1m": "bar.1m",
    "stats": "stats",
}


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
        found = [
            (row["seq"], CHANNELS.index(channel), self._tick(channel, row))
            for channel, rows in packed.rows.items()
            for row in (dict(zip(rows.dtype.names or (), values, strict=True)) for values in rows.tolist())
        ]
        return [tick for _, _, tick in sorted(found, key=lambda item: item[:2])]

    def _tick(self, channel: str, row: dict[str, int]) -> dict[str, Any]:
        symbol, size, decimals = self._rows[row["instrument"]]
        price = {name: round(ticks * size, decimals) for name, ticks in row.items() if name.endswith("_ticks")}
        head = {"ch": TAGS[channel], "sym": symbol, "n": row["n"], "t": row["t"]}
        match channel:
            case "status":
                return {**head, "state": STATES[row["state"]], "reason": REASONS[row["reason"]], **_about(row, price)}
            case "quotes":
                bid, ask = price["bid_ticks"], price["ask_ticks"]
                return {**head, "bid": bid, "bsz": row["bid_size"], "ask": ask, "asz": row["ask_size"]}
            case "book":
                level = {"side": ("bid", "ask")[row["side"]], "px": price["price_ticks"], "sz": row["size"]}
                crc = {"crc": row["crc"]} if row["crc"] >= 0 else {}
                return {**head, **level, **crc, **({"fresh": True} if row["fresh"] else {})}
            case "trades":
                return {**head, "px": price["price_ticks"], "sz": row["size"], "side": ("buy", "sell")[row["side"]]}
        figures = {name.removesuffix("_ticks"): value for name, value in price.items()}
        unit = Fraction(round(size * 10**decimals), 10**decimals)
        vwap = _rounded(Fraction(row["turnover"], row["volume"]) * unit, decimals + 4)
        sums = {"volume": row["volume"], "vwap": vwap, "trades": row["trades"]}
        if channel != "stats":
            return {**head, **figures, **sums, "done": bool(row["done"])}
        change = row["last_ticks"] - row["previous_ticks"]
        percent = _rounded(Fraction(100 * change, row["previous_ticks"]), 4)
        return {**head, **figures, **sums, "change": round(change * size, decimals), "change_pct": percent}


def _about(row: dict[str, int], price: dict[str, float]) -> dict[str, float]:
    """Return what a status tells beyond its state, where it does."""
    said = {"px": price["price_ticks"], "sz": row["size"], "value": row["value_ppm"] / 1e6, "ref": row["ref"]}
    return {name: value for name, value in said.items() if value}


def _rounded(value: Fraction, decimals: int) -> float:
    """Return a value with so many decimals, half away from zero."""
    units = int(abs(value) * 10**decimals + Fraction(1, 2))
    return (units if value >= 0 else -units) / 10**decimals


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
