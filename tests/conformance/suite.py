"""Gets the Autobahn test suite, which runs on Python 2.7 only: an environment of its own, made once and kept.

By hand it is made like this, with PYTHON27 a Python 2.7:

    python -m venv maker && maker/bin/pip install virtualenv==20.15.1    # the last that makes environments for 2.7
    maker/bin/virtualenv -p PYTHON27 suite
    suite/bin/pip install --no-deps (PACKAGES)

`--no-deps`, because the suite asks for autobahn's compiled accelerators too, which need a C compiler and change
nothing; what it does need is pinned here.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = [
    *("autobahntestsuite==25.10.1", "autobahn==0.10.9", "txaio==2.1.0", "Twisted==19.10.0", "zope.interface==4.6.0"),
    *("incremental==16.10.1", "constantly==15.1.0", "Automat==22.10.0", "attrs==21.4.0", "hyperlink==21.0.0"),
    *("idna==2.10", "typing==3.10.0.0", "PyHamcrest==1.9.0", "six==1.16.0", "klein==17.10.0", "Werkzeug==1.0.1"),
    *("Jinja2==2.11.3", "MarkupSafe==1.1.1", "pyOpenSSL==19.1.0", "cryptography==3.3.2", "cffi==1.15.1"),
    *("pycparser==2.21", "enum34==1.1.10", "ipaddress==1.0.23", "service-identity==18.1.0", "pyasn1==0.5.1"),
    *("pyasn1-modules==0.3.0", "setuptools==44.0.0", "unittest2==1.1.0", "argparse==1.4.0", "traceback2==1.4.0"),
    "linecache2==1.0.0",
]
PATIENCE_S = 600
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
"""Without what is meant for a newer Python."""


class Unobtainable(Exception):
    """It cannot be had, and why."""


def wstest() -> Path:
    """Return the suite's program, made if need be. Raises Unobtainable."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ticker-autobahn"
    program = home / "suite" / "bin" / "wstest"
    if not program.exists():
        python = _python27()
        shutil.rmtree(home, ignore_errors=True)
        print(f"making an environment for the suite in {home}", flush=True)
        maker = home / "maker" / "bin"
        for command in (
            [sys.executable, "-m", "venv", home / "maker"],
            [maker / "pip", "install", "-q", "virtualenv==20.15.1"],
            [maker / "virtualenv", "-q", "-p", python, home / "suite"],
            [home / "suite" / "bin" / "pip", "install", "-q", "--no-deps", *PACKAGES],
        ):
            _do(command)
    _do([program, "--help"])
    return program


def _python27() -> Path:
    """Return a Python 2.7 that runs: a name on the path may be a shim for one that is not chosen."""
    named = [os.environ.get("PYTHON27"), shutil.which("python2.7"), shutil.which("python2")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for python in [*filter(None, named), *sorted(pyenv.glob("2.7.*/bin/python"))]:
        said = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
        if "Python 2.7" in said.stdout + said.stderr:  # it says so on standard error
            return Path(python)
    raise Unobtainable("there is no Python 2.7 here; PYTHON27 may say where")


def _do(command: list[str | Path]) -> None:
    try:
        subprocess.run(command, check=True, timeout=PATIENCE_S, capture_output=True, text=True, env=ENVIRONMENT)
    except (subprocess.SubprocessError, OSError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise Unobtainable(f"{Path(command[0]).name}: {said[-1] if said else error}") from None
