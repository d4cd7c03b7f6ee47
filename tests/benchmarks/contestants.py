"""Who can be measured: how each server is built or installed, how it is started, and what a client says to it.

Unless a work (works.py) makes it another: SYM0000 to SYM0009 tick every 10 ms, every client subscribes to all ten,
JSON text, no compression.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
BUILT = HERE / ".peers"
NPM_VERSIONS = {"bun": "1.4.5", "ws": "8.23.0"}
SYMBOLS = [f"SYM{i:04d}" for i in range(10)]


class Unavailable(Exception):
    """A compiler, a package or an interpreter that a contestant needs is missing here."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server: its command (which prints its ws:// address), and the two subscriptions clients send."""

    name: str
    command: tuple[str, ...]
    subscribe: str
    subscribe_idle: str
    protocol: str = ""
    step_ticks: int = 0
    """Ticks in one step of `seq`, or 0 where messages carry no `seq`."""
    events: str = ""
    """Where server-sent events are read, in place of a WebSocket."""
    step_us: int = 10_000
    """How often it ticks; the receiver tells from it when a message was due."""
    receiver: Mapping[str, object] = field(default_factory=dict)
    """Further options of the receiver, which say what else its clients do."""


def run_quietly(*command: str) -> None:
    """Runs a build command, and shows what it said only when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from error
    if done.returncode:
        raise Unavailable(f"{' '.join(command)}\n{done.stderr.strip()}")


def compiled(source: Path, *libraries: str) -> str:
    """Returns the program made from one C file, compiling it when it or a header beside it is newer."""
    program = BUILT / source.stem
    newest_s = max(file.stat().st_mtime for file in (source, *source.parent.glob("*.h")))
    if not program.exists() or program.stat().st_mtime < newest_s:
        BUILT.mkdir(exist_ok=True)
        run_quietly("cc", "-O2", "-Wall", "-Wextra", "-o", str(program), str(source), *libraries)
    return str(program)


def receiver() -> str:
    """Returns the program that plays the clients."""
    return compiled(HERE / "receiver/receiver.c", "-lz")


def installed(package: str) -> Path:
    """Returns the folder of an npm package at its pinned version, installing it when it is absent or different."""
    folder = BUILT / "node_modules" / package
    manifest = folder / "package.json"
    if not manifest.exists() or json.loads(manifest.read_text())["version"] != NPM_VERSIONS[package]:
        BUILT.mkdir(exist_ok=True)
        # All at once: npm removes what it finds installed and is not told of.
        wanted = [f"{name}@{version}" for name, version in NPM_VERSIONS.items()]
        quiet = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
        run_quietly("npm", "install", "--prefix", str(BUILT), *quiet, *wanted)
    return folder


def peer(name: str, *command: str) -> Contestant:
    """Returns a server of ours from peers/, all of which understand the same subscription."""
    subscribe = json.dumps({"op": "subscribe", "symbols": SYMBOLS})
    quiet = json.dumps({"op": "subscribe", "symbols": ["QUIET"]})
    return Contestant(name, (*command, "--port", "0"), subscribe, quiet)


def ticker(python: str) -> Contestant:
    """Returns the server this repository is about, under its load configuration."""
    command = (python, "-m", "ticker", "serve", "--config", "configs/load.toml", "--port", "0")
    trades = {"op": "subscribe", "channels": ["trades"], "symbols": ["*"], "snapshot": False}
    quotes = {"op": "subscribe", "channels": ["quotes"], "symbols": ["SYM0000"], "snapshot": False}
    return Contestant("ticker", command, json.dumps(trades), json.dumps(quotes), "ticker.v1.json", len(SYMBOLS))


def ticker_sse(python: str) -> Contestant:
    """Returns the same server, read as server-sent events."""
    return replace(ticker(python), name="ticker_sse", protocol="", events="/v1/sse?symbols=*&channels=trades")


def loop(_python: str) -> Contestant:
    """Returns the bare C yardstick, which sends to whoever connected and has no idle subscribers."""
    command = (compiled(HERE / "peers/loop.c"), "--port", "0")
    return Contestant("loop", command, "subscribe", "", step_ticks=len(SYMBOLS))


def bun(_python: str) -> Contestant:
    """Returns Bun with uWebSockets' native topics."""
    return peer("bun", str(installed("bun") / "bin/bun.exe"), str(HERE / "peers/bun.js"))


def node_ws(_python: str) -> Contestant:
    """Returns Node with npm ws."""
    installed("ws")
    return peer("node_ws", "node", str(HERE / "peers/node_ws.mjs"))


def broadcast(python: str) -> Contestant:
    """Returns websockets.asyncio with broadcast()."""
    return peer("broadcast", python, str(HERE / "peers/broadcast.py"))


CONTESTANTS: dict[str, Callable[[str], Contestant]] = {
    "ticker": ticker,
    "ticker_sse": ticker_sse,
    "loop": loop,
    "bun": bun,
    "node_ws": node_ws,
    "broadcast": broadcast,
}
