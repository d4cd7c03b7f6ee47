"""What one core, one machine, ten and a hundred carry: computed from measured costs, and tried in a simulation.

Measured here, by `hop.py`: what a leaf costs without clients, what a message to one more client costs it, in an
audience of many and in one of its own, what NATS costs for each leaf, memory, and bytes. Computed from these: how many
clients fit. Simulated: that so many are served in time, by a tree of queues whose service times are the measured ones.
Nothing of more than one machine was measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from contestants import ticker
from hop import UNIVERSES, idle, nats, root, serve, window
from numpy.typing import NDArray
from stopwatch import cores, prepare, run_command
from works import OWN_EACH, OWN_OF, OWN_STEP_MS, own_ticker

Floats = NDArray[np.floating[Any]]
BUSY = 0.7
"""Of a core, at most, on average: what is left is for those who come back, and for a noisy neighbour."""
LINK_BYTES_PER_S = 10e9 / 8 * BUSY
CORES = 8
CLIENT_BYTES = 3.9 * 1024
"""Memory of an idle subscribed connection: `connections.py`."""
KERNEL_BYTES = 64 * 1024
"""And what the kernel may hold for one that reads late: twice what `server.unsent_bytes` allows."""
TREE_AT = 64
"""Leaves that one NATS server feeds directly; beyond, each machine has one of its own (a leaf node of NATS)."""
HOP_S = 150e-6
"""From one machine to another in a rack, and through its kernel: assumed, not measured."""
STEPS = 2_000


OWN = ("--config", "configs/load.toml", "--instruments", str(OWN_OF), "--step-ms", str(OWN_STEP_MS))


@dataclass(frozen=True)
class Costs:
    """What was measured of one kind of client; CPU in seconds."""

    wants: str
    step_s: float
    """Between two steps, and so two messages."""
    maker: float
    """Share of a core of a root without clients."""
    leaf: float
    """And of a leaf."""
    broker: float
    broker_leaf: float
    """Of NATS without a leaf, and for each one."""
    message_s: float
    """For a message to one client more."""
    message_bytes: float
    leaf_rss: float


@dataclass(frozen=True)
class Size:
    """Something to run on."""

    name: str
    machines: int
    leaves: int

    @property
    def brokers(self) -> int:
        """How many NATS servers: one, or one a machine and one that feeds those."""
        return 1 if self.leaves <= TREE_AT else self.machines + 1


SIZES = (
    Size("one core, no NATS", 1, 0),
    Size("one machine of 8 cores", 1, CORES - 2),
    Size("ten machines", 10, 10 * (CORES - 1) - 2),
    Size("a hundred machines", 100, 100 * (CORES - 1) - 2),
)


def measure(seconds: float, clients: int, rounds: int) -> list[Costs]:
    """Returns the medians of a few rounds, for each kind of client."""
    kinds = {
        "all of ten instruments": (UNIVERSES["load"], ticker(sys.executable)),
        f"{OWN_EACH} of {OWN_OF:,}, each its own": (OWN, own_ticker(sys.executable)),
    }
    found = []
    for wants, (flags, embedded) in kinds.items():
        bare = idle(flags, seconds)
        windows = []
        for _ in range(rounds):
            with nats(cores()[1]) as (url, _), root(url, cores()[1], *flags):
                windows.append(window(replace(embedded, name="leaf", command=serve("--source", url)), clients, seconds))
        found.append(
            Costs(
                wants=wants,
                step_s=1 / bare.steps_per_s,
                maker=bare.root,
                leaf=bare.leaf,
                broker=bare.nats,
                broker_leaf=bare.nats_leaf,
                message_s=median((each.cpu_s - bare.leaf * each.seconds) / each.messages for each in windows),
                message_bytes=median(each.bytes / each.messages for each in windows),
                leaf_rss=bare.leaf_rss_mib * 2**20,
            )
        )
    return found


def fitting(costs: Costs, size: Size) -> tuple[int, str]:
    """Returns how many clients fit on each leaf (or the one core), and what limits them."""
    base = costs.leaf if size.leaves else costs.maker
    leaves_a_machine = ceil(size.leaves / size.machines) or 1
    limits = {
        "CPU": (BUSY - base) * costs.step_s / costs.message_s,
        "the network": LINK_BYTES_PER_S * costs.step_s / costs.message_bytes / leaves_a_machine,
    }
    what = min(limits, key=lambda name: limits[name])
    return int(limits[what]), what


def simulate(costs: Costs, size: Size, clients: int, seed: int = 1) -> tuple[float, float, float]:
    """Returns p50 and p99 of a message's way in seconds, and how busy a leaf is; one leaf stands for all.

    Each part is a queue with one server: a message waits for what came before it. Service times are the measured means,
    drawn from a gamma distribution of shape 4, as a busy machine has them: a good one now, one twice as long then.
    """
    chance = np.random.Generator(np.random.Philox(seed))
    at: Floats = np.arange(STEPS) * costs.step_s
    at = queued(at, drawn(chance, costs.maker * costs.step_s))
    if size.leaves:
        fed = size.leaves if size.brokers == 1 else size.machines
        at = broker(chance, costs, at, fed)
        if size.brokers > 1:
            at = broker(chance, costs, at, ceil(size.leaves / size.machines))
        at = at + HOP_S
    own_s = costs.leaf * costs.step_s if size.leaves else 0.0
    service = drawn(chance, own_s + clients * costs.message_s)
    done = queued(at, service)
    began = done - service
    places = chance.random((STEPS, 64))  # of clients in the order in which they are written to
    lateness = began[:, None] + service[:, None] * places + HOP_S - (np.arange(STEPS) * costs.step_s)[:, None]
    busy = float(service.sum() / (done[-1] - at[0]))
    return float(np.quantile(lateness, 0.5)), float(np.quantile(lateness, 0.99)), busy


def broker(chance: np.random.Generator, costs: Costs, at: Floats, fed: int) -> Floats:
    """Returns when a message comes out of NATS to one of those it feeds, in a turn of its own."""
    service = drawn(chance, (costs.broker + fed * costs.broker_leaf) * costs.step_s)
    return queued(at + HOP_S, service) - service * chance.random()


def drawn(chance: np.random.Generator, mean_s: float) -> Floats:
    """Returns a service time a step."""
    return chance.gamma(4.0, mean_s / 4.0, STEPS) if mean_s > 0 else np.zeros(STEPS)


def queued(at: Floats, service: Floats) -> Floats:
    """Returns when each message is done, which comes at a time, and waits for those before it."""
    ends = np.cumsum(service)
    return ends + np.maximum.accumulate(at - np.concatenate([[0.0], ends[:-1]]))


def tell(kinds: list[Costs]) -> None:
    """Prints the page."""
    print("| measured on this machine: clients want | " + " | ".join(kind.wants for kind in kinds) + " |")
    print("|---|" + "---|" * len(kinds))
    rows: dict[str, Callable[[Costs], str]] = {
        "messages a second to each": lambda kind: f"{1 / kind.step_s:.0f}",
        "a message to one client more": lambda kind: f"{1e6 * kind.message_s:.1f} µs, {kind.message_bytes:,.0f} bytes",
        "a leaf without clients": lambda kind: f"{100 * kind.leaf:.1f} % of a core, {kind.leaf_rss / 2**20:.0f} MiB",
        "a root without clients": lambda kind: f"{100 * kind.maker:.1f} %",
        "NATS, and for each leaf": lambda kind: f"{100 * kind.broker:.1f} %, {100 * kind.broker_leaf:.2f} %",
    }
    for name, spell in rows.items():
        print(f"| {name} | " + " | ".join(map(spell, kinds)) + " |")
    print(f"\nComputed: cores up to {100 * BUSY:.0f} % busy, links of 10 Gbit/s as well.\n")
    columns = ("on", "clients want", "clients", "limit", "NATS", "memory a machine", "p50, p99 (ms)", "a leaf's core")
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for size in SIZES:
        for kind in kinds:
            print(row(kind, size))


def row(costs: Costs, size: Size) -> str:
    """Returns a line of the table."""
    clients, what = fitting(costs, size)
    leaves = size.leaves or 1
    fed = 0 if not size.leaves else size.leaves if size.brokers == 1 else max(size.machines, CORES - 1)
    load = costs.broker + fed * costs.broker_leaf if fed else 0.0
    memory = leaves / size.machines * (costs.leaf_rss + clients * (CLIENT_BYTES + KERNEL_BYTES))
    p50_s, p99_s, busy = simulate(costs, size, clients)
    shown = f"{100 * load:.0f} %" + (f" (a tree of {size.brokers})" if size.brokers > 1 else "") if fed else "none"
    return (
        f"| {size.name} | {costs.wants} | {clients * leaves:,} | {what} | {shown} | {memory / 2**30:.1f} GiB | "
        f"{1e3 * p50_s:.1f}, {1e3 * p99_s:.1f} | {100 * busy:.0f} % |"
    )


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--costs", type=Path, help="take the costs from a file that --json wrote")
    parser.add_argument("--json", type=Path, help="also write the costs to this file")
    arguments = parser.parse_args()
    prepare()
    if arguments.costs:
        kinds = [Costs(**each) for each in json.loads(arguments.costs.read_text())]
    else:
        kinds = measure(arguments.seconds, arguments.clients, arguments.rounds)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(kind) for kind in kinds], indent=1))
    tell(kinds)


if __name__ == "__main__":
    run_command(main)
