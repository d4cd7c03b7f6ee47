"""How an operator, a system or a fate may start and stop it: a mistake is one line and an exit code, never a traceback.

The families are those of a catalogue: C1 to C14, and T18 and T20.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from conftest import ROOT, RunningServer
from good_company import UPGRADE, counts, masked, resident_mb
from hostile import times
from plain_client import PlainClient, assert_no_hole
from raw_http import get, read_on, status, statuses, verdict
from ticker import cli
from ticker.errors import SetupError
from ticker.settings import KEYS, build, from_flags, from_tables
from web_servers import free_port

SERVE = [sys.executable, "-m", "ticker", "serve", "--log.format", "json"]
NUMBERS = [
    "0",
    "-1",
    "1",
    "2",
    "1000000000000",
    "1e308",
    "1e400",
    "-1e400",
    "0.5",
    "nan",
    "inf",
    "-inf",
    "1_000",
    "0x10",
]
WORDS = ["text", "", " ", "5ms", "1s", "10k", "true", "null", "None", "9" * 5000, "\u0665", "\0", "1,2", "1;2", "[1]"]
PATHS = [
    path for path, key in KEYS.items() if isinstance(key.default, int | float) and not isinstance(key.default, bool)
]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run a command in this process; return its exit code and its one line of complaint."""
    code = cli.run(list(arguments))
    said = capsys.readouterr().err
    assert said.count("\n") <= 1, said
    assert "Traceback" not in said
    return code, said


def process(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself, with nothing in its environment but what is given."""
    command = [sys.executable, "-m", "ticker", *flags]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, timeout=60, check=False)


def complained(done: subprocess.CompletedProcess[str], *codes: int) -> bool:
    return done.returncode in codes and done.stderr.startswith("ticker: ") and done.stderr.count("\n") == 1


def answers(port: int) -> bool:
    """Tell whether somebody answers there by now."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as client:
            client.sendall(get("/healthz", "Connection: close"))
            if b" 200 " in client.recv(4096)[:20]:
                return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("path", PATHS, ids=[f"C1 {path}" for path in PATHS])
def test_numbers(path: str) -> None:
    """C1: any spelling is a number within its bounds, or refused by the name it was given by."""
    for text in NUMBERS + WORDS:
        try:
            build(from_flags({path: text}))
        except SetupError as error:
            assert path in str(error) or path.replace("_", "-") in str(error) or ": must be " in str(error)
    section, name = path.split(".")
    for value in (True, "1", None, [], {}, [1], 2**63, 2**64, -(2**63), 1e308, float("nan"), float("inf"), -0.0):
        with suppress(SetupError):
            build(from_tables({section: {name: value}}, "f"))


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("256.1.1.1", True),
        ("[::1]", True),
        ("127.0.0.1:80", True),
        ("", True),
        (" ", True),
        ("::1%nowhere", True),
        ("no.such.host.invalid", True),
        ("x" * 70 + ".example", True),
        ("a..example", True),
        ("192.0.2.1", True),
        ("0.0.0.0", False),
        ("::", False),
    ],
)
def test_addresses_that_cannot_be_had(capsys: pytest.CaptureFixture[str], host: str, public: bool) -> None:
    """C2: they are no address, no address of this machine, or one that others can reach."""
    code, said = run(capsys, "serve", "--port", "0", "--host", host, *(["--server.public"] if public else []))
    assert code in (1, 2)
    assert "server.host" in said or "cannot listen on 192.0.2.1" in said


