"""What a feed insists on, whom it believes, what it says of itself, and when it comes back."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import RunningServer
from scripted import scripted, ticks
from ticker.session import messages as say
from ticker_client import ConnectionEnded, Incomplete, connect
from tls_front import tls_front


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker()


TRANSPORTS = ("ws", "sse", "long-poll", "short-poll")


# Strict.


async def test_a_strict_feed_ends_before_a_hole_and_keeps_what_came_before() -> None:
    async with scripted() as script, connect(script.url, strict=True) as feed:
        await feed.subscribe("ACME")
        await script.send(ticks(1, 1, 2), ticks(2, 4))
        assert [(await feed.next()).n, (await feed.next()).n] == [1, 2]
        with pytest.raises(Incomplete, match="ACME trades: n 3 is missing") as raised:
            await feed.next()
        assert (raised.value.hole.after_n, raised.value.hole.before_n) == (2, 4)
        await script.until(lambda: not feed.live)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (say.Lag(from_=1, to=9, dropped=7, conflated=0, reason="slow_reader"), "left out 7 ticks"),
        (
            say.Recovered(from_="0:1", to="0:9", complete=False, gap={"from": "0:1", "to": "0:5"}),
            "could not fill the hole after 0:1",
        ),
    ],
)
async def test_a_strict_feed_ends_at_the_server_s_word(word: say.ServerMessage, sentence: str) -> None:
    async with scripted() as script, connect(script.url, strict=True) as feed:
        await feed.subscribe("ACME")
        await script.send(ticks(1, 1), word)
        assert (await feed.next()).n == 1
        with pytest.raises(Incomplete, match=sentence):
            await feed.next()


async def test_who_is_not_strict_is_told_and_goes_on() -> None:
    holes = []
    async with scripted() as script, connect(script.url, on_gap=holes.append) as feed:
        await feed.subscribe("ACME")
        await script.send(ticks(1, 1, 2), ticks(2, 4))
        assert [(await feed.next()).n for _ in range(3)] == [1, 2, 4]
        assert [(hole.after_n, hole.before_n) for hole in holes] == [(2, 4)]


# Coming back.


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 4500, 4999])
async def test_codes_that_blame_us_or_forbid_it_are_final(code: int) -> None:
    async with scripted() as script, connect(script.url) as feed:
        await script.hang_up(code)
        with pytest.raises(ConnectionEnded) as raised:
            await feed.next(timeout_s=10)
        assert (raised.value.code, feed.connections, len(script.heard)) == (code, 1, 1)


@pytest.mark.parametrize("code", [1001, 1011, 1012, 1013, 4000, 4499])
async def test_after_other_codes_it_comes_back_and_says_so(code: int) -> None:
    back: list[ConnectionEnded] = []
    async with scripted() as script, connect(script.url, on_reconnect=back.append) as feed:
        await feed.subscribe("ACME")
        await script.send(ticks(1, 1))
        await feed.next(timeout_s=10)
        await script.hang_up(code)
        await script.until(lambda: len(script.heard) == 2 and bool(back))
        assert [ended.code for ended in back] == [code]
        assert feed.connections == 2 and feed.live


async def test_who_does_not_want_to_come_back_is_told_why() -> None:
    async with scripted() as script, connect(script.url, reconnect=False) as feed:
        await script.hang_up(1012)
        with pytest.raises(ConnectionEnded) as raised:
            await feed.next(timeout_s=10)
        assert raised.value.code == 1012


async def test_a_failing_on_reconnect_ends_the_feed() -> None:
    def fail(ended: ConnectionEnded) -> None:
        raise LookupError(ended.code)

    async with scripted() as script, connect(script.url, on_reconnect=fail) as feed:
        await script.hang_up(1012)
        with pytest.raises(ConnectionEnded, match="on_reconnect failed"):
            await feed.next(timeout_s=10)


# TLS, and tokens.


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_transport_speaks_tls_and_shows_the_token(
    server: RunningServer, tmp_path: Path, transport: str
) -> None:
    async with tls_front(server.port, tmp_path) as front:
        url = f"wss://127.0.0.1:{front.port}/v1/stream"
        async with connect(url, transport=transport, cafile=front.cafile, token="open-sesame") as feed:
            await feed.subscribe("ACME", channels=["quotes"])
            assert (await feed.next("ACME", timeout_s=10)).sym == "ACME"
        assert front.heads
        assert all("authorization: bearer open-sesame" in head.lower() for head in front.heads)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_certificate_that_nobody_vouches_for_is_not_believed(
    server: RunningServer, tmp_path: Path, transport: str
) -> None:
    async with tls_front(server.port, tmp_path) as front:
        with pytest.raises(ConnectionEnded, match=r"(?i)certificate"):
            async with asyncio.timeout(20), connect(f"wss://127.0.0.1:{front.port}/", transport=transport):
                pass
        assert front.heads == [], "nothing was said to it"


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("ws://127.0.0.1:1/", {"cafile": "nowhere.pem"}, "cafile"),
        ("wss://127.0.0.1:1/", {"cafile": "nowhere.pem"}, "nowhere.pem"),
        ("wss://127.0.0.1:1/", {"cafile": __file__}, "has no certificates"),
        ("ws://127.0.0.1:1/", {"token": "two\r\nlines"}, "token"),
        ("ws://127.0.0.1:1/", {"token": ""}, "token"),
    ],
)
def test_options_that_cannot_be_are_named(url: str, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        connect(url, **options)
