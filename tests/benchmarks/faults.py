"""Threats and faults, one after the other, against 50 healthy readers: what is promised, and what was found.

Each row has a server of its own under configs/load.toml, on each event loop; see README.md.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from attacks import ATTACKS, HEALTHY, READS, SHAKE, Attack, close, connected, drained, probe_s
from contestants import BUILT, HERE, Contestant, ticker
from readers import probed
from stopwatch import (
    ADDRESS,
    START_TIMEOUT_S,
    Failed,
    Server,
    cores,
    measured,
    prepare,
    receiving,
    run_command,
    running,
    serving,
)

LATE_MS = 50.0
"""What a healthy reader's p99 may be beside an attack."""


@dataclass(frozen=True, slots=True)
class Found:
    """One row's outcome on one event loop: `kept` says whether what is promised held."""

    row: str
    loop: str
    promised: str
    found: str
    kept: bool


def under_attack(attack: Attack, contestant: Contestant, loop: str) -> Found:
    """Returns what an attack did to a server and to its healthy readers."""
    with serving(replace(contestant, command=(*contestant.command, *attack.flags))) as server:
        probe_s(server)
        time.sleep(0.5)
        outcome: list[tuple[str, bool]] = []
        with receiving(server, clients=attack.healthy, seconds=attack.seconds, warmup_s=1.0) as receiver:
            window = measured(
                server, receiver, attack.seconds + 60, on_ready=lambda: outcome.append(attack.act(server))
            )
        said, kept = outcome[0]
        log = server.process.log.read_text(errors="replace")
    calm = not window.faults and window.p99_us / 1000 <= (100 if attack.row == "C5" else LATE_MS)
    traced = "Traceback" in log
    said += f"; the healthy: {window.faults} faults, p99 {window.p99_us / 1000:.1f} ms"
    said += f"; {len(log.splitlines())} lines of log{', a traceback among them' if traced else ''}"
    return Found(f"{attack.row} {attack.what}", loop, attack.promised, said, kept and calm and not traced)


# The process.


@contextmanager
def haunted(contestant: Contestant, *flags: str) -> Iterator[tuple[Server, Callable[[str], None]]]:
    """Runs a server with a ghost (tests/haunted_server.py); what is said to the second is done to the first."""
    ear = BUILT / "ear"
    ear.unlink(missing_ok=True)
    python, _, _, *rest = contestant.command
    command = (python, "tests/haunted_server.py", str(ear), *rest, *flags)
    with serving(replace(contestant, command=command)) as server:

        def say(line: str) -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
                mouth.bind("")
                mouth.settimeout(10)
                mouth.sendto(line.encode(), str(ear))
                mouth.recv(16)

        yield server, say


def held_up(contestant: Contestant, loop: str) -> Found:
    """The event loop is blocked for 10 s, with pings in flight."""
    with (
        haunted(contestant, "--stream.ping-s", "5", "--stream.pong-s", "5") as (server, say),
        receiving(server, clients=HEALTHY, seconds=20, warmup_s=1.0) as receiver,
    ):
        window = measured(server, receiver, 60, on_ready=lambda: say("block 10"))
    kept = window.disconnects == 0
    return Found("E11 the loop is blocked for 10 s", loop, "nobody is dropped", f"{window.disconnects} dropped", kept)


def jumped(contestant: Contestant, loop: str) -> Found:
    """The wall clock jumps an hour on, and two back."""
    with haunted(contestant) as (server, say):

        def act() -> None:
            for seconds in (3600, -7200):
                time.sleep(2)
                say(f"jump {seconds}")

        with receiving(server, clients=HEALTHY, seconds=8, warmup_s=1.0) as receiver:
            window = measured(server, receiver, 60, on_ready=act)
    lost = window.seq_gaps + window.seq_disorder + window.disconnects
    return Found("E8 the wall clock jumps ±1 h", loop, "no hole, nobody dropped", f"{lost} faults", lost == 0)


def poisoned(contestant: Contestant, loop: str) -> Found:
    """A price is no number."""
    with haunted(contestant, "--market.model", "realistic", "--universe", "crypto") as (server, say):
        client = connected(server, 1, SHAKE)[0]
        client.sendall(READS)
        say("poison")
        seen = drained(client)
        code = server.process.child.wait(10)
    clean = b"NaN" not in seen and b"nan" not in seen
    said = f"{'no NaN' if clean else 'NaN'} sent, exit code {code}"
    return Found("E9 a price that is not a number", loop, "never sent; the market ends", said, clean and code == 1)


def stopped(contestant: Contestant, loop: str) -> Found:
    """SIGTERM with 1,000 clients, 200 of whom do not read."""
    with serving(contestant) as server:
        mute = connected(server, 200, SHAKE)
        for client in mute:
            client.sendall(READS)
        with receiving(server, clients=800, seconds=30, warmup_s=2.0) as receiver:
            receiver.wait_for(re.compile("^ready"), 60)
            begun_s = time.monotonic()
            server.process.child.send_signal(signal.SIGTERM)
            code = server.process.child.wait(30)
            took_s = time.monotonic() - begun_s
        close(mute)
    said = f"exit code {code} after {took_s:.1f} s"
    return Found("G1 SIGTERM, 1,000 clients, 200 stalled", loop, "code 0, ≤ 3 s", said, code == 0 and took_s <= 3)


