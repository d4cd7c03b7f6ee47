"""What the load tester's clients do besides listening: mixes, acks, windows, paces, TLS and tokens, bad manners."""

import asyncio
import random
import re
import socket
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from ticker.cli import run
from ticker_load import misfit, roles
from ticker_load.crew import Outcome
from ticker_load.doubts import warnings
from ticker_load.member import Late
from ticker_load.plan import Plan
from ticker_load.report import Delivered
from ticker_load.tally import Findings
from tls_front import tls_front

NOTHING = Delivered(window_s=1, ticks=0, messages=0, bytes=0, ticks_per_s=0, messages_per_s=0, bytes_per_s=0)
LISTED = [f"S{number:03d}" for number in range(100)]


def attack(server: Any, folder: Path, *flags: str, clients: int = 3, seconds: float = 1.5) -> dict[str, Any]:
    """Run `ticker load` in one process, expect that all went well, and return its report."""
    file = folder / "report.json"
    size = ["--clients", str(clients), "--duration", str(seconds), "--processes", "1", "--json", str(file)]
    assert run(["load", "--url", server.stream, *size, *flags]) == 0
    found: dict[str, Any] = orjson.loads(file.read_bytes())
    return found


def planned(folder: Path, text: str) -> tuple[str, str]:
    """Return the flags for a plan of one's own."""
    file = folder / "own.toml"
    file.write_text(text)
    return "--plan", str(file)


def told(server: Any, name: str) -> float:
    """Return a metric of a server."""
    with urllib.request.urlopen(f"{server.url}metrics") as answer:
        found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
    assert found, name
    return float(found[1])


# Mixes.


def asked(mix: str, clients: int = 2000) -> Counter[str]:
    plan, chance = Plan(mix=mix, mix_symbols=5), random.Random(1)  # type: ignore[arg-type]
    wishes = [roles.symbols(plan, LISTED, chance) for _ in range(clients)]
    assert all(len(set(wish)) == 5 for wish in wishes)
    return Counter(symbol for wish in wishes for symbol in wish)


def test_at_random_all_symbols_are_asked_for_alike() -> None:
    counts = asked("random")
    assert len(counts) == len(LISTED)
    assert max(counts.values()) < 2 * min(counts.values())


def test_by_zipf_the_popular_are_asked_for_most() -> None:
    counts = asked("zipf")
    by_rank = [counts[symbol] for symbol in LISTED]
    assert by_rank[0] > 2 * by_rank[9] > 2 * by_rank[99] > 0
    assert sum(by_rank[:10]) > sum(by_rank[50:])


def test_shares_of_transports_are_kept() -> None:
    shares = {"ws": 0.7, "sse": 0.2, "long-poll": 0.1}
    counts = Counter(roles.transport(number, shares) for number in range(1000))
    assert all(abs(counts[kind] - 1000 * share) <= 10 for kind, share in shares.items())


@pytest.mark.parametrize("mix", ["random", "zipf"])
def test_clients_with_wishes_of_their_own_miss_nothing(mix: str, ticker_server: Any, tmp_path: Path) -> None:
    report = attack(ticker_server, tmp_path, "--mix", mix, "--mix-symbols", "3", clients=6)
    assert (report["plan"]["mix"], report["plan"]["mix_symbols"]) == (mix, 3)
    assert report["delivered"]["ticks"] > 0


def test_no_more_clients_join_a_second_than_the_rate_says(ticker_server: Any, tmp_path: Path) -> None:
    report = attack(ticker_server, tmp_path, "--rate", "20", clients=12, seconds=0.5)
    assert report["connected"] == 12
    assert report["connect_s"] >= 10 / 20, "the first comes alone, the next at once"


# Acks.


def test_an_ack_every_so_many_messages(ticker_server: Any, tmp_path: Path) -> None:
    report = attack(ticker_server, tmp_path, "--acks", "every:5", "--window", "20")
    acked = told(ticker_server, "ticker_acks_received_total")
    assert acked >= report["delivered"]["messages"] // 5 - 3
    assert report["lagged"] == 0


def test_late_acks_come_so_long_after_each_message(ticker_server: Any, tmp_path: Path) -> None:
    report = attack(ticker_server, tmp_path, "--acks", "late:0.3", "--window", "1000", seconds=2)
    assert told(ticker_server, "ticker_acks_received_total") > report["delivered"]["messages"] // 2, "one a message"
    assert told(ticker_server, 'ticker_ack_round_trip_seconds{quantile="0.5"}') >= 0.3


def test_acks_at_intervals_are_for_all_that_came(ticker_server: Any, tmp_path: Path) -> None:
    report = attack(ticker_server, tmp_path, "--acks", "interval:0.4", "--window", "1000", seconds=2)
    assert 3 <= told(ticker_server, "ticker_acks_received_total") <= 3 * (2 / 0.4 + 1)
    assert report["delivered"]["messages"] > 100


def test_never_is_never(ticker_server: Any, tmp_path: Path) -> None:
    attack(ticker_server, tmp_path, "--acks", "never")
    assert told(ticker_server, "ticker_acks_received_total") == 0


