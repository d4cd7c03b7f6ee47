"""JWTs: which are taken, and why each other one is not; keys, and what they do not go with."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from credentials import AUDIENCE, SECRET, signed
from ticker.auth.keyring import Keyring
from ticker.auth.signed import Signed
from ticker.config import AuthConfig, MarketConfig
from ticker.errors import ConfigError, Refusal
from ticker.settings import from_tables
from ticker.ticks import CHANNELS
from ticker.universes import load

UNIVERSE = load(MarketConfig())
NOW_S = 1_800_000_000
NOW_US = NOW_S * 1_000_000
PEM = serialization.Encoding.PEM
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def public(key: Any) -> str:
    return str(key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode())


def private(key: Any) -> str:
    form = serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(PEM, form, serialization.NoEncryption()).decode())


def checker(**keys: Any) -> Signed:
    return Signed(AuthConfig(**{"jwt_key": SECRET, "jwt_audience": AUDIENCE, **keys}), UNIVERSE)


def token(**claims: Any) -> str:
    return signed(**{"exp": NOW_S + 60, **claims})


def refusal(checks: Signed, sent: str) -> str:
    with pytest.raises(Refusal) as raised:
        checks.permit(sent, NOW_US)
    assert raised.value.code == "unauthorized"
    for part in sent.split("."):
        assert len(part) < 8 or part not in raised.value.message
    return raised.value.message


def test_a_token_permits_what_it_says_until_it_expires() -> None:
    found = checker().permit(token(symbols=["ACME", "NONE"], channels=["trades", "none"], sub="me"), NOW_US)
    assert (found.name, found.channels, found.expires_us) == ("me", ("trades",), (NOW_S + 60) * 1_000_000)
    assert found.symbols == 1 << (UNIVERSE.find("ACME") or 0)
    assert checker().permit(token(), NOW_US).is_everything
    finance = checker().permit(token(symbols=None, sectors=["Finance"], channels="quotes"), NOW_US)
    assert finance.channels == ("quotes",)
    assert {UNIVERSE[i].sector for i in range(len(UNIVERSE)) if finance.has(i)} == {"Finance"}
    assert checker().permit(token(sub=None, channels=list(CHANNELS)), NOW_US).name == ""


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"exp": NOW_S}, "expired"),
        ({"exp": NOW_S - 1000}, "expired"),
        ({"exp": None}, "no claim exp"),
        ({"nbf": NOW_S + 1}, "not valid yet"),
        ({"aud": "somebody-else"}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"aud": ["a", "b"]}, "another audience"),
        ({"symbols": None}, "no claim symbols"),
        ({"channels": None}, "no claim channels"),
        ({"symbols": [1]}, "no claim symbols"),
        ({"symbols": {"a": 1}}, "no claim symbols"),
        ({"channels": 7}, "no claim channels"),
        ({"key": SECRET[::-1]}, "signature"),
        ({"algorithm": "HS512", "key": SECRET * 2}, "not signed with HS256"),
    ],
)
def test_any_other_token_is_refused_with_the_reason(claims: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(checker(), token(**claims))


def spelled(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    return ".".join([*parts, signature])


CLAIMS = {"exp": NOW_S + 60, "aud": AUDIENCE, "symbols": "*", "channels": "*"}


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", "HS257", None, 7])
def test_none_is_no_algorithm(name: Any) -> None:
    refusal(checker(), spelled({"typ": "JWT", "alg": name}, CLAIMS))


def test_a_public_key_is_never_taken_for_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(public(RSA_KEY))
    checks = checker(jwt_key="", jwt_key_file=str(file))
    assert checks.permit(jwt.encode(CLAIMS, private(RSA_KEY), "RS256"), NOW_US).is_everything
    # What anybody can do who has the public key: sign with it as if it were a secret.
    head, said = spelled({"typ": "JWT", "alg": "HS256"}, CLAIMS).split(".")[:2]
    for key in (file.read_bytes(), file.read_bytes().strip()):
        forged = jwt.api_jws.PyJWS().get_algorithm_by_name("HS256").sign(f"{head}.{said}".encode(), key)
        sent = f"{head}.{said}.{base64.urlsafe_b64encode(forged).decode().rstrip('=')}"
        assert "not signed with RS256" in refusal(checks, sent)
    assert "not signed with HS256" in refusal(checker(), jwt.encode(CLAIMS, private(RSA_KEY), "RS256"))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(RSA_KEY, "RS256"), (RSA_KEY, "PS384"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")],
    ids=["RS256", "PS384", "ES256", "EdDSA"],
)
def test_public_keys_of_all_kinds(tmp_path: Path, key: Any, algorithm: str) -> None:
    file = tmp_path / "key.pem"
    file.write_text(public(key))
    checks = checker(jwt_key="", jwt_key_file=str(file), jwt_algorithms=(algorithm,))
    assert checks.permit(jwt.encode(CLAIMS, private(key), algorithm), NOW_US).is_everything
    assert "signature" in refusal(checks, jwt.encode(CLAIMS, private(key), algorithm)[:-8] + "AAAAAAAA")


def test_times_may_be_a_little_off_where_that_is_allowed() -> None:
    lenient = checker(jwt_leeway_s=10.0)
    assert lenient.permit(token(exp=NOW_S - 9), NOW_US).expires_us == (NOW_S + 1) * 1_000_000
    assert lenient.permit(token(nbf=NOW_S + 9), NOW_US).is_everything
    assert "expired" in refusal(lenient, token(exp=NOW_S - 10))
    assert "not valid yet" in refusal(lenient, token(nbf=NOW_S + 11))


def test_audience_and_issuer() -> None:
    nobody = checker(jwt_audience="")
    assert nobody.permit(token(aud=None), NOW_US).is_everything
    assert "another audience" in refusal(nobody, token())
    assert checker().permit(token(aud=["x", AUDIENCE]), NOW_US).is_everything
    issued = checker(jwt_issuer="us")
    assert issued.permit(token(iss="us"), NOW_US).is_everything
    assert "another issuer" in refusal(issued, token(iss="them"))
    assert "another issuer" in refusal(issued, token())


@pytest.mark.parametrize(
    "sent",
    [
        *("..", "a.b.c", "\x00.\x00.\x00", "é.é.é", "." * 2 + "x" * 8000, "eyJhbGciOiJIUzI1NiJ9..", "e30.e30.e30"),
        spelled({"alg": "HS256", "crit": ["b64"], "b64": False}, CLAIMS, "AAAA"),
        spelled({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}, CLAIMS, "AAAA"),
        spelled({"alg": "HS256", "kid": "../../etc/passwd"}, CLAIMS, "AAAA"),
    ],
)
def test_whatever_a_stranger_sends_is_refused(sent: str) -> None:
    refusal(checker(), sent)


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -1, 1e300, True, "soon", [1], None])
def test_a_moment_that_is_none(moment: Any) -> None:
    head, said = spelled({"typ": "JWT", "alg": "HS256"}, {**CLAIMS, "exp": moment}).split(".")[:2]
    signature = jwt.api_jws.PyJWS().get_algorithm_by_name("HS256").sign(f"{head}.{said}".encode(), SECRET.encode())
    refusal(checker(), f"{head}.{said}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}")


# Keys that are none.


def complaint(**keys: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        Keyring(AuthConfig(**keys), UNIVERSE, lambda: NOW_US)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_secret_has_a_length() -> None:
    assert complaint(jwt_key="x" * 31) == "auth.jwt_key: a secret for HS256 has at least 32 bytes"
    assert "at least 64 bytes" in complaint(jwt_key="x" * 40, jwt_algorithms=("HS512",))


def test_algorithms_go_with_the_key(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(public(RSA_KEY))
    assert "HS256 does not go with the key" in complaint(jwt_key_file=str(file), jwt_algorithms=("HS256",))
    assert "RS256 does not go with the key" in complaint(jwt_key=SECRET, jwt_algorithms=("RS256",))
    file.write_text(public(EC_KEY))
    assert "ES384 does not go with the key, which is for ES256" in complaint(
        jwt_key_file=str(file), jwt_algorithms=("ES384",)
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (private(RSA_KEY), "is a private key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is no public key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no public key"),
        (public(x25519.X25519PrivateKey.generate()), "a kind that signs no JWT"),
        ("short", "at least 32 bytes"),
        (b"\xff\xfe" * 32, "is not text"),
    ],
)
def test_a_file_that_holds_no_key_is_named(tmp_path: Path, content: str | bytes, words: str) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = complaint(jwt_key_file=str(file))
    assert said.startswith(f"auth.jwt_key_file: {file}") and words in said
    assert "AAAA" not in said


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "no such file" in complaint(jwt_key_file=str(tmp_path / "none.pem"))


@pytest.mark.parametrize("missing", ["jwt", "cryptography.hazmat.primitives.serialization"])
def test_what_has_to_be_installed_is_said(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key.pem"
    file.write_text(public(EC_KEY))
    monkeypatch.setitem(sys.modules, missing, None)
    assert "pip install 'tickerplant[auth]'" in complaint(jwt_key_file=str(file))


@pytest.mark.parametrize("name", ["none", "hs256", "HS257"])
def test_an_algorithm_that_there_is_not_cannot_be_configured(name: str) -> None:
    with pytest.raises(ConfigError, match=r"auth\.jwt_algorithms"):
        from_tables({"auth": {"jwt_algorithms": [name]}}, "my.toml")
