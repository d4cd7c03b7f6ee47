"""What Kraken's REST API lists: assets and pairs under their older names."""

from collections.abc import Callable

import orjson

from ticker.dialects.kraken.instruments import CASH, STATUS
from ticker.dialects.kraken.names import altname, asset_id, pair_altname, pair_id, wsname
from ticker.dialects.kraken.pairs import Pair, Pairs
from ticker.ticks import STATES
from ticker.wire.decimals import spell


class Listing:
    """Finds and spells assets and pairs."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self.ids = {pair.index: pair_id(pair) for pair in pairs.listed}
        """What a pair is filed under, by index."""
        names = ((pair, name) for pair in pairs.listed for name in _names(pair))
        self._found = {name: pair for pair, name in names}

    def find(self, name: str) -> Pair | None:
        """Return the pair of any of its names."""
        return self._found.get(name)

    def pair(self, pair: Pair, state: int) -> str:
        """Spell a pair, whose state is a place in `ticks.STATES`."""
        base, quote, money = asset_id(pair.base), asset_id(pair.quote), "ZUSD"
        return orjson.dumps(
            {
                "altname": pair_altname(pair),
                "wsname": wsname(pair),
                **{"aclass_base": "currency", "base": base, "aclass_quote": "currency", "quote": quote},
                "lot": "unit",
                "cost_decimals": max(5, pair.decimals),
                "pair_decimals": pair.decimals,
                "lot_decimals": pair.qty_decimals,
                "lot_multiplier": 1,
                **{"leverage_buy": [], "leverage_sell": [], "fees": [], "fees_maker": []},
                **{"fee_volume_currency": money, "margin_call": 80, "margin_stop": 40},
                "ordermin": spell(pair.lot * pair.qty_unit, pair.qty_decimals),
                "costmin": "0.5",
                "tick_size": spell(pair.unit, pair.decimals),
                "status": STATUS[STATES[state]],
                "execution_venue": "international",
            }
        ).decode()

    def assets(self, asked: str | None, permits: Callable[[int], bool]) -> str | None:
        """Spell assets, all or those named in either way; None where one is unknown."""
        permitted = [pair for pair in self._pairs.listed if permits(pair.index)]
        known = dict.fromkeys(name for pair in permitted for name in (pair.base, pair.quote))
        named = {alias: name for name in known for alias in (name, altname(name), asset_id(name))}
        wanted = list(known) if asked is None else [named.get(alias) for alias in asked.split(",")]
        if any(name is None for name in wanted):
            return None
        return orjson.dumps({asset_id(name): _asset(name) for name in wanted if name is not None}).decode()


def _names(pair: Pair) -> tuple[str, ...]:
    return pair_id(pair), pair_altname(pair), wsname(pair), pair.symbol, pair.base + pair.quote


def _asset(name: str) -> dict[str, object]:
    decimals, shown = (4, 2) if name in CASH else (10, 5)
    return {
        **{"aclass": "currency", "altname": altname(name), "decimals": decimals, "display_decimals": shown},
        "status": "enabled",
    }
