"""A NATS server with JetStream on a free port of 127.0.0.1, of PyPI or of Debian: killed and started at will."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from web_servers import free_port

PYPI = str(Path(sys.executable).parent / "nats-server")
DEBIAN = shutil.which("nats-server", path="/usr/sbin:/usr/bin") or "/usr/sbin/nats-server"
PROGRAMS = {"pypi": PYPI, "debian": DEBIAN}


class NatsServer:
    """One server; its files stay in `folder` when it is killed."""

    def __init__(self, folder: Path, program: str = PYPI, settings: str = "", *, jetstream: bool = True) -> None:
        self.folder = folder
        self.port = free_port()
        self._program = program
        self._settings = settings
        self._jetstream = jetstream
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on its port, with what it had kept."""
        path = self._configure()
        with (self.folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(path)], stdout=log, stderr=log)
        self.await_port()

    def reload(self, settings: str) -> None:
        """Have it read other settings while it runs."""
        assert self._process is not None
        self._settings = settings
        self._configure()
        self._process.send_signal(signal.SIGHUP)

    def _configure(self) -> Path:
        store = f'jetstream {{ store_dir: "{self.folder / "store"}" }}' if self._jetstream else ""
        path = self.folder / "nats.conf"
        path.write_text(f"listen: 127.0.0.1:{self.port}\n{store}\n{self._settings}\n")
        return path

    def await_port(self) -> None:
        """Wait until it greets whoever connects."""
        assert self._process is not None
        while True:
            assert self._process.poll() is None, (self.folder / "nats.log").read_text()
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    if connection.recv(4) == b"INFO":
                        return
            except OSError:
                pass
            time.sleep(0.02)

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        """Lose all that it has kept, while it does not run."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)


@contextmanager
def nats_server(
    folder: Path, program: str = PYPI, settings: str = "", *, jetstream: bool = True, started: bool = True
) -> Iterator[NatsServer]:
    """Run a server, and end it whatever happens."""
    folder.mkdir(parents=True, exist_ok=True)
    server = NatsServer(folder, program, settings, jetstream=jetstream)
    try:
        if started:
            server.start()
        yield server
    finally:
        server.kill()
