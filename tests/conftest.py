"""Servers for tests: the real command on a free port of 127.0.0.1, stopped at the end whatever happened."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tcp_proxy import Proxy
from ticker_client import TRANSPORTS

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")

pytest_plugins = ["watched", "market_page", "bare_page"]

ROOT = Path(__file__).parent.parent


@dataclass
class RunningServer:
    """A `ticker serve` process: the page's URL, the stream's, and the process itself."""

    url: str
    stream: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rpartition(":")[2])

    def stop(self) -> int:
        """Ask it to stop and return its exit code; kill it where it does not."""
        self.process.terminate()
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


PROGRAM = ("-m", "ticker")


def start_server(*flags: str, log: Path | None = None, program: tuple[str, ...] = PROGRAM) -> RunningServer:
    """Start `ticker serve` on a free port, with its log in a file if asked, and wait until it listens."""
    port = () if "--port" in flags else ("--port", "0")
    with log.open("w") if log else nullcontext() as stderr:
        process = subprocess.Popen(
            [sys.executable, *program, "serve", *port, "--log.format", "json", *flags],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=ROOT,
        )
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"ws(s?)://(\S+)/v1/stream", line):
            return RunningServer(f"http{found[1]}://{found[2]}/", found[0], process)
    process.stdout.close()
    raise AssertionError(f"ticker serve ended with {process.wait()}")


@contextmanager
def servers() -> Iterator[Callable[..., RunningServer]]:
    """Give what starts servers, and stop them all at the end."""
    started: list[RunningServer] = []

    def serve(*flags: str, log: Path | None = None, program: tuple[str, ...] = PROGRAM) -> RunningServer:
        started.append(start_server(*flags, log=log, program=program))
        return started[-1]

    try:
        yield serve
    finally:
        for server in started:
            if server.process.poll() is None:
                server.stop()
            assert server.process.stdout is not None
            server.process.stdout.close()


@pytest.fixture(scope="module")
def serve_ticker() -> Iterator[Callable[..., RunningServer]]:
    """Start servers with flags of one's own, `serve_ticker("--seed", "7")`, which stop when the module is done."""
    with servers() as serve:
        yield serve


@pytest.fixture
def ticker_server(serve_ticker: Callable[..., RunningServer]) -> Iterator[RunningServer]:
    """A server with the default market, for one test."""
    server = serve_ticker()
    yield server
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
async def proxy(server: RunningServer) -> AsyncIterator[Proxy]:
    """What stands before the module's server, and can cut its connections."""
    async with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """Each way of hearing the tape."""
    return str(request.param)
