"""Steps of somebody's own rows: each row once, in the order of the tape, in the step that covers its time."""

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ticker.links.own_data_grid import Grid
from ticker.links.own_data_sieve import QUOTE, TRADE
from ticker.links.own_data_steps import MINUTE_US, Shape, Timetable, steps
from ticker.links.own_data_store import Store
from ticker.market.tally import Tally
from ticker.ticks import BARS_1M, BUY, CHANNELS, QUOTES, SELL, STATUS, TRADES, Batch

BEGIN = 1_767_623_400_000_000
STEP = 1_000_000
TIMES = st.lists(st.integers(0, 40_000_000) | st.integers(7_200_000_000, 7_200_100_000), min_size=1, max_size=80)


def table(times: list[int], step_us: int = STEP) -> Timetable:
    minutes: dict[int, int] = {}
    for t in sorted(times):
        minutes.setdefault(t // MINUTE_US, t)
    return Timetable(minutes, step_us)


def played(
    trades: list[tuple[int, int, int, float, float]], quotes: list[tuple[int, int, float, float]]
) -> list[Batch]:
    """Return the steps of trades (t, who, side, price, size) and quotes (t, who, bid, ask), by time."""
    bought, quoted = Store(TRADE), Store(QUOTE)
    bought.add(np.array(trades, TRADE))
    quoted.add(np.array([(t, who, bid, 1.0, ask, 2.0) for t, who, bid, ask in quotes], QUOTE))
    bought.settle()
    quoted.settle()
    shape = Shape(np.array([1, 0, 2], np.int32), [Grid(2, 1)] * 3, 1, np.array([1000, 1000, 1000]))
    tally = Tally(3, STEP, shape.reference_ticks, np.arange(3))
    found = list(steps(bought, quoted, table([row[0] for row in [*trades, *quotes]]), shape, tally))
    bought.close()
    quoted.close()
    return found


@given(TIMES, TIMES, st.randoms(use_true_random=False))
def test_every_row_is_in_the_step_that_covers_it(bought: list[int], quoted: list[int], dice: object) -> None:
    choose = dice.randrange  # type: ignore[attr-defined]
    trades = [(BEGIN + t, choose(3), choose(2), 10 + choose(100) / 100, 1 + choose(9) / 10) for t in bought]
    quotes = [(BEGIN + t, choose(3), 9.5, 10 + choose(100) / 100) for t in quoted]
    batches = played(trades, quotes)
    places = [1, 0, 2]
    assert [batch.seq for batch in batches] == list(range(1, len(batches) + 1))
    counts: dict[tuple[str, int], int] = defaultdict(int)
    found: dict[str, list[tuple[int, ...]]] = {TRADES: [], QUOTES: []}
    for batch in batches:
        assert tuple(batch.rows) == CHANNELS
        assert batch.t % STEP == 0
        for channel in CHANNELS:
            rows = batch.rows[channel]
            assert (np.diff(rows["instrument"]) >= 0).all()
            for row in rows:
                counts[channel, int(row["instrument"])] += 1
                assert row["n"] == counts[channel, int(row["instrument"])]
        for channel in found:
            assert ((batch.rows[channel]["t"] > batch.t - STEP) & (batch.rows[channel]["t"] <= batch.t)).all()
        for row in batch.rows[TRADES]:
            found[TRADES].append(tuple(row[["t", "instrument", "side", "price_ticks", "size"]].tolist()))
        for row in batch.rows[QUOTES]:
            found[QUOTES].append(tuple(row[["t", "instrument", "bid_ticks", "ask_ticks"]].tolist()))
    assert sorted(found[TRADES]) == sorted(
        (t, places[who], side, round(price * 100), round(size * 10)) for t, who, side, price, size in trades
    )
    assert sorted(found[QUOTES]) == sorted(
        (t, places[who], round(bid * 100), round(ask * 100)) for t, who, bid, ask in quotes
    )


def test_everybody_trades_from_the_first_step_on_and_bars_are_finished() -> None:
    batches = played([(BEGIN + 5, 0, BUY, 10.0, 1.0), (BEGIN + 7_200_000_000, 0, BUY, 11.0, 2.0)], [])
    assert len(batches[0].rows[STATUS]) == 3
    assert not any(len(batch.rows[STATUS]) for batch in batches[1:])
    minutes = [row for batch in batches for row in batch.rows[BARS_1M] if row["done"]]
    assert [(row["t"], row["close_ticks"], row["volume"]) for row in minutes] == [
        (BEGIN, 1000, 10),
        (BEGIN + 7_200_000_000, 1100, 20),
    ]


def test_a_silence_is_passed_over() -> None:
    found = table([BEGIN + 5, BEGIN + 61_000_000, BEGIN + 7_200_003_000])
    assert [(found.time_us(span.seq), found.time_us(span.seq + span.last - span.first)) for span in found.spans] == [
        (BEGIN + STEP, BEGIN + 2 * MINUTE_US),
        (BEGIN + 7_201_000_000, BEGIN + 7_200_000_000 + MINUTE_US),
    ]


@given(TIMES, st.sampled_from([1000, 7000, STEP, 250_000, 60_000_000]), st.data())
def test_the_step_that_is_reached_is_the_first_that_ends_then_or_later(
    times: list[int], step_us: int, data: st.DataObject
) -> None:
    found = table([BEGIN + t for t in times], step_us)
    seq = data.draw(st.integers(1, found.last))
    assert found.reached(found.time_us(seq)) == seq
    assert found.reached(found.time_us(seq) + 1) == seq + 1
    assert found.time_us(seq) > found.time_us(seq - 1)


def test_sides_that_nobody_gave_follow_the_price() -> None:
    prices = [10.0, 10.1, 10.1, 10.0, 10.0, 10.2]
    given_side = [-1, -1, -1, -1, BUY, -1]
    trades = [
        (BEGIN + 3_000 * index, 0, side, price, 1.0)
        for index, (price, side) in enumerate(zip(prices, given_side, strict=True))
    ]
    sides = [int(row["side"]) for batch in played(trades, []) for row in batch.rows[TRADES]]
    assert sides == [BUY, BUY, BUY, SELL, BUY, BUY]
