"""The page's JavaScript means what its comments say: the compiler of TypeScript reads them, and writes nothing."""

import json
import subprocess
from pathlib import Path

import pytest

import ticker_web
from npm import installed

TYPESCRIPT = "5.9.3"
FILES = Path(ticker_web.__file__).parent
OPTIONS = {
    "allowJs": True,
    "checkJs": True,
    "strict": True,
    "noEmit": True,
    "noImplicitOverride": True,
    "noUnusedLocals": True,
    "target": "esnext",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["esnext", "dom", "dom.iterable"],
    "types": [],
}


@pytest.fixture(scope="module")
def tsc() -> Path:
    """Return the compiler."""
    return installed("typescript", TYPESCRIPT) / "bin" / "tsc"


def complaints(tsc: Path, folder: Path, sources: list[str]) -> list[str]:
    """Return what there is to say about the sources."""
    project = folder / "tsconfig.json"
    project.write_text(json.dumps({"compilerOptions": OPTIONS, "include": sources, "exclude": [f"{FILES}/vendor"]}))
    told = subprocess.run(["node", tsc, "--project", project], capture_output=True, text=True, check=False)
    assert not told.stderr
    return told.stdout.splitlines()


def test_the_types_of_the_page_hold(tsc: Path, tmp_path: Path) -> None:
    assert complaints(tsc, tmp_path, [f"{FILES}/**/*.js"]) == []


def test_a_wrong_type_does_not_pass(tsc: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.js").write_text(
        '/** @param {number} ms */\nexport const late = (ms) => ms.trim();\nlate("1");\n'
    )
    (tmp_path / "bare.js").write_text("export const untold = (ms) => ms;\n")
    found = "\n".join(complaints(tsc, tmp_path, [f"{tmp_path}/*.js"]))
    assert "TS2339" in found
    assert "TS2345" in found
    assert "TS7006" in found
