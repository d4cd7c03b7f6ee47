"""Subscriptions that only the client remembers, against sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.session.messages import Quote, Tick, Trade
from ticker_client import wants
from ticker_client.errors import Refused

UNIVERSE = ["AAA", "BBB", "CCC", "DDD"]
some_symbols = st.lists(st.sampled_from([*UNIVERSE, "*"]), min_size=1, max_size=3)
some_channels = st.lists(st.sampled_from(["trades", "quotes"]), min_size=1, max_size=2, unique=True)
changes = st.lists(st.tuples(st.booleans(), some_symbols, some_channels), max_size=6)


def pairs(subscriptions: wants.Subscriptions) -> set[tuple[str, str]]:
    return {
        (channel, symbol)
        for channel, symbols in subscriptions.items()
        for symbol in (UNIVERSE if "*" in symbols else symbols)
    }


def tick(channel: str, symbol: str) -> Tick:
    if channel == "trades":
        return Trade(sym=symbol, n=1, t=0, px=1.0, sz=1, side="buy")
    return Quote(sym=symbol, n=1, t=0, bid=1.0, bsz=1, ask=1.1, asz=1)


EVERY_TICK = [tick(channel, symbol) for channel in ("quotes", "trades") for symbol in UNIVERSE]


def wanted_by(changes: list[tuple[bool, list[str], list[str]]]) -> tuple[wants.Subscriptions, set[tuple[str, str]]]:
    """Return what is wanted after changes, as we reckon it and as sets do."""
    subscriptions: wants.Subscriptions = {}
    model: set[tuple[str, str]] = set()
    for joining, symbols, channels in changes:
        meant = pairs(dict.fromkeys(channels, symbols))
        if joining:
            subscriptions = wants.joined(subscriptions, symbols, channels)
            model |= meant
        else:
            subscriptions = wants.without(subscriptions, symbols, channels, UNIVERSE)
            model -= meant
    return subscriptions, model


@given(changes)
def test_what_is_wanted_is_what_sets_say(changes: list[tuple[bool, list[str], list[str]]]) -> None:
    subscriptions, model = wanted_by(changes)
    assert pairs(subscriptions) == model
    assert all(symbols for symbols in subscriptions.values())
    assert list(subscriptions) == [channel for channel in ("quotes", "trades") if channel in subscriptions]


@given(changes)
def test_a_request_covers_it_and_its_sieve_leaves_no_more(
    changes: list[tuple[bool, list[str], list[str]]],
) -> None:
    subscriptions, model = wanted_by(changes)
    request = wants.Request(subscriptions)
    if not model:
        return
    parameters = dict(part.split("=") for part in request.text.split("&"))
    asked = pairs(dict.fromkeys(parameters["channels"].split(","), parameters["symbols"].split(",")))
    brought = [tick for tick in EVERY_TICK if (tick.channel, tick.sym) in asked]
    assert {(tick.channel, tick.sym) for tick in request.sift(brought)} == model
    assert not request.exact or asked == model


@given(changes, some_symbols, some_channels)
def test_a_snapshot_shows_what_is_new(
    changes: list[tuple[bool, list[str], list[str]]], symbols: list[str], channels: list[str]
) -> None:
    known, had = wanted_by(changes)
    added = wants.joined({}, symbols, channels)
    shown = wants.snapshots(7, EVERY_TICK, added, known)
    assert [snapshot.channel for snapshot in shown] == list(added), "one for each channel, even an empty one"
    assert {(tick.channel, tick.sym) for snapshot in shown for tick in snapshot.data} == pairs(added) - had
    assert all(tick.channel == snapshot.channel for snapshot in shown for tick in snapshot.data)


@given(st.lists(st.text("AB/ é,&", min_size=1, max_size=30), max_size=1200))
def test_portions_fit_into_a_request_and_leave_nobody_out(symbols: list[str]) -> None:
    portions = list(wants.portions(symbols))
    assert [symbol for portion in portions for symbol in portion] == list(dict.fromkeys(symbols))
    assert all(len(portion) <= 1000 and len(wants.query(portion, ["trades"])) < 7000 for portion in portions)


def test_more_than_fits_is_asked_for_with_everything_and_sifted() -> None:
    symbols = [f"SYM{number:04d}" for number in range(1500)]
    request = wants.Request({"trades": symbols})
    assert request.text == "symbols=*&channels=trades"
    assert not request.exact
    kept, dropped = tick("trades", "SYM0007"), tick("trades", "SYM1500")
    assert request.sift([kept, dropped]) == [kept]


def test_those_wanted_on_the_same_channels_are_asked_for_together() -> None:
    subscriptions = {"quotes": ["AAA"], "trades": ["AAA"], "bars.1s": ["BBB"]}
    assert list(wants.alike(subscriptions)) == [(["AAA"], ["quotes", "trades"]), (["BBB"], ["bars.1s"])]


@pytest.mark.parametrize(
    ("symbols", "channels", "code"),
    [([], ["trades"], "bad_request"), (["AAA"], [], "bad_request"), (["AAA"], ["news"], "unknown_channel")],
)
def test_what_cannot_be_meant_is_refused(symbols: list[str], channels: list[str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        wants.check(symbols, channels)
    assert refused.value.code == code
