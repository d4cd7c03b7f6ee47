"""A whole server without a socket: real market, feed and conversations, with transport, loop and clock pretended."""

import base64
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from msgspec import UNSET
from websockets.frames import Frame, Opcode

from book_reader import Change
from deep_market import DeepMarket
from ledger import Ledger, Tape, Tick
from said import welcome
from ticker import universes
from ticker.config import Config, MarketConfig, StreamConfig
from ticker.dialects import native
from ticker.dialects.native import NativeDialect
from ticker.endpoints import conversation
from ticker.endpoints.conversation import Conversation
from ticker.endpoints.house import House
from ticker.endpoints.http import Request
from ticker.feed.feed import Feed
from ticker.metrics import Metrics
from ticker.session.messages import Ack, Book, ClientMessage, Snapshot, Subscribe, Ticks, Welcome
from ticker.session.terms import Terms
from ticker.ticks import BOOK, CHANNELS, Batch, Position
from ticker.wire import packed

MARKET = MarketConfig(model="plain", instruments=4, trades_per_s=60.0, quotes_per_s=40.0)
STEP_US = 10_000
BEGIN_US = 1_700_000_000_000_000
FULL, DRAINED = 4, 1  # messages that wait at which a transport pauses, and resumes
CATCH_UP_BYTES = 1024  # about ten ticks
NEVER_S = 1e9
CHANGE = ("instrument", "n", "side", "price_ticks", "size", "crc", "fresh")


def _silent(*_: object, **__: object) -> None:
    """Log nothing."""


class Recorded:
    """What the market does, which is the same on every stage: made once, for many are set up."""

    def __init__(self) -> None:
        self.market = DeepMarket(MARKET, universes.load(MARKET))
        self._steps: list[tuple[Batch, list[Tick], list[Change]]] = []

    def step(self, number: int) -> tuple[Batch, list[Tick], list[Change]]:
        """Return what happens in a step, from 1: its batch, its ticks, and its changes of books."""
        while len(self._steps) < number:
            batch = self.market.step()
            ticks = [
                Tick(batch.seq, place, int(row["instrument"]), int(row["n"]))
                for place, channel in enumerate(CHANNELS)
                for row in batch.rows[channel]
            ]
            changes = [Change(*row) for row in batch.rows[BOOK][list(CHANGE)].tolist()]
            self._steps.append((batch, ticks, changes))
        return self._steps[number - 1]


RECORDED = Recorded()


def images_as_one(ticks: list[tuple[Tick, object]]) -> list[Tick]:
    """Return ticks, of the image of a book one: what begins with a `fresh` row and goes on with the same `n`."""
    found: list[Tick] = []
    image = None
    for tick, fresh in ticks:
        if fresh or tick[1:] != image:
            found.append(tick)
            image = tick[1:] if fresh else None
    return found


class Loop:
    """An event loop that runs what is ready when it is told to."""

    def __init__(self) -> None:
        self.ready: deque[Callable[[], None]] = deque()

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.ready.append(callback)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> SimpleNamespace:  # noqa: ARG002
        """Return what a timer would: later never comes here."""
        return SimpleNamespace(cancel=lambda: None)

    def turn(self) -> None:
        for _ in range(len(self.ready)):
            self.ready.popleft()()

    def run(self) -> None:
        for _ in range(10_000):
            if not self.ready:
                return
            self.turn()
        raise AssertionError("it never comes to rest")


