"""A server to be sent anything, watched for harm; and nginx, to compare it with on what is malformed."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from conftest import RunningServer
from good_company import (
    PATIENCE_S,
    QUIET,
    Company,
    Vitals,
    counts,
    descriptors,
    resident_mb,
    vitals,
)
from plain_client import PlainClient
from raw_http import converse, get
from web_servers import WebServer, nginx
from witness import fetch

LIMITS = (
    *("--http.head-s", "1", "--http.body-s", "1", "--http.idle-s", "30"),
    *("--stream.close-s", "0.5", "--stream.stall-s", "1", "--stream.ping-s", "1", "--stream.pong-s", "1"),
    *("--feed.tape-s", "2"),
)
TARGETS = ("/", "/healthz", "/nowhere", "/metrics", "/v1/ticks?symbols=*&wait=0.1", "/v1/snapshot?symbols=*")
TARGETS += ("/asyncapi.json", "/openapi.json", "/v1/instruments", "/v1/bars?symbol=ACME")
WORN = 210  # where the tape is as long as it gets
CROWD = 150  # as many as ever come at once
GROWN_MB_MAX = 4.0  # after everything: 2, and 2 that malloc keeps of the largest crowd

# The outer server reads a request whole, body and all, before the inner one sees it.
NGINX = """
large_client_header_buffers 4 16k;
client_header_timeout 1s;
client_body_timeout 1s;
lingering_time 1s;
lingering_timeout 1s;
server {
    listen PORT;
    if ($request_method = OPTIONS) { return 204; }
    location / { proxy_pass http://unix:FOLDER/inner.sock; proxy_ignore_client_abort on; }
}
server {
    listen unix:FOLDER/inner.sock;
    large_client_header_buffers 4 32k;
    client_max_body_size 100m;
    location / { return 200 "ok"; }
}
"""


class Victim:
    """A server in good company: `base` is what it holds when nobody else is there."""

    def __init__(self, server: RunningServer, log: Path, company: Company) -> None:
        self.server = server
        self.log = log
        self.company = company
        self._warm_up()
        self.base = self.settled()
        self.base_mb = resident_mb(server)
        self._refused = self._lines = 0

    def _warm_up(self) -> None:
        """Have it do once what it will do often: what that takes is not given back, and need not be."""
        for target in TARGETS * 3:
            converse(self.server, get(target, "Connection: close"))
        for _ in range(2):
            with ExitStack() as crowd:
                for _ in range(CROWD):
                    client = crowd.enter_context(PlainClient(self.server.port))
                    client.send({"op": "subscribe", "symbols": ["*"]}, {"op": "dance"}, {"op": "list"})
                    client.read_until("subscriptions")
        self.company.catch_up(WORN)

    def settled(self, base: Vitals | None = None) -> Vitals:
        """Return what it holds, once that is not more than it was."""
        until = time.monotonic() + PATIENCE_S
        while base and (descriptors(self.server) > base.descriptors or vitals(self.server) != base):
            assert time.monotonic() < until, f"{vitals(self.server)}, {base} before"
            time.sleep(0.01)
        return base or vitals(self.server)

    def check(self) -> None:
        """Check that whoever came has left nothing, and disturbed nobody."""
        until = time.monotonic() + PATIENCE_S
        while (found := descriptors(self.server)) > self.base.descriptors:
            assert time.monotonic() < until, f"{found} descriptors, {self.base.descriptors} before"
            time.sleep(0.005)
        self.company.check()
        text = self.log.read_text()
        assert "Traceback" not in text
        assert '"level": "error"' not in text
        assert self.server.process.poll() is None

    def check_all(self) -> None:
        """Check what is dearer to look at: memory, the company's last tick, and that a log is no echo."""
        self.settled(self.base)
        self.company.catch_up(position(self.server))
        found = counts(self.server)
        assert len(self.log.read_text().splitlines()) <= found.get("refusals", 0) + found.get("closes", 0)
        grown_mb = resident_mb(self.server) - self.base_mb
        assert grown_mb < GROWN_MB_MAX, f"{grown_mb:.1f} MB more than before"


def position(server: RunningServer) -> int:
    """Return how far the tape is."""
    return int(orjson.loads(fetch(server.url, "/readyz"))["seq"])


@pytest.fixture(scope="module")
def victim(
    request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Victim]:
    """The server, its log and its company; a parameter names the event loop, the module may say which market it is."""
    log = tmp_path_factory.mktemp("victim") / "log"
    loop = getattr(request, "param", "auto")
    flags = getattr(request.module, "FLAGS", QUIET)
    server = serve_ticker(*flags, *LIMITS, "--http.hosts", "x", "--server.loop", loop, log=log)
    with Company(server.port, getattr(request.module, "SYMBOL", "*")) as company:
        victim = Victim(server, log, company)
        yield victim
        victim.check_all()


@pytest.fixture
def watched(victim: Victim) -> Iterator[RunningServer]:
    """The server; afterwards fifty neighbours have missed nothing, nobody's connection is left, the log is clean."""
    yield victim.server
    victim.check()


@pytest.fixture(scope="module")
def nginx_peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    folder = tmp_path_factory.mktemp("nginx")
    with nginx(folder, NGINX.replace("FOLDER", str(folder))) as peer:
        yield peer
