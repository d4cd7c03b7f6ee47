"""Checkpoint files: whole or not at all, refused where they are another market's, and servers that go on."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from admin_client import AdminClient
from conftest import RunningServer
from plain_http import fetch, refused
from ticker import checkpoints, cli, universes
from ticker.checkpoints import Checkpoint
from ticker.config import MarketConfig
from ticker.errors import SetupError
from ticker.market.checkpoint import pack
from ticker.market.incidents import Incident
from ticker.market.market import Market
from ticker.stage import stage
from ticker.ticks import BARS_1M, BARS_1S, CHANNELS, DTYPES, EMPTY, Rows

FLAGS = (
    "--market.model",
    "plain",
    "--seed",
    "9",
    "--instruments",
    "5",
    "--market.trades-per-s",
    "40",
    "--admin.enabled",
    "--paused",
)
PLAIN = MarketConfig(model="plain")
NAMES = f"symbols=*&channels={','.join(CHANNELS)}"


def market_of(config: MarketConfig, nonce: str = "") -> Market:
    return Market(config, universes.load(config), nonce)


def kept(path: Path, **known: Any) -> Checkpoint:
    """Store a checkpoint of a plain market."""
    plain = {"market": market_of(PLAIN).save(), "shown": EMPTY, "incidents": [], "scenario": ""}
    checkpoint = Checkpoint(**{**plain, **known})
    checkpoints.store(str(path), checkpoint.data())
    return checkpoint


def test_what_is_stored_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    market = market_of(msgspec.structs.replace(PLAIN, instruments=3))
    shown = market.step().rows
    kept(file, market=market.save(), shown=shown, incidents=[Incident("halt", 5, (0, 2), 3)])
    found = checkpoints.load(str(file), "")
    assert found is not None
    assert (found.market, found.incidents, found.scenario) == (market.save(), [Incident("halt", 5, (0, 2), 3)], "")
    assert all(found.shown[channel].tobytes() == shown[channel].tobytes() for channel in CHANNELS)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def bars_of(count: int) -> Rows:
    """Return bars of any numbers that fit, the largest and the smallest among them."""
    rng = np.random.default_rng(count)
    rows = np.zeros(count, DTYPES[BARS_1S])
    for name in rows.dtype.names or ():
        limit = min(np.iinfo(rows.dtype[name]).max, 2**62)  # differences have 64 bits
        rows[name] = rng.integers(-limit, limit, count, endpoint=True) >> rng.integers(0, 60, count)
    return rows


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_bars_come_back_as_they_were(tmp_path: Path, count: int) -> None:
    file, rows = tmp_path / "kept", bars_of(count)
    kept(file, bars={BARS_1S: [rows[: count // 3], rows[count // 3 :]], BARS_1M: []})
    found = checkpoints.load(str(file), "")
    assert found is not None
    assert [part.tobytes() for part in found.bars[BARS_1S]] == [rows.tobytes()]
    assert [len(part) for part in found.bars[BARS_1M]] == [0]
    assert all(part.dtype == DTYPES[channel] for channel, parts in found.bars.items() for part in parts)


def test_one_of_before_there_were_bars_is_gone_on_from(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    old = {"market": market_of(PLAIN).save(), "shown": EMPTY, "incidents": [], "scenario": ""}
    file.write_bytes(pack(old))
    found = checkpoints.load(str(file), "")
    assert found is not None and found.bars == {}
    assert stage(cli.load(None, {"market.model": "plain", "market.checkpoint": str(file)})).bars == {}


@pytest.mark.parametrize("bars", [b"", b"bars", zlib.compress(b"bars"), zlib.compress(pack({"n": np.zeros(3, "<i8")}))])
def test_bars_that_are_none_are_named_with_the_file(tmp_path: Path, bars: bytes) -> None:
    file = tmp_path / "kept"
    known = {"market": market_of(PLAIN).save(), "shown": EMPTY, "incidents": [], "scenario": ""}
    file.write_bytes(pack({**known, "bars": {BARS_1S: bars}}))
    assert complaint("market.checkpoint", str(file)).startswith(f"market.checkpoint: {file}: ")


def test_there_is_the_old_one_until_there_is_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept"
    kept(file)
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ticker.checkpoints.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        kept(file, scenario="new")
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_where_there_is_none_the_market_begins(tmp_path: Path) -> None:
    assert checkpoints.load(str(tmp_path / "none"), "") is None


def complaint(*flags: str) -> str:
    pairs = {"market.model": "plain", **dict(zip(flags[::2], flags[1::2], strict=True))}
    with pytest.raises(SetupError) as raised:
        stage(cli.load(None, pairs))
    return str(raised.value)


@pytest.mark.parametrize("data", [b"", b"nonsense", b"ticker checkpoint 1\n" + bytes(50)])
def test_damage_is_named_with_the_file(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "kept"
    file.write_bytes(data)
    assert complaint("market.checkpoint", str(file)).startswith(f"market.checkpoint: {file}: ")


def test_a_market_alone_is_not_enough(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_bytes(market_of(PLAIN).save())
    assert complaint("market.checkpoint", str(file)).endswith("a checkpoint of a market alone, not of a server")


def test_another_market_or_scenario_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    kept(file)
    assert "of another market" in complaint("market.checkpoint", str(file), "market.seed", "2")
    kept(file, scenario="something")
    assert "another market.scenario" in complaint("market.checkpoint", str(file))
    assert "directory" in complaint("market.checkpoint", str(tmp_path))


def test_what_the_model_cannot_play_is_refused_by_the_name_of_the_scenario() -> None:
    assert complaint("market.scenario", "flash_crash").startswith("market.scenario: flash_crash: kind: the plain model")


def told(admin: AdminClient, since: int, until: int) -> Any:
    """Step to a position and return what was told on the way, and the newest of everything then."""
    state = admin.get("state")
    admin.post("step", {"steps": until - state["seq"]})
    batches = []
    while since < until:
        polled, _ = fetch(admin.server, f"v1/ticks?{NAMES}&since={state['epoch']}:{since}")
        batches += [(batch["seq"], batch["data"]) for batch in polled["batches"]]
        since = polled["seq"]
    return batches, fetch(admin.server, f"v1/snapshot?{NAMES}")[0]


def bars(admin: AdminClient, symbol: str = "BYTE") -> Any:
    """Return the finished bars of a symbol, as they are told."""
    return fetch(admin.server, f"v1/bars?symbol={symbol}&interval=1s")[0]["bars"]


def test_a_server_goes_on_from_its_checkpoint_as_if_it_had_never_stopped(
    serve_ticker: Callable[..., RunningServer], tmp_path: Path
) -> None:
    file = tmp_path / "kept"
    whole = AdminClient(serve_ticker(*FLAGS))
    first = AdminClient(serve_ticker(*FLAGS, "--market.checkpoint", str(file)))
    for admin in (whole, first):
        admin.post("incidents", {"kind": "halt", "symbols": ["ACME"], "at": "3s", "duration_s": 1})
        admin.post("step", {"steps": 333})
    epoch = first.get("state")["epoch"]
    shown, _ = fetch(first.server, f"v1/snapshot?{NAMES}")
    finished = bars(first)
    assert first.server.stop() == 0
    again = AdminClient(serve_ticker(*FLAGS, "--market.checkpoint", str(file)))
    assert len(finished) == 3 and bars(again) == finished
    state = again.get("state")
    assert (state["epoch"], state["seq"]) == (epoch, 335)  # it opened with a step of its own
    assert [known["kind"] for known in state["past"]] == ["halt"]
    status, problem = refused(again.server, f"v1/ticks?{NAMES}&since={epoch}:333")
    assert (status, problem["oldest"]) == (410, f"{epoch}:334")
    expected, ending = told(whole, 334, 500)
    found, ended = told(again, 334, 500)
    assert found == expected
    assert ended["data"] == ending["data"]
    for symbol in ("ACME", "BYTE"):
        assert bars(again, symbol) == bars(whole, symbol)
    assert {(tick["ch"], tick["sym"]) for tick in shown["data"]} <= {
        (tick["ch"], tick["sym"]) for tick in ended["data"]
    }


def test_a_checkpoint_by_hand_is_one_for_a_server_too(
    serve_ticker: Callable[..., RunningServer], tmp_path: Path
) -> None:
    admin = AdminClient(serve_ticker(*FLAGS))
    admin.post("step", {"steps": 470})
    answer = admin.call("POST", "checkpoint")
    epoch = admin.get("state")["epoch"]
    assert answer.headers["content-disposition"] == f'attachment; filename="{epoch}-471.checkpoint"'
    file = tmp_path / "kept"
    file.write_bytes(answer.raw)
    again = AdminClient(serve_ticker(*FLAGS, "--market.checkpoint", str(file)))
    assert bars(again) == bars(admin) and len(bars(again)) == 4
    assert told(again, 471, 600) == told(admin, 471, 600)
    assert bars(again) == bars(admin) and len(bars(again)) == 6


def test_an_incident_is_kept_at_once(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    file = tmp_path / "kept"
    admin = AdminClient(serve_ticker(*FLAGS, "--market.checkpoint", str(file)))
    admin.post("incidents", {"kind": "halt", "at": "2s"})
    admin.server.process.kill()
    admin.server.process.wait()
    again = AdminClient(serve_ticker(*FLAGS, "--market.checkpoint", str(file)))
    assert [known["seq"] for known in again.get("state")["coming"]] == [201]
