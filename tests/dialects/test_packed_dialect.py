"""The packed dialect: a market's ticks come out of it as they went in, and numbers have names."""

from ticker import universes
from ticker.config import MarketConfig
from ticker.dialects import native
from ticker.dialects.packed import SUBPROTOCOL, PackedDialect, listing
from ticker.instruments import Instrument, Universe
from ticker.market.market import Market
from ticker.session.messages import Listing
from ticker.ticks import BARS_1M, BOOK, CHANNELS, QUOTES, TRADES
from ticker.wire.packed import SNAPSHOT, TICKS, unpack


def test_a_message_carries_the_steps_of_a_market() -> None:
    config = MarketConfig(model="plain", instruments=20, quotes_per_s=200, trades_per_s=100)
    market = Market(config, universes.load(config))
    batches = [market.step() for _ in range(30)]
    packed = unpack(PackedDialect().ticks(30, 1234, [(batch.seq, batch.rows) for batch in batches]))
    assert packed[:3] == (TICKS, 30, 1234)
    for channel in CHANNELS:
        rows = [(batch.seq, *row) for batch in batches for row in batch.rows[channel].tolist()]
        assert len(rows) > (100 if channel in (QUOTES, BOOK, TRADES) else 0) or channel == BARS_1M
        assert packed.rows[channel].tolist() == rows


def test_a_snapshot_is_of_one_channel() -> None:
    config = MarketConfig(model="plain", instruments=3, arrivals="every_step")
    market = Market(config, universes.load(config))
    rows = market.step().rows["trades"]
    packed = unpack(PackedDialect().snapshot(7, "trades", rows))
    assert packed[:3] == (SNAPSHOT, 7, 0)
    assert {channel: found.tolist() for channel, found in packed.rows.items()} == {
        "trades": [(7, *row) for row in rows.tolist()]
    }


def test_a_listing_names_the_numbers() -> None:
    universe = Universe([Instrument("AAA", "", "", 2, 5, 1, 1), Instrument("BBB", "", "", 0, 3, 1, 1, size_decimals=3)])
    said = listing(universe)
    assert said == Listing(symbols=["AAA", "BBB"], tick_sizes=[0.05, 3.0], decimals=[2, 0], size_decimals=[0, 3])
    assert native.read(native.reply(said)) == said


def test_it_is_told_apart_from_others() -> None:
    dialect = PackedDialect()
    assert (dialect.subprotocol, dialect.packs) == (SUBPROTOCOL, True) == ("ticker.v1.packed", True)
    assert {dialect: 1}[dialect] == 1 and dialect != PackedDialect()
