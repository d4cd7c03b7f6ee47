"""The house keeps its own law: who imports whom, what pure rooms never touch, and a sign on every door."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEAVES = {
    *("errors", "ticks", "metrics", "clock", "instruments", "config", "settings", "interest", "files", "universes"),
    "venue",
}
OUTSIDE = {"clock", "files", "universes"}
"""Leaves that read what is outside: the composition root hands a pure room what they found."""
PURE = {"market", "feed", "session", "wire", "dialects"}
CLIENTS = {"ticker_client", "ticker_compare", "ticker_load", "ticker_record", "ticker_watch", "ticker_web"}
TOP = {"cli", "__main__"}

# Prefixes of the dotted names that a room may import, besides its own.
MAY_IMPORT = {
    **dict.fromkeys(LEAVES | {"market", "feed", "session", "wire"}, LEAVES),
    "__init__": set[str](),
    "dialects": LEAVES | {"session.messages", "session.requests", "session.controls", "session.budget", "wire"},
    "endpoints": LEAVES | {"dialects", "session", "feed", "wire"},
    "links": LEAVES | {"feed", "wire", "source", "beat"},
    # It runs a market in process to measure it, and nobody but the command line needs it.
    "scorecard": LEAVES | {"market", "pages"},
    "pages": set(),
    # Files whose content is the market's: they read, it understands.
    "scenarios": LEAVES | {"market"},
    "checkpoints": LEAVES | {"market"},
    # Files of tokens, and what they permit.
    "auth": LEAVES | {"session.permits"},
    # Certificates: what is spoken, and how one is made.
    "tls": LEAVES,
    # What the composition root is made of: a market set up, its time, and the hand on both.
    "stage": LEAVES | {"market", "scenarios", "checkpoints"},
    "beat": LEAVES | {"feed"},
    "control": LEAVES | {"market", "feed", "session", "stage", "beat", "checkpoints"},
    # What the server plays: what that is to it, and the market as one.
    "source": LEAVES | {"feed", "wire", "session.controls"},
    # A market that is shared with other machines.
    "root": LEAVES
    | {*("market", "feed", "wire", "session"), "links.nats", "source", "stage", "beat", "control", "checkpoints"},
    "market_source": LEAVES | {"feed", "wire", "source", "stage", "beat", "control", "checkpoints"},
    "replay_source": LEAVES | {"feed", "wire", "market", "source", "beat", "control", "links"},
    "server": LEAVES | PURE | {"auth", "tls", "endpoints", "links", "source", "market_source", "replay_source", "root"},
    "cli": LEAVES
    | PURE
    | {"auth", "tls", "endpoints", "links", "server", "replay_source", "stage", "scenarios", "scorecard"},
    "__main__": {"cli"},
}
CLIENTS_MAY_IMPORT = {
    "session.books",
    "session.client",
    "session.kinds",
    "session.messages",
    "session.requests",
    "dialects",
    "wire",
    "errors",
    "clock",
    "ticks",
    "files",
    "pages",
    # What a client that keeps a tape needs: the file, its writer and its reader, and nothing of who serves one.
    "instruments",
    "links.about",
    "links.gathered",
    "links.recorder",
    "links.recording",
    "links.reel_file",
}
UNCLEAN = {
    *("asyncio", "socket", "time", "os", "io", "pathlib", "random", "secrets", "threading", "subprocess", "zoneinfo"),
    *(f"ticker.{leaf}" for leaf in OUTSIDE),
}
DRAWERS = {"utils", "util", "helpers", "common", "base", "core", "misc"}

SOURCES = sorted((ROOT / "ticker").rglob("*.py"))
CLIENT_SOURCES = sorted((ROOT / "clients").rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(path: Path) -> str:
    """Return the first part of a module's place in `ticker`: a folder, or a file without its ending."""
    return path.relative_to(ROOT / "ticker").parts[0].removesuffix(".py")


