"""Debian's nginx and HAProxy, each on a free port of 127.0.0.1 with a configuration of one's own."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {settings}
}}
"""

HAPROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 60s
{settings}
"""


@dataclass
class WebServer:
    """A running server on 127.0.0.1."""

    port: int


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        port: int = finder.getsockname()[1]
    return port


@contextmanager
def nginx(folder: Path, settings: str) -> Iterator[WebServer]:
    """Run nginx with what stands in its `http` section, PORT being its port."""
    port = free_port()
    path = folder / "nginx.conf"
    path.write_text(NGINX.format(folder=folder, settings=settings.replace("PORT", f"127.0.0.1:{port}")))
    with running(port, "nginx", "-p", str(folder), "-c", str(path), "-e", str(folder / "error.log")):
        yield WebServer(port)


@contextmanager
def haproxy(folder: Path, settings: str) -> Iterator[WebServer]:
    """Run HAProxy with sections of one's own, PORT being its port."""
    port = free_port()
    path = folder / "haproxy.cfg"
    path.write_text(HAPROXY.format(settings=settings.replace("PORT", f"127.0.0.1:{port}")))
    with running(port, "haproxy", "-db", "-f", str(path)):
        yield WebServer(port)


@contextmanager
def running(port: int, *command: str) -> Iterator[None]:
    """Run a server from when it listens; it is ended whatever happens."""
    process = subprocess.Popen(command)
    try:
        while True:
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.wait()
