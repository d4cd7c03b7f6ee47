"""Who there is in tests, what each may have, and the tokens that say so: static ones, and JWTs."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import jwt

from ticker.ticks import CHANNELS

SECRET = "a secret of forty-eight bytes, which none may know"
AUDIENCE = "ticker-tests"
EVERYTHING = frozenset({"*"})


class Role(NamedTuple):
    """Somebody: `symbols` of `*` are all there are."""

    token: str
    symbols: frozenset[str]
    channels: frozenset[str]

    def may(self, symbol: str, channel: str) -> bool:
        return channel in self.channels and (self.symbols == EVERYTHING or symbol in self.symbols)


ALL = frozenset(CHANNELS)
ROLES = {
    "everything": Role("everything-0123456789", EVERYTHING, ALL),
    "two symbols": Role("two-symbols-0123456789", frozenset({"ACME", "BYTE"}), frozenset({"trades", "quotes"})),
    "one channel": Role("one-channel-0123456789", EVERYTHING, frozenset({"trades"})),
    "one symbol": Role("one-symbol-0123456789", frozenset({"BANK"}), ALL),
}


def tokens_file(file: Path, *left_out: str, roles: dict[str, Role] = ROLES) -> Path:
    """Write the file of these roles' tokens."""
    tables = [
        f'[[token]]\nname = "{name}"\ntoken = "{role.token}"\n'
        f"symbols = {sorted(role.symbols)}\nchannels = {sorted(role.channels)}\n"
        for name, role in roles.items()
        if name not in left_out
    ]
    file.write_text("\n".join(tables))
    return file


def signed(*, seconds: float = 3600.0, key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """Return a JWT that permits everything for a while, unless its claims say otherwise; None leaves one out."""
    usual = {"sub": "somebody", "exp": time.time() + seconds, "aud": AUDIENCE, "symbols": "*", "channels": "*"}
    said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(said, key, algorithm)
