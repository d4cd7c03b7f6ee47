"""A file of tokens: what it permits, and a sentence for every mistake: it names file and key, and no token."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from ticker.auth import tokens
from ticker.config import MarketConfig
from ticker.errors import ConfigError
from ticker.files import CONFIGS
from ticker.ticks import CHANNELS
from ticker.universes import load

UNIVERSE = load(MarketConfig())
TOKEN = "canary-0123456789"
GOOD = f'name = "desk"\ntoken = "{TOKEN}"\nsymbols = ["ACME"]\nchannels = ["trades"]\n'


def written(folder: Path, content: str) -> Path:
    file = folder / "tokens.toml"
    file.write_text(content)
    return file


def test_a_token_permits_its_symbols_on_its_channels(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        f"[[token]]\n{GOOD}expires = 2027-01-01T00:00:00Z\n"
        f'[[token]]\nname = "rest"\nsha256 = "{sha256(b"another").hexdigest()}"\nsymbols = "*"\nchannels = "*"\n'
        '[[token]]\nname = "sector"\ntoken = "abcdefghijklmnop"\nsectors = ["Finance"]\nsymbols = ["ACME"]\n'
        'channels = ["bars.1m", "trades"]\n',
    )
    found = tokens.read(file, UNIVERSE)
    desk, rest, sector = found.values()
    acme, bank = UNIVERSE.find("ACME"), UNIVERSE.find("BANK")
    assert acme is not None and bank is not None
    assert (desk.name, desk.symbols, desk.channels) == ("desk", 1 << acme, ("trades",))
    assert desk.expires_us == round(datetime(2027, 1, 1, tzinfo=UTC).timestamp() * 1e6)
    assert (rest.symbols, rest.channels, rest.expires_us) == (None, CHANNELS, None)
    assert sector.has(acme) and sector.has(bank) and not sector.has(bank + 1 if bank == 0 else 1)
    assert sector.channels == ("trades", "bars.1m")
    assert list(found) == [tokens.digest(TOKEN), tokens.digest("another"), tokens.digest("abcdefghijklmnop")]


def test_the_file_that_we_ship_is_taken() -> None:
    desk, student = tokens.read(CONFIGS / "auth" / "tokens.toml", UNIVERSE).values()
    assert desk.is_everything and not student.is_everything
    assert student.expires_us is not None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "there is no [[token]] table"),
        ("[token]\nname = 'a'\n", "there is no [[token]] table"),
        ("token = [1]\n", "token 1: expected a table"),
        ("[auth]\n", "auth: unknown key"),
        (f"[[token]]\n{GOOD}colour = 1\n", "token 1: colour: unknown key"),
        (f"[[token]]\n{GOOD}symbol = ['ACME']\n", "token 1: symbol: unknown key (did you mean symbols?)"),
        (f"[[token]]\n{GOOD}".replace("name", "# name"), "token 1: name: is missing"),
        (f"[[token]]\n{GOOD}".replace("channels", "# channels"), "token 1: channels: is missing"),
        (f"[[token]]\n{GOOD}".replace("symbols", "# symbols"), "token 1: symbols: is missing"),
        (f"[[token]]\n{GOOD}".replace("token =", "# token ="), "token 1: token: one is needed"),
        (f"[[token]]\n{GOOD}sha256 = 'a'\n", "token 1: token: one is needed, or its sha256"),
        (f"[[token]]\n{GOOD}".replace(TOKEN, "canary-short"), "token 1: token: expected at least 16 characters"),
        (f"[[token]]\n{GOOD}".replace(TOKEN, "canary with spaces in it"), "token 1: token: expected at least 16"),
        (f"[[token]]\n{GOOD}".replace(f'"{TOKEN}"', "17"), "token 1: token: expected text"),
        (f"[[token]]\n{GOOD}".replace("token =", "sha256 ="), "token 1: sha256: expected 64 hexadecimal digits"),
        (f"[[token]]\n{GOOD}".replace("ACME", "ACNE"), "token 1: symbols: there is no 'ACNE'"),
        (f"[[token]]\n{GOOD}sectors = ['Tecnology']\n", "token 1: sectors: there is no 'Tecnology'"),
        (f"[[token]]\n{GOOD}".replace('"trades"', '"trade"'), "token 1: channels: there is no 'trade'"),
        (f"[[token]]\n{GOOD}expires = 2027-01-01\n", "token 1: expires: expected a date and time"),
        (f"[[token]]\n{GOOD}expires = 2027-01-01T00:00:00\n", "token 1: expires: "),
        (f"[[token]]\n{GOOD}".replace('["ACME"]', "7"), "token 1: symbols: expected"),
        (f"[[token]]\n{GOOD}[[token]]\n{GOOD}", "token 2: the same as that of desk"),
        ("[[token]\n", "not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_without_the_token(tmp_path: Path, content: str, sentence: str) -> None:
    file = written(tmp_path, content)
    with pytest.raises(ConfigError) as raised:
        tokens.read(file, UNIVERSE)
    said = str(raised.value)
    assert said.startswith(f"{file}: {sentence}") and "\n" not in said
    assert "canary" not in said


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: no such file"):
        tokens.read(tmp_path / "nowhere.toml", UNIVERSE)
