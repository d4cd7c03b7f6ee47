"""Where a server is: one URL, from which the addresses of all its transports follow."""

from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext, create_default_context
from urllib.parse import urlsplit

from ticker_client.errors import OUR_FAULT, ConnectionEnded

STREAM = "/v1/stream"
Token = str | Callable[[], str]
"""A function is asked for every request: it may have a fresh one."""
_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}


@dataclass(frozen=True)
class Address:
    """A server's host and port, the prefix of its paths, its WebSocket's URL, TLS where it is spoken, and who asks."""

    url: str
    host: str
    port: int
    prefix: str
    stream: str
    tls: SSLContext | None
    token: Token | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str, tls: SSLContext | None = None, token: Token | None = None) -> "Address":
        """Read `ws://host:port/v1/stream` or `http://host:port/`. Raises ConnectionEnded for anything else."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
        except (KeyError, ValueError):
            host, port = None, 0
        if not host:
            raise ConnectionEnded(
                f"{url} is not a WebSocket address: write ws://host:port/v1/stream, or http://host:port/"
            )
        prefix = parts.path.removesuffix(STREAM).rstrip("/")
        secure = parts.scheme in ("wss", "https")
        stream = (
            url if parts.scheme in ("ws", "wss") else f"{'wss' if secure else 'ws'}://{parts.netloc}{prefix}{STREAM}"
        )
        return cls(url, host, port, prefix, stream, (tls or create_default_context()) if secure else None, token)

    @property
    def bearer(self) -> str | None:
        """Return what a request's Authorization header says; None where it has none. Raises ConnectionEnded."""
        if self.token is None:
            return None
        token = self.token() if callable(self.token) else self.token
        if not is_token(token):
            raise ConnectionEnded("token: what the function returns is none", OUR_FAULT)
        return f"Bearer {token}"

    @property
    def authority(self) -> str:
        """Return what a request's Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def is_token(token: object) -> bool:
    """Tell whether a header can hold this as a token."""
    return isinstance(token, str) and bool(token) and token.isascii() and token.isprintable() and " " not in token