def test_ports_that_cannot_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    """C2 and C13: one that is taken, by whatever or by one of us, and those that are none."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = run(capsys, "serve", "--port", str(taken.getsockname()[1]))
        assert (code, "taken" in said) == (1, True)
    for port in ("65536", "-1", "http", "80.5", ""):
        code, said = run(capsys, "serve", "--port", port)
        assert (code, "server.port" in said) == (2, True)


def test_two_at_one_port(serve_ticker: Callable[..., RunningServer], capsys: pytest.CaptureFixture[str]) -> None:
    """C13: the second is told, the first serves on."""
    server = serve_ticker()
    code, said = run(capsys, "serve", "--port", str(server.port))
    assert (code, "taken" in said) == (1, True)
    assert verdict(server, get("/healthz", "Connection: close")) == 200


@pytest.mark.parametrize(
    "flags", [("nowhere.pem", "nowhere.pem"), ("LICENSE", "LICENSE"), ("tests", "tests"), ("LICENSE", "")]
)
def test_certificates_that_are_none(capsys: pytest.CaptureFixture[str], flags: tuple[str, str]) -> None:
    """C3: missing, no certificate, a folder, no key."""
    code, said = run(capsys, "serve", "--port", "0", "--tls-cert", flags[0], "--tls-key", flags[1])
    assert code in (1, 2)
    assert said.startswith("ticker: ")


FILES = {
    "C4 unknown key": b"[market]\nsed = 1\n",
    "C4 key twice": b"[market]\nseed = 1\nseed = 2\n",
    "C4 section twice": b"[market]\nseed = 1\n[market]\nstep_ms = 1\n",
    "C4 deep list": b"a = " + b"[" * 100_000,
    "C4 deep table": b"a = " + b"{a=" * 100_000,
    "C4 dotted key": b".".join([b"a"] * 5000) + b" = 1\n",
    "C4 no text": bytes(range(256)),
    "C4 NUL": b"[market]\n\0seed = 1\n",
    "C4 UTF-16": "[market]\nseed = 1\n".encode("utf-16"),
    "C4 a mark": b"\xef\xbb\xbf[market]\nseed = -1\n",
    "C4 endless text": b'[market]\nuniverse = """' + b"x" * 2**20,
    "C4 YAML": b"market: &a [*a, *a]\n",
    "C4 large number": b"[market]\nseed = " + b"9" * 10_000 + b"\n",
    "C4 NUL in a host": b'[server]\nhost = "a\\u0000b"\npublic = true\n',
    "C4 NUL in a universe": b'[market]\nuniverse = "a\\u0000b.toml"\n',
    "C4 NUL in a scenario": b'[market]\nscenario = "a\\u0000b.toml"\n',
    "C4 NUL in a checkpoint": b'[market]\ncheckpoint = "a\\u0000b"\n',
    "C6 buffers": b"[stream]\nbuffer_bytes = 4096\nbuffer_bytes_max = 4096\n",
    "C6 steps": b"[market]\nstep_ms = 20\n[feed]\nflush_ms = 50\n",
    "C6 public": b'[server]\nhost = "0.0.0.0"\n',
    "C11 seed -1": b"[market]\nseed = -1\n",
    "C11 seed 2^63": b"[market]\nseed = 9223372036854775808\n",
    "C11 seed 2^64": b"[market]\nseed = 18446744073709551616\n",
    "C11 seed in words": b'[market]\nseed = "one"\n',
    "C11 seed 1.0": b"[market]\nseed = 1.0\n",
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_files_that_are_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "wrong.toml"
    file.write_bytes(content)
    code, said = run(capsys, "serve", "--port", "0", "--config", str(file))
    assert code in (1, 2)
    assert said.startswith("ticker: ")


@pytest.mark.parametrize("seed", ["0", "1", "9223372036854775807"])
def test_seeds(seed: str) -> None:
    """C11: any of them is a market."""
    assert build(from_flags({"market.seed": seed})).market.seed == int(seed)


UNIVERSE = (ROOT / "configs" / "universes" / "crypto.toml").read_text()
BEFORE = UNIVERSE[: UNIVERSE.index("[sectors.")]
LINE = next(line for line in UNIVERSE.splitlines(keepends=True) if "symbol" in line)
MANY = "".join(f'  {{ symbol = "A{k}", name = "x", price = 1, tick = "0.1" }},\n' for k in range(times(11_000, 10**6)))
UNIVERSES = {
    "C5 nothing": "",
    "C5 no instrument": BEFORE,
    "C5 duplicates": UNIVERSE.replace(LINE, LINE * 2),
    "C5 a mark": "\ufeff" + UNIVERSE,
    "C5 a million lines": "# nothing\n" * 10**6,
    "C5 far too many": UNIVERSE.replace(LINE, MANY),
}
assert len(set(map(len, UNIVERSES.values()))) == len(UNIVERSES), "each is another"