def test_late_acks_go_out_in_their_order_when_they_are_due() -> None:
    late, sent = Late(), list[int]()
    for seq in (1, 2, 3):
        late.put(seq * 100, sent.append, seq)
    late.ack_due(99)
    assert sent == []
    late.ack_due(200)
    assert sent == [1, 2]
    late.ack_due(1000)
    assert sent == [1, 2, 3]


def test_a_small_window_holds_the_server_back_and_loses_nothing(ticker_server: Any, tmp_path: Path) -> None:
    free = attack(ticker_server, tmp_path, "--acks", "never")
    held = attack(ticker_server, tmp_path, "--acks", "interval:0.25", "--window", "2")
    assert held["delivered"]["messages"] < free["delivered"]["messages"] / 3
    assert set(held["faults"].values()) == {0}
    assert held["delivered"]["ticks"] > 10 * held["delivered"]["messages"], "many steps at a time"


# Pace.


def test_the_latest_are_fewer_and_what_was_merged_is_told(ticker_server: Any, tmp_path: Path) -> None:
    own = planned(
        tmp_path, 'pace = "latest"\nrate_hz = 5\nchannels = ["quotes"]\ntransports = { ws = 0.5, sse = 0.5 }\n'
    )
    report = attack(ticker_server, tmp_path, *own, clients=4, seconds=2)
    assert report["conflated"] > 0
    assert report["delivered"]["messages"] <= 4 * (2 * 5 + 2)
    assert set(report["faults"].values()) == {0}


# TLS, and who asks.


async def load_over_tls(port: int, folder: Path, *flags: str) -> tuple[int, str, str]:
    arguments = ["load", "--url", f"wss://127.0.0.1:{port}/v1/stream", "--clients", "4", "--duration", "1", *flags]
    tester = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ticker", *arguments, "--transports", "ws=0.5,sse=0.5", "--processes", "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
    )
    out, err = await tester.communicate()
    assert tester.returncode is not None
    return tester.returncode, out.decode(), err.decode()


async def test_tls_and_a_token(ticker_server: Any, tmp_path: Path) -> None:
    async with tls_front(ticker_server.port, tmp_path) as front:
        code, out, err = await load_over_tls(front.port, tmp_path, "--cafile", str(front.cafile), "--token", "s3same")
    assert code == 0, err
    assert "4 of 4 connected" in out
    streams = [head for head in front.heads if head.startswith(("GET /v1/stream", "GET /v1/sse"))]
    assert {head.split()[1].partition("?")[0] for head in streams} == {"/v1/stream", "/v1/sse"}
    assert all("Authorization: Bearer s3same\r\n" in head for head in front.heads)
    assert "s3same" not in out + err


async def test_a_certificate_that_is_not_trusted_is_one_clear_line(ticker_server: Any, tmp_path: Path) -> None:
    async with tls_front(ticker_server.port, tmp_path) as front:
        code, _, err = await load_over_tls(front.port, tmp_path)
    assert code == 1
    assert "certificate" in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("flag", "value", "code"), [("--cafile", "/nowhere.pem", 1), ("--token", "a b", 1), ("--acks", "often", 2)]
)
def test_flags_that_make_no_sense(flag: str, value: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["load", "--url", "wss://127.0.0.1:1/v1/stream", flag, value]) == code
    assert flag in capsys.readouterr().err.splitlines()[-1]


# Bad manners.


def test_who_is_deaf_is_sent_what_is_never_acknowledged() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        deaf = misfit.deafen(near.fileno())
        far.sendall(b"anybody?")
        near.settimeout(0.2 if deaf else 10)
        if deaf:  # where the system lets us: else the client tells that it is audible, below
            with pytest.raises(TimeoutError):
                near.recv(8)
        else:
            assert near.recv(8) == b"anybody?"


def test_who_vanishes_or_stalls_harms_nobody(ticker_server: Any, tmp_path: Path) -> None:
    flags = ("--bad", "vanishing=0.4,stalled=0.2")
    report = attack(ticker_server, tmp_path, *flags, clients=10)
    assert {kind.split()[0] for kind in report["bad_clients"]} == {"vanishing", "stalled"}
    warned = any("were to vanish" in warning for warning in report["warnings"])
    with socket.socket() as probe:
        assert warned == (not misfit.deafen(probe.fileno()))
    assert set(report["faults"].values()) == {0}, "the others have not noticed"


def test_who_cannot_vanish_says_so() -> None:
    assert not misfit.deafen(-1)
    found = Findings(audible=2)
    assert any(
        sentence.startswith("2 clients were to vanish") for sentence in warnings(NOTHING, None, found, Outcome())
    )


def test_storms_and_herds_of_a_shorter_run_come_as_often() -> None:
    plan = Plan(storm_every_s=4.0, herd_every_s=2.0)
    assert (plan.with_seconds(5).storm_every_s, plan.with_seconds(5).herd_every_s) == (2.0, 1.0)
    assert plan.with_seconds(0.1).storm_every_s == 0.25
    assert plan.with_seconds(100).storm_every_s == 4.0
    assert Plan().with_seconds(1).storm_every_s == 0
