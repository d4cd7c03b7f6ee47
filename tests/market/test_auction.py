"""The opening auction against brute force: most volume, least left over, nearest to the middle; and nothing is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.instruments import Instrument, Universe
from ticker.market.auction import REACH, Auction
from ticker.market.traits import Traits

PRICES = 2 * REACH + 1
LOTS = (1, 10, 7)
TRAITS = Traits.of(Universe(Instrument(f"S{lot}", "", "", 2, 1, lot, 1000) for lot in LOTS))

lots = st.lists(st.integers(0, 3) | st.just(0) | st.integers(0, 200_000), min_size=PRICES, max_size=PRICES)
books = st.lists(lots, min_size=2 * len(LOTS), max_size=2 * len(LOTS))


def auction_of(orders: list[list[int]], middle: int = 1000) -> Auction:
    """Return an auction in which so many round lots are bid and offered, by instrument and price."""
    auction = Auction(1, TRAITS, 0.01)
    auction.begin(1, np.full(len(LOTS), middle))
    auction.orders = np.array(orders, np.int64).reshape(2, len(LOTS), PRICES) * 100 * np.array(LOTS)[:, None]
    return auction


def best_price(bids: list[int], asks: list[int]) -> tuple[int, int]:
    """Return the place at which an auction is held, and what is traded, by looking at each."""

    def outcome(place: int) -> tuple[int, int, int, int]:
        demand, supply = sum(bids[place:]), sum(asks[: place + 1])
        return -min(demand, supply), abs(demand - supply), abs(place - REACH), place

    volume, _, _, place = min(outcome(place) for place in range(PRICES))
    return place, -volume


@given(books)
@settings(max_examples=150)
def test_the_price_is_the_one_of_most_volume(orders: list[list[int]]) -> None:
    auction = auction_of(orders)
    found = auction.uncross()
    for who in range(len(LOTS)):
        place, volume = best_price(auction.orders[0, who].tolist(), auction.orders[1, who].tolist())
        assert (found.price_ticks[who], found.volume[who]) == (1000 + place - REACH, volume)


@given(books)
@settings(max_examples=150)
def test_nothing_is_lost_and_what_is_left_does_not_meet(orders: list[list[int]]) -> None:
    auction = auction_of(orders)
    found = auction.uncross()
    for before, left in zip(auction.orders, (found.bids, found.asks), strict=True):
        assert (left >= 0).all() and (left <= before).all()
        assert (before.sum(1) - left.sum(1)).tolist() == found.volume.tolist(), "both sides trade the same"
    for who in range(len(LOTS)):
        bids, asks = found.prices[who][found.bids[who] > 0], found.prices[who][found.asks[who] > 0]
        assert not len(bids) or not len(asks) or bids.max() < asks.min()
        assert (found.bids[who] % LOTS[who] == 0).all() and found.volume[who] % LOTS[who] == 0


def test_where_nobody_meets_nothing_trades() -> None:
    nothing = [[0] * PRICES] * len(LOTS)
    assert not auction_of(nothing + nothing).uncross().volume.any()
    bids = [[1] * REACH + [0] * (REACH + 1)] * len(LOTS)
    found = auction_of(bids + [list(reversed(side)) for side in bids]).uncross()
    assert not found.volume.any() and found.bids.sum() == REACH * 100 * sum(LOTS)


def test_orders_gather_and_cross() -> None:
    auction = Auction(1, TRAITS, 0.5)
    auction.begin(1, np.full(len(LOTS), 1000))
    before = auction.orders.copy()
    for step in range(2, 200):
        auction.gather(step)
        assert (auction.orders >= before).all()
        assert (auction.orders % (100 * np.array(LOTS)[:, None]) == 0).all(), "in round lots"
        before = auction.orders.copy()
    assert (auction.uncross().volume > 0).all()


@pytest.mark.parametrize("middle", [1, 3, 1_000_000_000 - REACH])
def test_no_price_of_an_auction_is_below_one(middle: int) -> None:
    auction = Auction(1, TRAITS, 0.01)
    auction.begin(1, np.full(len(LOTS), middle))
    assert auction.uncross().prices.min() >= 1
    assert auction.uncross().prices.max() < 2**31


def test_a_night_without_end_does_not_overflow() -> None:
    rich = Instrument("RICH", "", "", 2, 1, 10_000, 1000, touch_size=1e6)
    auction = Auction(1, Traits.of(Universe([rich])), 60.0)
    auction.begin(1, np.array([1000]))
    for step in range(2, 2000):
        auction.gather(step)
    found = auction.uncross()
    assert 0 < found.volume[0] < 2**31 and 0 < auction.orders.sum(2).max() < 2**31
