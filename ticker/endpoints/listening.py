"""The socket that everybody connects to, and how many may."""

import errno
import resource
import socket
import sys

import structlog

from ticker.config import ServerConfig
from ticker.errors import SetupError

SPARE_DESCRIPTORS = 64  # for the listener, the loop, logs: running out of descriptors would stop us accepting
KEEPALIVE_EVERY_S, KEEPALIVE_TIMES = 5, 3


def listen(config: ServerConfig) -> socket.socket:
    """Return a listening socket. Raises SetupError with a sentence that helps."""
    host, port = config.host, config.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        for option in _options(config):
            listener.setsockopt(*option)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(config.backlog)
    except (socket.gaierror, UnicodeError):  # the latter for a name that no host can have
        raise SetupError(f"server.host: {host} is not an address of this machine") from None
    except PermissionError:
        raise SetupError(f"server.port: {port} needs privileges; choose one above 1023") from None
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        advice = "it is taken: choose another with --port, or 0 for a free one" if taken else error.strerror
        raise SetupError(f"cannot listen on {host}:{port}: {advice}") from None
    return listener


def _options(config: ServerConfig) -> list[tuple[int, int, int]]:
    """Return what is set on the listening socket, from which accepted ones inherit it."""
    shared = [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)] if config.reuse_port else []
    return [
        *shared,
        (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, config.unsent_bytes),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * config.vanished_s),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, config.keepalive_s),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_EVERY_S),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_TIMES),
    ]


def connections_max(asked: int, log: structlog.stdlib.BoundLogger) -> int:
    """Return how many connections there may be; say so where it is fewer than asked for. Raises SetupError."""
    files = _descriptors()
    possible = files - SPARE_DESCRIPTORS
    if possible < 1:
        raise SetupError(
            f"{files} open files are allowed here, and {SPARE_DESCRIPTORS + 1} are the least: raise ulimit -n"
        )
    if possible < asked:
        log.warning(
            "fewer connections than server.connections_max: so many open files are allowed (ulimit -n)",
            connections_max=possible,
            asked=asked,
            open_files=files,
        )
    return min(asked, possible)


def _descriptors() -> int:
    """Raise the limit of open files to what the system lets us have, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard
