"""One key, three spellings, and a sentence for every mistake."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ticker import cli
from ticker.config import SECRETS, Config, is_loopback
from ticker.errors import ConfigError
from ticker.settings import KEYS, Key, build, from_environment, from_flags, from_tables

CONFIGS = Path(__file__).parent.parent / "configs"
DEFAULT_TOML = CONFIGS / "default.toml"
FILES = sorted(CONFIGS.glob("*.toml"))


def complaint(read: Any, *arguments: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        read(*arguments)
    sentence = str(raised.value)
    assert "\n" not in sentence
    return sentence


def spelled(key: Key) -> Any:
    """Return a default as a file has it: a list for a tuple, nothing between quotes for None."""
    if key.is_list:
        return list(key.default)
    return "" if key.default is None else key.default


def test_no_layers_make_the_defaults() -> None:
    assert build() == Config()


def test_flags_win_over_the_environment_over_the_file_over_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "some.toml"
    file.write_text("[market]\nseed = 2\ninstruments = 2\nstep_ms = 2.0\n")
    monkeypatch.setenv("TICKER_MARKET_INSTRUMENTS", "3")
    monkeypatch.setenv("TICKER_MARKET_STEP_MS", "3")
    market = cli.load(file, {"market.step_ms": "4"}).market
    assert (market.seed, market.instruments, market.step_ms) == (2, 3, 4.0)
    assert market.trades_per_s == Config().market.trades_per_s


@pytest.mark.parametrize("path", KEYS)
def test_three_spellings_of_a_key_mean_the_same(path: str) -> None:
    key = KEYS[path]
    text = ",".join(key.default) if key.is_list else str(spelled(key)).lower()
    tables = from_tables({key.section: {key.name: spelled(key)}}, "file")
    assert tables == from_environment({key.variable: text}) == from_flags({path: text}) == {path: key.default}


@pytest.mark.parametrize("path", KEYS)
def test_a_value_of_another_kind_is_refused_in_every_spelling(path: str) -> None:
    key = KEYS[path]
    wrong = [] if isinstance(key.default, str) else "bananas"
    flag = f"--{path.replace('_', '-')}"
    assert complaint(from_tables, {key.section: {key.name: wrong}}, "my.toml").startswith(f"my.toml: {path}: ")
    # Any text may be the name of a host, a file or a venue: whether there is such a one is asked later.
    if key.type.__origin__ is not str and path not in ("http.hosts", "venues.mount"):
        assert re.fullmatch(
            rf"{key.variable}: .+, got 'bananas'", complaint(from_environment, {key.variable: "bananas"})
        )
        assert re.fullmatch(rf"{flag}: .+, got 'bananas'", complaint(from_flags, {path: "bananas"}))


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("server.port", 65_536, "expected a whole number <= 65535, got 65536"),
        ("server.port", -1, "expected a whole number >= 0, got -1"),
        ("server.port", True, "expected a whole number, got True"),
        ("server.port", "80", "expected a whole number, got '80'"),
        ("server.public", 1, "expected true or false, got 1"),
        ("server.loop", "trio", "expected one of auto, uvloop, asyncio, got 'trio'"),
        ("market.step_ms", -1, "expected a number >= 0.0, got -1"),
        ("clock.speed", 0, "expected a number >= 0.01, got 0"),
        ("clock.speed", 10_001, "expected a number <= 10000.0, got 10001"),
        ("market.step_ms", 60_001, "expected a number <= 60000.0, got 60001"),
        ("market.seed", 2**63, "expected a whole number <= 9223372036854775807, got 9223372036854775808"),
        ("market.seed", 1.5, "expected a whole number, got 1.5"),
        ("market.instruments", 10_001, "expected a whole number <= 10000, got 10001"),
        ("feed.tape_s", 0, "expected a number >= 0.1, got 0"),
        ("log.level", "INFO", "expected one of debug, info, warning, error, got 'INFO'"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_the_bound(path: str, value: object, sentence: str) -> None:
    key = KEYS[path]
    assert complaint(from_tables, {key.section: {key.name: value}}, "f") == f"f: {path}: {sentence}"


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400", "", " ", "0x10", "ten"])
@pytest.mark.parametrize("path", ["market.step_ms", "feed.tape_s", "stream.stall_s", "clock.speed"])
def test_a_number_is_finite(path: str, text: str) -> None:
    sentence = complaint(from_flags, {path: text})
    said = "number out of range" if text == "1e400" else "expected a number"
    assert sentence.startswith(f"--{path.replace('_', '-')}: {said}")
    assert sentence.endswith(f", got {text!r}")


@pytest.mark.parametrize(("value", "bound"), [(float("nan"), ">= 0.0"), (float("inf"), "<= 60000.0")])
def test_a_number_in_a_file_is_finite(value: float, bound: str) -> None:
    sentence = f"f: market.step_ms: expected a number {bound}, got {value}"
    assert complaint(from_tables, {"market": {"step_ms": value}}, "f") == sentence


def test_the_start_needs_an_offset() -> None:
    assert complaint(from_tables, {"market": {"start": datetime(2026, 1, 5)}}, "f").startswith("f: market.start: ")
    assert complaint(from_flags, {"market.start": "2026-01-05T14:30:00"}).startswith("--market.start: ")
    start = from_flags({"market.start": "2026-01-05T15:30:00+01:00"})["market.start"]
    assert start == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    assert from_flags({"market.start": ""}) == {"market.start": None}


@pytest.mark.parametrize("text", ["1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_the_start_is_in_our_time(text: str) -> None:
    sentence = complaint(build, from_flags({"market.start": text}))
    assert sentence == "market.start: must be from 1970 to 2199"


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"markt": {}}, "f: unknown section [markt] (did you mean market?)"),
        ({"zzzzzz": {}}, "f: unknown section [zzzzzz]"),
        ({"market": {"sed": 1}}, "f: unknown key market.sed (did you mean market.seed?)"),
        ({"market": {"Seed": 1}}, "f: unknown key market.Seed (did you mean market.seed?)"),
        ({"market": 1}, "f: market is a section: write [market]"),
        ({"market": [{"seed": 1}]}, "f: market is a section: write [market]"),
    ],
)
def test_a_name_that_is_not_ours_is_refused_with_the_nearest_that_is(tables: dict[str, Any], sentence: str) -> None:
    assert complaint(from_tables, tables, "f") == sentence


def test_a_token_is_not_shown() -> None:
    shown = build(from_flags({"admin.enabled": "true", "admin.token": "hush"}))
    assert shown.admin.token == "hush" not in repr(shown)


def test_a_variable_of_ours_that_names_no_key_is_refused() -> None:
    sentence = "TICKER_MARKET_SED: no key of that name (did you mean TICKER_MARKET_SEED?)"
    assert complaint(from_environment, {"TICKER_MARKET_SED": "1"}) == sentence


def test_other_peoples_variables_are_let_be() -> None:
    assert from_environment({"PATH": "/bin", "TICKERTAPE": "1", "TICKER_HOME": "/", "ticker_market_seed": "2"}) == {}


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"server.host": "0.0.0.0"}, "server.host: 0.0.0.0 can be reached by other machines"),
        ({"server.host": "example.org"}, "server.host: example.org can be reached by other machines"),
        ({"stream.buffer_bytes": "4096", "stream.buffer_bytes_max": "4096"}, "stream.buffer_bytes_max: must be more"),
        ({"stream.catch_up_bytes": "262144"}, "stream.catch_up_bytes: must be less than stream.buffer_bytes_max"),
        ({"stream.message_bytes_max": "2000000"}, "stream.bytes_burst: must be at least stream.message_bytes_max"),
        ({"stream.bad_json_max": "21"}, "stream.bad_json_max: must not be more than stream.errors_max"),
        (
            {"server.connections_max": "50", "server.connections_per_address": "51"},
            "server.connections_per_address: must not be more than server.connections_max",
        ),
        ({"http.head_bytes_max": "8192"}, "http.target_bytes_max: must be less than http.head_bytes_max"),
        ({"http.requests_max": "7"}, "http.pipelined_max: must not be more than http.requests_max"),
        ({"http.events_max_s": "9"}, "http.events_max_s: must not be less than stream.heartbeat_s"),
        ({"server.public": "true", "stream.heartbeat_s": "60"}, "stream.heartbeat_s: must be less than 60"),
        ({"server.public": "true", "http.wait_max_s": "60"}, "http.wait_max_s: must be less than 60"),
        ({"feed.flush_ms": "0.000000001"}, "feed.flush_ms: must be a whole number of market.step_ms"),
        ({"feed.flush_ms": "5"}, "feed.flush_ms: must be a whole number of market.step_ms"),
        ({"feed.flush_ms": "25"}, "feed.flush_ms: must be a whole number of market.step_ms"),
        ({"market.step_ms": "0.5"}, "market.step_ms: must be 0 or at least 1"),
        ({"clock.speed": "60", "feed.flush_ms": "3"}, "feed.flush_ms: must be a whole number of market.step_ms"),
        ({"market.step_ms": "20", "feed.flush_ms": "50"}, "feed.flush_ms: must be a whole number of market.step_ms"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(flags: dict[str, str], sentence: str) -> None:
    assert complaint(build, from_flags(flags)).startswith(sentence)


@pytest.mark.parametrize(
    "flags",
    [
        {"server.connections_max": "3"},  # fewer than one address may have, which nobody has said
        {"server.connections_per_address": "0"},
        {"server.public": "true", "stream.heartbeat_s": "59"},
        {"stream.heartbeat_s": "3600"},
        {"http.body_bytes_max": "0"},
    ],
)
def test_keys_that_go_together_are_taken(flags: dict[str, str]) -> None:
    build(from_flags(flags))


@pytest.mark.parametrize(
    "flags",
    [
        {"server.host": "0.0.0.0", "server.public": "true"},
        {"server.host": "::1"},
        {"server.host": "localhost"},
        {"feed.flush_ms": "250"},
        {"clock.speed": "60", "feed.flush_ms": "200"},
        {"clock.speed": "3", "feed.flush_ms": "20"},
        {"market.step_ms": "0.1e2", "feed.flush_ms": "10"},
        {"market.step_ms": "1.1", "feed.flush_ms": "3.3"},
    ],
)
def test_keys_that_agree_are_taken(flags: dict[str, str]) -> None:
    values = from_flags(flags)
    built = build(values)
    assert {path: getattr(getattr(built, KEYS[path].section), KEYS[path].name) for path in flags} == values


@pytest.mark.parametrize(
    ("flags", "step_us"),
    [
        ({}, 10_000),
        ({"clock.speed": "2.5"}, 10_000),
        ({"clock.speed": "0.01"}, 10_000),
        ({"clock.speed": "60"}, 240_000),
        ({"clock.speed": "10000"}, 40_000_000),
        ({"clock.speed": "7.77777"}, 31_111),
        ({"clock.speed": "600", "market.step_ms": "5"}, 5_000),
    ],
)
def test_a_step_of_no_length_has_one_that_goes_with_the_speed(flags: dict[str, str], step_us: int) -> None:
    assert build(from_flags(flags)).market.step_us == step_us


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *[("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)],
        *[("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("", False), ("localhost.example.org", False)],
    ],
)
def test_loopback_is_what_other_machines_cannot_reach(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"auth.jwt_key": "x" * 32, "auth.jwt_key_file": "a"}, "auth.jwt_key_file: goes in place of auth.jwt_key"),
        ({"auth.jwt_key": "x" * 32, "auth.jwt_algorithms": "HS256,RS256"}, "auth.jwt_algorithms: those of a secret"),
        ({"auth.jwt_audience": "a"}, "auth.jwt_key: is missing"),
        ({"auth.jwt_issuer": "a"}, "auth.jwt_key: is missing"),
        ({"auth.jwt_algorithms": "HS256"}, "auth.jwt_key: is missing"),
    ],
)
def test_keys_of_tokens_that_do_not_go_together(values: dict[str, str], sentence: str) -> None:
    assert complaint(lambda: build(from_flags(values))).startswith(sentence)


def test_a_secret_is_shown_neither_by_a_sentence_nor_by_a_configuration() -> None:
    for path in SECRETS:
        assert "hush" not in complaint(lambda path=path: KEYS[path].read(["hush"], "file", spelled=False))
    config = build(from_flags({"admin.token": "hush-hush", "auth.jwt_key": "hush" * 8}))
    assert "hush" not in repr(config)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("[market\n", "not TOML"), ("[market]\nseed = 1\nseed = 2\n", "not TOML"), ("\x80", "not TOML")],
)
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content.encode("latin-1"))
    assert complaint(cli.load, file, {}).startswith(f"{file}: {sentence}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert complaint(cli.load, tmp_path / "no.toml", {}) == f"{tmp_path / 'no.toml'}: no such file or directory"
    assert complaint(cli.load, tmp_path, {}) == f"{tmp_path}: is a directory"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_we_ship_is_taken(file: Path) -> None:
    build(from_tables(tomllib.loads(file.read_text()), str(file)))


def explained() -> list[tuple[str, Any, str]]:
    """Return every key of default.toml: its path, its value, and the comment above it."""
    found = []
    section, comment = "", ""
    for line in DEFAULT_TOML.read_text().splitlines():
        if line.startswith("#"):
            comment += line.removeprefix("#")
        elif opening := re.fullmatch(r"\[(\w+)\]", line):
            section, comment = opening[1], ""
        elif "=" in line:
            [(name, value)] = tomllib.loads(line).items()
            found.append((f"{section}.{name}", value, comment.strip()))
        if not line.startswith("#"):
            comment = ""
    return found


def test_the_default_file_holds_every_key_once_with_its_default() -> None:
    assert [(path, value) for path, value, _ in explained()] == [(key.path, spelled(key)) for key in KEYS.values()]


def test_the_default_file_says_of_every_key_what_the_code_says() -> None:
    for path, _, comment in explained():
        doc = KEYS[path].doc
        assert comment.startswith(doc[:1].upper() + doc[1:]), path


def test_every_key_says_what_it_is_for() -> None:
    assert all(" " in key.doc for key in KEYS.values())
    assert len({key.doc for key in KEYS.values()}) == len(KEYS)


FROM_NATS, TO_NATS, REPLAYED = {"nats.source": "nats://a"}, {"nats.publish": "nats://a"}, {"replay.file": "a.tape"}


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (REPLAYED | FROM_NATS, "replay.file: goes in place of nats.source, not beside it"),
        (REPLAYED | TO_NATS, "replay.file: goes in place of nats.publish, not beside it"),
        (FROM_NATS | TO_NATS, "nats.source: goes in place of nats.publish, not beside it: a leaf has no market"),
        ({"replay.loop": "true"}, "replay.loop: needs replay.file"),
        ({"replay.start": "100"}, "replay.start: needs replay.file"),
        (REPLAYED | {"market.checkpoint": "c"}, "market.checkpoint: is a market's, and replay.file goes in its place"),
        (REPLAYED | {"market.scenario": "s"}, "market.scenario: is a market's, and replay.file goes in its place"),
        ({"nats.creds": "c", "nats.user": "u"}, "nats.user: goes in place of nats.creds, not beside it"),
        ({"nats.password": "p"}, "nats.password: needs nats.user"),
        ({"nats.tls_cert": "c"}, "nats.tls_key: is missing: it goes with nats.tls_cert"),
        ({"nats.tls_key": "k"}, "nats.tls_cert: is missing: it goes with nats.tls_key"),
        (FROM_NATS | {"market.checkpoint": "c"}, "market.checkpoint: a leaf (nats.source) has no market to keep"),
        (
            FROM_NATS | {"admin.enabled": "true"},
            "admin.enabled: a leaf (nats.source) has no market to hold: ask its root",
        ),
    ],
)
def test_a_tape_comes_from_one_place(flags: dict[str, str], sentence: str) -> None:
    assert complaint(build, from_flags(flags)) == sentence


def test_a_password_is_shown_nowhere() -> None:
    given = {"nats.user": "u", "nats.password": "canary-1", "nats.publish": "nats://u:canary-2@host"}
    config = build(from_flags(given))
    assert "canary" not in f"{config} {config.nats!r}"
    assert "canary" not in complaint(from_tables, {"nats": {"password": ["canary"], "publish": "x"}}, "f")
