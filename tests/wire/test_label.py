"""Labels of tapes: what is traded survives, and what makes no sense is no label."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker import universes
from ticker.config import MarketConfig
from ticker.instruments import Instrument, Universe
from ticker.wire.label import Label

DEFAULT = universes.load(MarketConfig())


def label_of(universe: Universe = DEFAULT) -> Label:
    return Label.of(universe, epoch="0123456789ab", step_us=10_000, start_us=1_767_623_400_000_000, seed=7, speed=2.0)


@pytest.mark.parametrize("name", ["default", "large", "crypto", "pairs", "stocks", "numbered"])
def test_a_label_survives(name: str) -> None:
    universe = universes.load(MarketConfig(universe=name))
    label = Label.decode(label_of(universe).encode())
    assert label == label_of(universe)
    assert label.encode() == label_of(universe).encode()
    traded = label.traded()
    assert traded.name == universe.name and len(traded) == len(universe)
    for mine, theirs in zip(traded, universe, strict=True):
        for field in ("symbol", "name", "sector", "decimals", "tick_units", "lot", "reference_ticks", "size_decimals"):
            assert getattr(mine, field) == getattr(theirs, field)
    assert traded.find(universe[3].symbol) == 3
    assert traded.start.timestamp() == 1_767_623_400


def test_a_label_says_nothing_of_sizes_that_are_whole() -> None:
    one = Instrument("ACME", "Acme", "Tools", 2, 1, 1, 18_732)
    assert label_of(Universe([one])).encode() == (
        b'{"epoch":"0123456789ab","step_us":10000,"start_us":1767623400000000,"seed":7,"speed":2.0,'
        b'"universe":{"name":"custom","hours":null,"instruments":[{"symbol":"ACME","name":"Acme","sector":"Tools",'
        b'"decimals":2,"tick_units":1,"lot":1,"reference_ticks":18732}]}}'
    )
    parts = label_of(Universe([one, replace(one, symbol="COIN", size_decimals=5)]))
    assert parts.encode().count(b"size_decimals") == 1
    assert [each.size_decimals for each in Label.decode(parts.encode()).traded()] == [0, 5]


def test_equal_labels_make_equal_bytes_however_they_were_said() -> None:
    plain = label_of(Universe([Instrument("ACME", "Acme", "Tools", 2, 1, 1, 18_732)]))
    loud = Label.decode(plain.encode().replace(b'"lot":1', b'"size_decimals":0,"lot":1'))
    assert (loud, loud.encode()) == (plain, plain.encode())


def test_the_hours_are_named() -> None:
    hours = label_of().universe.hours
    assert hours is not None and hours.zone == "America/New_York"
    assert hours.open.isoformat() == "09:30:00"
    assert label_of(universes.load(MarketConfig(universe="crypto"))).universe.hours is None


def test_what_a_later_version_says_is_passed_over() -> None:
    said = msgspec.json.decode(label_of().encode())
    assert Label.decode(msgspec.json.encode({**said, "weather": "fine"})) == label_of()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epoch": ""}, "epoch"),
        ({"epoch": "two words"}, "epoch"),
        ({"epoch": None}, "epoch"),
        ({"step_us": 0}, "step_us"),
        ({"start_us": -1}, "start_us"),
        ({"start_us": 2**60}, "start_us"),
        ({"seed": "7"}, "seed"),
        ({"speed": 0}, "speed"),
        ({"universe": {}}, "instruments"),
        ({"universe": {"instruments": []}}, "instruments"),
        ({"universe": {"instruments": [{"symbol": "A", "decimals": 2}]}}, "tick_units"),
        ({"universe": {"instruments": [{"symbol": "A", "decimals": 99, "tick_units": 1}]}}, "decimals"),
        ({"universe": {"instruments": [{"symbol": "A", "decimals": 2, "tick_units": 0}]}}, "tick_units"),
        (
            {"universe": {"instruments": [{"symbol": "A", "decimals": 2, "tick_units": 1, "size_decimals": 16}]}},
            "<= 15",
        ),
        ({"universe": {"instruments": [{"symbol": "A B", "decimals": 2, "tick_units": 1}]}}, "symbol"),
        ({"universe": {"instruments": [{"symbol": "A\x07", "decimals": 2, "tick_units": 1}]}}, "cannot be shown"),
        ({"universe": {"instruments": 2 * [{"symbol": "A", "decimals": 2, "tick_units": 1}]}}, "share a symbol"),
        ({"universe": {"instruments": [{"symbol": "A", "decimals": 2, "tick_units": 1}], "hours": {}}}, "hours"),
    ],
)
def test_what_makes_no_sense_is_no_label(changes: dict[str, object], words: str) -> None:
    said = msgspec.json.decode(label_of().encode())
    with pytest.raises(ValueError, match=words):
        Label.decode(msgspec.json.encode({**said, **changes}))


def test_every_truncation_is_refused() -> None:
    data = label_of(Universe([Instrument("A", "Alpha", "Greek", 2, 1, 1, 100)])).encode()
    for size in range(len(data)):
        with pytest.raises(ValueError, match="no label"):
            Label.decode(data[:size])


@given(st.binary(max_size=200))
def test_noise_is_refused_with_a_sentence(noise: bytes) -> None:
    with pytest.raises(ValueError, match=r"no label of a tape: ."):
        Label.decode(noise)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_makes_another_label(place: int, bit: int) -> None:
    data = bytearray(label_of().encode())
    data[place % len(data)] ^= 1 << bit
    try:
        label = Label.decode(bytes(data))
    except ValueError:
        return
    assert len(label.traded()) == len(DEFAULT)
