"""All tokens that are taken: which of them, until when, and what becomes of them when their file changes."""

from pathlib import Path

import pytest

from credentials import AUDIENCE, ROLES, SECRET, signed, tokens_file
from ticker.auth.keyring import Keyring
from ticker.config import AuthConfig, MarketConfig
from ticker.errors import Close, ConfigError, Refusal
from ticker.session.permits import OPEN
from ticker.universes import load

UNIVERSE = load(MarketConfig())
TOKEN = ROLES["two symbols"].token
NOW_S = 1_800_000_000


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.us = NOW_S * 1_000_000

    def __call__(self) -> int:
        return self.us


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_both_kinds_are_taken_side_by_side(tmp_path: Path, clock: Clock) -> None:
    config = AuthConfig(file=str(tokens_file(tmp_path / "t.toml")), jwt_key=SECRET, jwt_audience=AUDIENCE)
    keyring = Keyring(config, UNIVERSE, clock)
    assert keyring.permit(TOKEN).name == "two symbols"
    assert keyring.permit(signed(exp=NOW_S + 60)).name == "somebody"


@pytest.mark.parametrize(
    "token", ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "a.b.c", "x" * 10_240, "\x00", "é"]
)
def test_no_other_is(tmp_path: Path, clock: Clock, token: str) -> None:
    keyring = Keyring(AuthConfig(file=str(tokens_file(tmp_path / "t.toml"))), UNIVERSE, clock)
    with pytest.raises(Refusal) as raised:
        keyring.permit(token)
    assert raised.value.code == "unauthorized"


def test_a_token_ends_when_it_says(tmp_path: Path, clock: Clock) -> None:
    file = tokens_file(tmp_path / "t.toml")
    file.write_text(file.read_text() + "expires = 2027-01-15T08:01:00Z\n")  # the last of them, a minute from now
    keyring = Keyring(AuthConfig(file=str(file), jwt_key=SECRET, jwt_audience=AUDIENCE), UNIVERSE, clock)
    static, jwt = keyring.permit(ROLES["one symbol"].token), keyring.permit(signed(exp=NOW_S + 60))
    for permit in (static, jwt):
        assert keyring.over(permit) is None
    clock.us += 59_999_999
    for permit in (static, jwt):
        assert keyring.over(permit) is None
    clock.us += 1
    for permit in (static, jwt):
        assert keyring.over(permit) == (Close.TOKEN_EXPIRED, "token expired")
    for token in (ROLES["one symbol"].token, signed(exp=NOW_S + 60)):
        with pytest.raises(Refusal, match="expired"):
            keyring.permit(token)
    assert keyring.over(OPEN) is None


def test_a_file_that_is_read_again_ends_what_is_gone_or_different(tmp_path: Path, clock: Clock) -> None:
    file = tokens_file(tmp_path / "t.toml")
    keyring = Keyring(AuthConfig(file=str(file)), UNIVERSE, clock)
    gone, stays, changes = (keyring.permit(ROLES[name].token) for name in ("two symbols", "everything", "one symbol"))
    tokens_file(
        file, "two symbols", roles={**ROLES, "one symbol": ROLES["one symbol"]._replace(symbols=frozenset({"ACME"}))}
    )
    assert keyring.over(gone) is None, "not before it is read"
    assert keyring.reload() == len(ROLES) - 1
    assert keyring.over(gone) == (Close.UNAUTHORIZED, "token revoked")
    assert keyring.over(stays) is None
    assert keyring.over(changes) == (Close.TOKEN_EXPIRED, "what the token permits has changed")
    with pytest.raises(Refusal):
        keyring.permit(TOKEN)
    file.write_text("nonsense")
    with pytest.raises(ConfigError):
        keyring.reload()
    assert keyring.over(stays) is None, "a file that is wrong changes nothing"
