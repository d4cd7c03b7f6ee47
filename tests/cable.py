"""A cable between a client and a server, to be cut."""

import socket
import threading
from contextlib import suppress
from typing import Self


class Cable:
    """Forwards connections to a port of 127.0.0.1; `packets` are what came from the clients, as it came."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.packets: list[bytes] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """Cut all connections; new ones may be made."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._ends += [client, server]
            self._threads.append(threading.Thread(target=self._carry_both, args=(client, server)))
            self._threads[-1].start()

    def _carry_both(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            back = threading.Thread(target=carry, args=(server, client))
            back.start()
            carry(client, server, self.packets)
            back.join()


def carry(source: socket.socket, sink: socket.socket, packets: list[bytes] | None = None) -> None:
    """Carry bytes one way, noting them, and the end of them."""
    with suppress(OSError):
        while data := source.recv(65536):
            if packets is not None:
                packets.append(data)
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
