"""Every channel by every way: the ticks of the tape, as their types, and as arrays."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest

from conftest import ROOT, RunningServer
from ticker.session.kinds import KINDS
from ticker.session.messages import Snapshot, Tick
from ticker.session.requests import TicksAnswer
from ticker.ticks import BOOK, CHANNELS, STATUS
from ticker_client import Book, Status, connect, connect_sync
from ticker_client.arrays import gathered
from witness import DEEP, key_of, opened, read_tape

WAYS = [("ws", "json"), ("ws", "packed"), ("sse", "json"), ("long-poll", "json"), ("short-poll", "json")]
EVERY = ",".join(CHANNELS)
AFTER = 3  # ticks after the snapshot that prove a channel alive


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*DEEP)


@pytest.mark.parametrize(("transport", "encoding"), WAYS)
@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_channel_comes_as_its_type(server: RunningServer, channel: str, transport: str, encoding: str) -> None:
    wanted = 0 if channel == STATUS else AFTER  # nothing happens to a market that is left alone
    async with opened(server.url, transport, encoding=encoding) as feed:
        await feed.subscribe("ACME", "BYTE", channels=[channel])
        shown: list[Tick] = []
        came: list[Tick] = []
        async with asyncio.timeout(20):
            async for batch in feed.batches():
                into = shown if isinstance(batch, Snapshot) else came
                into += batch.data
                if len(came) >= wanted:
                    break
        session = feed.session
    assert {type(tick) for tick in [*shown, *came]} == {KINDS[channel]}
    assert {tick.channel for tick in [*shown, *came]} == {channel}
    assert {tick.sym for tick in shown} == {"ACME", "BYTE"}
    assert (session.missed, session.repeated, session.reordered, session.lagged) == (0, 0, 0, 0)


@pytest.mark.parametrize(("transport", "encoding"), WAYS)
async def test_all_channels_are_those_of_the_tape(server: RunningServer, transport: str, encoding: str) -> None:
    async with opened(server.url, transport, encoding=encoding) as feed:
        await feed.subscribe("ACME", "BYTE", channels=CHANNELS)
        came: list[Tick] = []
        async with asyncio.timeout(30):
            async for batch in feed.batches():
                came += [] if isinstance(batch, Snapshot) else batch.data
                if len({tick.channel for tick in came}) >= len(CHANNELS) - 1 and len(came) > 300:
                    break
        session = feed.session
        assert (session.missed, session.repeated, session.reordered, session.lagged) == (0, 0, 0, 0)
        assert (session.books.failed, session.books.holes) == (0, 0) and session.books.passed > 50
    query = f"symbols=ACME,BYTE&channels={EVERY}"
    answers = [msgspec.json.decode(answer, type=TicksAnswer) for answer in read_tape(server.url, query)]
    tape = [tick for answer in answers for batch in answer.batches for tick in batch.data]
    for key in {key_of(tick) for tick in came}:
        ours = [tick for tick in came if key_of(tick) == key]
        assert ours == [tick for tick in tape if key_of(tick) == key and ours[0].n <= tick.n <= ours[-1].n]
    place = {(*key_of(tick), tick.n): number for number, tick in enumerate(tape)}
    places = [place[*key_of(tick), tick.n] for tick in came]
    assert places == sorted(places), "in the order of the tape"


async def test_arrays_have_all_channels_whichever_way(server: RunningServer) -> None:
    async with connect(server.stream, encoding="packed") as packed:
        await packed.subscribe("*", channels=CHANNELS)
        found: set[str] = set()
        async with asyncio.timeout(20):
            async for arrays in packed.arrays():
                found |= {channel for channel, rows in arrays.rows.items() if len(rows)}
                for message in arrays.messages():
                    made = gathered(message, arrays.instruments)
                    for channel, rows in made.rows.items():
                        kept = [name for name in rows.dtype.names or () if name not in ("seq", "turnover")]
                        theirs = arrays.rows[channel]
                        assert rows[kept].tolist() == theirs[kept].tolist()
                if arrays.kind == "ticks" and found == set(CHANNELS):
                    break


def test_the_synchronous_face_has_all_channels(server: RunningServer) -> None:
    with connect_sync(server.url, transport="sse") as feed:
        feed.subscribe("ACME", channels=[STATUS, BOOK])
        ticks = iter(feed)
        first = next(ticks)
        assert isinstance(first, Status) and (first.state, first.reason) == ("trading", "schedule")
        assert isinstance(next(ticks), Book)


# The command line.


def watch(server: RunningServer, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "ticker", "watch", "--url", server.stream, *arguments]


@pytest.mark.parametrize("channel", CHANNELS)
def test_watch_prints_any_channel_as_lines(server: RunningServer, channel: str) -> None:
    command = watch(server, "ACME", "--channels", channel, "--count", "1")
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=True)
    tick = json.loads(done.stdout)
    assert tick["ch"] == KINDS[channel].__struct_config__.tag and tick["sym"] == "ACME"
    assert msgspec.json.decode(done.stdout, type=KINDS[channel]).n == tick["n"]


def test_watch_paints_states_and_books(server: RunningServer) -> None:
    command = watch(server, "ACME", "--channels", "book", "--channels", "status", "--channels", "stats")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "20"}
    process = subprocess.Popen(command, stdout=theirs, cwd=ROOT, env=environment)
    screen = b""
    try:
        while not (b"trading" in screen and b"books proved" in screen):
            assert process.poll() is None
            screen += os.read(ours, 65536)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)
    assert b"wrong 0" in screen


def test_watch_names_the_channels_there_are(server: RunningServer) -> None:
    command = watch(server, "--channels", "news")
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
    assert done.returncode == 2
    assert "--channels: unknown channel: news" in done.stderr


@pytest.mark.parametrize("command", ["watch", "load", "compare"])
def test_help_names_every_channel(command: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "ticker", command, "--help"], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout
    assert [channel for channel in CHANNELS if channel not in shown] == []
