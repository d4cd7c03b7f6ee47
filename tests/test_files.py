"""Files: found by the name of one of ours or by their path, read or complained about."""

from pathlib import Path

import pytest

from ticker import files
from ticker.errors import ConfigError


def complaint(name: str) -> str:
    with pytest.raises(ConfigError) as raised:
        files.find("universes", name, "market.universe", ("numbered",))
    return str(raised.value)


def test_a_name_of_ours_is_one_of_our_files() -> None:
    assert files.shipped("universes") == ["crypto", "default", "large", "pairs", "stocks"]
    assert files.find("universes", "large", "market.universe") == files.CONFIGS / "universes" / "large.toml"


@pytest.mark.parametrize("path", ["mine.toml", "./large", "folder/mine"])
def test_a_path_is_taken_as_it_is(path: str) -> None:
    assert files.find("universes", path, "market.universe") == Path(path)


def test_a_name_of_nothing_is_answered_with_those_there_are() -> None:
    assert complaint("numberd") == "market.universe: nothing is called 'numberd': did you mean numbered?"
    assert complaint("zzz") == (
        "market.universe: nothing is called 'zzz': "
        "expected one of crypto, default, large, numbered, pairs, stocks, or the path of a TOML file"
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[market\n", "not TOML: "),
        (b"a = 1\na = 2\n", "not TOML: "),
        (b"\x80", "not TOML: "),
        (b"a = " + b"[" * 100_000, "not TOML: "),
    ],
    ids=["cut", "twice", "bytes", "deep"],
)
def test_what_is_no_toml_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        files.read(file)
    assert str(raised.value).startswith(f"{file}: {sentence}")


@pytest.mark.parametrize(
    ("name", "sentence"), [("no.toml", "no such file or directory"), (".", "is a directory"), ("\0", "not TOML")]
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, sentence: str) -> None:
    file = tmp_path / name
    with pytest.raises(ConfigError) as raised:
        files.read(file)
    assert str(raised.value).startswith(f"{file}: {sentence}")
