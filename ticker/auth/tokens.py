"""Tokens that an operator hands out: a TOML file of `[[token]]` tables, read into permits by the hash of the token.

What is kept is the SHA-256 of each token, which the file may have in its place. No sentence here shows a token.
"""

import re
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from ticker import files
from ticker.auth import scope
from ticker.errors import ConfigError
from ticker.instruments import Universe
from ticker.session.permits import Permit
from ticker.settings import checked, nearest
from ticker.ticks import CHANNELS

TOKEN_MIN = 16  # characters: what is shorter can be guessed
_TOKEN = re.compile(r"[\x21-\x7e]{16,1024}")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_MORE = "python -c 'import secrets; print(secrets.token_urlsafe())' makes one"

KEYS: dict[str, Any] = {
    "name": Annotated[str, Meta(min_length=1, max_length=64)],
    "token": str,
    "sha256": str,
    "symbols": list[str] | str,
    "sectors": list[str] | str,
    "channels": list[str] | str,
    "expires": Annotated[datetime, Meta(tz=True)],
}


def digest(token: str) -> bytes:
    """Return what a token is known by."""
    return sha256(token.encode()).digest()


def read(file: Path, universe: Universe) -> dict[bytes, Permit]:
    """Return the permits of a file, by the digests of their tokens. Raises ConfigError naming the file and the key."""
    tables = files.read(file)
    for section in tables:
        if section != "token":
            raise ConfigError(f"{file}: {section}: unknown key: tokens are [[token]] tables")
    found = tables.get("token")
    if not isinstance(found, list) or not found:
        raise ConfigError(f"{file}: there is no [[token]] table")
    permits: dict[bytes, Permit] = {}
    for number, table in enumerate(found, 1):
        permit = _permit(table, f"{file}: token {number}", universe)
        if permit.source in permits:
            raise ConfigError(f"{file}: token {number}: the same as that of {permits[permit.source].name}")
        permits[permit.source] = permit
    return permits


def _permit(table: Any, origin: str, universe: Universe) -> Permit:
    if not isinstance(table, dict):
        raise ConfigError(f"{origin}: expected a table: write [[token]]")
    for key in table:
        if key not in KEYS:
            raise ConfigError(f"{origin}: {key}: unknown key{nearest(key, KEYS)}")
    for key in ("name", "channels"):
        if key not in table:
            raise ConfigError(f"{origin}: {key}: is missing")
    if not table.keys() & {"symbols", "sectors"}:
        raise ConfigError(f'{origin}: symbols: is missing: a list, or "*" for everything; or sectors')
    source = _source(table, origin)
    known = {
        key: checked(value, KEYS[key], f"{origin}: {key}")
        for key, value in table.items()
        if key not in ("token", "sha256")
    }
    scope.check(f"{origin}: symbols", known.get("symbols", []), (one.symbol for one in universe))
    scope.check(f"{origin}: sectors", known.get("sectors", []), sorted({one.sector for one in universe}))
    scope.check(f"{origin}: channels", known["channels"], CHANNELS)
    expires: datetime | None = known.get("expires")
    return Permit(
        known["name"],
        scope.symbols(universe, known.get("symbols", []), known.get("sectors", [])),
        scope.channels(known["channels"]),
        None if expires is None else round(expires.timestamp() * 1e6),
        source,
    )


def _source(table: dict[str, Any], origin: str) -> bytes:
    """Return the digest of a token, however the file has it. Raises ConfigError, which does not show it."""
    if ("token" in table) == ("sha256" in table):
        raise ConfigError(f"{origin}: token: one is needed, or its sha256 in its place")
    name = "token" if "token" in table else "sha256"
    value = table[name]
    if not isinstance(value, str):
        raise ConfigError(f"{origin}: {name}: expected text")
    if name == "sha256":
        if not _DIGEST.fullmatch(value):
            raise ConfigError(f"{origin}: sha256: expected 64 hexadecimal digits")
        return bytes.fromhex(value)
    if not _TOKEN.fullmatch(value):
        raise ConfigError(f"{origin}: token: expected at least {TOKEN_MIN} characters, no spaces: {_MORE}")
    return digest(value)