def imports(source: str) -> Iterator[str]:
    """Yield every module that a source imports, and every name it takes from one, dotted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_of_ours(source: str) -> Iterator[str]:
    """Yield what a source imports of `ticker`, without that name; `__version__` belongs to everybody."""
    for name in imports(source):
        package, _, rest = name.partition(".")
        if package == "ticker" and rest != "__version__":
            yield rest or "__init__"


def begins(name: str, allowed: set[str]) -> bool:
    return any(name == start or name.startswith(start + ".") for start in allowed)


def trespasses(source: str, room: str) -> list[str]:
    """Return what a module of a room imports of ours and may not."""
    return [name for name in imports_of_ours(source) if not begins(name, MAY_IMPORT[room] | {room})]


def client_trespasses(source: str) -> list[str]:
    """Return what a client imports of the server."""
    return [name for name in imports_of_ours(source) if not begins(name, CLIENTS_MAY_IMPORT)]


def impurities(source: str) -> list[str]:
    """Return what ties a source to files, sockets, clocks, the environment or chance."""
    found = [name for name in imports(source) if begins(name, UNCLEAN)]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"open", "input"}:
            found.append(node.func.id)
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith(("np.random.", "numpy.random.")):
            found += [ast.unparse(node)] if node.attr != "Philox" else []
    found += [name for name in imports(source) if name.startswith("numpy.random") and not name.endswith(".Philox")]
    return found + clock_readings(source)


def clock_readings(source: str) -> list[str]:
    """Return what in a source asks the time."""
    found = [name for name in imports(source) if name.partition(".")[0] == "time"]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}:
            owner = ast.unparse(node.value).rpartition(".")[2]
            found += [ast.unparse(node)] if owner in {"datetime", "date"} else []
    return found


def words(source: str) -> set[str]:
    """Return the modules a source names in any way: by import, or as text to import by."""
    texts = [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return {word.partition(".")[0] for word in [*imports(source), *texts]}


def has_sign(source: str) -> bool:
    """Tell whether a module opens with at least one sentence."""
    return "." in (ast.get_docstring(ast.parse(source)) or "")


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    assert trespasses(path.read_text(), room_of(path)) == []


def test_leaves_import_each_other_only_downwards() -> None:
    below = {
        leaf: {name.partition(".")[0] for name in imports_of_ours((ROOT / "ticker" / f"{leaf}.py").read_text())}
        for leaf in LEAVES
    }
    while bottom := {leaf for leaf, others in below.items() if not others & set(below)}:
        below = {leaf: others for leaf, others in below.items() if leaf not in bottom}
    assert below == {}, "these import each other in a circle"


@pytest.mark.parametrize("path", [path for path in SOURCES if room_of(path) in PURE], ids=named)
def test_a_pure_room_touches_nothing_outside(path: Path) -> None:
    assert impurities(path.read_text()) == []


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_only_the_clock_asks_the_time(path: Path) -> None:
    assert bool(clock_readings(path.read_text())) == (room_of(path) == "clock")


@pytest.mark.parametrize("path", [path for path in SOURCES if room_of(path) not in TOP], ids=named)
def test_only_the_top_names_the_clients_and_the_command_line(path: Path) -> None:
    source = path.read_text()
    assert not words(source) & (CLIENTS | {"cyclopts"})
    assert "cli" not in imports_of_ours(source)


@pytest.mark.parametrize("path", CLIENT_SOURCES, ids=named)
def test_clients_know_nothing_of_the_server(path: Path) -> None:
    assert client_trespasses(path.read_text()) == []


def test_every_room_is_found() -> None:
    assert PURE | LEAVES | TOP | {"endpoints", "server"} <= {room_of(path) for path in SOURCES}
    assert {path.relative_to(ROOT / "clients").parts[0] for path in CLIENT_SOURCES} >= {"ticker_client", "ticker_web"}


@pytest.mark.parametrize("path", [*SOURCES, *CLIENT_SOURCES], ids=named)
def test_every_door_has_a_sign(path: Path) -> None:
    assert has_sign(path.read_text())
    assert (path.parent / "__init__.py").is_file()


def test_there_is_no_drawer_for_everything() -> None:
    parts = {part.removesuffix(".py") for path in [*SOURCES, *CLIENT_SOURCES] for part in path.relative_to(ROOT).parts}
    assert not parts & DRAWERS


@pytest.mark.parametrize(
    ("source", "room"),
    [
        ("from ticker.feed.tape import Tape", "market"),
        ("from ticker.session import messages", "feed"),
        ("import ticker.wire.frames", "session"),
        ("from ticker.session.server import ServerSession", "dialects"),
        ("from ticker import market", "endpoints"),
        ("def late():\n    from ticker.market.market import Market", "endpoints"),
        ("from ticker.wire import frames", "ticks"),
        ("from ticker import cli", "server"),
        ("import ticker", "feed"),
    ],
)
def test_a_trespass_is_noticed(source: str, room: str) -> None:
    assert trespasses(source, room)


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio",
        "from os import environ",
        "from pathlib import Path",
        "import time as t",
        "from ticker import clock",
        "from ticker.clock import wall_us",
        "from ticker import universes",
        "from ticker.files import read",
        "from zoneinfo import ZoneInfo",
        "import random",
        "import numpy as np\nnp.random.default_rng()",
        "import numpy as np\nnp.random.random(3)",
        "from numpy.random import default_rng",
        "open('tape')",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime\nread = datetime.utcnow",
    ],
)
def test_an_impurity_is_noticed(source: str) -> None:
    assert impurities(source)


def test_what_is_allowed_is_not_taken_for_a_violation() -> None:
    assert impurities("import numpy as np\nfrom datetime import datetime\nnp.random.Philox(key=[1, 0])") == []
    assert trespasses("from ticker import __version__\nfrom ticker.session.messages import Ack", "dialects") == []
    assert client_trespasses("from ticker import clock\nfrom ticker.dialects import native") == []


def test_other_violations_are_noticed() -> None:
    assert client_trespasses("from ticker.session.server import ServerSession")
    assert client_trespasses("from ticker.server import Server")
    assert words("import_module('ticker_load.command')") & CLIENTS
    assert words("from cyclopts import App") & {"cyclopts"}
    assert clock_readings("from time import monotonic")
    assert not has_sign("import os") and not has_sign('"""Nothing to say"""')
