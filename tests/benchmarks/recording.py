"""What recording takes: bytes a tick, CPU a tick in process and over a packed WebSocket; and what reading takes.

    python tests/benchmarks/recording.py [--seconds 20] [--only in-process|heard]

In process: a market's steps (of `configs/load.toml`, and of the default and the large universe) are made first, then
recorded, read, and looked for without an index. Heard: `ticker record` beside a server of these on the other core.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stopwatch import cores

from ticker import files, settings, universes
from ticker.config import MarketConfig
from ticker.links.recorder import Recorder
from ticker.links.recording import Recording
from ticker.market.market import Market
from ticker.ticks import Batch
from ticker.wire.label import Label

REPOSITORY = Path(__file__).parents[2]
FULL_RATE = REPOSITORY / "configs" / "load.toml"
STEPS_S = 100
MARKETS = {
    "full rate": ["--config", str(FULL_RATE)],
    "default": [],
    "large": ["--universe", "large"],
}


def configured(flags: list[str]) -> MarketConfig:
    """Return the market that some flags of `ticker serve` mean."""
    tables = settings.from_tables(files.read(FULL_RATE), "load.toml") if "--config" in flags else {}
    given = {"market.universe": "large"} if "large" in flags else {}
    return settings.build(tables, {}, settings.from_flags(given)).market


def in_process(name: str, flags: list[str], seconds: int, folder: Path) -> None:
    """Record a market's steps, read them, look for them without an index; print a line."""
    config = configured(flags)
    market = Market(config, universes.load(config))
    batches = [market.step() for _ in range(seconds * STEPS_S)]
    label = Label.of(market.universe, epoch=market.epoch, step_us=market.step_us, start_us=market.time_us(0), seed=1)
    path = folder / "tape"
    recorder = Recorder.create(path, label)
    recorder.leap(Batch(0, market.time_us(0), {}), market.time_us(0))
    begun = time.process_time()
    for batch in batches:
        recorder.take(batch, batch.t)
    recorder.close()
    written_s = time.process_time() - begun
    with Recording.open(path) as recording:
        begun = time.process_time()
        assert sum(1 for _ in recording.after(0)) == len(batches)
        read_s = time.process_time() - begun
        end = recording.records.places[-1]
    os.truncate(path, end)
    ticks = recorder.ticks
    print(
        f"{name:<10} {ticks:>10,} {recorder.size / ticks:>8.2f} {written_s / ticks * 1e6:>10.2f} "
        f"{written_s / seconds:>8.2%} {ticks / read_s:>12,.0f} {seconds / read_s:>8,.0f}x"
    )
    path.unlink()


def scan(folder: Path, records: int = 86_400) -> None:
    """Open a recording of a day without an index, of steps in which little happens; print a line."""
    config = MarketConfig(model="plain", universe="numbered", instruments=10, trades_per_s=0.1, quotes_per_s=0.1)
    market = Market(config, universes.load(config))
    label = Label.of(market.universe, epoch=market.epoch, step_us=market.step_us, start_us=market.time_us(0), seed=1)
    path = folder / "day"
    recorder = Recorder.create(path, label)
    recorder.leap(Batch(0, market.time_us(0), {}), 0)
    for second in range(records):
        batch = market.step()
        recorder.take(Batch(batch.seq, batch.t, batch.rows), second * 1_000_000)
    recorder.flush()
    for indexed in (False, True):
        if indexed:
            recorder.close()
        begun = time.perf_counter()
        with Recording.open(path) as recording:
            found = len(recording.records.blocks)
            assert recording.closed == indexed
        took_s = time.perf_counter() - begun
        print(f"opened {'with' if indexed else 'without'} an index: {found:,} blocks in {took_s * 1000:,.0f} ms")
    path.unlink()


def heard(name: str, flags: list[str], seconds: int, folder: Path) -> None:
    """Record a server over a packed WebSocket, and print what that took."""
    ours, theirs = cores()[:2]
    serve = [sys.executable, "-m", "ticker", "serve", "--port", "0", "--log.level", "error", *flags]
    server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    os.sched_setaffinity(server.pid, {theirs})
    try:
        assert server.stdout is not None
        url = next(found[0] for line in server.stdout if (found := re.search(r"ws://\S+", line)))
        time.sleep(2)
        path = folder / "heard"
        record = [sys.executable, "-m", "ticker", "record", str(path), "--url", url]
        process = subprocess.Popen(record, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        os.sched_setaffinity(process.pid, {ours})
        time.sleep(5)
        first, begun = ticks_in(path), (cpu_s(process.pid), time.monotonic())
        time.sleep(seconds)
        last, ended = ticks_in(path), (cpu_s(process.pid), time.monotonic())
        process.terminate()
        said = process.communicate(timeout=30)[0]
    finally:
        server.terminate()
        server.wait(20)
    ticks, spent_s, took_s = last - first, ended[0] - begun[0], ended[1] - begun[1]
    with Recording.open(path) as recording:
        each = recording.records.size / ticks_in(path)
        gaps = len(recording.gaps)
    print(
        f"{name:<10} {ticks / took_s:>10,.0f} {each:>8.2f} {spent_s / ticks * 1e6:>10.2f} {spent_s / took_s:>8.2%} "
        f"{gaps:>5}   {'closed' if said else 'not closed'}"
    )
    path.unlink()


def ticks_in(path: Path) -> int:
    """Return how many ticks a recording has by now."""
    with Recording.open(path) as recording:
        return int(recording.records.heads["rows"][recording.records.blocks].sum())


def cpu_s(pid: int) -> float:
    """Return the CPU that a process has spent, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="of tape (20)")
    parser.add_argument("--only", choices=["in-process", "heard"], help="one of the two")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.only != "heard":
            print("in process      ticks   B/tick   µs/tick      CPU   read ticks/s   faster than it was")
            for name, flags in MARKETS.items():
                in_process(name, flags, options.seconds, Path(scratch))
            scan(Path(scratch))
        if options.only != "in-process":
            print("heard (ws)   ticks/s   B/tick   µs/tick      CPU   gaps")
            for name, flags in MARKETS.items():
                heard(name, flags, options.seconds, Path(scratch))


if __name__ == "__main__":
    main()
