"""Where NATS is, and how we say who we are: from keys of the configuration to what the library takes."""

import ssl
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ticker.config import NatsConfig, is_loopback
from ticker.errors import ConfigError, SetupError

SCHEMES = ("nats", "tls")
PORT = 4222


@dataclass(frozen=True, slots=True)
class Address:
    """One server; `url` may hold a password, `shown` is what may be seen of it."""

    url: str = field(repr=False)
    shown: str
    secure: bool
    here: bool
    """Whether it is on this machine."""


@dataclass(frozen=True, slots=True)
class Access:
    """Servers, any of which will do, and the library's options for all of them."""

    addresses: tuple[Address, ...]
    options: dict[str, Any] = field(repr=False)

    @property
    def exposed(self) -> str:
        """A server of another machine that is reached without TLS: whoever is on the way can change the tape."""
        return next((one.shown for one in self.addresses if not (one.secure or "tls" in self.options or one.here)), "")


def access(config: NatsConfig) -> Access:
    """Return how NATS is reached. Raises SetupError that names the key that is wrong."""
    key = "nats.publish" if config.publish else "nats.source"
    addresses = tuple(_address(key, part.strip()) for part in (config.publish or config.source).split(","))
    if find_spec("nats") is None:
        raise SetupError(f"{key} needs the NATS client: pip install 'tickerplant[nats]'")
    options: dict[str, Any] = {}
    if config.user:
        options |= {"user": config.user, "password": config.password}
    if config.creds:
        options["user_credentials"] = _credentials(config.creds)
    if config.tls_ca or config.tls_cert or any(address.secure for address in addresses):
        options["tls"] = _context(config)
    return Access(addresses, options)


def _address(key: str, text: str) -> Address:
    """Read one address: `nats://host:4222`, `tls://host`, or a host alone. Raises ConfigError."""
    try:
        parts = urlsplit(text if "://" in text else f"nats://{text}")
        port = parts.port or PORT
    except ValueError:
        raise ConfigError(f"{key}: {text.rpartition('@')[2][:64]!r} is no address of a server") from None
    bare = not (parts.path.strip("/") or parts.query or parts.fragment)
    if parts.scheme not in SCHEMES or not parts.hostname or not bare:
        shown = text.rpartition("@")[2][:64]
        raise ConfigError(f"{key}: {shown!r} is not written nats://host:{PORT} or tls://host:{PORT}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    who = parts.netloc.rpartition("@")[0]
    url = f"{parts.scheme}://{f'{who}@' if who else ''}{host}:{port}"
    return Address(url, f"{host}:{port}", parts.scheme == "tls", is_loopback(parts.hostname))


def _credentials(path: str) -> str:
    try:
        text = Path(path).read_text()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        raise ConfigError(f"nats.creds: {path}: {reason.lower()}") from None
    if "BEGIN NATS USER JWT" not in text or "BEGIN USER NKEY SEED" not in text:
        raise ConfigError(f"nats.creds: {path}: not a file of credentials, as nsc makes them")
    if find_spec("nkeys") is None:
        raise SetupError("nats.creds needs nkeys: pip install 'tickerplant[nats]'")
    return path


def _context(config: NatsConfig) -> ssl.SSLContext:
    """Return whom we trust, and our own certificate if there is one. Raises ConfigError."""
    try:
        context = ssl.create_default_context(cafile=config.tls_ca or None)
    except (OSError, ValueError) as error:
        raise ConfigError(f"nats.tls_ca: {config.tls_ca}: {_why(error)}") from None
    if config.tls_cert:
        try:
            context.load_cert_chain(config.tls_cert, config.tls_key or None)
        except (OSError, ValueError) as error:
            raise ConfigError(f"nats.tls_cert: {config.tls_cert}: {_why(error)}") from None
    return context


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "no PEM that fits"
    return str(getattr(error, "strerror", None) or "cannot be read").lower()
