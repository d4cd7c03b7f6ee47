"""Random numbers by counter: SplitMix64's, each instrument's own, and evenly spread."""

from hashlib import sha256

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ticker.market.draws import keys, pieces, words, words_at

NAMES = ["ACME", "BYTE", "COIN", "ZINC-USX", ""]
GOLDEN = "9b60b183f4969d2bc4e28a44f5b16edc01eccec0a664344e25f393622bd9b48f"
MASK = 2**64 - 1


def splitmix(key: int, counter: int) -> int:
    """Return the number as the paper has it, in whole numbers without end."""
    z = ((counter + 1) * 0x9E3779B97F4A7C15 + key) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


@given(st.integers(0, MASK), st.integers(0, 2**45))
def test_numbers_are_splitmix(key: int, counter: int) -> None:
    assert words(np.array([key], np.uint64), counter, 2)[:, 0].tolist() == [
        splitmix(key, counter),
        splitmix(key, counter + 1),
    ]


def test_the_stream_of_the_paper() -> None:
    """The first numbers that SplitMix64 makes of seed 1234567, as its authors' code prints them."""
    assert words(np.array([1234567], np.uint64), 0, 3)[:, 0].tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@given(st.integers(0, 2**63 - 1), st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
def test_nobody_changes_what_another_draws(seed: int, names: list[str]) -> None:
    everybody = dict(zip(NAMES, words(keys(seed, "room", NAMES), 99, 4).T.tolist(), strict=True))
    some = words(keys(seed, "room", names), 99, 4).T.tolist()
    assert dict(zip(names, some, strict=True)) == {name: everybody[name] for name in names}


def test_a_key_is_of_seed_room_and_name() -> None:
    found = [
        int(keys(seed, room, [name])[0]) for seed in (1, 2, 2**63 - 1) for room in ("steps", "orders") for name in NAMES
    ]
    assert len(set(found)) == len(found)


@given(st.lists(st.integers(0, 2**45), min_size=5, max_size=5))
def test_each_at_a_counter_of_its_own(counters: list[int]) -> None:
    own = keys(3, "room", NAMES)
    found = words_at(own, np.array(counters))
    assert found.tolist() == [int(words(own[k : k + 1], at, 1)[0, 0]) for k, at in enumerate(counters)]


def test_a_word_is_four_pieces_the_lowest_first() -> None:
    assert pieces(np.array([[0x4444_3333_2222_1111]], np.uint64)).tolist() == [[[0x1111, 0x2222, 0x3333, 0x4444]]]


def test_pieces_are_evenly_spread_and_do_not_follow_each_other() -> None:
    found = pieces(words(keys(1, "room", NAMES), 0, 4096)).astype(np.float64) / 65536 - 0.5
    assert np.abs(found.mean(axis=0)).max() < 5 / np.sqrt(12 * 4096)
    flat = found.reshape(4096, -1)
    related = np.corrcoef(np.concatenate([flat[1:], flat[:-1]], axis=1).T)
    assert np.abs(related - np.eye(len(related))).max() < 5.5 / np.sqrt(4095)


def test_the_same_on_every_machine() -> None:
    assert sha256(words(keys(1, "room", NAMES), 1000, 1000).astype("<u8").tobytes()).hexdigest() == GOLDEN
