"""The universe: symbols and indices, one to one."""

import pytest

from ticker.instruments import Instrument, Universe


def instrument(symbol: str) -> Instrument:
    return Instrument(symbol, symbol.title(), "Sector", 2, 1, 1, 1000)


def test_a_symbol_and_its_index_find_each_other() -> None:
    universe = Universe(map(instrument, ["AAA", "BBB", "CCC"]))
    assert len(universe) == 3
    assert [universe.find(listed.symbol) for listed in universe] == [0, 1, 2]
    assert [universe[index].symbol for index in range(3)] == ["AAA", "BBB", "CCC"]


@pytest.mark.parametrize("symbol", ["ZZZ", "aaa", "AAA ", "", "*"])
def test_what_is_not_traded_is_not_found(symbol: str) -> None:
    assert Universe([instrument("AAA")]).find(symbol) is None


def test_two_instruments_do_not_share_a_symbol() -> None:
    with pytest.raises(ValueError, match="share a symbol"):
        Universe([instrument("AAA"), instrument("BBB"), instrument("AAA")])
