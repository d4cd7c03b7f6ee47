"""`ticker serve --replay`: what was recorded is heard again, byte for byte, by whoever comes, and ends as it ended."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson
import pytest
from websockets.frames import Opcode

from admin_client import AdminClient
from conftest import ROOT, RunningServer
from packed_client import PackedClient
from plain_client import PlainClient, assert_no_hole
from taped_market import tape
from ticker import cli
from ticker.ticks import CHANNELS
from ticker.wire.packed import TICKS, unpack

Serve = Callable[..., RunningServer]
STEPS = 40
HELD = ("--paused", "--admin.enabled")
ALL: dict[str, Any] = {"op": "subscribe", "symbols": ["*"], "channels": list(CHANNELS), "snapshot": False}
PATIENCE_S = 30.0


def frames(client: PlainClient) -> dict[int, bytes]:
    """Return the bytes of the messages of ticks that a client was sent, by step."""
    found = {}
    for frame in client.frames:
        data = bytes(frame.data)
        if frame.opcode is Opcode.TEXT and data.startswith(b'{"type":"ticks"'):
            found[orjson.loads(data)["seq"]] = data
        elif frame.opcode is Opcode.BINARY and data[0] == TICKS:
            found[unpack(data).seq] = data
    return found


def stepped(server: RunningServer) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """Take steps one by one; return what was heard of each over JSON and packed."""
    admin = AdminClient(server)
    with PlainClient(server.port) as plain, PackedClient(server.port) as packed:
        for client in (plain, packed):
            client.send(ALL)
            client.read_until("subscribed")
        for _ in range(STEPS):
            seq = admin.post("step", {"steps": 1})["seq"]
            for client in (plain, packed):  # who does not read is sent several steps at once
                client.read()
        for client in (plain, packed):
            until = time.monotonic() + PATIENCE_S
            while seq not in frames(client):
                assert time.monotonic() < until
                client.read(0.05)
        return frames(plain), frames(packed)


@pytest.mark.parametrize(
    "flags",
    [
        ("--config", "configs/load.toml"),
        ("--market.start", "2026-01-05T14:29:56Z", "--step-ms", "250", "--instruments", "20"),
    ],
    ids=["full rate", "over an opening"],
)
def test_frames_are_the_original_ones_byte_for_byte(
    serve_ticker: Serve, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    original = serve_ticker(*flags, *HELD)
    command = [sys.executable, "-m", "ticker", "record", str(tmp_path / "tape"), "--url", original.stream]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as recorder:
        try:
            admin = AdminClient(original)
            until = time.monotonic() + PATIENCE_S
            while not (tmp_path / "tape").exists():
                assert time.monotonic() < until and recorder.poll() is None
                admin.post("step", {"steps": 1})
                time.sleep(0.1)
            time.sleep(0.5)
            heard = stepped(original)
            time.sleep(1.5)
            recorder.send_signal(signal.SIGINT)
            said = recorder.communicate(timeout=PATIENCE_S)[0].decode()
            assert recorder.returncode == 0, said
        finally:
            recorder.kill()
    assert "no gap" in said
    again = serve_ticker("--replay", str(tmp_path / "tape"), *HELD)
    assert AdminClient(again).get("state")["epoch"] == AdminClient(original).get("state")["epoch"]
    first = AdminClient(again).get("state")["seq"]
    repeated = stepped(again)
    for before, now in zip(heard, repeated, strict=True):
        both = before.keys() & now.keys()
        assert len(both) > STEPS // 2, (sorted(before), sorted(now))
        assert {seq: before[seq] for seq in both} == {seq: now[seq] for seq in both}
        assert min(both) == max(min(before), first + 1)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tape of 20 seconds."""
    path = tmp_path_factory.mktemp("tapes") / "tape"
    tape(path, 200)
    return path


