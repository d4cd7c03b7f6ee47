"""One WebSocket: websockets' Sans-I/O protocol inside, the transport handed over by the door outside.

Here are frames, fragments, limits, signs of life and the closing handshake; what is said is a subclass's.
Short messages that come alone, as acks do, are read here; everything else is read by the library, a slice at a time.
"""

import asyncio
import socket
from collections import deque
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Response as Switch
from websockets.protocol import State
from websockets.server import ServerProtocol

from ticker import clock
from ticker.endpoints.house import House
from ticker.endpoints.stall import unacknowledged_bytes
from ticker.errors import Close
from ticker.session.budget import Allowance, Budget
from ticker.wire.frames import TEXT, binary_frame, masked_bytes, short_messages, text_frame

SLICE_BYTES = 4096  # read at once by the library: at most 682 frames to answer or 4 MB to inflate before we look again
DROPPED_BYTES_MAX = 4 * 1024 * 1024  # after the end: a large message may still be on its way, a flood is not read
FAULTS = {  # of the client's: it is not heard out
    *(Close.PROTOCOL_ERROR, Close.INVALID_DATA, Close.POLICY, Close.TOO_BIG),
    *(Close.RATE_LIMITED, Close.TOO_MANY_ERRORS),
}

PRIVATE = 3000  # close codes from here on mean what whoever sends them likes (RFC 6455, section 7.4.2)

_OURS = frozenset(Close)
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
_PING = b"\x89\x00"


