"""Root, standby and leaves as they are run: clients go from one to another, and processes are killed and stopped."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Opcode

from conftest import ROOT, RunningServer, servers
from nats_server import NatsServer, nats_server
from plain_client import PlainClient, assert_no_hole
from plain_http import fetch

MARKET = ("--instruments", "20", "--step-ms", "20", "--nats.lease_s", "1", "--nats.keyframe_s", "0.5")
LEAF = ("--nats.heartbeat_s", "0.3", "--nats.lease_s", "1")
PATIENCE_S = 20.0
EVERYTHING = {"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes", "book", "status", "stats"]}
Serve = Callable[..., RunningServer]


class Cluster:
    """A root and two leaves, which are as they were when a test is over."""

    def __init__(self, nats: NatsServer, serve: Serve) -> None:
        self.nats = nats
        self._serve = serve
        self.root = self.another()
        ready(self.root)
        self.leaves = [self.leaf(), self.leaf()]
        ready(*self.leaves)

    def another(self, log: Path | None = None) -> RunningServer:
        return self._serve("--publish", self.nats.url, *MARKET, log=log)

    def leaf(self) -> RunningServer:
        return self._serve("--source", self.nats.url, *LEAF)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    # NATS gives up connections that take nothing after one second
    with nats_server(tmp_path_factory.mktemp("nats"), settings='write_deadline: "1s"') as nats, servers() as serve:
        yield Cluster(nats, serve)


def kill(server: RunningServer) -> None:
    server.process.kill()
    server.process.wait()


def metric(server: RunningServer, name: str) -> float:
    lines = fetch(server, "metrics")[0].decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def until(condition: Callable[[], Any], what: str) -> None:
    over_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < over_s, what
        time.sleep(0.05)


def seq(server: RunningServer) -> int:
    """Return how far a server is that is ready; 0 where it is not."""
    try:
        return int(fetch(server, "readyz")[0]["seq"])
    except urllib.request.HTTPError as error:
        error.close()
        return 0


def ready(*members: RunningServer) -> None:
    for server in members:
        until(lambda server=server: seq(server), "is ready")  # type: ignore[misc]


def tape(client: PlainClient) -> dict[int, bytes]:
    """Return the messages of ticks that a client has had, byte for byte, by their seq."""
    frames = [bytes(frame.data) for frame in client.frames if frame.opcode is Opcode.TEXT]
    return {json.loads(frame)["seq"]: frame for frame in frames if b'"type":"ticks"' in frame}


def test_clients_of_any_server_have_the_same_frames(cluster: Cluster) -> None:
    members = (cluster.root, *cluster.leaves)
    with (
        PlainClient(members[0].port) as one,
        PlainClient(members[1].port) as two,
        PlainClient(members[2].port) as three,
    ):
        for client in (one, two, three):
            client.send({**EVERYTHING, "snapshot": False})
            client.read_until("subscribed")
        time.sleep(1)
        for client in (one, two, three):
            client.read(0.2)
        both = tape(one).keys() & tape(two).keys() & tape(three).keys()
        assert len(both) > 30
        assert all(tape(one)[seq] == tape(two)[seq] == tape(three)[seq] for seq in both)
        welcome = json.loads(bytes(two.frames[0].data))
        assert welcome["role"] == "leaf" and welcome["leader"] and "stale" not in welcome
    assert [metric(server, "ticker_leads") for server in members] == [1, 0, 0]
    assert [metric(server, "ticker_faults_total") for server in members] == [0, 0, 0]


def test_a_client_goes_on_at_another_server(cluster: Cluster) -> None:
    messages: list[dict[str, Any]] = []
    epoch = fetch(cluster.root, "readyz")[0]["epoch"]
    wish: dict[str, Any] = {**EVERYTHING, "from": f"{epoch}:{max(0, seq(cluster.root) - 100)}"}

    def read(server: RunningServer) -> None:
        with PlainClient(server.port) as client:
            client.send(wish)
            had = client.read_until("recovered") + client.read(0.3)
        assert next(one for one in had if one["type"] == "recovered")["complete"]
        messages.extend(one for one in had if one["type"] == "ticks")
        wish["from"] = f"{epoch}:{messages[-1]['seq']}"

    read(cluster.leaves[0])
    kill(cluster.leaves[0])
    read(cluster.leaves[1])
    read(cluster.root)
    cluster.leaves[0] = cluster.leaf()
    ready(cluster.leaves[0])
    read(cluster.leaves[0])  # which has the past of what it has not seen
    assert assert_no_hole(messages) > 500


def test_a_leaf_that_was_stopped_for_a_while(cluster: Cluster) -> None:
    leaf = cluster.leaves[0]
    with PlainClient(leaf.port) as client:
        client.send(EVERYTHING)
        messages = client.read_until("subscribed")
        leaf.process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        leaf.process.send_signal(signal.SIGCONT)
        until(lambda: seq(leaf) > seq(cluster.root) - 20, "catches up")
        messages += client.read(0.5)
    assert assert_no_hole(messages) > 500
    assert not [one for one in messages if one["type"] == "lag"]


def test_roots_and_nats_are_killed_under_a_client(cluster: Cluster, tmp_path: Path) -> None:
    log, leaf = tmp_path / "other.log", cluster.leaves[0]
    other = cluster.another(log)
    ready(other)
    with PlainClient(leaf.port) as client:
        client.send(EVERYTHING)
        messages = client.read_until("subscribed")

        def goes_on() -> None:
            before = seq(leaf)
            until(lambda: seq(leaf) > before + 10, "goes on")
            messages.extend(client.read(0.1))

        goes_on()
        kill(cluster.root)
        until(lambda: metric(other, "ticker_leads"), "leads")
        goes_on()
        cluster.root = cluster.another()
        ready(cluster.root)
        assert metric(cluster.root, "ticker_leads") == 0
        cluster.nats.kill()
        until(lambda: not seq(leaf), "says that it is not ready")
        cluster.nats.start()
        ready(leaf)
        goes_on()
        other.stop()
        until(lambda: metric(cluster.root, "ticker_leads"), "leads")
        goes_on()
    assert assert_no_hole(messages) > 500
    assert "Traceback" not in log.read_text() and log.read_text().count("\n") < 20, log.read_text()


@pytest.mark.parametrize("flag", ["--publish", "--source"])
def test_a_mistake_ends_the_command_in_a_sentence(tmp_path: Path, flag: str) -> None:
    with nats_server(tmp_path, jetstream=False) as nats:
        command = [sys.executable, "-m", "ticker", "serve", "--port", "0", flag, nats.url]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=30)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if not line.startswith("{")] == [
        f"ticker: NATS at 127.0.0.1:{nats.port} has JetStream disabled: start nats-server with -js"
    ]
