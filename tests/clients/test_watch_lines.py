"""`ticker watch` as lines: JSON and CSV into pipes, limits, signals, readers that leave, and flags that cannot be."""

import csv
import fcntl
import io
import json
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import ROOT, RunningServer
from terminal_screen import HANGING_UP
from ticker.errors import ConfigError
from ticker.session.kinds import Bar1s, Book, Quote, Status, Trade
from ticker.ticks import CHANNELS
from ticker_watch.sheet import Sheet
from ticker_watch.wishes import Wishes, seconds

PATIENCE_S = 30


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker()


def command(server: RunningServer, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "ticker", "watch", "--url", server.stream, *arguments]


def watch(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command, into a pipe, to its end."""
    return subprocess.run(
        command(server, *arguments), capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S, check=False
    )


@contextmanager
def watching(server: RunningServer, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Give the running command, whose output is a pipe that nobody reads."""
    process = subprocess.Popen(
        (*HANGING_UP, *command(server, *arguments)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, bufsize=0
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


# A sheet.


def test_columns_are_those_of_the_channels() -> None:
    assert Sheet(["trades"]).columns == ("ch", "sym", "n", "t", "px", "sz", "side")
    assert Sheet(["quotes"]).columns == ("ch", "sym", "n", "t", "bid", "bsz", "ask", "asz")
    both = ("ch", "sym", "n", "t", "bid", "bsz", "ask", "asz", "px", "sz", "side")
    assert Sheet(["trades", "quotes"]).columns == Sheet(["quotes", "trades", "quotes"]).columns == both
    everything = Sheet(CHANNELS).columns
    assert len(set(everything)) == len(everything)


def test_rows_have_a_cell_for_each_column() -> None:
    sheet = Sheet(["status", "quotes", "book", "trades", "bars.1s"])
    ticks = [
        Status("A", 1, 5, "halted", "halt"),
        Quote("A", 2, 5, 1.5, 3, 1.75, 4),
        Trade("A", 3, 6, 1.5, 2, "buy"),
        Book("A", 4, 6, "bid", 1.5, 0, fresh=True),
        Bar1s("A", 5, 7, 1.0, 2.0, 0.5, 1.5, 0, None, 0, False),
    ]
    rows = list(csv.DictReader(io.StringIO((sheet.header() + sheet.rows(ticks)).decode())))
    assert [row["ch"] for row in rows] == ["status", "quote", "trade", "book", "bar.1s"]
    assert (rows[0]["state"], rows[0]["px"], rows[0]["bid"]) == ("halted", "", "")
    assert (rows[1]["bid"], rows[1]["asz"]) == ("1.5", "4")
    assert (rows[3]["fresh"], rows[3]["crc"], rows[3]["sz"]) == ("true", "", "0")
    assert (rows[4]["vwap"], rows[4]["done"]) == ("", "false")
    assert all(None not in row and None not in row.values() for row in rows)


# Flags.


@pytest.mark.parametrize(
    ("text", "value"),
    [("10", 10), ("10s", 10), ("500ms", 0.5), ("1.5m", 90), ("2h", 7200), (" 3 s ", 3), (".5", 0.5)],
)
def test_lengths_of_time_are_read(text: str, value: float) -> None:
    assert seconds("--duration", text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"transport": "pigeon"}, "--transport: pigeon is none; choose one of ws, sse, long-poll, short-poll"),
        ({"channels": ["news"]}, "--channels: unknown channel: news; choose from status, "),
        ({"json": True, "csv": True}, "--json and --csv: "),
        ({"count": 0}, "--count: at least 1 tick is needed, not 0"),
        ({"duration": "soon"}, "--duration: 'soon' is no length of time"),
        ({"duration": "-1"}, "--duration: '-1' is no length of time"),
        ({"duration": "0s"}, "--duration: 0s is no time at all"),
        ({"book": "ACME", "csv": True}, "--book: that is a picture, and --csv asks for lines"),
        ({"book": "ACME", "json": True}, "--book: that is a picture, and --json asks for lines"),
    ],
)
def test_what_cannot_be_is_said_with_its_flag(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Wishes(url="ws://127.0.0.1:1/", **wrong).check(terminal=True)  # type: ignore[arg-type]
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--book", "ACME"], "--book: that is a picture, and standard output is no terminal"),
        (["--cafile", "nowhere.pem"], "--cafile: "),
        (["--token", "two words"], "--token: "),
        (["--channels", "trades,news"], "--channels: unknown channel: news"),
        (["--count", "many"], "--count"),
    ],
)
def test_the_command_says_it_in_one_line(server: RunningServer, arguments: list[str], said: str) -> None:
    done = watch(server, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and said in done.stderr


def test_an_unknown_symbol_is_named(server: RunningServer) -> None:
    done = watch(server, "ACNE")
    assert (done.returncode, done.stderr) == (1, "ticker: unknown symbol: ACNE\n")


# Into a pipe.


@pytest.mark.parametrize("transport", ["ws", "long-poll"])
def test_csv_is_a_header_and_a_row_a_tick(server: RunningServer, transport: str) -> None:
    flags = ("--csv", "--count", "40", "--channels", "trades,quotes", "--transport", transport)
    done = watch(server, "ACME", "BYTE", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 40
    assert done.stdout.startswith("ch,sym,n,t,bid,bsz,ask,asz,px,sz,side\n")
    counted: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["ch"], row["sym"])
        assert counted.get(key, int(row["n"]) - 1) == int(row["n"]) - 1, "every tick is there"
        counted[key] = int(row["n"])
        assert (row["bid"] == "") == (row["ch"] == "trade")
    assert {sym for _, sym in counted} == {"ACME", "BYTE"}


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_duration_ends_it(server: RunningServer, flags: tuple[str, ...]) -> None:
    done = watch(server, "--duration", "1500ms", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(json.loads(line)["sym"] for line in done.stdout.splitlines())
    assert "\x1b" not in done.stdout


def test_a_reader_that_has_seen_enough_ends_it_quietly(server: RunningServer) -> None:
    for flags in ("--csv", "--json", "--csv --channels status"):  # of the last, nothing more comes
        text = " ".join(command(server, flags)) + "; echo $? >&2"
        done = subprocess.run(
            f"({text}) | head -n 1",
            shell=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=PATIENCE_S,
            check=True,
        )
        assert len(done.stdout.splitlines()) == 1
        assert done.stderr == "0\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it(server: RunningServer, number: signal.Signals) -> None:
    with watching(server) as process:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"{"
        process.send_signal(number)
        rest, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (0, b"")
        assert rest.endswith(b"\n") or not rest


def test_a_signal_ends_it_though_nobody_reads(server: RunningServer) -> None:
    with watching(server) as process:
        assert process.stdout is not None
        wait_until_full(process.stdout.fileno())
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_a_reader_that_was_slow_gets_every_line_whole(server: RunningServer) -> None:
    with watching(server, "--channels", "quotes") as process:
        assert process.stdout is not None
        wait_until_full(process.stdout.fileno())
        counted: dict[str, int] = {}
        with open(process.stdout.fileno(), "rb", closefd=False) as reader:  # it is a pipe
            for _ in range(4_000):
                tick = json.loads(reader.readline())
                assert counted.get(tick["sym"], tick["n"] - 1) == tick["n"] - 1
                counted[tick["sym"]] = tick["n"]
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def wait_until_full(descriptor: int) -> None:
    """Wait until a pipe, which nobody reads, has taken in no more for a while."""
    before, since = -1, time.monotonic()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        waiting = int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0"), sys.byteorder)
        if waiting != before:
            before, since = waiting, time.monotonic()
        elif waiting > 4096 and time.monotonic() > since + 1:
            return
        time.sleep(0.05)
    raise AssertionError(f"it never was full: {before} bytes")


def test_a_full_disk_is_said(server: RunningServer) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(server), stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=PATIENCE_S, check=False
        )
    assert (done.returncode, done.stderr) == (
        1,
        "ticker: standard output cannot be written to: no space left on device\n",
    )


def test_a_file_gets_whole_lines(server: RunningServer, tmp_path: Path) -> None:
    file = tmp_path / "ticks.csv"
    with file.open("w") as out:
        subprocess.run(command(server, "--csv", "--count", "500"), stdout=out, cwd=ROOT, timeout=PATIENCE_S, check=True)
    assert len(file.read_text().splitlines()) == 501


def test_a_closed_output_is_said(server: RunningServer) -> None:
    text = " ".join(command(server)) + " >&-"
    done = subprocess.run(text, shell=True, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert done.stderr == "ticker: standard output is closed: there is nowhere to show anything\n"


def test_a_token_is_sent_and_shown_nowhere(server: RunningServer) -> None:
    done = watch(server, "ACME", "--token", "s3cret", "--count", "1")
    assert done.returncode == 0
    assert "s3cret" not in done.stdout + done.stderr
