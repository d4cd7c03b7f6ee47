"""What the servers are compared on: who does each work, with how many clients, and which bars are held there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from contestants import CONTESTANTS, Contestant, bun, node_ws, ticker

OWN_OF, OWN_EACH, OWN_STEP_MS = 1000, 20, 50
SHARED = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
BROWSERS = "permessage-deflate; client_max_window_bits"
"""What browsers offer."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio of two servers' medians that is not to be exceeded."""

    number: int
    over: str
    under: str
    at_most: float
    measure: str = "us_per_tick"
    clients: int = 0
    """Where it holds, or 0 for all numbers of clients."""


@dataclass(frozen=True, slots=True)
class Work:
    """One work: its servers by name, the one that all are compared with, and the numbers of clients meant."""

    contestants: Mapping[str, Callable[[str], Contestant]]
    ours: str
    clients: tuple[int, ...]
    bars: tuple[Bar, ...]


def own_ticker(python: str) -> Contestant:
    """Returns our server with 1,000 instruments, of which every client wants 20 of its own."""
    base = ticker(python)
    market = {"instruments": OWN_OF, "step-ms": OWN_STEP_MS}
    flags = [word for key, value in market.items() for word in (f"--market.{key}", str(value))]
    trades = {"op": "subscribe", "channels": ["trades"], "symbols": ["@"], "snapshot": False}
    return _own(replace(base, command=(*base.command, *flags), step_ticks=OWN_EACH), trades)


def own_bun(python: str) -> Contestant:
    """Returns Bun with a topic for each of 1,000 instruments."""
    base = bun(python)
    flags = ("--instruments", str(OWN_OF), "--step-ms", str(OWN_STEP_MS))
    return _own(replace(base, command=(*base.command, *flags)), {"op": "subscribe", "symbols": ["@"]})


def _own(contestant: Contestant, subscription: dict[str, object]) -> Contestant:
    """Has the receiver put each client's own symbols where the subscription says @."""
    return replace(
        contestant,
        subscribe=json.dumps(subscription).replace('"@"', "@"),
        step_us=OWN_STEP_MS * 1000,
        receiver={"own-of": OWN_OF, "own-each": OWN_EACH},
    )


def ticker_shared(python: str) -> Contestant:
    """Returns our server with every message deflated once for all."""
    base = ticker(python)
    command = (*base.command, "--stream.compression", "shared")
    return replace(base, name="ticker_shared", command=command, receiver={"deflate": SHARED})


def node_ws_deflate(python: str) -> Contestant:
    """Returns Node with npm ws and a compressor for each client."""
    base = node_ws(python)
    return replace(base, name="node_ws_deflate", command=(*base.command, "--deflate"), receiver={"deflate": BROWSERS})


WORKS: dict[str, Work] = {
    "same": Work(
        CONTESTANTS,
        "ticker",
        (100, 500),
        (
            Bar(1, "ticker", "bun", 1.0),
            Bar(1, "ticker", "loop", 1.7, clients=100),
            Bar(1, "ticker", "loop", 1.4, clients=500),
            Bar(1, "ticker", "node_ws", 0.15),
            Bar(3, "ticker_sse", "ticker", 1.2),
            Bar(6, "ticker", "loop", 1.5, measure="p50_us", clients=100),
            Bar(6, "ticker", "loop", 1.5, measure="p99_us", clients=100),
        ),
    ),
    "own": Work({"ticker": own_ticker, "bun": own_bun}, "ticker", (500,), (Bar(2, "ticker", "bun", 1.2),)),
    "compressed": Work(
        {"ticker": ticker, "ticker_shared": ticker_shared, "node_ws_deflate": node_ws_deflate},
        "ticker_shared",
        (100, 200),
        (
            Bar(4, "ticker_shared", "ticker", 1.3),
            Bar(4, "ticker_shared", "ticker", 0.25, measure="bytes_per_tick"),
            Bar(4, "ticker_shared", "node_ws_deflate", 0.05, clients=100),
        ),
    ),
}
