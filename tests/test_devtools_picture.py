"""The README's picture is made by a script: it runs, and what it makes has its size and shows something."""

import subprocess
import sys
import zlib
from pathlib import Path

from conftest import ROOT
from devtools_picture import SIZE

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SHADES_MIN = 20  # an empty page has one or two


def chunks(png: bytes) -> dict[bytes, bytes]:
    """Return what is in a PNG by the kind of its chunks, those of a kind joined."""
    found: dict[bytes, bytes] = {}
    at = len(SIGNATURE)
    while at < len(png):
        size, kind = int.from_bytes(png[at : at + 4]), png[at + 4 : at + 8]
        found[kind] = found.get(kind, b"") + png[at + 8 : at + 8 + size]
        at += 12 + size
    return found


def test_the_picture_of_the_readme_is_made_anew(tmp_path: Path) -> None:
    to = tmp_path / "devtools.png"
    script = ROOT / "tests" / "devtools_picture.py"
    subprocess.run([sys.executable, script, "--to", to], check=True, cwd=tmp_path, capture_output=True)
    png = to.read_bytes()
    assert png.startswith(SIGNATURE)
    found = chunks(png)
    size = int.from_bytes(found[b"IHDR"][:4]), int.from_bytes(found[b"IHDR"][4:8])
    assert size == (SIZE["width"], SIZE["height"])
    lines = zlib.decompress(found[b"IDAT"])
    assert len(lines) % size[1] == 0
    row = len(lines) // size[1]
    different = {lines[at : at + row] for at in range(0, len(lines), row)}
    assert len(different) > size[1] // 4, "most lines are the same: nothing is written there"
    assert len(set(lines)) > SHADES_MIN
