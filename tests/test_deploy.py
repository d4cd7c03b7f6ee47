"""What configs/deploy holds does what it says: proxies with TLS, a unit and an image that may write nothing."""

import json
import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from conftest import ROOT, RunningServer
from raw_http import get, read_on, status
from ticker_client import connect
from tls_front import certificate
from web_servers import WebServer, haproxy, nginx
from witness import Witness

DEPLOY = ROOT / "configs/deploy"
READ_ONLY = "mount --make-rprivate / && mount -o remount,bind,ro / && exec setpriv --no-new-privs "
READ_ONLY += '--inh-caps=-all --ambient-caps=-all --bounding-set=-all "$@"'
EXPOSURE_MAX = 2.0
"""systemd's own measure, from 0 to 10."""
TOKEN = "canary-of-a-query"


class Front(NamedTuple):
    """A proxy, whom to trust to reach it, and the folder with its logs."""

    proxy: WebServer
    cafile: Path
    folder: Path

    def ask(self, target: str, host: str) -> bytes:
        """Return the answer to a request for a host."""
        context = ssl.create_default_context(cafile=str(self.cafile))
        plain = socket.create_connection(("127.0.0.1", self.proxy.port), 10)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
            client.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return read_on(client, 10)


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--config", str(DEPLOY / "ticker.toml"), "--admin.enabled", "--market.model", "plain")


@pytest.fixture(scope="module", params=["nginx.conf", "haproxy.cfg"])
def front(
    request: pytest.FixtureRequest, server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    found, key = certificate(folder)
    both = folder / "both.pem"
    both.write_text(found.read_text() + key.read_text())
    text = (DEPLOY / request.param).read_text()
    for ours, here in {
        "127.0.0.1:8765": f"127.0.0.1:{server.port}",
        "listen 443": "listen PORT",
        "bind :443": "bind PORT",
        "/etc/ssl/certs/market.example.pem": str(found),
        "/etc/ssl/private/market.example.key": str(key),
        "/etc/haproxy/market.example.pem": str(both),
        "/var/log/nginx": str(folder),
    }.items():
        text = text.replace(ours, here)
    with (nginx if request.param == "nginx.conf" else haproxy)(folder, text) as proxy:
        yield Front(proxy, found, folder)


async def test_every_transport_goes_through_a_proxy(server: RunningServer, front: Front, transport: str) -> None:
    url = f"https://127.0.0.1:{front.proxy.port}/"
    async with connect(url, transport=transport, cafile=str(front.cafile)) as feed:
        await feed.subscribe("ACME", "BYTE", channels=["trades", "quotes"])
        witness = Witness(feed)
        await witness.read(40)
        await witness.check(server.url)


@pytest.mark.parametrize(
    ("target", "host", "code"),
    [
        ("/healthz", "market.example", 200),
        ("/healthz", "evil.example", 421),
        ("/admin/state", "market.example", 403),
        ("/v1/stream", "market.example", 426),
    ],
)
def test_a_proxy_passes_on_for_whom_a_request_is(front: Front, target: str, host: str, code: int) -> None:
    assert status(front.ask(target, host)) == code


def test_no_token_reaches_the_log_of_a_proxy(front: Front) -> None:
    front.ask(f"/healthz?token={TOKEN}", "market.example")
    logs = [file for file in front.folder.glob("*.log") if file.stat().st_size]
    assert all(TOKEN not in file.read_text() for file in logs)
    if front.folder.joinpath("ticker.log").exists():
        assert '"GET /healthz"' in front.folder.joinpath("ticker.log").read_text()


def command_of_the_unit() -> list[str]:
    found = re.search(r"^ExecStart=\S+ (.*)$", (DEPLOY / "ticker.service").read_text(), re.MULTILINE)
    assert found
    return shlex.split(found[1].replace("/etc/ticker/ticker.toml", str(DEPLOY / "ticker.toml")))


def command_of_the_image() -> list[str]:
    *_, last = re.findall(r"^CMD (.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    found: list[str] = json.loads(last)
    return found


@pytest.mark.parametrize("command", [command_of_the_unit, command_of_the_image])
def test_it_needs_nothing_to_write_to_and_no_privilege(command: Callable[[], list[str]]) -> None:
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c", READ_ONLY, "sh"]
    program = [*alone, sys.executable, "-m", "ticker", *command(), "--port", "0"]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            found = next(filter(None, (re.search(r"http://\S+?:(\d+)/", line) for line in process.stdout)))
            with socket.create_connection(("127.0.0.1", int(found[1])), 10) as client:
                client.sendall(get("/healthz", "Connection: close"))
                assert status(read_on(client, 10)) == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0, process.stderr.read()
        finally:
            process.kill()


def test_the_unit_is_one_and_exposes_little(tmp_path: Path) -> None:
    here = tmp_path / "ticker.service"
    here.write_text((DEPLOY / "ticker.service").read_text().replace("/opt/ticker/bin/ticker", sys.executable))
    checked = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", here],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"exposure level for ticker.service: ([\d.]+)", judged.stdout)
    assert found and float(found[1]) <= EXPOSURE_MAX


def test_the_image_is_not_run_by_root() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    users = re.findall(r"^USER (\d+)", text, re.MULTILINE)
    assert users and users[-1] != "0"
    assert text.rindex("USER ") > text.rindex("FROM ")
