"""The command line: mistakes end in one clear line and the right exit code, never in a traceback."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT


def ticker(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ticker", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        timeout=30,
        check=False,
    )


def assert_complains(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("ticker: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--market.step-ms", "x"], ["--market.step-ms", "a number", "'x'"]),
        (["--step-ms", "-1"], ["--market.step-ms", ">= 0"]),
        (["--port", "65536"], ["--server.port", "<= 65535"]),
        (["--seed", "-1"], ["--market.seed", ">= 0"]),
        (["--universe", "defualt"], ["market.universe", "'defualt'", "did you mean default?"]),
        (["--universe", "zzz"], ["market.universe", "'zzz'", "crypto, default, large, numbered, pairs, stocks"]),
        (["--universe", "nowhere.toml"], ["nowhere.toml", "no such file"]),
        (["--instruments", "103"], ["market.instruments", "Invented Stock Exchange", "100", "103"]),
        (["--prot", "1"], ["--prot", "--port"]),
        (["--config", "nowhere.toml"], ["nowhere.toml", "no such file"]),
        (["--config", "tests"], ["tests", "is a directory"]),
        (["--config", "LICENSE"], ["LICENSE", "not TOML"]),
        (["--host", "0.0.0.0"], ["server.host", "--server.public"]),
        (["--paused", "false"], ["false", "no flag"]),
        (["--feed.flush-ms", "15"], ["feed.flush_ms", "market.step_ms"]),
    ],
)
def test_a_wrong_flag_is_named(arguments: list[str], words: list[str]) -> None:
    assert_complains(ticker("serve", *arguments), 2, *words)


def test_a_wrong_variable_is_named() -> None:
    assert_complains(ticker("serve", TICKER_MARKET_SEED="x"), 2, "TICKER_MARKET_SEED", "a whole number")
    assert_complains(ticker("serve", TICKER_MARKET_SED="1"), 2, "TICKER_MARKET_SED", "TICKER_MARKET_SEED")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[markt]\n", ["[markt]", "market"]),
        ("[market]\nsed = 1\n", ["market.sed", "market.seed"]),
        ('[market]\nseed = "1"\n', ["market.seed", "a whole number", "'1'"]),
        ("market = 1\n", ["[market]"]),
        ("[market\n", ["not TOML"]),
        ('[universe]\nname = "Small"\n', ["hours", "is missing"]),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, words: list[str]) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    assert_complains(ticker("check", str(file)), 2, str(file), *words)


def test_a_scenario_is_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[[incident]]\nkind = "halt"\nat = "1s"\nsymbols = ["ACNE"]\n')
    assert_complains(ticker("check", str(file)), 2, str(file), "incident 1", "symbols", "ACNE")


def test_a_file_that_wants_more_than_there_is_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "greedy.toml"
    file.write_text('[market]\nuniverse = "crypto"\ninstruments = 100\n')
    assert_complains(ticker("check", str(file)), 2, "market.instruments", "24", "100")


@pytest.mark.parametrize("file", sorted((ROOT / "configs").rglob("*.toml")), ids=lambda file: file.name)
def test_every_config_of_ours_is_fine(file: Path) -> None:
    done = ticker("check", str(file))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_greeting_counts_what_is_traded() -> None:
    command = [sys.executable, "-m", "ticker", "serve", "--port", "0", "--universe", "crypto"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        greeting = server.stdout.readline()
        server.terminate()
    assert ": 24 instruments, " in greeting


def test_a_busy_port_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_complains(ticker("serve", "--port", str(port)), 1, str(port), "taken", "--port")


def test_an_address_that_is_not_ours_is_explained() -> None:
    assert_complains(ticker("serve", "--host", "no.such.host.invalid", "--server.public"), 1, "no.such.host.invalid")


def test_a_server_that_is_not_there_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    url = f"ws://127.0.0.1:{port}/v1/stream"
    assert_complains(ticker("watch", "ACME", "--url", url), 1, url, "is the server running?")


def test_unknown_commands_are_explained() -> None:
    assert_complains(ticker("srve"), 2, "srve", "serve")


def test_help_names_every_command_and_key() -> None:
    overview = ticker("--help").stdout
    assert all(command in overview for command in ("serve", "watch", "load", "compare", "check"))
    keys = ticker("serve", "--help").stdout
    assert all(flag in keys for flag in ("--host", "--port", "--seed", "--instruments", "--step-ms", "--config"))
    assert "--stream.stall-s" in keys
