"""The build: TradingView's library is taken if it is the one that was looked at; where it is not, the build says so."""

import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from zipfile import ZipFile

import pytest
from hatchling.bridge.app import Application

import hatch_build
from conftest import ROOT
from hatch_build import PLACE, SHA256, Library, Unusable, check, find, source
from test_readme import copy_of_what_is_tracked


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what git tracks."""
    return copy_of_what_is_tracked(tmp_path / "checkout")


def build(folder: Path, *targets: str) -> tuple[list[str], str]:
    """Build something into a folder's `dist`, and return the names of the files that came, and what was said."""
    command = [sys.executable, "-m", "hatchling", "build", *targets]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return sorted(path.name for path in (folder / "dist").iterdir()), done.stdout + done.stderr


def inside(wheel: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in a wheel."""
    with ZipFile(wheel) as files:
        return {name: sha256(files.read(name)).hexdigest() for name in files.namelist()}


def test_the_package_that_brings_it_is_the_one_that_is_pinned() -> None:
    check(find())
    assert f"litecharts=={version('litecharts')}" in (ROOT / "pyproject.toml").read_text()


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.js"
    other.write_bytes(find().read_bytes() + b"\n")
    with pytest.raises(Unusable, match=f"is refused: its SHA-256 is [0-9a-f]{{64}}, not {SHA256}"):
        check(other)
    with pytest.raises(Unusable, match="cannot be read: No such file or directory"):
        check(tmp_path / "none.js")


def test_what_is_missing_or_another_is_said_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    say: Callable[[str], None] = said.append
    assert source(say) == find()
    monkeypatch.setattr(hatch_build, "PACKAGE", "no-such-package")
    assert source(say) is None
    monkeypatch.setattr(hatch_build, "find", lambda: tmp_path / "none.js")
    assert source(say) is None
    begin = "the chart of the page will be a plain line: "
    assert said == [
        f"{begin}no-such-package is not installed where this is built",
        f"{begin}{tmp_path}/none.js cannot be read: No such file or directory",
    ]


def test_a_wheel_has_it_with_its_licence(checkout: Path) -> None:
    [wheel], _ = build(checkout, "-t", "wheel")
    files = inside(checkout / "dist" / wheel)
    assert files[PLACE] == SHA256
    licences = {name.partition("/licenses/")[2] for name in files if "/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE", "LICENSES/Apache-2.0.txt"}
    assert not (checkout / "clients" / PLACE).exists()


def test_a_source_distribution_has_all_but_it_and_becomes_the_same_wheel(checkout: Path) -> None:
    (checkout / "clients" / PLACE).parent.mkdir()
    (checkout / "clients" / PLACE).write_text("what an editable build left there")
    both, _ = build(checkout)
    sdist, wheel = checkout / "dist" / both[1], checkout / "dist" / both[0]
    unpacked = checkout / "unpacked"
    unpacked.mkdir()
    subprocess.run(["tar", "xf", sdist, "-C", unpacked, "--strip-components=1"], check=True)
    assert not (unpacked / "clients" / PLACE).exists()
    [again], _ = build(unpacked, "-t", "wheel")
    assert inside(unpacked / "dist" / again) == inside(wheel)


def test_an_editable_build_puts_it_where_the_page_is_served_from(checkout: Path) -> None:
    hook = Library(str(checkout), {}, cast(Any, None), cast(Any, None), "", "wheel", Application())
    hook.initialize("editable", {})
    assert sha256((checkout / "clients" / PLACE).read_bytes()).hexdigest() == SHA256
    subprocess.run(["git", "check-ignore", "-q", f"clients/{PLACE}"], cwd=ROOT, check=True)


def test_a_build_without_it_goes_on_and_says_so(checkout: Path) -> None:
    hook = checkout / "hatch_build.py"
    hook.write_text(hook.read_text().replace('PACKAGE = "litecharts"', 'PACKAGE = "no-such-package"'))
    [wheel], said = build(checkout, "-t", "wheel")
    assert PLACE not in inside(checkout / "dist" / wheel)
    assert "the chart of the page will be a plain line: no-such-package is not installed" in said
