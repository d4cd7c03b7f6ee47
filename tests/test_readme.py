"""Every command of the README, run in a fresh copy of what git tracks, in the environment its first command makes."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from conftest import ROOT

TEXT = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)\n```", TEXT, re.DOTALL)
PROGRAMS = re.findall(r"```python\n(.*?)\n```", TEXT, re.DOTALL)
START, TESTS, WATCH, BY_HAND, UPGRADE, PLAIN, STAGED, ADMIN, SCORECARD, GUARDED, *KEPT = COMMANDS
RECORD, REPLAY, CLUSTER, LOAD_SERVER, LOAD, COMPARE = KEPT


def copy_of_what_is_tracked(folder: Path) -> Path:
    """Copy to a folder what git tracks here."""
    for name in subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files, with the environment that the first command makes."""
    copy = copy_of_what_is_tracked(tmp_path_factory.mktemp("clone"))
    setup = START.rpartition(" && ")[0]
    subprocess.run(setup, shell=True, cwd=copy, check=True, timeout=600, stdout=subprocess.DEVNULL)
    return copy


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@contextmanager
def served(command: str, clone: Path, port: int, **more: str) -> Iterator[None]:
    """Run a command that serves, on a port of our own, until the block ends."""
    environment = {**os.environ, "TICKER_SERVER_PORT": str(port), **more}
    process = subprocess.Popen(command.split(), cwd=clone, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_until_it_answers(port)
        yield
    finally:
        process.terminate()
        assert process.wait(15) == 0


def _wait_until_it_answers(port: int) -> None:
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("it does not answer")


@pytest.fixture(scope="module")
def server(clone: Path, port: int) -> Iterator[None]:
    with served(START.rpartition(" && ")[2], clone, port):
        yield


def run(command: str, clone: Path, port: int, *, typed: str = "", seconds: float = 60) -> str:
    """Run a command against our port and return what it prints; one that goes on for ever is ended."""
    command = command.replace(":8765", f":{port}")
    command = re.sub("ticker (load(?! compare)|compare)", rf"\g<0> --url ws://127.0.0.1:{port}/v1/stream", command)
    if "ticker watch" in command:
        command += f" --url ws://127.0.0.1:{port}/v1/stream | head -n 5"
    done = subprocess.run(
        f"{{ {typed}; }} | {command}" if typed else command,
        shell=True,
        cwd=clone,
        capture_output=True,
        text=True,
        errors="replace",  # curl shows frames as they are
        timeout=seconds,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.usefixtures("server")
def test_watch(clone: Path, port: int) -> None:
    watch, table = WATCH.splitlines()
    lines = run(watch, clone, port).splitlines()
    assert len(lines) == 5
    assert all('"sym":"ACME"' in line or '"sym":"BYTE"' in line for line in lines)
    head, *rows = run(table, clone, port).splitlines()
    assert head.startswith("ch,sym,n,t,")
    assert len(rows) == 4
    assert all(row.startswith(("trade,", "quote,")) for row in rows)


@pytest.mark.usefixtures("server")
def test_by_hand(clone: Path, port: int) -> None:
    typed = """sleep 1; echo '{"op":"subscribe","symbols":["ACME"]}'; sleep 2"""
    heard = run(BY_HAND, clone, port, typed=typed)
    assert all(kind in heard for kind in ('"type":"welcome"', '"type":"subscribed"', '"type":"ticks"'))


@pytest.mark.usefixtures("server")
def test_upgrade(clone: Path, port: int) -> None:
    assert "HTTP/1.1 101 Switching Protocols" in run(UPGRADE, clone, port)


@pytest.mark.usefixtures("server")
def test_plain_http(clone: Path, port: int) -> None:
    snapshot, events, poll, long_poll, bars = (run(command, clone, port) for command in PLAIN.splitlines())
    assert '"sym":"BYTE"' in snapshot
    assert "event: ticks\nid: " in events
    assert '"batches":[]' in poll
    assert '"batches":[{"type":"ticks","seq":' in long_poll
    assert '"interval":"1s","bars":[{"t":' in bars


@pytest.mark.usefixtures("server")
def test_the_python_program(clone: Path, port: int) -> None:
    program = clone / "program.py"
    program.write_text(PROGRAMS[0].replace(":8765", f":{port}"))
    first, *others = run(".venv/bin/python -u program.py 2>/dev/null | head -n 20", clone, port).splitlines()
    assert "sym='ACME'" in first
    prices, ticks = [line for line in others if line[0] in "[ "], [line for line in others if line[0] not in "[ "]
    assert re.fullmatch(r"\[[\d. ]+\]", "".join(prices))
    assert len(ticks) > 5
    assert all(re.match(r"(Trade|Quote)\(sym='ACME'", line) for line in ticks)


@pytest.mark.usefixtures("server")
def test_the_program_with_arrays(clone: Path, port: int) -> None:
    program = clone / "arrays.py"
    program.write_text(PROGRAMS[1].replace(":8765", f":{port}"))
    lines = run(".venv/bin/python -u arrays.py 2>/dev/null | head -n 5", clone, port).splitlines()
    assert len(lines) == 5
    seqs, counts, means = zip(*(map(float, line.split()) for line in lines), strict=True)
    assert list(seqs) == sorted(seqs)
    assert min(counts) >= 1
    assert min(means) > 0


@pytest.mark.usefixtures("server")
def test_the_contrast(clone: Path, port: int) -> None:
    report = run(COMPARE.replace("--clients 100 --duration 20", "--clients 2 --duration 3"), clone, port)
    assert "All lanes saw the same" in report
    assert "<svg" in (clone / "contrast.html").read_text()


def test_the_market_is_held_and_broken(clone: Path) -> None:
    port = free_port()
    with served(STAGED, clone, port):
        paused, stepped, halted, resumed, state = (run(command, clone, port) for command in ADMIN.splitlines())
    assert '"paused":true' in paused
    assert json.loads(_body(stepped))["seq"] == json.loads(_body(paused))["seq"] + 10
    assert '"time":"2026-' in halted
    assert '"paused":false' in resumed
    assert '"scenario":"flash_crash"' in state
    assert '"kind":"halt"' in state


def _body(said: str) -> str:
    """Return the JSON in what curl printed, which may talk of its progress too."""
    return said[said.index("{") : said.rindex("}") + 1]


def test_the_scorecard(clone: Path, port: int) -> None:
    report = run(SCORECARD.replace("--hours 0.5", "--hours 0.02"), clone, port, seconds=180)
    assert "duration CV" in report
    assert "<svg" in (clone / "scorecard.html").read_text()


def test_who_has_no_token_is_not_let_in(clone: Path) -> None:
    port = free_port()
    with served(GUARDED, clone, port):
        answered = run("curl -s http://127.0.0.1:8765/v1/snapshot?symbols=*", clone, port)
    assert json.loads(answered)["code"] == "unauthorized"


@pytest.mark.usefixtures("server")
def test_a_tape_is_kept_and_played_again(clone: Path, port: int) -> None:
    record, info, export = RECORD.replace("10s", "2s").splitlines()
    url = f"http://127.0.0.1:{port}/"
    said = run(f"{record} --url {url}", clone, port)
    assert "today.tape" in said
    assert "closed" in run(info, clone, port)
    head, *rows = run(export, clone, port).splitlines()
    assert head.startswith("ch,sym,n,t,")
    assert len(rows) > 10
    other = free_port()
    with served(REPLAY, clone, other), urllib.request.urlopen(f"http://127.0.0.1:{other}/readyz", timeout=5) as ready:
        replayed = json.loads(ready.read())
    with urllib.request.urlopen(f"{url}readyz", timeout=5) as ready:
        assert replayed["epoch"].startswith(json.loads(ready.read())["epoch"])


def test_a_cluster(clone: Path) -> None:
    nats, *servers = CLUSTER.splitlines()
    install, _, serve = nats.partition(" && ")
    subprocess.run(install, shell=True, cwd=clone, check=True, timeout=300, stdout=subprocess.DEVNULL)
    ports = [free_port() for _ in range(4)]
    url = f"nats://127.0.0.1:{ports[0]}"
    broker = subprocess.Popen(
        serve.replace("4222", str(ports[0])).split(), cwd=clone, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with ExitStack() as stack:
            for command, port in zip(servers, ports[1:], strict=True):
                key = "SOURCE" if "leaf" in command else "PUBLISH"
                stack.enter_context(served(command, clone, port, **{f"TICKER_NATS_{key}": url}))
            positions = [_ready(port)["epoch"] for port in ports[1:]]
    finally:
        broker.terminate()
        broker.wait(15)
    assert len(set(positions)) == 1


def _ready(port: int) -> dict[str, str]:
    """Wait until a server is ready, and return what it says."""
    for _ in range(150):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as ready:
                return json.loads(ready.read())  # type: ignore[no-any-return]
        except OSError:
            time.sleep(0.1)
    raise AssertionError("it is not ready")


def test_load(clone: Path) -> None:
    port = free_port()
    with served(LOAD_SERVER, clone, port):
        first, smoke, compare = LOAD.replace("--duration 10", "--duration 2").splitlines()
        report = run(first.replace("p99<50ms", "p99<50s"), clone, port)
        assert "gaps" in report.lower()
        assert "<svg" in (clone / "load.html").read_text()
        assert "gaps" in run(f"{smoke} --duration 2", clone, port).lower()
    compared = run(compare, clone, port)
    assert "p99" in compared
    assert "Traceback" not in report + compared


def test_every_command_is_run_here() -> None:
    assert len(COMMANDS) == 16
    assert len(PROGRAMS) == 2
    assert (ROOT / TESTS).exists()
