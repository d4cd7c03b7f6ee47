"""A recorded conversation, from memory: every step of a market in a message of its own, as fast as a client takes it.

It speaks what a client of ours says: window and ack are obeyed, and a subscription is what starts the record.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ticker import universes
from ticker.config import MarketConfig
from ticker.dialects import native
from ticker.dialects import packed as packed_dialect
from ticker.errors import Refusal
from ticker.instruments import Universe
from ticker.market.market import Market
from ticker.session import messages as say
from ticker.ticks import TRADES, Batch
from ticker.wire.frames import binary_frame, text_frame

UNLIMITED = 1 << 40
BURST_BYTES = 1 << 20  # written at once, at most


def record(market: Market, encoding: str, ticks: int) -> list[bytes]:
    """Returns so many ticks as frames, one a step: frame k is step k + 1."""
    spoken, packs = native.NativeDialect(market.universe), packed_dialect.PackedDialect()

    def frame(batch: Batch) -> bytes:
        if encoding == "packed":
            return binary_frame(packs.ticks(batch.seq, batch.t, [(batch.seq, batch.rows)]))
        pieces = b"".join(spoken.render(TRADES, batch.rows[TRADES]))
        return text_frame(spoken.ticks(batch.seq, batch.t, pieces))

    return [frame(only_trades(market.step())) for _ in range(ticks // len(market.universe))]


def only_trades(batch: Batch) -> Batch:
    """Returns a step without its quotes: then it has as many ticks as there are instruments."""
    return Batch(batch.seq, batch.t, {TRADES: batch.rows[TRADES]})


class Player(asyncio.Protocol):
    """One client."""

    def __init__(self, frames: list[bytes], encoding: str, universe: Universe) -> None:
        self._frames = frames
        self._universe = universe
        self._packed = encoding == "packed"
        names = [Subprotocol(native.SUBPROTOCOL), Subprotocol(packed_dialect.SUBPROTOCOL)]
        self._ws = ServerProtocol(subprotocols=names, max_size=1 << 20, logger=logging.getLogger("quiet"))
        self._next = 0
        self._acked = 0
        self._window = UNLIMITED
        self._playing = False
        self._room = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(4 * BURST_BYTES)

    def pause_writing(self) -> None:
        self._room = False

    def resume_writing(self) -> None:
        self._room = True
        self._play()

    def data_received(self, data: bytes) -> None:
        self._ws.receive_data(data)
        for event in self._ws.events_received():
            if isinstance(event, Request):
                self._ws.send_response(self._ws.accept(event))
                self._flush()
                self._greet()
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._obey(native.parse(bytes(event.data)))
        self._flush()
        self._play()

    def _flush(self) -> None:
        for piece in self._ws.data_to_send():
            if piece:
                self._transport.write(piece)
            else:
                self._transport.close()

    def _say(self, message: say.ServerMessage) -> None:
        self._transport.write(text_frame(native.reply(message)))

    def _greet(self) -> None:
        self._say(
            say.Welcome(
                server="recorded",
                version="0",
                protocol=native.SUBPROTOCOL,
                epoch="recorded",
                seq=0,
                step_ms=10,
                seed=1,
                instruments=len(self._universe),
                limits={},
                heartbeat_s=10,
                auth_required=False,
            )
        )
        if self._packed:
            self._say(packed_dialect.listing(self._universe))

    def _obey(self, message: say.AnyClientMessage) -> None:
        match message:
            case say.Ack():
                self._acked = message.seq
            case say.Window():
                self._window = message.size or UNLIMITED
                self._say(say.WindowGranted(id=message.id, size=message.size))
            case say.Ping():
                self._say(say.Pong(id=message.id, server_ts=0))
                self._playing = True  # it follows a subscription and its snapshots
            case say.Subscribe():
                self._say(
                    say.Subscribed(
                        id=message.id,
                        seq=0,
                        channels=[TRADES],
                        symbols=["*"],
                        pace="every",
                        snapshot=False,
                        on_lag="skip",
                        subscriptions={TRADES: ["*"]},
                    )
                )
            case _:
                raise Refusal("bad_request", "this is a record")

    def _play(self) -> None:
        """Writes as much as the window and the transport take."""
        while self._playing and self._room:
            size, until = 0, min(self._acked + self._window, len(self._frames))
            place = self._next
            while place < until and size < BURST_BYTES:
                size += len(self._frames[place])
                place += 1
            if place == self._next:
                return
            self._transport.write(b"".join(self._frames[self._next : place]))
            self._next = place


async def main() -> None:
    """Records, and plays until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoding", choices=("json", "packed"), default="json")
    parser.add_argument("--instruments", type=int, default=1000, help="ticks a message (1000)")
    parser.add_argument("--ticks", type=int, default=2_000_000, help="in all (2000000)")
    arguments = parser.parse_args()
    config = MarketConfig(model="plain", instruments=arguments.instruments, universe="numbered", arrivals="every_step")
    market = Market(config, universes.load(config))
    frames = record(market, arguments.encoding, arguments.ticks)
    server = await asyncio.get_running_loop().create_server(
        lambda: Player(frames, arguments.encoding, market.universe), "127.0.0.1", 0
    )
    print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/stream", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