class Stage:
    """A market, its feed, and the clients that are connected."""

    def __init__(self, steps_max: int = 10_000, **stream: Any) -> None:
        self.market = RECORDED.market
        self.metrics = Metrics()
        self.feed = Feed(self.market.epoch, MARKET.instruments, steps_max, 10, self.metrics)
        self.loop = Loop()
        self.now_us = BEGIN_US
        self.now_s = 0.0
        self.published_us = BEGIN_US
        settings = {"catch_up_bytes": CATCH_UP_BYTES, "stall_s": NEVER_S, "ping_s": NEVER_S, **stream}
        self.house = House(
            config=Config(stream=StreamConfig(**settings)),
            feed=self.feed,
            terms=Terms(self.market.universe, 10, window_max=8, rate_hz=10.0, rate_max_hz=100.0),
            dialect=NativeDialect(self.market.universe),
            metrics=self.metrics,
            loop=cast(Any, self.loop),
            log=cast(Any, SimpleNamespace(debug=_silent, info=_silent)),
            welcome=self._welcome,
            connections_max=10,
        )
        self.tape = Tape([instrument.symbol for instrument in self.market.universe])
        self.clients: list[Client] = []
        self._settle()

    def step(self) -> None:
        """Take a step of the market."""
        self.now_us += STEP_US
        self.now_s += STEP_US / 1e6
        batch, ticks, changes = RECORDED.step(self.tape.head + 1)
        self.tape.change(changes)
        for client in self.clients:
            client.ledger.step(ticks)
        if self.feed.tape.head - self.feed.flushed >= self.feed.tape.steps_max:
            self.flush()  # the feed would do it itself: nothing leaves the tape before it was handed out
        self.tape.ticks += ticks
        self.tape.head = batch.seq
        self.published_us = self.now_us
        self.feed.publish(batch, self.now_us)
        self.tape.floor = self.feed.tape.oldest - 1

    def flush(self) -> None:
        """Hand out what was not yet; whoever is level and can take it has it at once, in one message."""
        live = [(client, client.ledger.messages) for client in self.clients if client.live and not client.blocked]
        self.tape.handed_us = self.published_us
        self.feed.flush()
        for client, messages in live:
            assert not client.ledger.late(self.feed.flushed)
            assert client.ledger.messages <= messages + 1

    def run(self) -> None:
        """Let the loop run until nothing is ready: whoever can be written to is level then."""
        self.loop.run()
        for client in self.clients:
            if not client.blocked and client.ledger.rate_hz is None and not client.over:
                assert not client.ledger.late(self.feed.flushed)
                client.live = self.feed.flushed == self.feed.tape.head

    def wait(self, seconds: float) -> None:
        """Let time pass: the newest go out, and every deadline is looked at."""
        self.now_us += round(seconds * 1e6)
        self.now_s += seconds
        self._settle()
        deadline_s = self.house.config.stream.ack_deadline_s
        due = {client: client.ledger.overdue(self.now_s, deadline_s) for client in self.clients}
        before = {c: (len(c.ledger.lags), c.ledger.merged + len(c.ledger.owed)) for c in due}
        for connection in tuple(self.house.connections):
            connection.sweep(self.now_s)
        for client, (lags, owed) in before.items():
            told = [lag.reason for lag in client.ledger.lags[lags:]]
            if due[client] and owed:
                assert told == ["window"], "what is overdue is given up, once"
            else:
                assert told in ([], ["window"] if due[client] else ["pace"])

    def _settle(self) -> None:
        self.tape.handed_us = self.now_us
        self.feed.settle(self.now_us)

    def connect(self, *, packs: bool = False) -> "Client":
        client = Client(self, packs=packs)
        self.clients.append(client)
        return client

    def _welcome(self) -> Welcome:
        return welcome(self.market.epoch, self.feed.tape.head)


