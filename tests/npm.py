"""What tests need of npm, and a Node for the JavaScript client, each installed at a pinned version where it is not."""

import json
import platform
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACE = ROOT / "tests" / ".node"
QUIET = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
NODE = "22.23.3"  # the client's oldest is 22, and Debian 12 has 18
ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64"}


def installed(package: str, version: str) -> Path:
    """Return the folder of a package, in a folder of its own: npm removes what it did not put there."""
    home = PLACE / package.strip("@").replace("/", "-")
    found = home / "node_modules" / package
    manifest = found / "package.json"
    if not manifest.exists() or json.loads(manifest.read_text())["version"] != version:
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--prefix", home, *QUIET, f"{package}@{version}"], check=True)
    return found


def node() -> str:
    """Return a Node that is new enough: this machine's, or one of npm's."""
    here = shutil.which("node")
    if here:
        said = subprocess.run([here, "--version"], capture_output=True, text=True, check=True).stdout
        if (major := re.match(r"v(\d+)", said)) and int(major[1]) >= int(NODE.partition(".")[0]):
            return here
    return str(installed(f"node-linux-{ARCHITECTURES[platform.machine()]}", NODE) / "bin" / "node")
