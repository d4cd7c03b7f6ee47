"""One client, four transports: however they come and however they break, the same ticks, none missing, none twice."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest
from websockets.asyncio.client import connect as dial

from conftest import ROOT, RunningServer
from ticker.session.messages import Quote, Snapshot, Trade
from ticker_client import TRANSPORTS, ConnectionEnded, Refused, connect, connect_sync
from witness import BOTH, BRISK, Witness, fetch, key_of, opened, read_tape


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*BRISK)


@pytest.fixture(scope="module")
def torrent(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """A thousand messages a second."""
    return serve_ticker(*BRISK, "--step-ms", "1")


# The same experience.


async def test_snapshots_come_first_then_every_tick_typed(server: RunningServer, transport: str) -> None:
    async with opened(server.url, transport) as feed:
        granted = await feed.subscribe("ACME", "BYTE", channels=BOTH)
        assert (granted.channels, granted.symbols) == (["quotes", "trades"], ["ACME", "BYTE"])
        assert granted.subscriptions == {"quotes": ["ACME", "BYTE"], "trades": ["ACME", "BYTE"]}
        witness = Witness(feed)
        shown = [await witness.read_message() for _ in range(2)]
        assert [batch.channel for batch in shown if isinstance(batch, Snapshot)] == ["quotes", "trades"]
        assert {key for key in witness.shown if key[0] == "quotes"} == {("quotes", "ACME"), ("quotes", "BYTE")}
        await witness.read(150)
        assert {type(tick) for tick in witness.ticks} == {Trade, Quote}
        assert {tick.sym for tick in witness.ticks} == {"ACME", "BYTE"}
        await witness.check(server.url)
        assert feed.session.position.seq >= granted.seq
        assert feed.transport == transport
        assert feed.session.welcome is not None and feed.session.welcome.instruments == 20


@pytest.mark.parametrize("place", ["ws://127.0.0.1:{}/v1/stream", "http://127.0.0.1:{}/", "http://127.0.0.1:{}"])
async def test_one_address_leads_to_all(server: RunningServer, transport: str, place: str) -> None:
    async with opened(place.format(server.port), transport) as feed:
        await feed.subscribe("*", channels=BOTH)
        await Witness(feed).read(1)
        assert await feed.ping() > 0
        assert await feed.subscriptions() == {"quotes": ["*"], "trades": ["*"]}


async def test_a_refusal_says_the_same(server: RunningServer, transport: str) -> None:
    async with opened(server.url, transport) as feed:
        long = "N" * 60
        with pytest.raises(Refused) as refused:
            await feed.subscribe("BYTE", long)
        assert refused.value.details["symbols"] == [long]
        await feed.unsubscribe("BYTE")  # it is subscribed all the same
        with pytest.raises(Refused, match="unknown symbol: NOPE") as refused:
            await feed.subscribe("ACME", "NOPE")
        assert (refused.value.code, refused.value.details) == ("unknown_symbol", {"symbols": ["NOPE"], "count": 1})
        assert await feed.subscriptions() == {"trades": ["ACME"]}, "what exists is subscribed all the same"
        for command, code in (
            (feed.subscribe("NOPE"), "unknown_symbol"),
            (feed.subscribe("ACME", channels=["news"]), "unknown_channel"),
            (feed.subscribe("ACME", channels=[]), "bad_request"),
            (feed.subscribe(), "bad_request"),
            (feed.unsubscribe("BYTE"), "not_subscribed"),
            (feed.unsubscribe("NOPE"), "unknown_symbol"),
            (feed.unsubscribe("ACME", channels=["news"]), "unknown_channel"),
        ):
            with pytest.raises(Refused) as refused:
                await command
            assert refused.value.code == code
        assert await feed.subscriptions() == {"trades": ["ACME"]}
        await Witness(feed).read(5)


async def test_subscriptions_change_while_ticks_flow(server: RunningServer, transport: str) -> None:
    async with opened(server.url, transport) as feed:
        witness = Witness(feed)
        await feed.subscribe("ACME")
        await witness.read(10)
        await feed.subscribe("BYTE", channels=["quotes"])  # no cross product any more
        await witness.read(20)
        await feed.subscribe("QBIT", "ACME", channels=BOTH)
        await witness.read(40)
        subscriptions = {channel: sorted(symbols) for channel, symbols in (await feed.subscriptions()).items()}
        assert subscriptions == {"quotes": ["ACME", "BYTE", "QBIT"], "trades": ["ACME", "QBIT"]}
        await feed.unsubscribe("ACME")
        await witness.drain()
        before = len(witness.ticks)
        await witness.read(40)
        wanted = {("quotes", "ACME"), ("quotes", "BYTE"), ("quotes", "QBIT"), ("trades", "QBIT")}
        while not wanted <= {key_of(tick) for tick in witness.ticks[before:]}:  # some come but now and then
            await witness.read(1)
        assert {key_of(tick) for tick in witness.ticks[before:]} == wanted
        await witness.check(server.url)


async def test_all_but_one(server: RunningServer, transport: str) -> None:
    async with opened(server.url, transport) as feed:
        await feed.subscribe("*")
        left = (await feed.unsubscribe("ACME")).subscriptions
        assert left == await feed.subscriptions()
        assert len(left["trades"]) == 19 and "ACME" not in left["trades"]
        witness = Witness(feed)
        await witness.drain()
        witness.ticks.clear()
        await witness.read(100)
        assert "ACME" not in {tick.sym for tick in witness.ticks}


async def test_nothing_subscribed_is_nothing_heard(server: RunningServer, transport: str) -> None:
    async with opened(server.url, transport) as feed:
        await feed.subscribe("ACME")
        assert (await feed.unsubscribe("*")).subscriptions == {}
        witness = Witness(feed)
        await asyncio.sleep(0.1)
        await witness.drain()
        await asyncio.sleep(0.2)
        assert feed.waiting == 0
        witness.shown.clear()
        await feed.subscribe("ACME", channels=["quotes"])
        await witness.read(5)
        assert (feed.session.missed, feed.session.repeated) == (0, 0)


async def test_a_consumer_that_dawdles_holds_the_server_up_and_loses_nothing(
    torrent: RunningServer, transport: str
) -> None:
    async with opened(torrent.url, transport, window=0) as feed:
        await feed.subscribe("*", channels=BOTH)
        while feed.waiting < 256:  # noqa: ASYNC110  # nobody tells us: we are the consumer that dawdles
            await asyncio.sleep(0.02)
        reached = feed.session.position
        async with asyncio.timeout(5):
            await feed.ping()
            await feed.subscriptions()
        held = feed.waiting  # what came with the answers, of which there is no telling how much
        await asyncio.sleep(0.3)
        assert feed.waiting <= held + 1, "nothing is taken that nobody reads"
        assert feed.session.position.seq < reached.seq + 100
        witness = Witness(feed)
        while feed.session.position.seq < reached.seq + 600:
            await witness.read(100)
        assert (feed.session.missed, feed.session.repeated, feed.session.lagged) == (0, 0, 0)


async def test_leaving_leaves_nothing_behind(server: RunningServer, transport: str) -> None:
    before = asyncio.all_tasks()
    async with opened(server.url, transport) as feed:
        await feed.subscribe("*")
        await Witness(feed).read(3)
    assert asyncio.all_tasks() == before
    assert not feed.live
    with pytest.raises(ConnectionEnded, match="closed by this side"):
        await feed.ping()
    async for _ in feed:  # what has come is read, and the end is no failure
        pass
    assert feed.waiting == 0


async def test_a_command_may_be_given_up(server: RunningServer, transport: str) -> None:
    async with opened(server.url, transport) as feed:
        await feed.subscribe("ACME")
        witness = Witness(feed)
        for delay_s in (0, 0.0003, 0.001):
            given_up = asyncio.create_task(feed.ping())
            await asyncio.sleep(delay_s)
            given_up.cancel()
            await asyncio.wait([given_up])
        await witness.read(10)
        assert await feed.ping() > 0
        await witness.check(server.url)


def test_the_synchronous_face_does_the_same(server: RunningServer, transport: str) -> None:
    with connect_sync(server.url, transport=transport, poll_every_s=0.03) as feed:
        assert feed.subscribe("ACME").symbols == ["ACME"]
        ticks = iter(feed)
        first = [next(ticks) for _ in range(5)]
        feed.switch("sse" if transport == "ws" else "ws")
        numbers = [tick.n for tick in [*first, *(next(ticks) for _ in range(5))]]
        assert numbers == list(range(numbers[0], numbers[0] + 10))
        assert feed.traffic.connections >= 2


def test_an_unknown_transport_is_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"pigeon.*known: ws, sse, long-poll, short-poll"):
        connect("ws://127.0.0.1:1/", transport="pigeon")


@pytest.mark.parametrize(
    ("url", "words"), [("http://127.0.0.1:1/", "is the server running"), ("nonsense", "not a WebSocket address")]
)
async def test_a_connection_that_cannot_be_made_is_explained(url: str, words: str, transport: str) -> None:
    with pytest.raises(ConnectionEnded, match=words):
        async with connect(url, transport=transport):
            raise AssertionError("connected")


async def test_who_is_no_ticker_server_is_told_apart(server: RunningServer, transport: str) -> None:
    with pytest.raises(ConnectionEnded, match=r"elsewhere.* (not a WebSocket|no ticker server)"):
        async with connect(f"{server.url}elsewhere/", transport=transport):
            raise AssertionError("connected")


async def test_all_four_hear_the_same_at_the_same_time(server: RunningServer) -> None:
    async def record(transport: str) -> Witness:
        async with opened(server.url, transport) as feed:
            await feed.subscribe("*", channels=BOTH)
            witness = Witness(feed)
            await witness.read(600)
            return witness

    witnesses = await asyncio.gather(*(record(transport) for transport in TRANSPORTS))
    tapes = [{(key_of(tick), tick.n): tick for tick in witness.ticks} for witness in witnesses]
    heard = set(tapes[0]).intersection(*tapes)
    assert len(heard) > 100
    for witness in witnesses:
        assert [tick for tick in witness.ticks if (key_of(tick), tick.n) in heard] == [
            tick for tick in witnesses[0].ticks if (key_of(tick), tick.n) in heard
        ]


# The bytes themselves.

TICK = re.compile(rb'\{"ch":[^}]*\}')
QUERY = "symbols=ACME,BYTE&channels=trades,quotes"


async def record_websocket(server: RunningServer, since: str, count: int) -> list[bytes]:
    async with dial(server.stream, compression=None, proxy=None) as ws:
        await ws.send(json.dumps({"op": "subscribe", "symbols": ["ACME", "BYTE"], "channels": BOTH, "from": since}))
        ticks: list[bytes] = []
        while len(ticks) < count:
            message = await ws.recv(decode=False)
            ticks += TICK.findall(message) if message.startswith(b'{"type":"ticks"') else []
    return ticks


async def record_events(server: RunningServer, since: str, count: int) -> list[bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 20)
    writer.write(f"GET /v1/sse?{QUERY}&from={since} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    ticks: list[bytes] = []
    try:
        while len(ticks) < count:
            ticks += TICK.findall(await reader.readline())
    finally:
        writer.close()
        await writer.wait_closed()
    return ticks


async def record_polls(server: RunningServer, since: str, count: int, wait: str) -> list[bytes]:
    ticks: list[bytes] = []
    while len(ticks) < count:
        answer = await asyncio.to_thread(fetch, server.url, f"/v1/ticks?{QUERY}&since={since}{wait}")
        document = json.loads(answer)
        since = f"{document['epoch']}:{document['seq']}"
        ticks += TICK.findall(answer)
    return ticks


async def test_a_tick_is_the_same_bytes_everywhere(server: RunningServer) -> None:
    here = json.loads(fetch(server.url, f"/v1/ticks?{QUERY}"))
    since = f"{here['epoch']}:{max(1, here['seq'] - 500)}"
    tapes = await asyncio.gather(
        record_websocket(server, since, 300),
        record_events(server, since, 300),
        record_polls(server, since, 300, ""),
        record_polls(server, since, 300, "&wait=5"),
    )
    assert all(tape[:300] == tapes[0][:300] for tape in tapes)


async def test_a_snapshot_shows_the_newest_bytes_of_the_tape(server: RunningServer) -> None:
    shown = fetch(server.url, f"/v1/snapshot?{QUERY}")
    newest: dict[tuple[str, str], bytes] = {}
    for answer in read_tape(server.url, QUERY):
        for seq, data in re.findall(rb'"seq":(\d+),"ts":\d+,"data":\[(.*?)\]', answer):
            for piece in TICK.findall(data) if int(seq) <= json.loads(shown)["seq"] else ():
                tick = json.loads(piece)
                newest[tick["ch"], tick["sym"]] = piece
    assert len(newest) == 4
    assert sorted(TICK.findall(shown)) == sorted(newest.values())
    assert len(json.loads(shown)["data"]) == 4


# From the command line.


def watch(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ticker", "watch", "--url", server.url, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)


def test_watch_prints_the_same_lines_over_all(server: RunningServer, transport: str) -> None:
    channels = [word for channel in BOTH for word in ("--channels", channel)]
    done = watch(server, "ACME", "--transport", transport, "--count", "20", *channels)
    assert (done.returncode, done.stderr) == (0, "")
    tape = [json.loads(piece) for answer in read_tape(server.url, QUERY) for piece in TICK.findall(answer)]
    lines = done.stdout.splitlines()
    assert len(lines) == 20
    assert all(json.loads(line) in tape for line in lines)
    spelled = [msgspec.json.encode(msgspec.json.decode(line, type=Trade | Quote)).decode() for line in lines]
    assert lines == spelled


def test_watch_names_the_transports_there_are(server: RunningServer) -> None:
    done = watch(server, "--transport", "pigeon")
    assert done.returncode == 2
    assert done.stderr == "ticker: --transport: pigeon is none; choose one of ws, sse, long-poll, short-poll\n"
