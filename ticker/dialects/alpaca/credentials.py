"""Who a client says it is: a key and a secret, in a message or in the headers of its request."""

from base64 import b64decode
from typing import Any, NamedTuple

from ticker.venue import Asked

KEY, SECRET = "apca-api-key-id", "apca-api-secret-key"
OAUTH = "oauth"


class Credentials(NamedTuple):
    """Not empty, either of them, in what is good."""

    key: str
    secret: str


def credentials_of(asked: Asked) -> Credentials | None:
    """Return what the headers say; None where they say nothing, empty ones where they make no sense."""
    key, secret = asked.header(KEY), asked.header(SECRET)
    if key or secret:
        return Credentials(key, secret)
    scheme, _, value = asked.header("authorization").partition(" ")
    if scheme.lower() == "basic":
        return _basic(value)
    return Credentials(OAUTH, value.strip()) if scheme.lower() == "bearer" else None


def token_of(asked: Asked) -> str | None:
    """Return the secret that comes with a request in the venue's own place: its headers, or Basic; None for none."""
    found = credentials_of(asked)
    return found.secret or None if found and found.key != OAUTH else None


def _basic(value: str) -> Credentials:
    try:
        key, _, secret = b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        return Credentials("", "")
    return Credentials(key, secret)


def credentials_in(message: dict[Any, Any]) -> Credentials | None:
    """Return what a message says, None where it is malformed."""
    key, secret = message.get("key"), message.get("secret")
    return Credentials(key, secret) if isinstance(key, str) and isinstance(secret, str) else None