@pytest.mark.parametrize("text", UNIVERSES.values(), ids=UNIVERSES)
def test_universes_that_are_none(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    code, said = run(capsys, "serve", "--port", "0", "--universe", str(file))
    assert code == 2
    assert "mine.toml" in said or "universe" in said


@contextmanager
def started(*flags: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """Give a server that was just started, and have it end."""
    with subprocess.Popen([*SERVE, *flags], cwd=ROOT, text=True, **options) as server:  # type: ignore[call-overload]
        try:
            yield server
        finally:
            server.kill()


@pytest.mark.parametrize(
    "numbers", [[signal.SIGTERM], [signal.SIGINT], [signal.SIGHUP], [signal.SIGTERM] * 2, [signal.SIGINT] * 5]
)
def test_signals_that_stop_it(tmp_path: Path, numbers: list[signal.Signals]) -> None:
    """C7: once or again and again, whoever is there is told, and it ends well."""
    port, log = free_port(), tmp_path / "log"
    with log.open("w") as stderr, started("--port", str(port), stdout=stderr, stderr=stderr) as server:
        assert answers(port)
        with PlainClient(port) as client:
            for number in numbers:
                server.send_signal(number)
            closing = client.read_until("closing")[-1]
            assert (closing["code"], client.read_close()) == (1001, 1001)
        assert server.wait(15) == 0
    assert "Traceback" not in log.read_text()


def test_a_hangup_that_is_to_be_ignored(tmp_path: Path) -> None:
    """C7: nohup asks for that."""
    port, log = free_port(), tmp_path / "log"
    command = ["nohup", *SERVE, "--port", str(port)]
    with log.open("w") as file, subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file) as server:
        try:
            assert answers(port)
            server.send_signal(signal.SIGHUP)
            time.sleep(0.3)
            assert answers(port)
            server.terminate()
            assert server.wait(15) == 0
        finally:
            server.kill()


@pytest.mark.parametrize("after_s", [0.15, 0.3, 0.6])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_while_it_starts(tmp_path: Path, after_s: float, number: signal.Signals) -> None:
    """C7: there may be nothing to stop yet; Ctrl-C is no fault of the program."""
    log = tmp_path / "log"
    with log.open("w") as stderr, started("--port", "0", stdout=subprocess.DEVNULL, stderr=stderr) as server:
        time.sleep(after_s)
        server.send_signal(number)
        assert server.wait(15) in (0, -number, 128 + number)
    assert "Traceback" not in log.read_text()


def test_a_signal_that_means_nothing(tmp_path: Path) -> None:
    """C7: one that only wakes it up."""
    port, log = free_port(), tmp_path / "log"
    with log.open("w") as file, started("--port", str(port), stdout=file, stderr=file) as server:
        assert answers(port)
        for number in (signal.SIGPIPE, signal.SIGWINCH, signal.SIGCHLD, signal.SIGURG):
            server.send_signal(number)
        assert answers(port)
        server.terminate()
        assert server.wait(15) == 0


def misbehave(port: int) -> None:
    """Do what is logged."""
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(get("/v1/stream", *UPGRADE))
        client.recv(4096)
        client.sendall(masked(0x89, b"") * 100)
        read_on(client, 3)
    time.sleep(1)


@pytest.mark.parametrize("output", ["full", "closed pipe", "closed"])
def test_a_log_that_cannot_be_written(output: str) -> None:
    """C8: what is said is lost, and deadlines are kept as before."""
    port = free_port()
    flags = ["--port", str(port), "--http.head-s", "0.5", "--log.level", "debug"]
    with ExitStack() as files:
        if output == "full":
            stderr = files.enter_context(Path("/dev/full").open("w")).fileno()
        else:
            reading, stderr = os.pipe()
            os.close(reading)
            files.callback(os.close, stderr)
        close: Callable[[], None] | None = (lambda: os.close(2)) if output == "closed" else None
        server = files.enter_context(started(*flags, stdout=subprocess.DEVNULL, stderr=stderr, preexec_fn=close))
        assert answers(port)
        misbehave(port)
        with socket.create_connection(("127.0.0.1", port), 10) as silent:
            assert silent.recv(10) == b""
        server.terminate()
        assert server.wait(15) == 0


@pytest.mark.parametrize("output", ["full", "closed"])
def test_a_greeting_that_cannot_be_written(tmp_path: Path, output: str) -> None:
    """C8: nobody needs it to be served."""
    port, log = free_port(), tmp_path / "log"
    close: Callable[[], None] | None = (lambda: os.close(1)) if output == "closed" else None
    with (
        Path("/dev/full").open("w") as full,
        log.open("w") as stderr,
        started("--port", str(port), stdout=full, stderr=stderr, preexec_fn=close) as server,
    ):
        assert answers(port)
        server.terminate()
        assert server.wait(15) == 0
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONASYNCIODEBUG": "1"},
        {"PYTHONDEVMODE": "1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "xx_XX.nonsense"},
        {"PYTHONIOENCODING": "ascii"},
        {"TZ": "Nowhere/Nothing"},
        {"TZ": ":"},
        {"TZ": "UTC+25:61"},
        {"HOME": "/proc/nothing", "TMPDIR": "/proc/nothing", "XDG_CONFIG_HOME": "/dev/null"},
        {"COLUMNS": "-1", "TERM": "nonsense", "NO_COLOR": "1", "FORCE_COLOR": "1"},
        {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "debug"},
    ],
    ids=lambda environment: f"C9 {' '.join(environment)}",
)
def test_environments(tmp_path: Path, environment: dict[str, str]) -> None:
    """C9 and C8: wherever it is started, it serves and ends well."""
    port, log = free_port(), tmp_path / "log"
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **environment}
    with (
        log.open("w") as file,
        started("--port", str(port), stdout=file, stderr=file, env=env) as server,
    ):
        assert answers(port)
        with PlainClient(port) as client:
            client.send({"op": "subscribe", "symbols": ["*"]})
            client.read_until("ticks")
            assert assert_no_hole(client.read(0.2)) > 0
        server.terminate()
        assert server.wait(15) == 0
    text = log.read_text()
    assert "Traceback" not in text
    assert "Warning" not in text


