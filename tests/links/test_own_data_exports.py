"""What `ticker export` writes of a recording can be played as one's own data: the same trades, the same quotes."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from taped_market import market, tape
from ticker import cli
from ticker.config import ReplayConfig
from ticker.instruments import Universe
from ticker.links.own_data import OwnData
from ticker.market.tally import Tally
from ticker.ticks import QUOTES, TRADES, Batch

STEPS = 400
PRICES = ("price_ticks", "bid_ticks", "ask_ticks")


def told(universe: Universe, batches: list[Batch], channel: str) -> list[tuple[Any, ...]]:
    """Return the ticks of a channel as everybody would: symbols for numbers, prices for ticks."""
    found = []
    for batch in batches:
        rows = batch.rows[channel]
        for row in (dict(zip(rows.dtype.names or (), values, strict=True)) for values in rows.tolist()):
            one = universe[row["instrument"]]
            money = {name: round(row[name] * one.tick_units / 10**one.decimals, 8) for name in PRICES if name in row}
            found.append(tuple((row | money | {"instrument": one.symbol}).items()))
    return sorted(found)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_export_is_played_as_it_was_recorded(tmp_path: Path, form: str) -> None:
    recorded = [batch for batch, _ in tape(tmp_path / "tape", STEPS)]
    out = tmp_path / "mine"
    channels = ["--channels", "trades,quotes,stats"] if form == "csv" else []
    assert cli.run(["export", str(tmp_path / "tape"), "--to", form, "--out", str(out), *channels]) == 0
    files = (
        {TRADES: out, QUOTES: out} if form == "csv" else {name: out / f"{name}.parquet" for name in (TRADES, QUOTES)}
    )
    for channel, file in files.items():
        with closing(OwnData(ReplayConfig(file=str(file)), 100_000, Tally)) as data:
            batches = [found[0] for found in data.after(0) if isinstance(found, tuple)]
            expected = told(market().universe, recorded, channel)
            assert len(expected) > 100
            assert told(data.universe, batches, channel) == expected
            assert "with" not in "".join(line for line in data.story if line.startswith("left out"))
