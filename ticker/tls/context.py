"""What a server shows over TLS: a certificate and its key, looked at before anybody else sees them."""

import ssl
from pathlib import Path

from ticker.errors import ConfigError

CERT, KEY = "server.tls_cert", "server.tls_key"
EXPIRED, NOT_YET = 10, 9  # X509_V_ERR_CERT_HAS_EXPIRED, …_NOT_YET_VALID
SPOKEN = "http/1.1"


def context(cert: Path, key: Path) -> ssl.SSLContext:
    """Return how TLS is spoken with a certificate. Raises ConfigError naming the file that is wrong."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    found.set_alpn_protocols([SPOKEN])
    load(found, cert, key)
    return found


def load(found: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Show this certificate from now on. Raises ConfigError naming the file that is wrong; then nothing has changed."""
    chain, secret = _text(CERT, cert), _text(KEY, key)
    if "-----BEGIN CERTIFICATE-----" not in chain:
        raise ConfigError(f"{CERT}: {cert} has no certificate (PEM)")
    if "PRIVATE KEY-----" not in secret:
        raise ConfigError(f"{KEY}: {key} has no private key (PEM)")
    if "ENCRYPTED" in secret:
        raise ConfigError(f"{KEY}: {key} is encrypted: openssl pkey -in {key} -out PLAIN.pem decrypts it")
    trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        trial.load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        raise ConfigError(_why(error, chain, cert, key)) from None
    _prove(trial, cert)
    found.load_cert_chain(cert, key, password="")


def _text(name: str, file: Path) -> str:
    try:
        return file.read_text(encoding="latin-1")
    except OSError as error:
        raise ConfigError(f"{name}: {file}: {(error.strerror or 'cannot be read').lower()}") from None
    except ValueError:
        raise ConfigError(f"{name}: {str(file)!r} is no name of a file") from None


def _why(error: ssl.SSLError, chain: str, cert: Path, key: Path) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{KEY}: {key} is not the key of {cert}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=chain)
    except (ssl.SSLError, ValueError):
        return f"{CERT}: {cert} has no certificate that can be read"
    reason = (error.reason or "").replace("_", " ").lower()
    if "key too small" in reason or "md too weak" in reason:
        return f"{CERT}: {cert} is too weak: {reason}"
    return f"{KEY}: {key} has no private key that can be read"


def _prove(server: ssl.SSLContext, cert: Path) -> None:
    """Shake hands with ourselves. Raises ConfigError where nobody could believe the certificate."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cafile=cert)
    forth, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, forth), server.wrap_bio(forth, back, server_side=True)]
    try:
        for _ in range(4):
            for end in ends:
                _shake(end)
    except ssl.SSLCertVerificationError as error:
        about = {EXPIRED: "has expired", NOT_YET: "is not valid yet"}.get(error.verify_code, error.verify_message)
        raise ConfigError(f"{CERT}: {cert} {about}") from None
    except ssl.SSLError as error:
        raise ConfigError(f"{CERT}: {cert} is of no use: {(error.reason or '').replace('_', ' ').lower()}") from None


def _shake(end: ssl.SSLObject) -> None:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return
