"""A little of every target with every run: the corpus, and the same few inputs of each grammar and of each mutation."""

import random

import pytest

from fuzz.run import Findings, mutated
from fuzz.targets import TARGETS, Target, corpus

MADE = {"client": 40, "door": 40, "endpoints": 40, "frames": 60}  # those that need a server or a loop take longer
OTHERS = 100


def tried(target: Target) -> list[bytes]:
    known = corpus(target.name)
    made = target.examples(1, MADE.get(target.name, OTHERS))
    chance = random.Random(1)
    return [*known, *made, *(mutated(chance, [*known, *made]) for _ in made)]


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    findings = Findings(TARGETS[name])
    for data in tried(TARGETS[name]):
        findings.try_input(data)
    assert not findings, capsys.readouterr().out


def test_what_is_wrong_is_found() -> None:
    """The judges judge: a target that fails for some input is reported, once for each place."""
    wrong = Target("wrong", lambda data: data.decode("ascii") and None, TARGETS["door"].grammar)
    findings = Findings(wrong)
    for data in (b"fine", b"\xff", b"\xfe"):
        findings.try_input(data)
    assert len(findings) == 1


def test_there_is_a_corpus_for_every_target() -> None:
    assert all(len(corpus(name)) >= 3 for name in TARGETS)
    assert sum(len(data) for name in TARGETS for data in corpus(name)) < 500_000
