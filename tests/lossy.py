"""A line between a client and a server of 127.0.0.1 that can be slow, cut into little pieces, held up, or lost."""

import socket
import threading
import time
from contextlib import suppress
from typing import Self

UP, DOWN = "up", "down"


class Lossy:
    """Carries one connection at a time; what is `held` waits, what is `lost` is gone: either names directions."""

    def __init__(self, target: int, *, piece: int = 65536, delay_s: float = 0.0) -> None:
        self._target = target
        self._piece = piece
        self._delay_s = delay_s
        self.held: set[str] = set()
        self.lost: set[str] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._over = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ends.append(end)
            for source, sink, way in ((client, server, UP), (server, client, DOWN)):
                self._threads.append(threading.Thread(target=self._carry, args=(source, sink, way)))
                self._threads[-1].start()

    def _carry(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with suppress(OSError):
            while data := source.recv(self._piece):
                while way in self.held and not self._over:
                    time.sleep(0.01)
                time.sleep(self._delay_s)
                if way not in self.lost:
                    sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
