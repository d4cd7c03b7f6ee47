"""What was said on a connection: asking, waiting, and finding one's way in the messages that came."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from conftest import RunningServer
from plain_client import PlainClient
from plain_http import fetch

# Ten trades a step, in which `n` is the step's `seq`; a hundred steps a second.
LOAD = ("--config", "configs/load.toml", "--stream.heartbeat-s", "0.3", "--stream.window-max", "64")
TRADES_A_STEP = 10
ALL = {"op": "subscribe", "symbols": ["*"], "snapshot": False}


def ticks_in(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages of ticks."""
    return [message for message in messages if message["type"] == "ticks"]


def ticks_of(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the ticks in the messages of ticks."""
    return [tick for message in ticks_in(messages) for tick in message["data"]]


def kinds_of(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


def find(messages: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """Return the first message of a type."""
    return next(message for message in messages if message["type"] == kind)


def ask(client: PlainClient, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Send messages and read until they have been obeyed."""
    client.send(*messages, {"op": "ping", "id": "obeyed"})
    return client.read_until("pong", id="obeyed")


def take(client: PlainClient, count: int) -> list[dict[str, Any]]:
    """Read so many messages of ticks, and check that no other follows them."""
    messages: list[dict[str, Any]] = []
    while len(ticks_in(messages)) < count:
        messages += client.read_until("ticks")
    messages += client.read(0.05)
    assert len(ticks_in(messages)) == count, kinds_of(messages)
    return messages


def polled(server: RunningServer, symbols: str, channels: str, epoch: str, since: int, until: int) -> list[Any]:
    """Return what the tape holds after one step, up to another."""
    found, seq = [], since
    while seq < until:
        answer = fetch(server, f"v1/ticks?symbols={symbols}&channels={channels}&limit=1000&since={epoch}:{seq}")[0]
        found += [tick for batch in answer["batches"] if batch["seq"] <= until for tick in batch["data"]]
        seq = answer["seq"]
    return found


def metrics(server: RunningServer) -> dict[str, float]:
    """Return every sample, the values of its labels behind dots."""
    families = text_string_to_metric_families(fetch(server, "metrics")[0].decode())
    return {
        ".".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


def fill(client: PlainClient, size: int, **wish: Any) -> list[dict[str, Any]]:
    """Have a window of a size and all trades; return the messages that came, once the window is shut."""
    messages = ask(client, {"op": "window", "size": size}, {**ALL, **wish})
    return messages + take(client, size - len(ticks_in(messages)))
