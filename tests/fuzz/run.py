"""Tries inputs on a target for some minutes: the corpus, inputs of a grammar, and mutations of both.

    python tests/fuzz/run.py --minutes 5 --target door
    python tests/fuzz/run.py --minutes 5 --target door --atheris    # guided by coverage, where atheris is installed
    python tests/fuzz/run.py --target door --input FILE             # one input again

Exit code 0 where nothing was found, 1 where something was: the input stays in a file that is named, for `--input`, and
in the corpus once it is mended. 3 where atheris is asked for and not there.
"""

import argparse
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib import import_module
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1]))

from fuzz.targets import TARGETS, Target, corpus

OURS = ("ticker", "ticker_client")
ATHERIS = "NOT RUN: atheris cannot be had here: pip install atheris (CPython 3.11 to 3.13 on Linux)"


def keep(name: str, data: bytes) -> Path:
    """Write an input into a file, and return its name."""
    file = Path(tempfile.gettempdir()) / f"fuzz-{name}-{sha256(data).hexdigest()[:12]}"
    file.write_bytes(data)
    return file


def report(target: Target, data: bytes, error: BaseException) -> None:
    print(f"FOUND by {target.name}: {error!r}, kept in {keep(target.name, data)}")
    traceback.print_exception(error)


class Findings:
    """What was found so far: each kind of it, by where it was raised, is told once."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._places: set[tuple[str, int, str]] = set()

    def __len__(self) -> int:
        return len(self._places)

    def try_input(self, data: bytes) -> None:
        try:
            self._target.check(data)
        except Exception as error:
            self._target.begin_anew()
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = last.filename, last.lineno or 0, type(error).__name__
            if place not in self._places:
                self._places.add(place)
                report(self._target, data, error)


def run(target: Target, minutes: float, seed: int) -> int:
    """Try inputs until the time is over; return how many kinds of faults were found."""
    findings = Findings(target)
    until, begun, tried = time.monotonic() + 60 * minutes, time.monotonic(), 0
    told = begun + 60
    for data in inputs(target, seed):
        findings.try_input(data)
        tried += 1
        if time.monotonic() > told:
            told += 60
            print(f"{target.name}: {tried} inputs, {len(findings)} findings", flush=True)
        if time.monotonic() > until:
            break
    print(f"{target.name}: {tried} inputs in {time.monotonic() - begun:.0f} s, {len(findings)} findings")
    return len(findings)


def inputs(target: Target, seed: int) -> Iterator[bytes]:
    """Yield the corpus, then inputs of the grammar and mutations without end."""
    chance = random.Random(seed)
    known = corpus(target.name)
    yield from known
    while True:
        made = target.examples(chance.getrandbits(32))
        pool = [*known, *made]
        yield from made
        for _ in range(3 * len(made)):
            yield mutated(chance, pool)


def mutated(chance: random.Random, pool: list[bytes]) -> bytes:
    """Return an input of the pool, changed in one to four places."""
    data = bytearray(chance.choice(pool))
    for _ in range(chance.randint(1, 4)):
        chance.choice(MUTATIONS)(chance, data, pool)
    return bytes(data)


def _flip(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _replace(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice(b'\x00\r\n \t"{}[]:,-0\x7f\x80\xff%')


def _cut(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    del data[chance.randint(0, len(data)) :]


def _drop(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    begin = chance.randint(0, len(data))
    del data[begin : begin + chance.randint(1, 16)]


def _repeat(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    begin = chance.randint(0, len(data))
    data[begin:begin] = data[begin : begin + chance.randint(1, 64)] * chance.choice([1, 2, 40])


def _splice(chance: random.Random, data: bytearray, pool: list[bytes]) -> None:
    other = chance.choice(pool)
    data[chance.randint(0, len(data)) :] = other[chance.randint(0, len(other)) :]


MUTATIONS: list[Callable[[random.Random, bytearray, list[bytes]], None]] = [
    _flip,
    _replace,
    _cut,
    _drop,
    _repeat,
    _splice,
]


def run_guided(target: Target, minutes: float) -> int:
    """Have atheris look for inputs that reach what no other has reached; it ends the process itself."""
    try:
        atheris = import_module("atheris")
    except ImportError:
        print(ATHERIS, file=sys.stderr)
        return 3
    with atheris.instrument_imports(include=list(OURS)):  # what is imported already was not instrumented
        for module in [name for name in sys.modules if name.partition(".")[0] in {*OURS, "fuzz"}]:
            del sys.modules[module]
        target = import_module("fuzz.targets").TARGETS[target.name]
    seeds = Path(tempfile.mkdtemp(prefix=f"fuzz-{target.name}-"))
    for data in (*corpus(target.name), *target.examples(0)):
        (seeds / sha256(data).hexdigest()[:16]).write_bytes(data)

    def check(data: bytes) -> None:
        try:
            target.check(data)
        except Exception as error:
            report(target, data, error)
            raise

    atheris.Setup(
        [sys.argv[0], str(seeds), f"-max_total_time={round(60 * minutes)}", "-max_len=8192", "-verbosity=1"], check
    )
    atheris.Fuzz()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=sorted(TARGETS), required=True)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--input", type=Path, help="try this file only")
    parser.add_argument("--atheris", action="store_true", help="be guided by coverage")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")  # hypothesis does not like to be asked for examples
    target = TARGETS[chosen.target]
    if chosen.input:
        target.check(chosen.input.read_bytes())
        return 0
    if chosen.atheris:
        return run_guided(target, chosen.minutes)
    return 1 if run(target, chosen.minutes, chosen.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
