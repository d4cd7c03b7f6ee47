"""A server that lies, or is none: a client ends with a documented error, and nobody is left waiting."""

import asyncio
from typing import Any

import msgspec
import pytest

from fuzz import client as lying
from fuzz.client import PART
from scripted import scripted
from ticker.dialects import native
from ticker.session import messages as say
from ticker_client import ConnectionEnded, connect
from ticker_client.inbox import Inbox
from ticker_client.instruments import Instrument, Instruments

SERVICE = (
    b'{"server":"t","version":"0","protocol":"p","epoch":"%b","seq":5,"step_ms":10,"seed":1,"sim":true,"instruments":1,'
    b'"limits":{},"heartbeat_s":10,"auth_required":false,"stream":"","events":"","channels":[],"paths":[]}'
)
SHOWN = b'{"epoch":"%b","seq":5,"data":[]}'


@pytest.mark.parametrize("data", [b'{"\xff":1}', b'{"a":"\xff"}', b"[" * 100_000, b"", b"{"])
def test_whatever_is_no_document_is_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        native.reader(dict[str, Any])(data)
    with pytest.raises(msgspec.DecodeError):
        native.read(b'{"type":"lag","x":' + data)


@pytest.mark.parametrize("transport", [b"sse", b"long-poll", b"short-poll"])
def test_a_tape_may_be_called_anything_and_breaks_no_line(transport: bytes) -> None:
    """The server of the harness looks at every request."""
    name = rb"a\r\nX: y \u00fc"
    lying.check(transport + b"\n" + PART.join([SERVICE % name, SHOWN % name, b"{}", b"{}"]))


@pytest.mark.parametrize("said", ["id: epoch:²\n\n", f"id: epoch:{'9' * 5000}\n\n", f"retry: {'9' * 5000}\n\n"])
def test_numbers_of_a_stream_may_be_none(said: str) -> None:
    stream = b"event: x\ndata: {}\n\n"
    lying.check(b"sse\n" + PART.join([SERVICE % b"epoch", SHOWN % b"epoch", said.encode() + stream]))


@pytest.mark.parametrize(
    "listing",
    [
        say.Listing(symbols=["A"], tick_sizes=[], decimals=[2]),
        say.Listing(symbols=["A"], tick_sizes=[0.01], decimals=[10**9]),
        say.Listing(symbols=["A"], tick_sizes=[0.01], decimals=[-1]),
        say.Listing(symbols=["A"], tick_sizes=[0.0], decimals=[2]),
    ],
)
async def test_a_listing_that_makes_no_sense_ends_it(listing: say.Listing) -> None:
    with pytest.raises(msgspec.ValidationError):
        Instruments.of(listing)
    async with asyncio.timeout(10), scripted() as server:
        server.opening = [listing]
        async with connect(server.url, encoding="packed") as feed:
            with pytest.raises(ConnectionEnded, match=r"does not speak ticker\.v1\.packed") as ended:
                await anext(feed.batches())
    assert ended.value.final


def test_prices_of_an_instrument_can_be_counted() -> None:
    with pytest.raises(msgspec.ValidationError, match="'A' has prices in ticks of inf"):
        Instruments([Instrument("A", float("inf"), 2)])


async def test_an_answer_of_another_kind_is_none() -> None:
    async with asyncio.timeout(10), scripted() as server, connect(server.url, books=False) as feed:
        server.mute = say.Subscribe
        asked = asyncio.create_task(feed.subscribe("A"))
        await server.until(lambda: any(isinstance(message, say.Subscribe) for message in server.heard[-1]))
        await server.send(say.Pong(id=server.heard[-1][-1].id, server_ts=0))
        with pytest.raises(ConnectionEnded, match="answered subscribe with something else"):
            await asked


async def test_nobody_waits_for_an_answer_after_a_failure_that_nobody_has_foreseen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: Inbox, message: object) -> None:
        if isinstance(message, say.Pong):
            raise ZeroDivisionError("planted")

    async with asyncio.timeout(10), scripted() as server, connect(server.url, books=False) as feed:
        monkeypatch.setattr(Inbox, "take", fail)
        with pytest.raises(ConnectionEnded):
            await feed.subscribe("A")
        with pytest.raises(ConnectionEnded, match="the client failed: ZeroDivisionError"):
            await anext(feed.batches())
