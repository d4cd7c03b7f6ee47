"""Whether somebody for whom something waits takes it in, and be it slowly.

What waits with us shrinks in lumps of a hundred kilobytes, as the kernel asks for more: at 8 kB/s the next one is ten
seconds off. So what the kernel still holds for the peer is looked at too.
"""

import asyncio
import fcntl
import struct
import termios

TRICKLE_BYTES = 16 * 1024
"""Whoever takes as much in before its patience is over reads; a byte now and then is no reading."""


class Stall:
    """What waited for one reader when it last took something in."""

    __slots__ = ("_since_s", "_transport", "_unread_bytes", "_waiting_bytes")

    def __init__(self, transport: asyncio.WriteTransport, now_s: float) -> None:
        self._transport = transport
        self._since_s = now_s
        self._waiting_bytes = transport.get_write_buffer_size()
        self._unread_bytes = self._waiting_bytes + unacknowledged_bytes(transport)

    def lasts_s(self, now_s: float) -> float:
        """Return for how long nothing has been taken in."""
        waiting_bytes = self._transport.get_write_buffer_size()
        unread_bytes = waiting_bytes + unacknowledged_bytes(self._transport)
        if waiting_bytes < self._waiting_bytes or unread_bytes <= self._unread_bytes - TRICKLE_BYTES:
            self._since_s, self._waiting_bytes, self._unread_bytes = now_s, waiting_bytes, unread_bytes
        return now_s - self._since_s


def unacknowledged_bytes(transport: asyncio.WriteTransport) -> int:
    """Return how much the kernel holds for the peer; 0 where there is no socket to ask it of."""
    socket = transport.get_extra_info("socket")
    if socket is None:
        return 0
    try:
        held: int = struct.unpack("i", fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
    except (OSError, ValueError):  # it is closed
        return 0
    return held
