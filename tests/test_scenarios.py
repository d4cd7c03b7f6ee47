"""Scenario files: those we ship can be played, and a mistake in one of yours is named with the file and the entry."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec import UNSET

from ticker import cli, files, universes
from ticker.config import Config, MarketConfig
from ticker.errors import ConfigError
from ticker.instruments import Universe
from ticker.market.incidents import RULES
from ticker.market.scenarios import Scenario, Timing, micros
from ticker.scenarios import Play
from ticker.stage import stage

SHIPPED = files.shipped("scenarios")
NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2026, 1, 5, 9, 30, tzinfo=NEW_YORK)
SOON_STEPS = 6 * 60 * 100
"""Six minutes."""


def universe() -> Universe:
    return universes.load(MarketConfig())


def played(name: str) -> Scenario:
    play = Play(name)
    start_us = micros(play.start(START, NEW_YORK))
    return play.scenario(universe(), Timing(10_000, lambda step: start_us + step * 10_000, NEW_YORK))


def test_there_are_five_worth_playing() -> None:
    assert set(SHIPPED) >= {"ordinary_day", "flash_crash", "earnings_surprise", "opening_burst", "dead_feed"}


@pytest.mark.parametrize("name", SHIPPED)
def test_what_we_ship_is_played_and_explained(name: str) -> None:
    scenario = played(name)
    assert scenario.incidents and scenario.description and scenario.name == name
    assert (files.CONFIGS / "scenarios" / f"{name}.toml").read_text().startswith("# ")
    assert name == "ordinary_day" or scenario.incidents[0].step <= SOON_STEPS


def test_every_kind_that_can_be_caused_is_in_one_of_them_or_ends_by_itself() -> None:
    shown = {incident.kind for name in SHIPPED for incident in played(name).incidents}
    assert shown >= set(RULES) - {"resume", "thaw"}


def test_a_scenario_may_begin_at_its_own_time_of_day() -> None:
    assert Play("ordinary_day").start(START, NEW_YORK) == datetime(2026, 1, 5, 14, 0, tzinfo=UTC)
    assert Play("ordinary_day").start(datetime(2026, 1, 6, 1, tzinfo=UTC), NEW_YORK).day == 5
    assert Play("ordinary_day").starts == "09:00:00"
    assert (Play("flash_crash").start(START, NEW_YORK), Play("flash_crash").starts) == (START, UNSET)


def test_no_scenario_is_nothing() -> None:
    assert played("") == Scenario()
    assert (Play("").identity, Play("").name) == ("", "")


def test_equal_incidents_have_equal_names(tmp_path: Path) -> None:
    toml, json, other = (tmp_path / name for name in ("a.toml", "b.json", "c.json"))
    toml.write_text('[[incident]]\nat = "1s"\nkind = "halt"\n')
    json.write_text('{"description": "the same", "incident": [{"kind": "halt", "at": "1s"}]}')
    other.write_text('{"incident": [{"kind": "halt", "at": "2s"}]}')
    names = [Play(str(file)).identity for file in (toml, json, other)]
    assert names[0] == names[1] != names[2]
    assert played(str(toml)).incidents == played(str(json)).incidents


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.toml", "[[incident]\n", "not TOML"),
        ("a.json", "{", "not JSON"),
        ("a.json", "[]", "not JSON"),
        ("a.json", '{"incidents": []}', "incidents: no such key"),
        ("a.toml", "start = 1979-05-27T07:32:00Z\n", "start: expected "),
        ("a.toml", '[[incident]]\nkind = "halt"\n', "incident 1: at: is needed"),
        (
            "a.toml",
            '[[incident]]\nat = "1s"\nkind = "halt"\nsymbols = ["ACNE"]\n',
            "incident 1: symbols: unknown: ACNE",
        ),
        ("a.toml", '[[incident]]\nat = "1s"\nkind = "shock"\nvalue = nan\n', "incident 1: value: shock takes one"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(ConfigError) as raised:
        played(str(file))
    assert str(raised.value).startswith(f"{file}: {sentence}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("no.toml", "no.json"):
        with pytest.raises(ConfigError, match=f"{tmp_path / name}: no such file or directory"):
            Play(str(tmp_path / name))
    with pytest.raises(
        ConfigError, match=r"market\.scenario: nothing is called 'flash_crush': did you mean flash_crash"
    ):
        Play("flash_crush")


LATE = """[[incident]]
at = "1s"
kind = "halt"
symbols = ["ACME"]

[[incident]]
at = "2s"
kind = "fat_finger"
value = 0.2
symbols = ["ACME", "BYTE"]
"""


def test_what_cannot_happen_then_is_told_at_its_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "late.toml"
    file.write_text(LATE)
    sentence = "fat_finger at 2s: ACME: halted or frozen, and nothing here ends that: it will not take place"
    assert stage(Config(market=MarketConfig(scenario=str(file)))).warnings == (f"{file}: {sentence}",)
    assert cli.run(["check", str(file)]) == 0
    said = capsys.readouterr()
    assert said.err == f"{file}: {sentence}\n" and said.out == f"{file}: fine\n"


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_that_we_ship_has_to_wait(name: str) -> None:
    assert not stage(Config(market=MarketConfig(scenario=name))).warnings
