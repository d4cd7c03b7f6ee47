"""A certificate for this machine, for development: signed by a CA that is made for it, whose own key is thrown away.

Whoever trusts that CA trusts this one server and no other: nobody can sign anything with it any more, and it may speak
of nothing but the names of this machine. Both are kept in a folder of the user's, and made again before they expire or
where the machine is called otherwise. `cryptography` makes them: it is what PyJWT needs for public keys too, and is
needed for this key of the configuration alone.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple

from ticker import clock
from ticker.errors import ConfigError

KEY = "server.tls_self_signed"
DAYS = 397  # as long as browsers believe a server
SPARE_DAYS = 7
ADDRESSES = ("127.0.0.1", "::1")
INSTALL = "pip install 'tickerplant[tls]'"


class Identity(NamedTuple):
    """Files: the CA for clients to trust, and the server's certificate with its key."""

    ca: Path
    server: Path


def folder(environment: dict[str, str]) -> Path:
    """Return where what is made is kept."""
    state = environment.get("XDG_STATE_HOME", "")
    return (Path(state) if state.startswith("/") else Path.home() / ".local" / "state") / "ticker" / "tls"


def names() -> list[str]:
    """Return what this machine is called."""
    own = socket.gethostname().lower()
    plain = own.isascii() and all(part and part.replace("-", "").isalnum() for part in own.split("."))
    return ["localhost", *([own] if plain and own != "localhost" else [])]


def identity(place: Path) -> Identity:
    """Return a certificate that holds for a while, made now where there is none. Raises ConfigError."""
    try:
        x509 = import_module("cryptography.x509")
    except ImportError:
        raise ConfigError(f"{KEY}: needs cryptography: {INSTALL}") from None
    found = Identity(place / "ca.pem", place / "server.pem")
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(place):
            if not _holds(x509, found):
                _make(x509, found)
    except OSError as error:
        raise ConfigError(f"{KEY}: {place}: {(error.strerror or 'cannot be written').lower()}") from None
    return found


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Let nobody else make one meanwhile."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _now() -> datetime:
    return datetime.fromtimestamp(clock.wall_us() // 1_000_000, UTC)


def _holds(x509: Any, found: Identity) -> bool:
    """Tell whether what is there is ours, for this machine, and holds for some days."""
    try:
        own = x509.load_pem_x509_certificates(found.server.read_bytes())[0]
        authority = x509.load_pem_x509_certificate(found.ca.read_bytes())
        own.verify_directly_issued_by(authority)
        said = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except FileNotFoundError:
        return False
    except Exception:  # whatever else is in such a file, it is not what we made
        return False
    known = [*said.get_values_for_type(x509.DNSName), *map(str, said.get_values_for_type(x509.IPAddress))]
    lasts = min(own.not_valid_after_utc, authority.not_valid_after_utc)
    return {*names(), *ADDRESSES} <= set(known) and lasts - _now() > timedelta(days=SPARE_DAYS)


def _make(x509: Any, found: Identity) -> None:
    """Make a CA and a certificate, and keep all but the key of the CA."""
    ec = import_module("cryptography.hazmat.primitives.asymmetric.ec")
    serialization = import_module("cryptography.hazmat.primitives.serialization")
    pem = serialization.Encoding.PEM
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    addresses = [ip_address(address) for address in ADDRESSES]
    ca_name = _name(x509, f"Ticker development CA of {names()[-1]}")
    ca = (
        _begun(x509, ca_name, ca_name, ca_key.public_key(), ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(x509, signs=True), critical=True)
        .add_extension(
            x509.NameConstraints(
                [*map(x509.DNSName, names()), *(x509.IPAddress(ip_network(address)) for address in addresses)], None
            ),
            critical=True,
        )
        .sign(ca_key, _sha256())
    )
    own = (
        _begun(x509, _name(x509, "Ticker development server"), ca_name, key.public_key(), ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(x509, signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([*map(x509.DNSName, names()), *map(x509.IPAddress, addresses)]), critical=False
        )
        .sign(ca_key, _sha256())
    )
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _store(found.server, own.public_bytes(pem) + plain, 0o600)
    _store(found.ca, ca.public_bytes(pem), 0o644)


def _begun(x509: Any, subject: Any, issuer: Any, key: Any, issuer_key: Any) -> Any:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - timedelta(hours=1))
        .not_valid_after(_now() + timedelta(days=DAYS))
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _name(x509: Any, common: str) -> Any:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common[:64])])


def _usage(x509: Any, *, signs: bool) -> Any:
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    others = dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, **others)


def _sha256() -> Any:
    return import_module("cryptography.hazmat.primitives.hashes").SHA256()


def _store(file: Path, content: bytes, mode: int) -> None:
    """Put a file in its place at once, readable to whom it may."""
    written = file.with_suffix(".new")
    written.unlink(missing_ok=True)
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    written.replace(file)
