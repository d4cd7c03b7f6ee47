"""A server to be sent anything, watched for harm; and nginx, to compare it with on what is malformed."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import RunningServer
from plain_client import PlainClient, assert_no_hole
from web_servers import WebServer, nginx

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


def descriptors(server: RunningServer) -> int:
    """Return how many descriptors a server has open."""
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))  # noqa: PTH208  # it is a count that is wanted


@pytest.fixture(scope="module")
def victim(
    serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunningServer, Path, int]:
    """The server, its log, and how many descriptors it has open when nobody is there."""
    log = tmp_path_factory.mktemp("victim") / "log"
    server = serve_ticker(
        "--http.head-s", "1", "--http.body-s", "1", "--http.idle-s", "30", "--http.hosts", "x", log=log
    )
    return server, log, descriptors(server)


@pytest.fixture
def watched(victim: tuple[RunningServer, Path, int]) -> Iterator[RunningServer]:
    """The server; afterwards a neighbour has missed nothing, nobody's connection is left, and the log is clean."""
    server, log, base = victim
    with PlainClient(server.port) as neighbour:
        neighbour.send({"op": "subscribe", "symbols": ["*"]})
        yield server
        neighbour.send({"op": "ping", "ts": 1})
        assert_no_hole(neighbour.read_until("pong"))
        until = time.monotonic() + 5
        while (found := descriptors(server)) > base + 1:
            assert time.monotonic() < until, f"{found} descriptors, {base + 1} before"
            time.sleep(0.01)
    text = log.read_text()
    assert "Traceback" not in text
    assert '"level": "error"' not in text


@pytest.fixture(scope="module")
def nginx_peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    folder = tmp_path_factory.mktemp("nginx")
    with nginx(folder, NGINX.replace("FOLDER", str(folder))) as peer:
        yield peer
