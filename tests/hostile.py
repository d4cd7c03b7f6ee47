"""What may be sent to a server that should not be, as cases: what we answer, and where nginx says otherwise and why."""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import pytest

from plain_client import PlainClient
from raw_http import Listening, converse, get, verdict

LINGER = b"\x01\0\0\0\0\0\0\0"  # for no time: whoever closes then resets
Number = TypeVar("Number", int, float)
FULL = bool(os.environ.get("CATALOGUE_FULL"))
"""Whether floods are as large as the catalogue has them, not as a second or two allows."""

# Statuses that say a request is malformed or too much, as opposed to not found, not allowed, not changed.
REFUSALS = {400, 408, 411, 413, 414, 417, 421, 431, 501, 505}

TAB = "a tab is white space around a value as good as any (RFC 9110, section 5.6.3)"


class Case(NamedTuple):
    """Bytes, the statuses that we answer them with, and the reason where nginx answers in another way."""

    name: str
    sent: bytes
    ours: list[int]
    unlike: str = ""


def cases(family: str, ours: int | list[int], sent: dict[str, bytes], unlike: str = "") -> list[Case]:
    """Return the cases of a family that are answered alike."""
    found = [ours] if isinstance(ours, int) else ours
    return [Case(f"{family} {name}", data, found, unlike) for name, data in sent.items()]


def spelled(build: Callable[[bytes], bytes], values: Iterable[bytes]) -> dict[str, bytes]:
    """Return what is built of each value, by the value."""
    return {repr(value)[2:-1][:24]: build(value) for value in values}


def parameters(*families: list[Case]) -> pytest.MarkDecorator:
    """Return the parameters of a test that takes a `case`."""
    every = [case for family in families for case in family]
    return pytest.mark.parametrize("case", every, ids=[case.name for case in every])


def understood(statuses: list[int]) -> tuple[int, bool]:
    """Return how many requests were understood, and whether one was refused; hanging up is refusing."""
    count = sum(status not in REFUSALS for status in statuses)
    return count, count < len(statuses) or not statuses


def compare(case: Case, ours: Listening, theirs: Listening) -> None:
    """Check our answer, and that nginx agrees on what is malformed unless a reason is given why not."""
    assert converse(ours, case.sent) == case.ours
    agreed = understood(converse(theirs, case.sent)) == understood(case.ours)
    assert agreed != bool(case.unlike), case.unlike or "nginx disagrees"


def times(few: Number, many: Number) -> Number:
    """Return how often something is done, or for how long: `many` times where the catalogue is run in full."""
    return many if FULL else few


def come_back(server: Listening) -> None:
    """Check that after a flood a server soon answers as before, if it shut its door at all."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with suppress(OSError):  # it may take a while to get through the crowd
            if verdict(server, get("/healthz", "Connection: close")) == 200:
                return
        time.sleep(0.1)
    raise AssertionError("it is shut")


def flood(client: PlainClient, data: bytes, count: int, at_once: int = 50) -> list[dict[str, Any]]:
    """Send the same again and again, reading what is answered, until it has been done or one is hung up on."""
    messages = []
    with suppress(BrokenPipeError, ConnectionResetError):
        for sent in range(0, count, at_once):
            client.socket.sendall(data * min(at_once, count - sent))
            messages += client.read()
            if client.ended:
                break
    return messages


ENOUGH = {1007, 1008, 4029, 4509, None}
"""What is closed with these had gone on for too long; with none, its answers were not read."""


def goes_on(client: PlainClient) -> bool:
    """Tell whether a conversation goes on; where it does not, check that it was closed because it was enough."""
    with suppress(BrokenPipeError, ConnectionResetError):
        client.send({"op": "ping", "id": "on"})
    until = time.monotonic() + 20
    while not client.ended:
        assert time.monotonic() < until
        if any(message.get("id") == "on" for message in client.read()):
            return True
    assert client.read_close() in ENOUGH
    return False
