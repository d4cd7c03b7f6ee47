"""Runs the Autobahn test suite against our own door, WebSocket room, framing and outlet, which serve an echo.

    python tests/conformance/autobahn.py                        # 301 cases, all but those of compression: half a minute
    python tests/conformance/autobahn.py --all                  # 517 cases, the rest with compression: 20 minutes
    python tests/conformance/autobahn.py --cases '6.*' '7.*' --loop asyncio --subscribers 50

Exit code 0 where all is as it should be, 1 where a case fails that is not explained in `EXPLAINED`, 3 where the suite
cannot be had. It is a program for Python 2.7 (see `suite.py`); details of a run stay in the folder that is printed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from echo import LOOPS, PATH, RAISED
from listeners import Listeners
from suite import ENVIRONMENT, Unobtainable, wstest

AGENT = "ticker"
COMPRESSED = [*(f"13.{number}.*" for number in range(1, 8)), *(f"12.{number}.*" for number in range(1, 6))]
"""Each group in a run of its own: the suite tells nothing before its end, and these take minutes."""
FINE = {"OK", "NON-STRICT", "INFORMATIONAL"}
RUN_S_MAX = 3 * 3600  # a group of them, on a machine that is busy with something else

EXPLAINED = {
    **dict.fromkeys(
        ("13.3.*", "13.5.*"),
        "an offer of a window of 9 bits for what we send is declined, as RFC 7692 lets us: one deflated message serves "
        "all who are owed it, and that needs the largest window. There is no compression then",
    ),
}
"""What fails, by case, and why that is no fault. Where one of these comes out fine, it is time to take it away."""


class Verdict(NamedTuple):
    """How one case went: what the suite thinks of the exchange, and of how it was closed."""

    case: str
    behaviour: str
    closing: str

    @property
    def word(self) -> str:
        return self.behaviour if self.closing in FINE else f"{self.behaviour}, close {self.closing}"

    @property
    def fine(self) -> bool:
        return self.behaviour in FINE and self.closing in FINE

    @property
    def explanation(self) -> str:
        return next((why for pattern, why in EXPLAINED.items() if fnmatchcase(self.case, pattern)), "")


def order(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


@contextmanager
def serving(loop: str, compression: str) -> Iterator[int]:
    """Run the echo, and give its port."""
    command = [sys.executable, str(Path(__file__).with_name("echo.py")), "--loop", loop, "--compression", compression]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        yield int(server.stdout.readline())
        server.stdin.close()
        if server.wait(30):
            raise SystemExit(f"the server ended with {server.returncode}")


def run(program: Path, port: int, cases: list[str], without: list[str], folder: Path) -> list[Verdict]:
    """Run cases against the echo on a port."""
    specification = {
        "outdir": str(folder),
        "servers": [{"agent": AGENT, "url": f"ws://127.0.0.1:{port}{PATH}"}],
        "cases": cases,
        "exclude-cases": without,
        "exclude-agent-cases": {},
    }
    spec = folder / "specification.json"
    spec.write_text(json.dumps(specification))
    with (folder / "wstest.log").open("w") as log:
        command = [program, "-m", "fuzzingclient", "-s", spec]
        subprocess.run(command, check=True, timeout=RUN_S_MAX, stdout=log, stderr=log, env=ENVIRONMENT)
    found = json.loads((folder / "index.json").read_text())[AGENT]
    return [Verdict(case, found[case]["behavior"], found[case]["behaviorClose"]) for case in sorted(found, key=order)]


def table(verdicts: list[Verdict]) -> str:
    """Return how many came out how, a line a group."""
    words = [*sorted(FINE, reverse=True), "else"]
    lines = [f"{'group':>5} " + "".join(f"{word:>15}" for word in words)]
    for group in [*dict.fromkeys(verdict.case.split(".")[0] for verdict in verdicts), ""]:
        count = Counter(
            verdict.behaviour if verdict.fine else "else"
            for verdict in verdicts
            if not group or verdict.case.split(".")[0] == group
        )
        lines.append(f"{group or 'all':>5} " + "".join(f"{count[word] or '-':>15}" for word in words))
    return "\n".join(lines)


def judge(verdicts: list[Verdict]) -> bool:
    """Print how it went; return whether all is fine or explained."""
    print(table(verdicts))
    by_word: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.word != "OK":
            by_word.setdefault(verdict.word, []).append(verdict.case)
    for word, cases in by_word.items():
        print(f"{word}: {', '.join(cases)}")
    failed = [verdict for verdict in verdicts if not verdict.fine]
    for why in dict.fromkeys(verdict.explanation for verdict in failed if verdict.explanation):
        print(f"explained: {', '.join(v.case for v in failed if v.explanation == why)}: {why}")
    stale = [verdict.case for verdict in verdicts if verdict.fine and verdict.explanation]
    unexplained = [verdict.case for verdict in failed if not verdict.explanation]
    if stale:
        print(f"explained, but fine: {', '.join(stale)}")
    if unexplained:
        print(f"FAILED: {', '.join(unexplained)}")
    return not unexplained


def parts(chosen: argparse.Namespace) -> list[tuple[str, list[str], list[str]]]:
    """Return what is to be run: with which compression, which cases, and without which of them."""
    if chosen.cases:
        compressed = any(case.split(".")[0] in ("12", "13") for case in chosen.cases)
        return [(chosen.compression or ("shared" if compressed else "off"), chosen.cases, [])]
    plain = (chosen.compression or "off", ["*"], COMPRESSED)
    return [plain, *((chosen.compression or "shared", [group], []) for group in COMPRESSED if chosen.all)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="the cases of compression too")
    parser.add_argument("--cases", nargs="+", metavar="CASE", help="only these, such as 6.* or 9.1.1")
    parser.add_argument("--loop", choices=LOOPS, default=LOOPS[0])
    parser.add_argument("--compression", choices=("off", "shared"), help="for all cases alike")
    parser.add_argument("--subscribers", type=int, default=0, metavar="N", help="good clients that listen meanwhile")
    chosen = parser.parse_args()
    try:
        program = wstest()
    except Unobtainable as why:
        print(f"NOT RUN: the Autobahn suite cannot be had: {why}", file=sys.stderr)
        return 3
    for key, (value, why) in RAISED.items():
        print(f"stream.{key} is {value}: {why}")
    verdicts: list[Verdict] = []
    undisturbed = True
    for compression, cases, without in parts(chosen):
        folder = Path(tempfile.mkdtemp(prefix="autobahn-"))
        print(f"{chosen.loop}, compression {compression}: the reports are in {folder}", flush=True)
        with serving(chosen.loop, compression) as port, Listeners(port, chosen.subscribers) as listeners:
            found = run(program, port, cases, without, folder)
        verdicts += found
        print(table(found).splitlines()[-1], flush=True)
        if chosen.subscribers:
            print(listeners.said, flush=True)
            undisturbed = undisturbed and listeners.undisturbed
    return 0 if judge(verdicts) and undisturbed else 1


if __name__ == "__main__":
    sys.exit(main())