class WebSocket(asyncio.Protocol):
    """One connection: everything comes in by `data_received`, everything goes out by `_write`."""

    __slots__ = (
        "_budget",
        "_deadline_s",
        "_ended",
        "_fragments",
        "_head",
        "_held",
        "_house",
        "_life_s",
        "_owed_bytes",
        "_pinged_s",
        "_said",
        "_text",
        "_transport",
        "_unread_bytes",
        "_ws",
    )

    def __init__(self, house: House, ws: ServerProtocol, switch: Switch) -> None:
        self._house = house
        self._ws = ws
        self._head = bytes(switch.serialize())
        self._fragments: list[bytes] | None = None
        self._text = True  # whether these fragments are of text
        self._said = 0
        self._held: deque[tuple[bytes, bool]] | None = None  # not heard before what was answered has been read
        self._deadline_s: float | None = None
        self._ended = ""
        self._unread_bytes = 0  # that the library has, and has made no frames of; after the end, all that came
        self._budget: Budget | None = None  # most clients never send a control frame that we did not ask for
        self._life_s: float | None = None  # the sweep that noticed the last sign of life; None where none has since
        self._pinged_s: float | None = None
        self._owed_bytes = 0

    @property
    def compressed(self) -> bool:
        """Whether frames for this client may be deflated."""
        return bool(self._ws.extensions)

    # What a subclass does.

    def _opened(self) -> None:
        """Begin: the 101 has been written."""

    def _heard(self, data: bytes, text: bool) -> None:
        """Take in a whole message; text is UTF-8."""

    def _leave(self) -> None:
        """Write no more of your own accord: the conversation is ending. May be called more than once."""

    def _let_go(self) -> None:
        """Let go of whoever holds you: what is in a circle stays in memory until a collector has the time to look."""
        self._ws.parser.close()  # it holds the library's connection, and so does the traceback of how it ended
        self._ws.parser_exc = None

    def _weigh(self, size: int) -> None:
        """Note that so many bytes have come, other than as short messages."""

    def _look(self, now_s: float) -> None:
        """Look at deadlines of your own; called while the connection is open."""

    # The way in.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._house.connections.setdefault(self, "")
        self._outlast()
        self._transport.write(self._head)
        self._head = b""
        self._opened()

    def _outlast(self) -> None:
        """Have the kernel give up nobody: it would give up who reads slowly, and pings and stalls tell them apart."""
        if (held := self._transport.get_extra_info("socket")) is not None:
            held.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0)

    def data_received(self, data: bytes) -> None:
        try:
            self._take_in(data)
        except Exception as error:
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """End after a fault of ours, saying so if that can be said."""
        self._house.faults.note("a conversation failed", error)
        try:
            self.close(Close.INTERNAL_ERROR, "a fault of the server's; it has been logged")
        except Exception:  # it was this that failed
            self.abort("fault")

    def _take_in(self, data: bytes) -> None:
        self._life_s = None
        messages = short_messages(data) if len(data) <= SLICE_BYTES and self._between_messages else None
        if messages is not None:
            self._hear(messages, data[0] == TEXT)
            return
        for start in range(0, len(data), SLICE_BYTES):
            if self._ws.eof_sent or self._transport.is_closing():
                self._drop(len(data) - start)
                return
            self._receive(data[start : start + SLICE_BYTES])

    def eof_received(self) -> None:
        """The transport closes itself then, once all is written: which may be never."""
        self._ws.receive_eof()
        self._leave()
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the transport's word for it
        self._house.gone(self)  # first: whatever fails below, it is there no more
        self._leave()
        close = self._ws.close_sent or self._ws.close_rcvd
        reason = f"{_told(close.code) if close else 1006} {self._ended}".rstrip()
        self._house.ended(reason, by_us=bool(self._ended))
        self._house.log.debug("conversation ended", reason=reason)
        self._let_go()

    @property
    def _between_messages(self) -> bool:
        """Whether what comes next is the head of a plain message's frame.

        What the library was given is counted, and so is how long the frames that it made of that were, at the least.
        Where a client spells a length longer than it has to, the counts never meet again, and the library reads all
        that comes from it, which is slower and as good. With compression, a frame does not tell how long it was.
        """
        return not self._unread_bytes and self._fragments is None and self._listening and not self._ws.extensions

    @property
    def _listening(self) -> bool:
        """Whether messages are heard: we have not said goodbye."""
        return self._ws.state is State.OPEN and not self._transport.is_closing()

    def _hear(self, messages: list[bytes], text: bool) -> None:
        for message in messages:
            if not self._listening:
                return
            self._take(message, text)

    def _take(self, data: bytes, text: bool) -> None:
        """Hear a message, or close where it says that it is text and is none (RFC 6455, section 8.1).

        Nothing more is read, and what has been is not heard, while too much of what was answered waits to be read.
        """
        if self._held is not None:
            self._held.append((data, text))
            return
        if text and not data.isascii() and not is_utf8(data):
            self.close(Close.INVALID_DATA, "text is UTF-8")
        else:
            self._heard(data, text)
        if self._listening and self._overfull:
            self._held = deque()
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """The transport is full."""

    def resume_writing(self) -> None:
        """Hear what had to wait: the client has read what it asked for."""
        held, self._held = self._held, None
        if held is None:
            return
        while held and self._listening and self._held is None:
            self._take(*held.popleft())
        if self._held is not None:  # full again
            self._held.extend(held)
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def _receive(self, data: bytes) -> None:
        """Have the library read some bytes, and deal with the frames they complete."""
        self._weigh(len(data))
        self._ws.receive_data(data)
        self._unread_bytes += len(data)
        frames = cast(list[Frame], self._ws.events_received())  # the handshake is over: no other events
        self._write()
        controls = [frame for frame in frames if frame.opcode not in _DATA]
        if controls and not self._afford(controls):
            self.close(Close.POLICY, "too many control frames")
            self._ws.fail(Close.POLICY)  # where we were closing already: it is not heard any more
            self._write()
            return
        if controls and self._held is None and self._overfull:
            self.abort("answers not read")
            return
        for frame in frames:
            self._unread_bytes -= masked_bytes(len(frame.data))
            if frame.opcode in _DATA:
                self._receive_fragment(frame)

    def _drop(self, count: int) -> None:
        """Leave unheard what comes after the end: the client hangs up, or `close_s` is over, or it is too much."""
        self._unread_bytes += count
        if self._unread_bytes > DROPPED_BYTES_MAX:
            self.abort("sends on after the end")

    @property
    def _overfull(self) -> bool:
        """Whether more waits for the client than may be added to."""
        return self._transport.get_write_buffer_size() > self._house.config.stream.buffer_bytes_max

    def _afford(self, controls: list[Frame]) -> bool:
        """Charge control frames to the client; the pong we are waiting for is free."""
        count = len(controls)
        if self._pinged_s is not None and any(frame.opcode is Opcode.PONG for frame in controls):
            self._pinged_s = None
            count -= 1
        if not count:
            return True
        stream, now_s = self._house.config.stream, clock.monotonic_s()
        if self._budget is None:
            self._budget = Budget(Allowance(stream.control_per_s, stream.control_burst))
        return self._budget.take(now_s, count)

    def _receive_fragment(self, frame: Frame) -> None:
        if not self._listening:
            return
        data = cast(bytes, frame.data)
        if self._fragments is None:
            self._text = frame.opcode is Opcode.TEXT
            if frame.fin:
                self._take(data, self._text)
                return
            self._fragments = []
        self._fragments.append(data)
        if frame.fin:
            whole, self._fragments = b"".join(self._fragments), None
            self._take(whole, self._text)
        elif len(self._fragments) >= self._house.config.stream.fragments_max:
            self.close(Close.TOO_BIG, "too many fragments")

    # The way out.

    def _say(self, message: bytes, binary: bool = False) -> None:
        """Send a message of our own, ahead of any backlog of ticks.

        Never compressed, which is every message's own choice: a frame takes less than a microsecond, and a compressor
        for one client and one message some thirty.
        """
        if self._listening:
            self._said += 1
            self._transport.write(binary_frame(message) if binary else text_frame(message))

    def _write(self) -> None:
        for data in self._ws.data_to_send():
            if self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            else:
                self._end()

    def _end(self) -> None:
        """Half-close: nothing more will be written, and the client has `close_s` to hang up."""
        self._leave()
        self._unread_bytes = 0
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._set_deadline()

    def _set_deadline(self) -> None:
        if self._deadline_s is None:
            self._deadline_s = clock.monotonic_s() + self._house.config.stream.close_s

    # Ends.

    def close(self, code: Close, reason: str) -> None:
        """Start the closing handshake, and give the client `close_s` to finish it; after a fault of its own, end it."""
        if self._ws.state is not State.OPEN:
            return
        self._leave()
        self._ended = reason
        if self._held is not None:  # we wait for its close frame
            self._held = None
            self._transport.resume_reading()
        if code in FAULTS:
            self._ws.fail(code, reason)
        else:
            self._ws.send_close(code, reason)
        self._write()
        self._set_deadline()

    def drain(self) -> None:
        self.close(Close.GOING_AWAY, self._house.farewell)

    def abort(self, reason: str) -> None:
        self._ended = self._ended or reason  # why it was closed says more than how that ended
        self._leave()
        self._transport.abort()

    def sweep(self, now_s: float) -> None:
        if self._deadline_s is not None:
            if now_s > self._deadline_s:
                self.abort("no closing handshake")
        elif self._silent(now_s):
            self.abort("no pong")
        else:
            self._look(now_s)

    def _silent(self, now_s: float) -> bool:
        """Ping a client that has been silent for `ping_s`; tell whether not even that was answered.

        Any byte is a sign of life, and so is that what waits for the client, here or in the kernel, gets less: the ping
        waits behind it.
        """
        stream = self._house.config.stream
        if self._life_s is None:
            self._life_s = now_s
            self._pinged_s = None
        if now_s - self._life_s < stream.ping_s:
            return False
        waiting_bytes = self._transport.get_write_buffer_size()
        before, self._owed_bytes = self._owed_bytes, waiting_bytes + unacknowledged_bytes(self._transport)
        if waiting_bytes > stream.buffer_bytes:  # whether that is a stall is the subclass's to say
            self._pinged_s = None if self._pinged_s is None else now_s  # a ping that waits behind it is not late yet
            return False
        if self._pinged_s is None:
            self._transport.write(_PING)
            self._pinged_s = now_s
        elif self._owed_bytes < before:
            self._pinged_s = now_s
        return now_s - self._pinged_s > stream.pong_s


def _told(code: int) -> str:
    """Return a close code as a label: of the thousands a client may choose, the private ones are one a thousand."""
    return str(code) if code < PRIVATE or code in _OURS else f"{code // 1000}xxx"


def is_utf8(data: bytes) -> bool:
    """Tell whether bytes are text."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
