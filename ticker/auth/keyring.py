"""All tokens that are taken, and whether what they permitted still holds."""

import hmac
from collections.abc import Callable
from pathlib import Path

from ticker.auth import tokens
from ticker.auth.signed import Signed
from ticker.config import AuthConfig
from ticker.errors import Close, Refusal
from ticker.instruments import Universe
from ticker.session.permits import Permit

TOKEN_CHARACTERS = 8192
EXPIRED = "token expired"
REVOKED = "token revoked"
CHANGED = "what the token permits has changed"


class Keyring:
    """The tokens of a file, and JWTs, as the configuration wants them. The time is asked of `now_us`."""

    def __init__(self, config: AuthConfig, universe: Universe, now_us: Callable[[], int]) -> None:
        """Raises ConfigError naming the file or the key that is wrong."""
        self._config = config
        self._universe = universe
        self._now_us = now_us
        self._permits: dict[bytes, Permit] = {}
        self._signed = Signed(config, universe) if config.jwt_key or config.jwt_key_file else None
        self.reload()

    def reload(self) -> int:
        """Read the file again, where there is one; return how many tokens it has. Raises ConfigError, and keeps all."""
        if self._config.file:
            self._permits = tokens.read(Path(self._config.file), self._universe)
        return len(self._permits)

    def permit(self, token: str) -> Permit:
        """Return what a token permits. Raises Refusal (unauthorized), which does not show it."""
        if not token or len(token) > TOKEN_CHARACTERS:
            raise Refusal("unauthorized", "no token is empty, or that long")
        now_us = self._now_us()
        source = tokens.digest(token)
        known = self._permits.get(source)  # by its digest: how long that takes says nothing of the token
        if known is not None and hmac.compare_digest(known.source, source):
            if known.expires_us is not None and known.expires_us <= now_us:
                raise Refusal("unauthorized", "the token has expired")
            return known
        if self._signed is not None and token.count(".") == 2:
            return self._signed.permit(token, now_us)
        raise Refusal("unauthorized", "nobody has that token")

    def over(self, permit: Permit) -> tuple[Close, str] | None:
        """Return how what was permitted has ended, and why; None while it holds."""
        if permit.expires_us is not None and permit.expires_us <= self._now_us():
            return Close.TOKEN_EXPIRED, EXPIRED
        if not permit.source:
            return None
        known = self._permits.get(permit.source)
        if known is None:
            return Close.UNAUTHORIZED, REVOKED
        return None if known == permit else (Close.TOKEN_EXPIRED, CHANGED)