def killed(contestant: Contestant, loop: str) -> Found:
    """SIGKILL and another start, fifty times."""
    took = []
    for _ in range(50):
        with running(contestant.name, contestant.command, cores()[0]) as process:
            begun_s = time.monotonic()
            found = process.wait_for(ADDRESS, START_TIMEOUT_S)
            probe_s(Server(contestant, process, int(found[1]), found[2]))
            took.append(time.monotonic() - begun_s)
            process.child.kill()
            process.child.wait(10)
    worst = max(took)
    return Found("G2 SIGKILL and start, 50 times", loop, "back in ≤ 2 s", f"at most {worst:.2f} s", worst <= 2)


def storm(contestant: Contestant, loop: str) -> Found:
    """1,000 clients reconnect to a server that was killed and comes back."""
    with socket.socket() as spare:
        spare.bind(("127.0.0.1", 0))
        port = spare.getsockname()[1]
    at = contestant.command.index("--port") + 1
    here = replace(contestant, command=(*contestant.command[:at], str(port), *contestant.command[at + 1 :]))
    crowd = (contestant.command[0], str(HERE / "returners.py"), "--url", f"ws://127.0.0.1:{port}/v1/stream")
    with running(here.name, here.command, cores()[0]) as first:
        first.wait_for(ADDRESS, START_TIMEOUT_S)
        with running("returners", crowd, cores()[1]):
            until(port, 1000, 60)
            time.sleep(3)
            first.child.kill()
            first.child.wait(10)
            with running(f"{here.name}2", here.command, cores()[0]) as second:
                second.wait_for(ADDRESS, START_TIMEOUT_S)
                begun_s = time.monotonic()
                back = until(port, 1000, 30)
                took_s = time.monotonic() - begun_s
    said = f"{back:,} of 1,000 back {took_s:.1f} s after it listens"
    return Found("E7 1,000 clients come back at once", loop, "≤ 10 s", said, back >= 1000 and took_s <= 10)


def until(port: int, wanted: int, limit_s: float) -> int:
    """Waits until so many connections are open, and returns how many are."""
    deadline_s, found = time.monotonic() + limit_s, 0
    while found < wanted and time.monotonic() < deadline_s:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
            found = int(float(re.search(r"^ticker_connections (\S+)", text, re.MULTILINE)[1])) - 1  # type: ignore[index]
        except OSError:
            pass
        time.sleep(0.1)
    return found


def crowded(contestant: Contestant, loop: str) -> Found:
    """5,000 clients are sent 20 ticks a second each, and somebody asks whether the server is well."""
    steps = replace(contestant, command=(*contestant.command, "--step-ms", "500"), step_us=500_000)
    with serving(steps) as server, receiving(server, clients=5000, seconds=15, warmup_s=3.0) as receiver:
        asked: list[tuple[float, float, float]] = []
        window = measured(server, receiver, 90, on_ready=lambda: asked.append(probed(server, 12)))
    middle, late, most = asked[0]
    said = f"asked in between: {middle:.1f} ms, p99 {late:.1f}, at most {most:.1f}; {window.faults} faults of theirs"
    said += f", {window.ticks_per_s:,.0f} ticks a second"
    kept = late <= 20 and most <= 100 and not window.faults
    return Found("A10 5,000 clients, 20 ticks/s each", loop, "p99 < 20 ms, at most 100 ms", said, kept)


PROCESS: dict[str, Callable[[Contestant, str], Found]] = {
    "A10": crowded,
    "E7": storm,
    "E8": jumped,
    "E9": poisoned,
    "E11": held_up,
    "G1": stopped,
    "G2": killed,
}


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="rows, such as A1 C5 (all)")
    parser.add_argument("--loops", nargs="*", default=["uvloop", "asyncio"], help="event loops (uvloop asyncio)")
    parser.add_argument("--flags", nargs="*", default=[], help="further flags of the server (--stream.stall-s=3)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of ticker")
    parser.add_argument("--json", type=Path, help="also write every row to this file")
    arguments = parser.parse_args()
    prepare()
    base = ticker(arguments.python)
    wanted: set[str] = set(arguments.only) or {attack.row for attack in ATTACKS} | set(PROCESS)
    rows: list[Found] = []
    print("| row | loop | promised | found |\n|---|---|---|---|")
    for loop in arguments.loops:
        contestant = replace(base, command=(*base.command, *arguments.flags, "--server.loop", loop))
        acts: list[Callable[[Contestant, str], Found]] = [
            partial(under_attack, attack) for attack in ATTACKS if attack.row in wanted
        ]
        acts += [act for row, act in PROCESS.items() if row in wanted]
        for act in acts:
            found = act(contestant, loop)
            rows.append(found)
            said = f"{'' if found.kept else '**missed** '}{found.found}"
            print(f"| {found.row} | {found.loop} | {found.promised} | {said} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(found) for found in rows], indent=1) + "\n")
    if missed := [found.row for found in rows if not found.kept]:
        raise Failed(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    run_command(main)