def ready(server: RunningServer) -> dict[str, Any]:
    with urlopen(f"{server.url}readyz") as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def test_at_its_end_it_stands_still_and_says_so(serve_ticker: Serve, recorded: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = serve_ticker(
        "--replay", str(recorded), "--speed", "40", "--stream.heartbeat-s", "0.2", "--from", "100", log=log
    )
    with PlainClient(server.port) as client:
        client.send({**ALL, "snapshot": True})
        messages = client.read_until("heartbeat", seq=200)
        assert_no_hole(messages)
        later = client.read_until("heartbeat", seq=200)
    assert not [message for message in later if message["type"] == "ticks"]
    assert ready(server)["seq"] == 200
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event for event in events if "at its end" in event["event"] and event["position"].endswith(":200")]
    assert server.stop() == 0


def test_in_a_loop_each_round_is_a_tape_of_its_own(serve_ticker: Serve, recorded: Path) -> None:
    server = serve_ticker("--replay", str(recorded), "--speed", "5", "--loop", "--from", "150")
    epochs, ends = [], []
    for _ in range(3):
        with PlainClient(server.port) as client:
            client.send({**ALL, "snapshot": True})
            messages = client.read_until("subscribed")
            epochs.append(messages[0]["epoch"])
            messages += client.read_until("closing")
            assert_no_hole(messages)
            assert client.read_close() == 1001  # and it may come back
            ends.append(max([message["seq"] for message in messages if message["type"] == "ticks"], default=0))
    assert set(ends) - {0} == {200}  # who comes at the very end of a round is sent nothing of it
    base = epochs[0].partition("-")[0]
    rounds = [int(epoch.partition("-")[2] or 1) for epoch in epochs]
    assert all(epoch.startswith(base) for epoch in epochs)
    assert rounds[0] < rounds[1] < rounds[2]  # it takes a while to come back
    server.stop()


@pytest.mark.parametrize("where", ["seq", "position", "time"])
def test_it_begins_where_it_is_told_to_with_the_right_board(serve_ticker: Serve, recorded: Path, where: str) -> None:
    whole = serve_ticker("--replay", str(recorded), *HELD)
    epoch = AdminClient(whole).get("state")["epoch"]
    AdminClient(whole).post("step", {"steps": 120})
    start = {"seq": "120", "position": f"{epoch}:120", "time": "2026-01-05T14:35:12.1+00:00"}[where]
    server = serve_ticker("--replay", str(recorded), "--from", start, *HELD)
    assert AdminClient(server).get("state")["seq"] == 121
    pictures = []
    for one in (whole, server):
        with urlopen(f"{one.url}v1/snapshot?symbols=*&channels={','.join(CHANNELS)}") as response:
            pictures.append(json.load(response))
    assert pictures[0] == pictures[1]
    with PlainClient(server.port) as client:  # who was at an earlier place finds what it has missed
        client.send({**ALL, "from": f"{epoch}:100"})
        messages = client.read_until("recovered", complete=True)
    assert assert_no_hole(messages) > 0
    assert {message["seq"] for message in messages if message["type"] == "ticks"} >= {121}


def test_steps_that_were_not_recorded_are_announced(serve_ticker: Serve, tmp_path: Path) -> None:
    recorded = tape(tmp_path / "tape", 120, missing=range(61, 81))
    server = serve_ticker("--replay", str(tmp_path / "tape"), *HELD)
    lost = sum(len(batch.rows["trades"]) for batch, _ in recorded[60:80])
    assert lost
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "symbols": ["*"], "channels": ["trades"]})
        client.read_until("subscribed")
        AdminClient(server).post("resume")
        messages = client.read_until("lag")
    (lag,) = [message for message in messages if message["type"] == "lag"]
    assert (lag["reason"], lag["from"], lag["to"], lag["dropped"]) == ("source", 60, 80, lost)


