"""`ticker record`: what a server sends is what stands in the file, exactly, whatever happens to the connection."""

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from conftest import ROOT, RunningServer, start_server
from golden_tape import market_of
from recorded import assert_same
from tcp_proxy import Proxy
from terminal_screen import HANGING_UP
from ticker.config import MarketConfig
from ticker.feed.board import Board
from ticker.links.recording import Recording
from ticker.session.messages import Ticks
from ticker.ticks import CHANNELS, Batch
from ticker_client import TRANSPORTS, connect

PATIENCE_S = 60
CONFIG = MarketConfig(instruments=8, step_ms=20)
FLAGS = ("--instruments", "8", "--step-ms", "20")


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*FLAGS)


def command(path: Path, url: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "ticker", "record", str(path), "--url", url, *arguments]


def record(path: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        command(path, url, *arguments), capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S, check=False
    )


@contextmanager
def recording(path: Path, url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Give the running command."""
    process = subprocess.Popen(
        (*HANGING_UP, *command(path, url, *arguments)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def recording_beside(path: Path, url: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Give the running command, beside a loop that has something else to do."""
    process = await asyncio.create_subprocess_exec(
        *command(path, url, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def kept(path: Path) -> int:
    """Return the newest step in a file that is being written; 0 before there is any."""
    try:
        with Recording.open(path) as found:
            return found.last
    except Exception:
        return 0


def wait_for(path: Path, steps: int, process: subprocess.Popen[str]) -> int:
    """Wait until so many steps more stand in the file than there are now; return the newest."""
    until, before = time.monotonic() + PATIENCE_S, kept(path)
    while (last := kept(path)) < max(1, before) + steps:
        assert time.monotonic() < until and process.poll() is None, f"step {last} is the newest"
        time.sleep(0.05)
    return last


async def wait_beside(path: Path, steps: int) -> int:
    before = kept(path)
    async with asyncio.timeout(PATIENCE_S):
        while (last := kept(path)) < max(1, before) + steps:  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(0.05)
    return last


def assert_is_the_tape(path: Path) -> list[tuple[int, int]]:
    """Prove every step in a recording, and the picture where it begins and after each gap; return its gaps."""
    market = market_of(CONFIG)
    board = Board(8)
    with Recording.open(path) as found:
        assert found.label.epoch == market.epoch
        assert found.label.start_us == market.time_us(0) and found.label.step_us == 20_000

        def until(seq: int) -> Batch:
            """Run the market up to a step, and return the picture."""
            while market.seq < seq:
                board.update(market.step())
            rows = {channel: board.newest(channel, range(8)) for channel in CHANNELS}
            return Batch(seq, market.time_us(seq), rows)

        first = found.picture(found.first - 1)
        assert first is not None
        assert_same([first], [until(found.first - 1)])
        for step in found.after(found.first - 1):
            if isinstance(step, Batch):
                assert_same([step], [until(step.seq)])
            else:
                batch = market.step()
                board.update(batch)
                assert_same([step[0]], [batch])
        assert market.seq == found.last
        assert found.troubles == []
        return found.gaps


def test_it_is_the_tape(server: RunningServer, tmp_path: Path) -> None:
    done = record(tmp_path / "tape", server.stream, "--count", "3000")
    assert (done.returncode, done.stderr) == (0, "")
    assert assert_is_the_tape(tmp_path / "tape") == []
    with Recording.open(tmp_path / "tape") as found:
        assert found.closed
        assert found.about.transport == "ws" and found.about.source == server.stream and found.about.symbols is None
        assert found.label.universe.instruments[0].name == market_of(CONFIG).universe[0].name
    said = re.fullmatch(
        r".*/tape: ([\d,]+) ticks in (\d+) steps, \w+:(\d+) to (\d+), [\d.]+ kB, [\d.]+ bytes a tick, no gap\n",
        done.stdout,
    )
    assert said and int(said[1].replace(",", "")) >= 3000
    assert (int(said[3]), int(said[4])) == (found.first, found.last) and int(said[2]) == found.last - found.first + 1


async def test_when_it_was_emitted_is_what_the_server_said(server: RunningServer, tmp_path: Path) -> None:
    said: dict[int, int] = {}
    begun = 0
    async with connect(server.stream) as feed, recording_beside(tmp_path / "tape", server.stream):
        await feed.subscribe("*", channels=CHANNELS)
        async with asyncio.timeout(PATIENCE_S):
            async for message in feed.batches():
                if isinstance(message, Ticks):
                    said[message.seq] = message.ts
                if len(said) % 20 == 0 and (last := kept(tmp_path / "tape")):
                    begun = begun or last
                    if last > begun + 100:
                        break
    with Recording.open(tmp_path / "tape") as found:
        recorded = {step[0].seq: step[1] for step in found.after(found.first - 1) if not isinstance(step, Batch)}
    both = said.keys() & recorded.keys()
    assert len(both) > 40
    assert {seq: said[seq] for seq in both} == {seq: recorded[seq] for seq in both}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_over_any_transport_nothing_is_missing(server: RunningServer, tmp_path: Path, transport: str) -> None:
    done = record(tmp_path / "tape", server.url, "--transport", transport, "--count", "2000")
    assert (done.returncode, done.stderr) == (0, "")
    with Recording.open(tmp_path / "tape") as found:
        assert (found.gaps, found.about.transport) == ([], transport)
        shown = found.picture(found.first - 1)
        assert shown is not None
        counts = {(channel, row["instrument"]): row["n"] for channel in CHANNELS for row in shown.rows[channel]}
        total = 0
        for step in found.after(found.first - 1):
            assert not isinstance(step, Batch)
            for channel, rows in step[0].rows.items():
                for instrument, n in zip(rows["instrument"].tolist(), rows["n"].tolist(), strict=True):
                    assert n == counts.get((channel, instrument), 0) + 1
                    counts[channel, instrument] = n
                    total += 1
        assert total >= 2000
        end = found.picture(found.last)
        assert end is not None
        assert all(counts[channel, row["instrument"]] == row["n"] for channel in CHANNELS for row in end.rows[channel])


def test_some_symbols_and_channels(server: RunningServer, tmp_path: Path) -> None:
    done = record(tmp_path / "tape", server.url, "BYTE", "ACME", "--channels", "trades,quotes", "--count", "200")
    assert (done.returncode, done.stderr) == (0, "")
    market = market_of(CONFIG)
    wanted = [market.universe.find(symbol) for symbol in ("ACME", "BYTE")]
    with Recording.open(tmp_path / "tape") as found:
        assert found.about.channels == ("quotes", "trades") and found.about.symbols == ("BYTE", "ACME")
        while market.seq < found.first - 1:
            market.step()
        for step in found.after(found.first - 1):
            assert not isinstance(step, Batch)
            batch = market.step()
            for channel in CHANNELS:
                rows = batch.rows[channel]
                mine = (
                    rows[[one in wanted for one in rows["instrument"]]] if channel in found.about.channels else rows[:0]
                )
                assert step[0].rows[channel].tobytes() == mine.tobytes()


async def test_a_connection_that_is_cut_leaves_no_trace(proxy: Proxy, tmp_path: Path, transport: str) -> None:
    async with recording_beside(tmp_path / "tape", proxy.url, "--transport", transport) as process:
        for cuts in range(4):
            await wait_beside(tmp_path / "tape", 40)
            if cuts % 2:
                proxy.cut_after(3_000)
            else:
                proxy.cut()
        await wait_beside(tmp_path / "tape", 40)
        process.send_signal(signal.SIGINT)
        out, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert b"no gap" in out
    if transport == "ws":
        assert assert_is_the_tape(tmp_path / "tape") == []
    with Recording.open(tmp_path / "tape") as found:
        assert (found.gaps, found.closed, found.troubles) == ([], True, [])


async def test_what_could_not_be_had_is_a_gap(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    server = serve_ticker(*FLAGS, "--feed.tape-s", "0.5")
    async with Proxy(server.port) as proxy, recording_beside(tmp_path / "tape", proxy.url) as process:
        last = await wait_beside(tmp_path / "tape", 60)
        proxy.accepting = False
        proxy.cut()
        await asyncio.sleep(2.5)
        proxy.accepting = True
        await wait_beside(tmp_path / "tape", 60)
        process.send_signal(signal.SIGTERM)
        out, errors = await process.communicate()
    assert process.returncode == 0
    ((after, until),) = assert_is_the_tape(tmp_path / "tape")
    assert after >= last and until > after + 50
    reason = "the server had them no more when we came back"
    assert errors.decode() == f"{tmp_path}/tape: a gap: the steps from {after + 1} to {until} are missing: {reason}\n"
    assert b", 1 gap\n" in out
    with Recording.open(tmp_path / "tape") as found:
        assert found.records.reasons() == {after: reason}


def test_a_reader_that_was_too_slow_has_a_gap(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    server = serve_ticker(*FLAGS, "--feed.tape-s", "0.5")
    with recording(tmp_path / "tape", server.stream) as process:
        wait_for(tmp_path / "tape", 60, process)
        process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        process.send_signal(signal.SIGCONT)
        wait_for(tmp_path / "tape", 300, process)
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert len(assert_is_the_tape(tmp_path / "tape")) >= 1
    assert "are missing: we" in errors


def test_another_tape_ends_it(tmp_path: Path) -> None:
    server = start_server(*FLAGS)
    other = None
    try:
        with recording(tmp_path / "tape", server.stream) as process:
            wait_for(tmp_path / "tape", 60, process)
            server.process.kill()
            server.process.wait()
            other = start_server(*FLAGS, "--seed", "99", "--port", str(server.port))
            _, errors = process.communicate(timeout=PATIENCE_S)
    finally:
        for one in (server, other):
            if one:
                one.process.kill()
                one.process.communicate()
    assert process.returncode == 1
    assert re.fullmatch(
        r"ticker: .*/tape: the server has another tape now, \w+: this recording of \w+ ends here, "
        r"record the other one in a new file\n",
        errors,
    )
    assert assert_is_the_tape(tmp_path / "tape") == []
    with Recording.open(tmp_path / "tape") as found:
        assert found.closed


def test_the_same_tape_from_its_beginning_is_gone_on_with(tmp_path: Path) -> None:
    server = start_server(*FLAGS, "--speed", "5")
    again = None
    try:
        with recording(tmp_path / "tape", server.stream) as process:
            last = wait_for(tmp_path / "tape", 300, process)
            server.process.kill()
            server.process.wait()
            again = start_server(*FLAGS, "--speed", "10", "--port", str(server.port))
            assert wait_for(tmp_path / "tape", 400, process) > last + 300
            process.terminate()
            process.communicate(timeout=PATIENCE_S)
    finally:
        for one in (server, again):
            if one:
                one.process.kill()
                one.process.communicate()
    assert process.returncode == 0
    assert assert_is_the_tape(tmp_path / "tape") == []


# Ends.


def test_killed_it_has_all_but_the_last_second_and_goes_on(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "tape"
    with recording(path, server.stream) as process:
        wait_for(path, 120, process)
        time.sleep(0.7)
        process.kill()
        process.wait()
    head = json.loads(subprocess.check_output(["curl", "-s", f"{server.url}v1/snapshot?symbols=ACME"]))["seq"]
    with Recording.open(path) as found:
        assert not found.closed and found.gaps == []
        assert head - found.last < 50 * 10, "a second, and however long it took to ask"
    assert assert_is_the_tape(path) == []
    last = found.last
    done = record(path, server.stream, "--append", "--count", "1000")
    assert (done.returncode, done.stderr) == (0, "")
    assert f":{last + 1} to " in done.stdout
    assert assert_is_the_tape(path) == []
    with Recording.open(path) as found:
        assert found.closed and found.last > last + 10


def test_going_on_with_what_is_not_there_begins_it(server: RunningServer, tmp_path: Path) -> None:
    assert record(tmp_path / "tape", server.stream, "--append", "--count", "500").returncode == 0
    assert assert_is_the_tape(tmp_path / "tape") == []


def test_going_on_too_late_is_a_gap(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    server = serve_ticker(*FLAGS, "--feed.tape-s", "0.5")
    for arguments in ((), ("--append",)):
        assert record(tmp_path / "tape", server.stream, "--count", "500", *arguments).returncode == 0
        time.sleep(2)
    assert len(assert_is_the_tape(tmp_path / "tape")) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_closes_the_file(server: RunningServer, tmp_path: Path, number: signal.Signals) -> None:
    with recording(tmp_path / "tape", server.stream) as process:
        wait_for(tmp_path / "tape", 60, process)
        process.send_signal(number)
        out, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors, out.count("\n")) == (0, "", 1)
    with Recording.open(tmp_path / "tape") as found:
        assert found.closed and found.troubles == []


def test_a_disk_that_is_full_is_said_and_what_was_written_stays(server: RunningServer, tmp_path: Path) -> None:
    line = " ".join(command(tmp_path / "tape", server.stream))
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 60; exec {line}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    said = re.fullmatch(r"ticker: .*/tape: file too large; \w+:(\d+) is the last step in it\n", done.stderr)
    assert said, done.stderr
    assert assert_is_the_tape(tmp_path / "tape") == []
    with Recording.open(tmp_path / "tape") as found:
        assert found.last == int(said[1]) and not found.closed


def test_on_a_terminal_it_shows_what_it_has(server: RunningServer, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(tmp_path / "tape", server.stream), stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT, text=True
    )
    os.close(theirs)
    shown = b""
    try:
        until = time.monotonic() + PATIENCE_S
        while not all(word in shown for word in (b"bytes a tick", b"a second", b"2026-01-05T14:3", b"no gap")):
            assert time.monotonic() < until
            shown += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        with suppress(OSError):
            while os.read(ours, 65536):
                pass
        out, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert process.returncode == 0 and out.count("\n") == 1


# Mistakes.


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--transport", "pigeon"], 2, "--transport: pigeon is none; choose one of ws, sse, long-poll, short-poll"),
        (["--channels", "trades,weather"], 2, "--channels: unknown channel: weather; choose from status, quotes"),
        (["--duration", "soon"], 2, "--duration: 'soon' is no length of time"),
        (["--duration", "0"], 2, "--duration: 0 is no time at all"),
        (["--count", "0"], 2, "--count: at least 1 tick is needed, not 0"),
        (["--seed", "7"], 2, "--seed: is a market's: it goes with --market"),
        (["--config", "configs/load.toml"], 2, "--config: is a market's: it goes with --market"),
        (["NONESUCH"], 1, "NONESUCH"),
        (["--url", "nowhere"], 1, "nowhere is not a WebSocket address"),
        (["--url", "ws://127.0.0.1:1/v1/stream"], 1, "connection refused: is the server running?"),
        (["--cafile", "none.pem"], 2, "--cafile: ws://"),
        (["--token", "two words"], 2, "--token: it is empty, or has a space"),
    ],
)
def test_what_cannot_be_is_said(
    server: RunningServer, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    url = () if "--url" in arguments else ("--url", server.stream)
    done = subprocess.run(
        [sys.executable, "-m", "ticker", "record", str(tmp_path / "tape"), *url, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("ticker: ") and done.stderr.count("\n") == 1 and words in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("there", "there: is there already; a recording begins in a new file"),
        ("", "is there already; a recording begins in a new file"),
        ("no/tape", "tape: there is no folder"),
    ],
)
def test_a_file_that_cannot_be_is_said(server: RunningServer, tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "there").write_text("precious")
    done = record(tmp_path / name, server.stream)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and words in done.stderr, done.stderr
    assert (tmp_path / "there").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--channels", "trades"],
            "has status, quotes, book, trades, bars.1s, bars.1m, stats of *; it can only be gone",
        ),
        (["ACME"], "it can only be gone on with as it was begun"),
    ],
)
def test_going_on_with_something_else_is_refused(
    server: RunningServer, tmp_path: Path, arguments: list[str], words: str
) -> None:
    assert record(tmp_path / "tape", server.stream, "--count", "100").returncode == 0
    before = (tmp_path / "tape").stat().st_size
    done = record(tmp_path / "tape", server.stream, "--append", *arguments)
    assert done.returncode == 2 and words in done.stderr
    assert (tmp_path / "tape").stat().st_size == before


def test_going_on_with_another_tape_is_refused(
    server: RunningServer, serve_ticker: Callable[..., RunningServer], tmp_path: Path
) -> None:
    assert record(tmp_path / "tape", server.stream, "--count", "100").returncode == 0
    other = serve_ticker(*FLAGS, "--seed", "5")
    done = record(tmp_path / "tape", other.stream, "--append", "--count", "100")
    assert done.returncode == 2 and "--append: the server has tape" in done.stderr
    with Recording.open(tmp_path / "tape") as found:
        assert found.closed and found.troubles == []
    assert assert_is_the_tape(tmp_path / "tape") == []


def test_a_thousand_instruments_are_shown_piece_by_piece(
    serve_ticker: Callable[..., RunningServer], tmp_path: Path
) -> None:
    """One picture of them all would be more than a server lets anybody leave unread."""
    server = serve_ticker("--universe", "large")
    done = record(tmp_path / "tape", server.stream, "--count", "20000")
    assert (done.returncode, done.stderr) == (0, "")
    market = market_of(MarketConfig(universe="large"))
    board = Board(len(market.universe))
    with Recording.open(tmp_path / "tape") as found:
        while market.seq < found.first - 1:
            board.update(market.step())
        shown = found.picture(found.first - 1)
        assert shown is not None and found.gaps == []
        for channel in CHANNELS:
            assert shown.rows[channel].tobytes() == board.newest(channel, range(len(market.universe))).tobytes()
        for step in found.after(found.first - 1):
            assert not isinstance(step, Batch)
            assert_same([step[0]], [market.step()])
