"""A network that is cut between a root and NATS, for a second, for half a minute, for five: what either side sees.

Nothing passes while it is cut, and nobody is told. The root goes on for its own clients; a leaf has nothing new,
says so, and catches up afterwards. With `--standby` another root takes over, and the first one follows it when it
is back. In the end each client must have had every tick once, as in `cluster.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

import uvloop
from cluster import SETTLE_S, Client, Cluster, Crowd, Part, truth
from stopwatch import Failed, prepare, run_command

from ticker.ticks import CHANNELS

FLAGS = ("--config", "configs/load.toml")
LOOK_S = 0.05


class Cable(asyncio.Protocol):
    """Between root and NATS: one of the two ends of a connection, the other one is `peer`."""

    cut = False
    ends: set[Cable] = set()  # noqa: RUF012  # of the one cable there is

    def __init__(self, target: int | None) -> None:
        self.target = target
        self.peer: Cable | None = None
        self.waiting: list[bytes] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.ends.add(self)
        if self.target is not None:
            self.task = asyncio.get_running_loop().create_task(self._reach(self.target))
        self.look()

    async def _reach(self, target: int) -> None:
        loop = asyncio.get_running_loop()
        while Cable.cut:  # noqa: ASYNC110  # not an event
            await asyncio.sleep(LOOK_S)
        try:
            _, far = await loop.create_connection(lambda: Cable(None), "127.0.0.1", target)
        except OSError:
            self.end()
            return
        self.peer, far.peer = far, self
        for data in self.waiting:
            far.send(data)
        self.waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self.peer is None:
            self.waiting.append(data)
        else:
            self.peer.send(data)

    def send(self, data: bytes) -> None:
        """Passes data on."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the transport's word for it
        self.ends.discard(self)
        if self.peer is not None and not Cable.cut:
            self.peer.end()

    def end(self) -> None:
        """Hangs up."""
        if self.transport is not None:
            self.transport.close()

    def look(self) -> None:
        """Reads, or does not."""
        assert self.transport is not None
        if Cable.cut:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()


def set_cut(cut: bool) -> None:
    """Cuts the cable, or mends it: what was on its way arrives then, as TCP has it."""
    Cable.cut = cut
    for end in tuple(Cable.ends):
        end.look()


async def until_fresh(part: Part, timeout_s: float) -> float:
    """Waits until a server serves the newest; returns how long that took."""
    began_s = time.monotonic()
    while True:
        said = await asyncio.to_thread(part.described)
        if said and not said.get("stale"):
            return time.monotonic() - began_s
        if time.monotonic() - began_s > timeout_s:
            raise Failed(f"{part.name} is stale after {timeout_s:.0f} s")
        await asyncio.sleep(LOOK_S)


def joined(crowd: Crowd, part: Part, count: int) -> list[Client]:
    """Lets clients come, who stay with one server."""
    found = []
    for number in range(count):
        client = Client(crowd, number)
        client.port = part.port
        crowd.clients.append(client)
        found.append(client)
        client.come()
    return found


async def live(cluster: Cluster, crowd: Crowd, arguments: argparse.Namespace) -> list[str]:
    """Runs it all; returns the rows of the table."""
    root, standby, leaf = cluster.makers[0], cluster.makers[1], cluster.leaves[0]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Cable(cluster.nats.port), "127.0.0.1", 0)
    through = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    root.command = tuple(through if part.startswith("nats://") else part for part in root.command)
    cluster.nats.start()
    await asyncio.sleep(0.5)
    root.start()
    await until_fresh(root, SETTLE_S)
    for part in [leaf, *([standby] if arguments.standby else [])]:
        part.start()
        await until_fresh(part, SETTLE_S)
    said = leaf.described()
    crowd.epoch, crowd.since = said["epoch"], said["seq"]
    crowd.ports = [root.port, leaf.port]
    groups = {part.name: joined(crowd, part, arguments.clients) for part in (root, leaf)}
    await asyncio.sleep(3.0)
    rows = []
    for seconds in arguments.seconds:
        for client in crowd.clients:
            client.pauses.clear()
        set_cut(True)
        await asyncio.sleep(seconds)
        during = {part.name: await asyncio.to_thread(part.described) for part in (root, leaf)}
        heads = {name: max(client.seq for client in clients) for name, clients in groups.items()}
        set_cut(False)
        back_s = await until_fresh(leaf, SETTLE_S)
        await asyncio.sleep(arguments.rest)
        pauses = {
            name: max((end - begin for client in clients for begin, end in client.pauses), default=0.0)
            for name, clients in groups.items()
        }
        rows.append(
            f"| {seconds:g} s | {pauses[root.name]:.1f} s | {pauses[leaf.name]:.1f} s | "
            f"{'yes' if during[leaf.name].get('stale') else 'no'} | {heads[root.name] - heads[leaf.name]} | "
            f"{back_s:.1f} s | {root.described().get('role')} |"
        )
        print(rows[-1], flush=True)
    crowd.over = True
    for client in crowd.clients:
        if client.transport is not None:
            client.transport.abort()
    server.close()
    for end in tuple(Cable.ends):
        end.end()
    await asyncio.sleep(0.3)
    return rows


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.0, 30.0, 300.0], help="how long it is cut")
    parser.add_argument("--rest", type=float, default=10.0, help="seconds after each cut")
    parser.add_argument("--clients", type=int, default=10, help="of root and leaf, each")
    parser.add_argument("--standby", action="store_true", help="have another root stand by, whom nothing is cut from")
    arguments = parser.parse_args()
    prepare()
    folder = Path(tempfile.mkdtemp(prefix="ticker-cut-"))
    crowd = Crowd({"op": "subscribe", "symbols": ["*"], "channels": list(CHANNELS)}, [])
    cluster = Cluster(folder, FLAGS)
    print("| cut | longest pause at the root | at the leaf | leaf stale | behind by | back after | the root is |")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(live(cluster, crowd, arguments))
    finally:
        cluster.kill()
        shutil.rmtree(folder, ignore_errors=True)
    known = truth(FLAGS, crowd.since, {client.seq for client in crowd.clients})
    right = sum(known[client.seq] == client.digest.hexdigest() for client in crowd.clients)
    print(f"\ncomplete and without a repeat: {right} of {len(crowd.clients)}; faults: {dict(crowd.faults) or 'none'}")
    if right < len(crowd.clients) or crowd.faults:
        sys.exit(1)


if __name__ == "__main__":
    run_command(main)