def test_help_without_docstrings() -> None:
    """C9: they are gone with PYTHONOPTIMIZE=2; mistakes are told as before."""
    assert process("serve", "--help", PYTHONOPTIMIZE="2").returncode == 0
    assert complained(process("serve", "--port", "x", PYTHONOPTIMIZE="2"), 2)


ABSENT = "import sys; sys.modules[{0!r}] = None; from ticker.__main__ import main; main()"


def test_a_loop_that_is_not_there(serve_ticker: Callable[..., RunningServer]) -> None:
    """C10: without uvloop there is asyncio, unless uvloop was asked for."""
    program = ("-c", ABSENT.format("uvloop"))
    server = serve_ticker(program=program)
    assert verdict(server, get("/healthz", "Connection: close")) == 200
    command = [sys.executable, *program, "serve", "--port", "0", "--server.loop", "uvloop"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert complained(done, 1)
    assert "uvloop is not installed" in done.stderr


@pytest.mark.parametrize("library", ["websockets.speedups", "hdrh", "duckdb", "nats", "jwt"])
def test_libraries_that_need_not_be_there(serve_ticker: Callable[..., RunningServer], library: str) -> None:
    """C10: speed-ups and what only some commands need."""
    server = serve_ticker(program=("-c", ABSENT.format(library)))
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "symbols": ["*"]})
        client.read_until("ticks")
    server.stop()


