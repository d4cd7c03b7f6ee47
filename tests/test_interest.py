"""Interests behave like the sets of (channel, instrument) that they stand for."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.interest import Interest, bits
from ticker.ticks import CHANNELS

Pairs = set[tuple[str, int]]

indices = st.integers(0, 150)
pairs = st.sets(st.tuples(st.sampled_from(CHANNELS), indices))


def interest(wanted: Pairs) -> Interest:
    return Interest(tuple(bits(index for name, index in wanted if name == channel) for channel in CHANNELS))


def members(found: Interest) -> Pairs:
    return {(channel, index) for channel in CHANNELS for index in found.indices(channel)}


@given(pairs, pairs)
@settings(deadline=None)
def test_joining_cutting_and_taking_away_are_those_of_sets(a: Pairs, b: Pairs) -> None:
    assert members(interest(a) | interest(b)) == a | b
    assert members(interest(a) & interest(b)) == a & b
    assert members(interest(a) - interest(b)) == a - b


@given(pairs, pairs)
@settings(deadline=None)
def test_equal_interests_are_one_key_and_others_are_not(a: Pairs, b: Pairs) -> None:
    assert (interest(a) == interest(b)) == (a == b)
    assert {interest(a): 1}.get(interest(set(a))) == 1


@given(pairs)
@settings(deadline=None)
def test_an_interest_is_true_where_it_wants_something(a: Pairs) -> None:
    assert bool(interest(a)) == bool(a)


@given(st.sets(st.sampled_from(CHANNELS)), st.sets(indices))
@settings(deadline=None)
def test_the_same_instruments_on_several_channels(channels: set[str], wanted: set[int]) -> None:
    assert members(Interest.of(channels, bits(wanted))) == {(c, i) for c in channels for i in wanted}


@given(pairs)
@settings(deadline=None)
def test_indices_ascend(a: Pairs) -> None:
    for channel in CHANNELS:
        assert interest(a).indices(channel) == sorted(index for name, index in a if name == channel)


@given(st.lists(indices))
@settings(deadline=None)
def test_bits_do_not_mind_repeats(wanted: list[int]) -> None:
    assert bits(wanted) == sum(1 << index for index in set(wanted))
