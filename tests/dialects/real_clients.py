"""Other people's clients, unmodified, each in a virtual environment of its own: two of them install a `binance`.

They are installed when first asked for, at a pinned version, from wherever pip takes its packages; where that cannot
be, whoever asked fails.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLACE = Path(__file__).parent / ".clients"
VERSIONS = {"python-binance": "1.0.37", "binance-sdk-spot": "13.3.0", "alpaca-py": "0.44.0"}
INSTALL_S = 600
LOCAL = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
"""Some clients ask a proxy even for this machine."""


class NoClient(Exception):
    """A client could not be installed."""


def python_of(name: str) -> Path:
    """Return the Python of an environment that has a client (a key of VERSIONS). Raises NoClient."""
    version = VERSIONS[name]
    home = PLACE / name
    python, mark = home / "bin" / "python", home / "installed"
    with _alone(name):
        if not mark.exists() or mark.read_text() != version:
            _run("venv", "--clear", str(home))
            _run("pip", "install", "--quiet", f"{name}=={version}", python=python)
            mark.write_text(version)
    return python


def environment() -> dict[str, str]:
    """Return what a client is started with: ours, without what would lead its imports or requests astray."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | LOCAL


def _run(*command: str, python: Path = Path(sys.executable)) -> None:
    """Run a module of a Python."""
    done = subprocess.run(
        [python, "-m", *command], capture_output=True, text=True, timeout=INSTALL_S, check=False, env=environment()
    )
    if done.returncode:
        raise NoClient(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-2000:]}")


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Keep other test processes from installing the same at once."""
    PLACE.mkdir(exist_ok=True)
    with (PLACE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
