"""Clients that misbehave, one kind each: a server has to bear them, and what they see is not measured.

*stalled* stops reading: its kernel goes on to acknowledge what comes until its buffer is full, and then says that its
window is closed. *vanishing* is gone as a machine is whose power fails: from some message on nothing that is sent to
it is acknowledged, and nothing says that it has ended. A socket filter that drops all packets does that without
touching the network; Linux has it, and lets only who has CAP_NET_ADMIN use it in recent versions. Where it cannot be,
the client is `audible`: it stalls.
"""

import asyncio
import ctypes
import os
import socket
import struct
from typing import cast

from ticker.dialects import native
from ticker.session.messages import Subscribe
from ticker_load.member import Member
from ticker_load.subscriber import CLOSE, PING, TEXT, frame, greeting, split

READ_BYTES = 4096  # of kernel buffer: else that reads for them
FLOOD = frame(PING, bytes(125)) * 10
FLOOD_EVERY_S = 0.01
VANISHING_AFTER = 10  # pieces of what it asked for
ATTACH_FILTER = 26  # asm-generic/socket.h
DROP = struct.pack("HBBI", 0x06, 0, 0, 0)  # linux/filter.h: return 0, of the packet keep nothing
OPEN, SILENT, RESET = "open", "cut off", "reset"


class Misfit(asyncio.Protocol):
    """One connection: subscribes like anybody, and then misbehaves."""

    def __init__(self, member: Member, kind: str, bytes_per_s: int) -> None:
        self.kind = kind
        self.end = OPEN
        self.audible = False
        self._pieces = 0
        self._member = member
        self._hello = greeting(member)
        self._bytes_per_s = bytes_per_s
        self._head = b""
        self._shaken = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ_BYTES)
        self._transport.write(b"".join(self._hello.data_to_send()))

    def data_received(self, data: bytes) -> None:
        if not self._shaken:
            self._head += data
            if b"\r\n\r\n" in self._head:
                self._shaken = True
                wish = Subscribe(symbols=list(self._member.symbols), channels=list(self._member.channels))
                self._transport.write(frame(TEXT, native.command(wish)))
                self._misbehave()
            return
        if self.kind == "slow":
            self._rest(len(data))
        self._pieces += 1
        if self.kind == "vanishing" and self._pieces == VANISHING_AFTER:
            self.audible = not deafen(self._transport.get_extra_info("socket").fileno())
            self._transport.pause_reading()
        self._look_for_goodbye(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.end == OPEN:
            self.end = RESET if error else SILENT

    def abort(self) -> None:
        """Hang up at once."""
        self._transport.abort()

    def _misbehave(self) -> None:
        if self.kind in ("stalled", "flooding"):
            self._transport.pause_reading()
        if self.kind == "flooding":
            self._flood()

    def _flood(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(FLOOD)
            self._timer = asyncio.get_running_loop().call_later(FLOOD_EVERY_S, self._flood)

    def _rest(self, size: int) -> None:
        """Read nothing for as long as reading so much should have taken."""
        self._transport.pause_reading()
        self._timer = asyncio.get_running_loop().call_later(size / self._bytes_per_s, self._wake)

    def _wake(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _look_for_goodbye(self, data: bytes) -> None:
        """Remember the code of a close frame, where a piece begins or ends with one."""
        at = data.rfind(bytes((0x80 | CLOSE,)))
        found = split(data, at) if at >= 0 and len(data) - at < 128 else None
        if found is not None and found[1] == len(data):
            self.end = str(int.from_bytes(data[found[0] : found[0] + 2], "big"))


def deafen(fileno: int) -> bool:
    """Have the kernel drop all packets for a socket, unseen and unacknowledged; tell whether it does."""
    program = ctypes.create_string_buffer(DROP)
    whole = struct.pack("HP", 1, ctypes.addressof(program))  # struct sock_fprog
    try:
        with socket.socket(fileno=os.dup(fileno)) as found:
            found.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, whole)
    except OSError:
        return False
    return True