class Client:
    """One connection: the transport that the server writes to, and the ledger that judges what it writes."""

    def __init__(self, stage: Stage, *, packs: bool = False) -> None:
        self.stage = stage
        self.ledger = Ledger(stage.tape)
        self.reads = True
        self.waiting = 0
        self.paused = False
        self.over = False
        self.live = False
        self._data = b""
        headers = [
            ("host", "x"),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", base64.b64encode(bytes(16)).decode()),
            ("sec-websocket-protocol", "ticker.v1.packed" if packs else "ticker.v1.json"),
        ]
        taken = conversation.accept(stage.house, Request("GET", "/v1/stream", "1.1", headers))
        assert isinstance(taken, Conversation)
        self.conversation = taken
        taken.connection_made(cast(Any, self))

    # What the server asks of a transport.

    def write(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 101"):
            return
        assert not self.over, "nothing follows the close"
        self._take(data)
        if not self.reads:
            self.waiting += 1
            if self.waiting >= FULL and not self.paused:
                self.paused, self.live = True, False
                self.conversation.pause_writing()

    def get_extra_info(self, _: str) -> None:
        """Have no socket."""

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return False

    # What the client does.

    @property
    def blocked(self) -> bool:
        return self.paused or self.ledger.shut

    def say(self, message: ClientMessage) -> list[str]:
        """Say something, which is heard at once; return the codes of what was refused."""
        self.live = self.live and isinstance(message, Ack)
        self.ledger.errors.clear()
        self.conversation.data_received(Frame(Opcode.TEXT, native.command(message)).serialize(mask=True))
        return [error.code for error in self.ledger.errors]

    def subscribe(self, message: Subscribe) -> list[str]:
        """Subscribe, and have the ledger owe what is to come from the past on."""
        if message.from_ is not UNSET:
            table = message.subscriptions or dict.fromkeys(message.channels, message.symbols)
            self.ledger.ask(table, Position.parse(message.from_).seq or self.stage.tape.floor)
        refused = self.say(message)
        self.ledger.obeyed(bool(refused))
        return refused

    def ack(self, seq: int) -> bool:
        """Acknowledge, and return whether that was taken."""
        told = max(self.ledger.positions)
        taken = not self.say(Ack(seq=seq))
        assert taken if seq <= told else not taken or seq <= self.stage.tape.head
        if taken:
            self.ledger.ack(seq)
        return taken

    def read(self, messages: int) -> None:
        """Take so many messages out of the transport."""
        self.waiting = max(0, self.waiting - messages)
        if self.paused and self.waiting <= DRAINED:
            self.paused = False
            self.conversation.resume_writing()

    def read_on(self) -> None:
        """Take out what waits, and whatever comes as it comes."""
        self.reads = True
        self.read(self.waiting)

    def leave(self) -> None:
        """Hang up."""
        self.over = True
        self.stage.clients.remove(self)
        self.conversation.connection_lost(None)

    def _take(self, data: bytes) -> None:
        opcode, size, place = data[0] & 15, data[1], 2
        if size == 126:
            size, place = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, place = int.from_bytes(data[2:10], "big"), 10
        payload = data[place:]
        assert len(payload) == size, "a frame a write"
        if opcode == Opcode.CLOSE:
            self.over = True
        elif opcode == Opcode.BINARY:
            self._unpack(payload)
        else:
            self._read(payload)

    def _read(self, payload: bytes) -> None:
        message = native.read(payload)
        if isinstance(message, Ticks | Snapshot):
            symbols = self.stage.tape.symbols
            self.ledger.change([Change.of(symbols.index(t.sym), t) for t in message.data if isinstance(t, Book)])
            data = images_as_one(
                [
                    (Tick(0, CHANNELS.index(t.channel), symbols.index(t.sym), t.n), isinstance(t, Book) and t.fresh)
                    for t in message.data
                ]
            )
            if isinstance(message, Ticks):
                self._tick(message.seq, message.ts, data, steps=False)
            else:
                self.ledger.snapshot(message.seq, CHANNELS.index(message.channel), data)
        else:
            self.ledger.hear(message)

    def _unpack(self, payload: bytes) -> None:
        found = packed.unpack(payload)
        if BOOK in found.rows:
            self.ledger.change([Change(*row) for row in found.rows[BOOK][list(CHANGE)].tolist()])
        data = images_as_one(
            [
                (
                    Tick(int(row["seq"]), CHANNELS.index(channel), int(row["instrument"]), int(row["n"])),
                    channel == BOOK and bool(row["fresh"]),
                )
                for channel, rows in found.rows.items()
                for row in rows
            ]
        )
        if found.kind == packed.TICKS:
            order = sorted(range(len(data)), key=lambda k: data[k][:2])  # stable: by step, then by channel
            self._tick(found.seq, found.ts, [data[k] for k in order], steps=True)
        else:
            [channel] = found.rows
            self.ledger.snapshot(found.seq, CHANNELS.index(channel), data)

    def _tick(self, seq: int, ts: int, data: list[Tick], *, steps: bool) -> None:
        assert not self.paused, "ticks are not written to a transport that is full"
        if self.ledger.rate_hz is None:
            emitted_us = self.stage.feed.tape.emitted_us(seq)
            assert ts == emitted_us
        self.ledger.ticks(seq, ts, data, steps=steps)
        self.live = self.live and not self.blocked
