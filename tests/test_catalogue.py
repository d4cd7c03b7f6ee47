"""Nothing in the catalogue of bad input is forgotten: each family is tried by a test that exists."""

import re
import subprocess
import sys
from functools import cache

from catalogue import ELSEWHERE, FAMILIES
from conftest import ROOT

CASE = re.compile(r"\[(?:[^\]]*-)?([A-Z]\d{1,2}) ")  # a case's name may come after that of an event loop


@cache
def collected() -> list[str]:
    """Return every test there is, as pytest names it."""
    files = sorted({place.partition("::")[0] for places in ELSEWHERE.values() for place in places})
    heads = ["tests/endpoints/test_hostile_heads.py", "tests/endpoints/test_planted_faults.py"]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files, *heads]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_every_family_is_tried() -> None:
    named = {found[1] for name in collected() if (found := CASE.search(name))}
    assert sorted(set(FAMILIES) - named - set(ELSEWHERE)) == []


def test_every_test_that_is_named_exists() -> None:
    known = {name.partition("[")[0] for name in collected()}
    known |= {name.partition("::")[0] for name in known}
    assert [place for places in ELSEWHERE.values() for place in places if place not in known] == []


def test_the_catalogue_is_whole() -> None:
    assert len(FAMILIES) == 198  # and 10 of origins and credentials, and 20 of what comes from other machines
    assert set(ELSEWHERE) <= set(FAMILIES)