def test_the_admin_api_holds_the_clock_and_causes_nothing(serve_ticker: Serve, recorded: Path) -> None:
    server = serve_ticker("--replay", str(recorded), *HELD)
    admin = AdminClient(server)
    state = admin.get("state")
    assert (state["seq"], state["paused"], state["phase"], state["step_ms"]) == (1, True, "trading", 100)
    assert admin.post("step", {"steps": 9})["seq"] == 10
    assert admin.post("speed", {"speed": 50})["speed"] == 50
    assert admin.post("run", {"until": f"{state['epoch']}:60"})["until"] == 60
    assert admin.until_paused()["seq"] == 60
    assert admin.post("run", {"until": "2026-01-05T14:35:09Z"})["until"] == 90
    assert admin.until_paused()["seq"] == 90
    for call, body, sentence in (
        ("incidents", {"kind": "halt"}, "this is a replay: nothing can be caused in it"),
        ("checkpoint", {}, "this is a replay: to go on from here, begin it with --from"),
        ("run", {"until": f"{state['epoch']}:201"}, "until: the recording ends at 200"),
        ("run", {"until": "2027-01-01T00:00:00Z"}, "is after its end"),
        ("run", {"until": f"{state['epoch']}:5"}, "is over"),
    ):
        answer = admin.call("POST", call, body)
        assert answer.status == 400 and sentence in answer.body["detail"], answer
    assert admin.get("incidents")["incident"] == []
    assert admin.post("step", {"steps": 1000})["seq"] == 200
    assert admin.post("resume")["epoch"] == state["epoch"]
    assert admin.until_paused()["seq"] == 200


def test_ones_own_trades_and_quotes_are_served(serve_ticker: Serve, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    rows = [
        f"2026-01-05T14:30:{k / 100:06.3f}Z,{('abc', 'x/y')[k % 2]},{10 + k % 5 / 100:.2f},{k % 3 + 1}"
        for k in range(1000)
    ]
    file.write_text("\n".join(["time,sym,price,size", *rows]))
    server = serve_ticker("--replay", str(file), *HELD, "--speed", "2.5", "--stream.heartbeat-s", "0.3")
    with urlopen(f"{server.url}v1/instruments") as response:
        assert [one["symbol"] for one in json.load(response)["instruments"]] == ["ABC", "X-Y"]
    epoch = AdminClient(server).get("state")["epoch"]
    with PlainClient(server.port) as client:
        client.send({**ALL, "from": f"{epoch}:0"})
        messages = client.read_until("recovered")
        AdminClient(server).post("speed", {"speed": 20})
        AdminClient(server).post("run", {"until": "2026-01-05T14:30:10Z"})
        messages += client.read_until("heartbeat", seq=AdminClient(server).until_paused()["seq"])
    assert_no_hole(messages)
    ticks = [tick for message in messages if message["type"] == "ticks" for tick in message["data"]]
    trades = [tick for tick in ticks if tick["ch"] == "trade"]
    assert len(trades) == 1000
    assert [(one["px"], one["sz"]) for one in trades[:2]] == [(10.0, 1), (10.01, 2)]
    assert {tick["ch"] for tick in ticks} == {"status", "trade", "bar.1s", "bar.1m", "stats"}
    assert server.stop() == 0
    assert server.process.stdout is not None
    told = server.process.stdout.read()
    assert "mine.csv: 1,000 trades, 0 quotes, 2 symbols" in told
    assert "time      column time: ISO 8601" in told
    assert "'x/y' is X-Y here" in told


MISTAKES = {
    "no such file": (("--replay", "nowhere.csv"), "replay.file: nowhere.csv: no such file or directory"),
    "no recording": (
        ("--replay", "pyproject.toml"),
        "pyproject.toml: its first line does not name the columns: [build-system]",
    ),
    "loop alone": (("--loop",), "replay.loop: needs replay.file"),
    "from alone": (("--from", "3"), "replay.start: needs replay.file"),
    "columns alone": (("--replay.columns", "price=px"), "replay.columns: needs replay.file"),
    "another source": (
        ("--replay", "x", "--source", "nats://127.0.0.1:1"),
        "replay.file: goes in place of nats.source",
    ),
}


@pytest.mark.parametrize(("flags", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_end_in_a_sentence(
    flags: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.run(["serve", "--port", "0", *flags]) == 2
    assert sentence in capsys.readouterr().err


def test_a_configuration_of_a_replay_is_checked(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "replay.toml"
    for start, code, sentence in (("", 0, "fine"), ("777", 2, "replay.start: "), ("other:1", 2, "replay.start: ")):
        file.write_text(f'[replay]\nfile = "{recorded}"\nstart = "{start}"\n')
        assert cli.run(["check", str(file)]) == code
        said = capsys.readouterr()
        assert sentence in said.out + said.err
