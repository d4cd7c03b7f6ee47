"""What configs/cluster holds does what it says: its parts, run on this machine, serve one tape."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, RunningServer
from nats_server import PYPI, NatsServer, nats_server
from plain_client import PlainClient, assert_no_hole
from plain_http import fetch
from ticker import cli

CLUSTER = ROOT / "configs/cluster"
PLAIN = ("--market.model", "plain", "--market.instruments", "5", "--market.trades-per-s", "50")


def described(server: RunningServer) -> dict[str, Any]:
    return fetch(server, "", Accept="application/json")[0]  # type: ignore[no-any-return]


def until_ready(server: RunningServer, role: str) -> dict[str, Any]:
    """Wait until a server has a tape, and a role."""
    deadline_s = time.monotonic() + 20
    while True:
        try:
            said = described(server)
        except OSError:
            said = {}
        if said.get("role") == role and not said.get("stale"):
            return said
        assert time.monotonic() < deadline_s, (role, said)
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["root", "standby", "leaf"])
def test_every_file_is_fine(name: str) -> None:
    assert cli.run(["check", str(CLUSTER / f"{name}.toml")]) == 0


def test_root_and_standby_differ_in_their_ports_alone() -> None:
    one, other = (cli.load(CLUSTER / f"{name}.toml", {}) for name in ("root", "standby"))
    assert (one.nats, one.market, one.feed) == (other.nats, other.market, other.feed)
    assert one.nats.publish == cli.load(CLUSTER / "leaf.toml", {}).nats.source


def test_the_files_make_a_cluster_whose_leaves_share_a_port(
    serve_ticker: Callable[..., RunningServer], tmp_path: Path
) -> None:
    with nats_server(tmp_path) as nats:
        flags = (*PLAIN, "--nats.lease-s", "1", "--publish", nats.url)
        root = serve_ticker("--config", str(CLUSTER / "root.toml"), *flags)
        epoch = until_ready(root, "root")["epoch"]
        standby = serve_ticker("--config", str(CLUSTER / "standby.toml"), *flags)
        until_ready(standby, "standby")
        leaf = ("--config", str(CLUSTER / "leaf.toml"), "--source", nats.url)
        first = serve_ticker(*leaf)
        until_ready(first, "leaf")
        second = serve_ticker(*leaf, "--port", first.url.rpartition(":")[2].strip("/"))
        for _ in range(20):  # the kernel deals them out
            assert until_ready(second, "leaf")["epoch"] == epoch
        root.process.kill()
        with PlainClient(first.port) as client:
            client.send({"op": "subscribe", "symbols": ["*"]})
            assert until_ready(standby, "root")["epoch"] == epoch
            assert assert_no_hole(client.read(1.0)) > 20


def composed() -> dict[str, Any]:
    """Return the services of the Compose file."""
    services: dict[str, Any] = yaml.safe_load((CLUSTER / "compose.yaml").read_text())["services"]
    return services


def test_compose_runs_what_the_image_runs() -> None:
    services = composed()
    assert set(services) == {"nats", "root", "standby", "leaf1", "leaf2", "leaf3"}
    for name, service in services.items():
        if name != "nats":
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert (CLUSTER / service["build"]["context"]).resolve() == ROOT, name
            assert (ROOT / service["build"]["dockerfile"]).is_file(), name
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published == [f"127.0.0.1:877{number}:8765" for number in (1, 2, 3)]


def test_the_commands_of_compose_serve_one_tape(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    services = composed()
    nats = NatsServer(tmp_path)
    options = [str(tmp_path / "data") if part == "/data" else part for part in services["nats"]["command"]]
    command = [PYPI, *options, "-a", "127.0.0.1", "-p", str(nats.port)]
    with (tmp_path / "nats.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            servers = {}
            for name in ("root", "standby", "leaf1", "leaf2", "leaf3"):
                _, *flags = services[name]["command"]
                given = [re.sub(r"nats://nats:4222", nats.url, flag) for flag in flags]
                given[given.index("0.0.0.0")] = "127.0.0.1"
                assert given[3:5] == ["--log.format", "json"]  # which every server of the tests has
                del given[3:5]
                servers[name] = serve_ticker(*given, *(PLAIN if "--publish" in given else ()))
                role = name if name in ("root", "standby") else "leaf"
                until_ready(servers[name], role)
            epoch = described(servers["root"])["epoch"]
            with PlainClient(servers["leaf1"].port) as client:
                client.send({"op": "subscribe", "symbols": ["*"]})
                before = client.read(0.5)
            seq = next(message["seq"] for message in reversed(before) if message["type"] == "ticks")
            with PlainClient(servers["leaf3"].port) as client:
                client.send({"op": "subscribe", "symbols": ["*"], "from": f"{epoch}:{seq}"})
                after = client.read_until("recovered", complete=True)
            assert assert_no_hole([*before, *after]) > 10
        finally:
            process.kill()


def test_nats_is_to_be_had() -> None:
    assert shutil.which(PYPI)
