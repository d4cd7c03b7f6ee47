"""Tokens that somebody else has signed: JWT (RFC 7519), by PyJWT, which is asked for the signature alone.

Which algorithms may be depends on the key that we have: a secret never takes one of public keys, nor the other way
round, and `none` is no algorithm. Times are checked here, so that the clock can be handed in. `exp`, `symbols` (or
`sectors`) and `channels` have to be there. No sentence shows a token, a key or a claim.
"""

from collections.abc import Iterable
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any

from ticker.auth import scope
from ticker.config import JWT_PAIRS, JWT_SECRETS, AuthConfig
from ticker.errors import ConfigError, Refusal
from ticker.instruments import Universe
from ticker.session.permits import Permit

PEM = "-----BEGIN "
SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}  # as long as what it makes (RFC 7518, section 3.2)
NAME_CHARACTERS = 64
LATEST_S = 253_402_300_799  # the end of the year 9999
_FITTING = {
    ("rsa", "RSAPublicKey"): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("ec", "EllipticCurvePublicKey"): ("ES256", "ES384", "ES512"),
    ("ed25519", "Ed25519PublicKey"): ("EdDSA",),
}
INSTALL = "pip install 'tickerplant[auth]'"


class Signed:
    """What JWTs permit, by one key."""

    def __init__(self, config: AuthConfig, universe: Universe) -> None:
        """Raises ConfigError where the key is none, or does not go with the algorithms."""
        self._universe = universe
        self._config = config
        try:
            self._jwt: Any = import_module("jwt")
        except ImportError:
            raise ConfigError(f"auth.jwt_key: JWTs need PyJWT: {INSTALL}") from None
        self._key, fitting = self._keyed(*_text(config))
        wanted = config.jwt_algorithms or fitting[:1]
        if unfit := [name for name in wanted if name not in fitting]:
            raise ConfigError(
                f"auth.jwt_algorithms: {', '.join(unfit)} does not go with the key, which is for {', '.join(fitting)}"
            )
        self._algorithms = list(wanted)
        self._check_secret()

    def _keyed(self, origin: str, text: str) -> tuple[Any, tuple[str, ...]]:
        """Return a key, and the algorithms it is for."""
        if not text.lstrip().startswith(PEM):
            return text.encode(), JWT_SECRETS
        if "PRIVATE KEY-----" in text:
            raise ConfigError(f"{origin}: is a private key: whoever only checks signatures has the public one")
        try:
            serialization = import_module("cryptography.hazmat.primitives.serialization")
        except ImportError:
            raise ConfigError(f"{origin}: a public key needs cryptography: {INSTALL}") from None
        try:
            key = serialization.load_pem_public_key(text.encode())
        except Exception:
            raise ConfigError(f"{origin}: is no public key as PEM") from None
        for (module, name), algorithms in _FITTING.items():
            if isinstance(key, getattr(import_module(f"cryptography.hazmat.primitives.asymmetric.{module}"), name)):
                return key, _of_curve(key, algorithms)
        raise ConfigError(f"{origin}: is a key of a kind that signs no JWT: {', '.join(JWT_PAIRS)} are known")

    def _check_secret(self) -> None:
        if not isinstance(self._key, bytes):
            return
        least = max(SECRET_BYTES[name] for name in self._algorithms)
        if len(self._key) < least:
            raise ConfigError(
                f"{_text(self._config)[0]}: a secret for {self._algorithms[0]} has at least {least} bytes"
            )

    def permit(self, token: str, now_us: int) -> Permit:
        """Return what a token permits. Raises Refusal (unauthorized)."""
        claims = self._claims(token)
        leeway_us = round(self._config.jwt_leeway_s * 1e6)
        expires_us = _moment(claims, "exp") + leeway_us
        if expires_us <= now_us:
            raise Refusal("unauthorized", "the token has expired")
        if "nbf" in claims and _moment(claims, "nbf") - leeway_us > now_us:
            raise Refusal("unauthorized", "the token is not valid yet")
        self._check_about(claims)
        named, sectors = _names(claims, "symbols", "sectors"), _names(claims, "sectors", "symbols")
        name = claims.get("sub", "")
        if not isinstance(name, str):
            raise Refusal("unauthorized", "the claim sub of the token is no text")
        return Permit(
            name[:NAME_CHARACTERS],
            scope.symbols(self._universe, named, sectors),
            scope.channels(_names(claims, "channels")),
            expires_us,
        )

    def _claims(self, token: str) -> dict[str, Any]:
        """Return what a token says, if it was signed with our key."""
        checks = ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
        options = {"verify_signature": True, **{f"verify_{name}": False for name in checks}}
        try:
            claims: dict[str, Any] = self._jwt.decode(token, self._key, algorithms=self._algorithms, options=options)
        except self._jwt.InvalidAlgorithmError:
            raise Refusal("unauthorized", f"the token is not signed with {' or '.join(self._algorithms)}") from None
        except self._jwt.InvalidSignatureError:
            raise Refusal("unauthorized", "the token's signature is not good") from None
        except Exception:  # whatever a stranger's bytes do to the library
            raise Refusal("unauthorized", "the token is neither one of ours nor a JWT") from None
        return claims

    def _check_about(self, claims: dict[str, Any]) -> None:
        """Raise Refusal where a token is meant for somebody else, or comes from somebody else."""
        audience = claims.get("aud", [])
        audiences = [audience] if isinstance(audience, str) else audience
        wanted = self._config.jwt_audience
        if not isinstance(audiences, list) or (wanted not in audiences if wanted else audiences):
            raise Refusal("unauthorized", "the token is for another audience")
        if self._config.jwt_issuer and claims.get("iss") != self._config.jwt_issuer:
            raise Refusal("unauthorized", "the token comes from another issuer")


def _text(config: AuthConfig) -> tuple[str, str]:
    """Return where the key stands, and what stands there. Raises ConfigError."""
    if not config.jwt_key_file:
        return "auth.jwt_key", config.jwt_key
    origin = f"auth.jwt_key_file: {config.jwt_key_file}"
    try:
        return origin, Path(config.jwt_key_file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{origin}: {(error.strerror or 'cannot be read').lower()}") from None
    except ValueError:
        raise ConfigError(f"{origin}: is not text") from None


def _of_curve(key: Any, algorithms: tuple[str, ...]) -> tuple[str, ...]:
    """Return the algorithms of a key on a curve: each goes with one."""
    curve = getattr(getattr(key, "curve", None), "name", None)
    if curve is None:
        return algorithms
    return {"secp256r1": ("ES256",), "secp384r1": ("ES384",), "secp521r1": ("ES512",)}.get(curve, algorithms)


def _moment(claims: dict[str, Any], name: str) -> int:
    """Return a claim that is a moment, in microseconds since 1970. Raises Refusal."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise Refusal("unauthorized", f"the token has no claim {name} that is a moment")
    if not 0 <= value <= LATEST_S:
        raise Refusal("unauthorized", f"the claim {name} of the token is no moment")
    return round(value * 1e6)


def _names(claims: dict[str, Any], name: str, other: str = "") -> list[str]:
    """Return a claim that is a list of names, or one; none where there is the `other`. Raises Refusal."""
    value = claims.get(name)
    if value is None and other and other in claims:
        return []
    names: Iterable[object] = [value] if isinstance(value, str) else value if isinstance(value, list) else [None]
    found = [one for one in names if isinstance(one, str)]
    if len(found) != len(list(names)):
        raise Refusal("unauthorized", f"the token has no claim {name} that is a list of names")
    return found
