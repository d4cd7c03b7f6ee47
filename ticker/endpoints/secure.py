"""TLS: stands between a transport and whoever speaks over it, a protocol to the one, a transport to the other.

The event loops have TLS of their own, which keeps a second buffer of what is to be sent: half of what waits for a slow
reader would be hidden, and with it that it does read. Here all that is encrypted goes to the one transport at once: how
much waits, when to stop and that a reader stalls are the same with TLS as without. So is the end of what we say: a half
close, after the word that TLS has for it. And who speaks plain HTTP is told so.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Any, cast

from ticker import clock
from ticker.endpoints.door import Door
from ticker.endpoints.house import House
from ticker.endpoints.http import head, problem
from ticker.errors import Refusal

READ_BYTES = 64 * 1024
HANDSHAKE = 0x16  # the first byte of whoever speaks TLS


class Secure(asyncio.Transport, asyncio.Protocol):
    """One connection: `_plain` is the transport beneath, `_taker` who speaks over it once hands were shaken."""

    def __init__(self, house: House, context: ssl.SSLContext, taker: Callable[[], Door]) -> None:
        super().__init__()
        self._house = house
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._make = taker
        self._taker: asyncio.Protocol | None = None
        self._heard = False
        self._ended = False  # we have said that nothing more will come
        self._refused = False
        self._over = False  # and so has the other end
        self._deadline_s = inf
        self._let_in = False
        self._early = b""
        self._parked = False

    # What the transport beneath says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._plain = cast(asyncio.Transport, transport)
        self._house.come(self, str((transport.get_extra_info("peername") or ("",))[0]))

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if not self._let_in:
            self._keep(data)
            return
        if not self._heard and data[0] != HANDSHAKE:
            self._refuse()
            return
        self._heard = True
        self._incoming.write(data)
        try:
            if self._taker is None and not self._shake_hands():
                return
            self._read()
        except ssl.SSLError:
            self._flush()  # TLS says what was wrong
            self._plain.close() if self._taker is None else self._plain.abort()

    def eof_received(self) -> None:
        if self._taker is not None and not self._over:
            self._over = True
            self._taker.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._house.gone(self)
        if self._taker is not None:
            self._taker.connection_lost(exc)
            self._taker = None  # it holds us, as its transport

    def pause_writing(self) -> None:
        if self._taker is not None:
            self._taker.pause_writing()

    def resume_writing(self) -> None:
        if self._taker is not None:
            self._taker.resume_writing()

    def _shake_hands(self) -> bool:
        """Go on with the handshake; tell whether it is done."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        self._flush()
        self._taker = self._make()
        self._house.hand_over(self, self._taker)
        self._taker.connection_made(self)
        return True

    def _read(self) -> None:
        """Hand on what was decrypted; whoever takes it may meanwhile be another."""
        while not self._plain.is_closing():
            try:
                data = self._tls.read(READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            if not data:
                self._hear_end()
                break
            assert self._taker is not None
            self._taker.data_received(data)
        self._flush()  # keys may have to be changed

    def _hear_end(self) -> None:
        """The other end says that nothing more will come: as without TLS, the transport closes itself then."""
        self.eof_received()
        self.close()

    def _refuse(self) -> None:
        """Answer who does not speak TLS."""
        self._refused = True
        answer = problem(Refusal("bad_request", "TLS is spoken here: write https:// or wss://"))
        self._house.metrics.refusals["bad_request"] += 1
        self._plain.write(head(answer, clock.http_date()) + (answer.body or b""))
        self._plain.write_eof()  # what still comes is read, or a reset would overtake the answer
        self._deadline_s = clock.monotonic_s() + self._house.config.stream.close_s

    def _flush(self) -> None:
        if self._outgoing.pending and not self._plain.is_closing():
            self._plain.write(self._outgoing.read())

    # What the entrance asks: nobody's hand is shaken before its turn.

    def enter(self) -> None:
        if self._plain.is_closing():
            return
        self._let_in = True
        self._deadline_s = clock.monotonic_s() + self._house.config.http.head_s
        if self._parked:
            self._plain.resume_reading()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def wait(self) -> None:
        self._parked = True
        self._plain.pause_reading()

    def turn_away(self, answer: bytes, *, politely: bool) -> None:  # noqa: ARG002  # nobody could read it
        self._plain.close()

    @property
    def socket(self) -> socket.socket:
        return cast(socket.socket, self._plain.get_extra_info("socket"))

    def _keep(self, data: bytes) -> None:
        """Keep what came before the reading was stopped: no more than a hello."""
        self._early += data
        if len(self._early) > self._house.config.http.head_bytes_max:
            self._plain.abort()
        else:
            self.wait()

    # What is asked of a transport.

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Encrypt, and write at once."""
        if self._ended or self._plain.is_closing() or not data:
            return
        self._tls.write(data)  # all of it: what it is encrypted into grows
        self._plain.write(self._outgoing.read())

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._end()
        if not self._plain.is_closing():
            self._plain.write_eof()

    def close(self) -> None:
        self._end()
        self._plain.close()

    def abort(self, reason: str = "") -> None:  # noqa: ARG002  # the reason is for conversations
        self._plain.abort()

    def is_closing(self) -> bool:
        return self._plain.is_closing()

    def get_write_buffer_size(self) -> int:
        return self._plain.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._plain.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._tls if name == "ssl_object" else self._plain.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._taker = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._taker is not None
        return self._taker

    def pause_reading(self) -> None:
        self._plain.pause_reading()

    def resume_reading(self) -> None:
        self._plain.resume_reading()

    def _end(self) -> None:
        """Say, as TLS does, that nothing more will come."""
        if self._ended or self._plain.is_closing():
            return
        self._ended = True
        with suppress(ssl.SSLError):  # the other end has not said so yet, or is in the midst of something
            self._tls.unwrap()
        self._flush()

    # What the house asks, as long as hands are not shaken.

    def sweep(self, now_s: float) -> None:
        if now_s > self._deadline_s:
            self._plain.abort()

    def drain(self) -> None:
        self._plain.close()
