"""Files: any bytes as one of the files that an operator hands us, by the kind that the first line names."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from ticker import checkpoints, files, scenarios, settings, universes
from ticker.config import MarketConfig
from ticker.errors import ConfigError, SetupError
from ticker.market.checkpoint import MAGIC, unpack
from ticker.market.market import Market
from ticker.scorecard.csvfile import read_csv
from ticker.scorecard.tapefile import read_tape
from ticker_load import plan

MARKET = MarketConfig(model="plain", instruments=4)


def _config(file: Path) -> None:
    settings.build(settings.from_tables(files.read(file), str(file)))


def _checkpoint(file: Path) -> None:
    data = file.read_bytes()
    if data.startswith(b"!"):  # what somebody has made on purpose: the digest is right
        unpack(MAGIC + hashlib.sha256(data[1:]).digest() + data[1:])
        return
    known = checkpoints.load(str(file), "")
    if known is not None:
        Market(MARKET, universes.load(MARKET)).load(known.market)


def _plan(file: Path) -> None:
    plan.load(str(file)).check()


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "config": (".toml", _config),
    "universe": (".toml", universes.read),
    "scenario": (".toml", lambda file: scenarios.check(str(file))),
    "scenario-json": (".json", lambda file: scenarios.check(str(file))),
    "plan": (".toml", _plan),
    "csv": (".csv", read_csv),
    "tape": (".jsonl", read_tape),
    "checkpoint": (".checkpoint", _checkpoint),
}


def check(data: bytes) -> None:
    """Read bytes as a file: nothing but a sentence for the operator may come of it."""
    kind, _, content = data.partition(b"\n")
    suffix, read = READERS.get(kind.decode("latin-1"), READERS["config"])
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        file = Path(folder) / f"file{suffix}"
        file.write_bytes(content)
        try:
            read(file)
        except SetupError as error:
            assert isinstance(error, ConfigError) or kind == b"checkpoint", repr(error)
            assert len(str(error)) < 4096, "a sentence is short"
