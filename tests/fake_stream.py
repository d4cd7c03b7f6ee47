"""A server of ours that is a script: it greets as the protocol has it, and from then on does what it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import orjson
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

STEP_US = 10_000
WALL_US = 1_700_000_000_000_000
MARKET_US = 1_600_000_000_000_000


def trade_message(seq: int) -> str:
    trade = {"ch": "trade", "sym": "A", "n": seq, "t": MARKET_US + seq * STEP_US, "px": 1.0, "sz": 1, "side": "buy"}
    return orjson.dumps({"type": "ticks", "seq": seq, "ts": WALL_US + seq * STEP_US, "data": [trade]}).decode()


def welcome(epoch: str = "fake") -> str:
    return orjson.dumps(
        {
            **{"type": "welcome", "server": "fake", "version": "0", "protocol": "ticker.v1.json", "epoch": epoch},
            **{"seq": 0, "step_ms": STEP_US / 1000, "seed": 0, "instruments": 1, "limits": {}, "heartbeat_s": 10},
            "auth_required": False,
        }
    ).decode()


def subscribed(message_id: int) -> str:
    return orjson.dumps(
        {
            **{"type": "subscribed", "id": message_id, "seq": 0, "channels": ["trades"], "symbols": ["*"]},
            **{"pace": "every", "snapshot": False, "on_lag": "skip", "subscriptions": {"trades": ["*"]}},
        }
    ).decode()


@contextmanager
def fake(converse: Callable[[ServerConnection], None]) -> Iterator[str]:
    """Serve every connection with a script; yield the URL."""

    def quietly(ws: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            converse(ws)

    with serve(quietly, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v1/stream"
        server.shutdown()
        thread.join()


def greet(ws: ServerConnection) -> None:
    ws.send(welcome())
    ws.send(subscribed(orjson.loads(ws.recv())["id"]))


def pong(ws: ServerConnection, data: str | bytes) -> None:
    message = orjson.loads(data)
    if message["op"] == "ping":
        ws.send(orjson.dumps({"type": "pong", "ts": message["ts"], "server_ts": 0}).decode())


def await_window(ws: ServerConnection) -> None:
    """Wait for the first ping, with which the measured window begins, and answer it."""
    pong(ws, ws.recv())


def answer(ws: ServerConnection) -> None:
    """Answer pings until the client hangs up."""
    for data in ws:
        pong(ws, data)