def test_metrics_as_often_as_one_likes(serve_ticker: Callable[..., RunningServer]) -> None:
    """C12: a hundred times at once, and nobody misses a tick; the admin API is not there unless it was asked for."""
    server = serve_ticker()
    with PlainClient(server.port) as client, socket.create_connection(("127.0.0.1", server.port), 30) as scraper:
        client.send({"op": "subscribe", "symbols": ["*"]})
        messages = client.read_until("ticks")
        count = times(100, 900)
        scraper.sendall(get("/metrics") * count + get("/admin/state", "Connection: close"))
        assert statuses(read_on(scraper, 10)) == [200] * count + [404]
        assert assert_no_hole(messages + client.read(0.3)) > 0
    assert counts(server)["requests"] > count


def limited(kind: str, soft: int) -> tuple[str, ...]:
    """Return a program that runs ours with a limit of the system's."""
    return (
        "-c",
        f"import resource as r; r.setrlimit(r.{kind}, ({soft}, {soft})); from ticker.__main__ import main; main()",
    )


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_few_descriptors(serve_ticker: Callable[..., RunningServer], tmp_path: Path, loop: str) -> None:
    """T18 and C6: who is one too many is told so; the limit is never reached, and soon after all is as before."""
    log = tmp_path / "log"
    server = serve_ticker("--server.loop", loop, program=limited("RLIMIT_NOFILE", 128), log=log)
    with ExitStack() as crowd:
        clients = [crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), 10)) for _ in range(100)]
        found = []
        for client in clients:
            with suppress(ConnectionResetError, BrokenPipeError):
                client.sendall(get("/healthz"))
                found += statuses(client.recv(4096))
        assert found.count(200) >= 60
        assert set(found) <= {200, 429, 503}
    assert answers(server.port)
    assert len(log.read_text().splitlines()) < 5
    assert server.stop() == 0


def test_little_memory(serve_ticker: Callable[..., RunningServer]) -> None:
    """T18 and C14: 128 MB of data are enough for a hundred clients, and resident are about half of that."""
    server = serve_ticker("--feed.tape-s", "5", program=limited("RLIMIT_DATA", 128 * 2**20))
    with ExitStack() as crowd:
        for _ in range(100):
            crowd.enter_context(PlainClient(server.port)).send({"op": "subscribe", "symbols": ["ACME"]})
        time.sleep(1)
        assert resident_mb(server) < 100
    assert server.stop() == 0


def test_process_number_one(tmp_path: Path) -> None:
    """C14: as in a container, where nobody else is to be waited for and signals do nothing that is not asked for."""
    port, log = free_port(), tmp_path / "log"
    command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", *SERVE, "--port", str(port)]
    with log.open("w") as file, subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file) as outer:
        try:
            assert answers(port), log.read_text()
            children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGTERM)
            assert outer.wait(15) == 0
        finally:
            outer.kill()
    assert "stopped" in log.read_text()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """C14 and C8: a checkpoint that cannot be kept is said to be lost, and is no reason to stop badly."""
    port, log = free_port(), tmp_path / "log"
    where = "/proc/nothing/market"
    with (
        log.open("w") as file,
        started("--port", str(port), "--market.checkpoint", where, stdout=file, stderr=file) as server,
    ):
        assert answers(port)
        server.terminate()
        assert server.wait(15) == 0
    assert "no checkpoint was stored" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_the_newer_internet(tmp_path: Path) -> None:
    """T20 and C2: where there is IPv6, it is served like the older one, and that one is not served besides."""
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("w") as file, started("--host", "::1", "--port", str(port), stdout=file, stderr=file) as server:
        until = time.monotonic() + 20
        while "Ctrl-C" not in log.read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        for host in ("[::1]", "localhost", f"[::1]:{port}"):
            with socket.create_connection(("::1", port), 10) as client:
                client.sendall(get("/healthz", "Connection: close").replace(b"127.0.0.1", host.encode()))
                assert status(client.recv(4096)) == 200
        with socket.create_connection(("::1", port), 10) as client:
            client.sendall(get("/v1/stream", *UPGRADE))
            assert status(client.recv(4096)) == 101
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 10)
        server.terminate()
        assert server.wait(15) == 0
