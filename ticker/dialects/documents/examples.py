"""One example of everything that is said, as values of the very types: what cannot be said cannot stand here."""

from typing import Any

import msgspec
from msgspec import Struct

from ticker import __version__
from ticker.session import controls
from ticker.session import messages as say
from ticker.session import requests as http
from ticker.ticks import CHANNELS

EPOCH, SEQ = "1e0616885b9d", 1200
SUBSCRIBED = {"trades": ["ACME", "BYTE"], "quotes": ["*"]}
AT = 1_767_623_412_345_678
TRADE = say.Trade("ACME", 551, AT, 187.32, 100, "buy")
QUOTE = say.Quote("ACME", 552, AT, 187.31, 300, 187.33, 200)
STATUS = say.Status("ACME", 3, AT, "halted", "halt")
BOOK = say.Book("ACME", 90_210, AT, "bid", 187.31, 300, crc=3_610_234_197)
BAR_1S = say.Bar1s("ACME", 77, 1_767_623_412_000_000, 187.3, 187.32, 187.3, 187.32, 500, 187.308, 4, False)
BAR_1M = say.Bar1m("ACME", 9, 1_767_623_400_000_000, 187.3, 187.35, 187.29, 187.32, 5300, 187.3171, 41, True)
STATS = say.Stats("ACME", 12, AT, 187.6, 187.9, 187.02, 187.32, 188.0, 81_400, 187.4402, 630, -0.68, -0.3617)
NOW_US = 1_767_700_000_000_000
INTRODUCTION: dict[str, Any] = {
    "server": "ticker",
    "version": __version__,
    "protocol": "ticker.v1.json",
    "epoch": EPOCH,
    "seq": SEQ,
    "step_ms": 10.0,
    "speed": 1.0,
    "paused": False,
    "seed": 1,
    "instruments": 100,
    "limits": {
        "message_bytes": 16384,
        "symbols": 1000,
        "window": 1024,
        "rate_hz": 100.0,
        "ack_deadline_s": 30.0,
        "control_per_s": 10.0,
    },
    "heartbeat_s": 10.0,
    "auth_required": False,
}
TICKS = say.Ticks(seq=SEQ + 1, ts=NOW_US, data=[STATUS, QUOTE, BOOK, TRADE, BAR_1S, BAR_1M, STATS])
ACME = http.InstrumentAnswer(
    symbol="ACME",
    name="Acme Anvils & Automation",
    sector="Technology",
    tick_size=0.01,
    decimals=2,
    lot=1,
    size_decimals=0,
)
BAR = http.Bar(
    t=1_767_623_400_000_000, open=187.3, high=187.35, low=187.29, close=187.32, volume=5300, vwap=187.3171, trades=41
)

HALT = controls.IncidentAnswer(kind="halt", seq=9001, symbols=["ACME"], value=0.0, duration_s=60.0)

EXAMPLES: tuple[Struct, ...] = (
    say.Subscribe(id=1, symbols=["ACME", "BYTE"], channels=["trades", "quotes"], on_lag="close"),
    say.Unsubscribe(id=2, symbols=["BYTE"], channels=["quotes"]),
    say.ListSubscriptions(id=3),
    say.Window(id=6, size=64),
    say.Ack(seq=1),
    say.Ping(id=4, ts="any value"),
    say.Authenticate(id=7, token="a-token-of-yours"),
    say.Welcome(**INTRODUCTION),
    say.Handshake(
        request=say.Exchange("GET /v1/stream?handshake=true HTTP/1.1", [("host", "127.0.0.1:8765")]),
        response=say.Exchange("HTTP/1.1 101 Switching Protocols", [("Upgrade", "websocket")]),
    ),
    TICKS,
    say.Snapshot(seq=SEQ, channel="trades", data=[TRADE]),
    say.Subscribed(
        id=1,
        seq=SEQ,
        channels=["quotes", "trades"],
        symbols=["ACME", "BYTE"],
        pace="every",
        snapshot=True,
        on_lag="close",
        subscriptions=SUBSCRIBED,
    ),
    say.Unsubscribed(id=2, seq=SEQ, subscriptions={"trades": ["ACME", "BYTE"], "quotes": ["ACME"]}),
    say.Subscriptions(id=3, seq=SEQ, subscriptions=SUBSCRIBED),
    say.WindowGranted(id=6, size=64),
    say.Listing(symbols=["ACME", "BYTE"], tick_sizes=[0.01, 0.01], decimals=[2, 2], size_decimals=[0, 0]),
    say.Authenticated(
        id=7,
        name="the trading desk",
        expires_ts=NOW_US + 3_600_000_000,
        channels=["quotes", "trades"],
        symbols=["ACME", "BYTE"],
        subscriptions=SUBSCRIBED,
    ),
    say.Pong(id=4, ts="any value", server_ts=NOW_US),
    say.Error(id=5, code="unknown_symbol", message="unknown symbol: ACNE", details={"symbols": ["ACNE"], "count": 1}),
    say.Recovered(from_=f"{EPOCH}:{SEQ - 200}", to=f"{EPOCH}:{SEQ}", complete=True),
    say.Lag(from_=SEQ, to=SEQ + 6000, dropped=7200, conflated=0, reason="slow_reader"),
    say.Heartbeat(seq=SEQ, ts=NOW_US, sent=3),
    say.Closing(code=1001, reason="the server is going away", reconnect_after_s=1.0),
    http.ServiceAnswer(
        **INTRODUCTION, stream="/v1/stream", events="/v1/sse", channels=list(CHANNELS), paths=["/", "/v1/stream"]
    ),
    http.InstrumentsAnswer(instruments=[ACME]),
    ACME,
    http.SnapshotAnswer(epoch=EPOCH, seq=SEQ, data=[QUOTE, TRADE, STATS]),
    http.TicksAnswer(epoch=EPOCH, seq=SEQ + 1, batches=[TICKS]),
    http.BarsAnswer(epoch=EPOCH, seq=SEQ, symbol="ACME", interval="1m", bars=[BAR]),
    controls.NoWish(),
    controls.SpeedWish(speed=60.0),
    controls.StepWish(steps=100),
    controls.RunWish(until="2026-01-05T14:45:00Z"),
    controls.IncidentWish(kind="shock", at="90s", sectors=["Technology"], value=-0.05, duration_s=30.0),
    controls.CauseAnswer(epoch=EPOCH, seq=9001, time="2026-01-05T14:31:30.010000Z"),
    controls.StateAnswer(
        epoch=EPOCH,
        seq=SEQ,
        t=1_767_623_412_000_000,
        time="2026-01-05T14:30:12Z",
        phase="trading",
        step_ms=10.0,
        speed=60.0,
        speed_actual=59.9,
        paused=False,
        until=None,
        steps_skipped=0,
        scenario="flash_crash",
        past=[],
        coming=[HALT],
    ),
    controls.ScenarioAnswer(
        description="One halt.", incident=[{"kind": "halt", "at": "90s", "symbols": ["ACME"], "duration_s": 60.0}]
    ),
    http.HealthAnswer(),
    http.ReadyAnswer(epoch=EPOCH, seq=SEQ),
)

_BY_KIND = {type(example): msgspec.to_builtins(example) for example in EXAMPLES}


def example(kind: type[Struct]) -> Any:
    """Return the example of a type, as JSON would have it."""
    return _BY_KIND[kind]
