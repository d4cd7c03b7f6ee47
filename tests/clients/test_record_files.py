"""`ticker record --market`, `ticker info` and `ticker export`: run as a user runs them."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from msgspec import UNSET

from conftest import ROOT, RunningServer
from recorded import record as record_morning
from ticker.links.recording import Recording
from ticker.ticks import CHANNELS
from ticker_client.columns import ticks_of
from ticker_record.export import instruments_of

PATIENCE_S = 60
SMALL = ("--instruments", "8", "--step-ms", "20")


def ticker(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ticker", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market of 20 seconds."""
    path = tmp_path_factory.mktemp("market") / "tape.rec"
    done = ticker("record", path, "--market", *SMALL, "--duration", "20s")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{path}: ") and " ticks in 1,000 steps, " in done.stdout
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A morning with a gap, a damaged block, and no end."""
    path = tmp_path / "broken"
    record_morning(path, (10, 50), (80, 400), close=False).flush()
    with Recording.open(path) as recording:
        place = recording.records.places[recording.records.blocks[20]]
    data = bytearray(path.read_bytes())
    data[place + 96 + 30] ^= 4
    path.write_bytes(data + b"reel")
    return path


# A market in process.


def test_the_same_market_makes_the_same_bytes(tape: Path, tmp_path: Path) -> None:
    assert ticker("record", tmp_path / "again", "--market", *SMALL, "--duration", "20s").returncode == 0
    assert (tmp_path / "again").read_bytes() == tape.read_bytes()
    assert ticker("record", tmp_path / "other", "--market", *SMALL, "--seed", "2", "--duration", "20s").returncode == 0
    assert (tmp_path / "other").read_bytes() != tape.read_bytes()


def test_it_is_the_tape_that_a_server_serves(
    serve_ticker: Callable[..., RunningServer], tape: Path, tmp_path: Path
) -> None:
    server = serve_ticker(*SMALL)
    heard = tmp_path / "heard"
    assert ticker("record", heard, "--url", server.stream, "--count", "2000").returncode == 0
    with Recording.open(heard) as there, Recording.open(tape) as here:
        assert there.label.epoch == here.label.epoch
        assert there.last < here.last, "the market in process has gone further"
        steps = zip(there.after(there.first - 1), here.after(there.first - 1), strict=False)
        for (one, _), (other, _) in steps:
            assert (one.seq, one.t) == (other.seq, other.t)
            assert all(one.rows[channel].tobytes() == other.rows[channel].tobytes() for channel in CHANNELS)


def test_a_count_ends_it_at_the_end_of_a_step(tmp_path: Path) -> None:
    done = ticker("record", tmp_path / "tape", "--market", *SMALL, "--count", "5000")
    assert done.returncode == 0
    ticks = int(done.stdout.partition(": ")[2].partition(" ")[0].replace(",", ""))
    assert 5000 <= ticks < 5500


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_it(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ticker", "record", tmp_path / "tape", "--market"], stdout=subprocess.PIPE, cwd=ROOT
    )
    until = time.monotonic() + PATIENCE_S
    while not (tmp_path / "tape").exists() or (tmp_path / "tape").stat().st_size < 100_000:
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(number)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0 and out.count(b"\n") == 1
    with Recording.open(tmp_path / "tape") as found:
        assert found.closed and found.gaps == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ACME"], "SYMBOLS: is a server's; --market has none"),
        (["--channels", "trades"], "--channels: is a server's"),
        (["--url", "ws://elsewhere/"], "--url: is a server's"),
        (["--append"], "--append: is a server's"),
        (["--universe", "none"], "market.universe: nothing is called 'none'"),
        (["--seed", "x"], "--market.seed"),
        (["--scenario", "none"], "market.scenario"),
        (["--duration", "0s"], "--duration: 0s is no time at all"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_what_a_market_cannot_have_is_said(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = ticker("record", tmp_path / "tape", "--market", *arguments)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and words in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


# Info.


def test_info_says_what_is_in_it(tape: Path) -> None:
    done = ticker("info", tape)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        f"{tape}, ",
        " bytes a tick",
        ":1 to 1000, 1,000 steps of 20 ms, seed 1, 1 times as fast",
        "8 instruments",
        "2026-01-05T14:30:00.020Z to 2026-01-05T14:30:20.000Z",
        "a market in process",
        "status 16, quotes ",
        "gaps       none",
        "closed; every checksum is right",
    ):
        assert words in done.stdout, words


def test_info_as_json_counts_every_tick(tape: Path) -> None:
    found = json.loads(ticker("info", tape, "--json").stdout)
    with Recording.open(tape) as recording:
        counted = dict.fromkeys(CHANNELS, 0)
        for batch, _ in recording.after(0):
            for channel, rows in batch.rows.items():
                counted[channel] += len(rows)
        assert found["epoch"] == recording.label.epoch
    assert found["ticks_by_channel"] == counted and found["ticks"] == sum(counted.values())
    assert found["bytes"] == tape.stat().st_size
    assert found["bytes_a_tick"] == round(found["bytes"] / found["ticks"], 2)
    assert (found["first"], found["last"], found["steps"], found["gaps"], found["closed"]) == (1, 1000, 1000, [], True)
    assert found["channels"] == list(CHANNELS) and found["symbols"] == ["*"] and found["troubles"] == []


def test_info_says_what_is_missing(broken: Path) -> None:
    done = ticker("info", broken)
    assert (done.returncode, done.stderr) == (1, "")
    assert "gaps       2, " in done.stdout and "51 to 80 (it was lost)" in done.stdout and "(damaged)" in done.stdout
    assert (
        "not closed: a second may be missing at its end; the last 4 bytes are the beginning of a record" in done.stdout
    )
    assert "is damaged: a checksum is wrong" in done.stdout
    quick = json.loads(ticker("info", broken, "--quick", "--json").stdout)
    assert quick["gaps"] == [{"after": 50, "up_to": 80, "reason": "it was lost"}] and not quick["checked"]


# Export.


def test_lines_are_those_of_watch(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    server = serve_ticker(*SMALL, "--seed", "4")
    flags = ("--channels", "trades,quotes", "--count", "600")
    seen = {form: ticker("watch", "--url", server.stream, form, *flags).stdout for form in ("--json", "--csv")}
    tape = tmp_path / "tape"
    assert ticker("record", tape, "--market", *SMALL, "--seed", "4", "--duration", "1m").returncode == 0
    for form, to in (("--json", "ndjson"), ("--csv", "csv")):
        done = ticker("export", tape, "--to", to, "--channels", "trades,quotes")
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        known = {line: number for number, line in enumerate(lines)}
        assert len(known) == len(lines)
        places = [known[line] for line in seen[form].splitlines()]
        came = places[1:] if to == "csv" else places
        assert len(came) == 600 and places[-1] < len(lines) - 1
        assert came[100:] == list(range(came[100], came[100] + 500)), (
            "in their order, once what is shown at first is over"
        )


def test_lines_are_of_every_channel_or_of_some(tape: Path, tmp_path: Path) -> None:
    found = json.loads(ticker("info", tape, "--json").stdout)["ticks_by_channel"]
    everything = ticker("export", tape, "--to", "ndjson").stdout.splitlines()
    assert len(everything) == sum(found.values())
    assert ticker("export", tape, "--to", "ndjson", "--out", tmp_path / "lines").returncode == 0
    assert (tmp_path / "lines").read_text().splitlines() == everything
    some = ticker(
        "export", tape, "--to", "ndjson", "--channels", "trades", "--symbols", "ACME,BYTE"
    ).stdout.splitlines()
    wanted = [line for line in everything if '"ch":"trade","sym":"ACME"' in line or '"ch":"trade","sym":"BYTE"' in line]
    assert some == wanted and len(some) > 5
    table = list(csv.DictReader(ticker("export", tape, "--to", "csv").stdout.splitlines()))
    assert len(table) == len(everything)
    assert [row["n"] for row in table] == [str(json.loads(line)["n"]) for line in everything]


def test_parquet_has_every_tick_exactly(tape: Path, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    done = ticker("export", tape, "--to", "parquet", "--out", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{channel}.parquet" for channel in CHANNELS)
    ticks: dict[str, list[dict[str, object]]] = {channel: [] for channel in CHANNELS}
    with Recording.open(tape) as recording:
        traded = instruments_of(recording.label.traded())
        for batch, emitted_us in recording.after(0):
            for channel, rows in batch.rows.items():
                for tick in ticks_of(channel, rows, traded):
                    fields = {name: getattr(tick, name) for name in tick.__struct_fields__}
                    ticks[channel].append({"seq": batch.seq, "ts": emitted_us, **fields})
    for channel in CHANNELS:
        table = duckdb.sql(f"SELECT * FROM '{out / channel}.parquet'")
        names = table.columns
        rows = [dict(zip(names, row, strict=True)) for row in table.fetchall()]
        assert len(rows) == len(ticks[channel]) > 0
        for row, tick in zip(rows, ticks[channel], strict=True):
            for name, value in row.items():
                wanted = tick[name]
                if name in ("t", "ts"):
                    assert (value - datetime(1970, 1, 1)) // timedelta(microseconds=1) == wanted
                elif isinstance(value, Decimal):
                    assert float(value) == wanted and value.as_tuple().exponent == -2
                elif name == "vwap" and value is not None:
                    assert value == pytest.approx(wanted, abs=1e-4)
                else:
                    assert value == wanted or (wanted in (UNSET, None) and value in (None, False)), (channel, name)


def test_parquet_is_of_what_is_wanted_and_goes_beside_the_recording(tape: Path, tmp_path: Path) -> None:
    path = tmp_path / "day's tape.rec"
    path.write_bytes(tape.read_bytes())
    done = ticker("export", path, "--to", "parquet", "--channels", "trades", "--symbols", "ACME")
    assert (done.returncode, done.stderr) == (0, "")
    (made,) = (tmp_path / "day's tape").iterdir()
    assert made.name == "trades.parquet"
    assert duckdb.read_parquet(str(made)).project("sym").distinct().fetchall() == [("ACME",)]
    again = ticker("export", path, "--to", "parquet", "--channels", "trades")
    assert again.returncode == 2 and "trades.parquet: is there already; --out names a new folder" in again.stderr


def test_what_is_missing_is_said(broken: Path, tmp_path: Path) -> None:
    done = ticker("export", broken, "--to", "ndjson")
    assert done.returncode == 1
    assert "the steps from 51 to 80 are missing" in done.stderr and "is damaged" in done.stderr
    seqs = {json.loads(line)["t"] for line in done.stdout.splitlines()}
    assert len(seqs) > 50
    assert ticker("export", broken, "--to", "parquet", "--out", tmp_path / "out").returncode == 1


def test_a_reader_that_has_seen_enough_ends_it_quietly(tape: Path) -> None:
    line = f"{sys.executable} -m ticker export {tape} --to ndjson; echo $? >&2"
    done = subprocess.run(f"({line}) | head -n 1", shell=True, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.count("\n") == 1 and done.stderr == "0\n"


def test_without_duckdb_it_says_how_to_get_it(tape: Path, tmp_path: Path) -> None:
    (tmp_path / "duckdb.py").write_text("raise ImportError")
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    done = ticker("export", tape, "--to", "parquet", "--out", tmp_path / "out", PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr == "ticker: Parquet is written by DuckDB: pip install 'tickerplant[parquet]'\n"
    assert not (tmp_path / "out").exists()


# Mistakes.


@pytest.mark.parametrize("command", [["info"], ["export", "--to", "csv"]])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "missing: no such file or directory"),
        ("", "is no file"),
        ("empty", "empty: is empty, and no recording"),
        ("notes", "notes: is no recording of ticker record"),
    ],
)
def test_what_is_no_recording_is_said(tmp_path: Path, command: list[str], name: str, words: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "notes").write_text("ch,sym,n\n" * 100)
    done = ticker(command[0], tmp_path / name, *command[1:])
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("ticker: ") and done.stderr.count("\n") == 1 and words in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "excel"], "--to: 'excel' is none; choose one of ndjson, csv, parquet"),
        (["--to", "csv", "--channels", "weather"], "--channels: unknown channel: weather"),
        (["--to", "csv", "--symbols", "NONESUCH"], "--symbols: NONESUCH is not in"),
        (["--to", "csv", "--out", "LICENSE"], "LICENSE: is there already; --out names a new file"),
        (["--to", "csv", "--out", "no/such/folder"], "no/such/folder: no such file or directory"),
        (["--to", "parquet", "--out", "LICENSE"], "LICENSE: file exists"),
        ([], "--to"),
    ],
)
def test_what_cannot_be_exported_is_said(tape: Path, arguments: list[str], words: str) -> None:
    done = ticker("export", tape, *arguments)
    assert done.returncode == 2 and done.stdout == "", done.stderr
    assert done.stderr.startswith("ticker: ") and done.stderr.count("\n") == 1 and words in done.stderr, done.stderr


def test_a_channel_that_was_not_recorded_is_said(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    server = serve_ticker(*SMALL)
    flags = ("ACME", "--channels", "trades", "--count", "3")
    assert ticker("record", tmp_path / "tape", "--url", server.stream, *flags).returncode == 0
    for flags, words in (
        (("--channels", "quotes"), "--channels: quotes was not recorded; there are trades"),
        (("--symbols", "BYTE"), "--symbols: BYTE is not in"),
    ):
        done = ticker("export", tmp_path / "tape", "--to", "csv", *flags)
        assert done.returncode == 2 and words in done.stderr
