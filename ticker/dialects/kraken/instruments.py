"""Kraken's `instrument` channel: assets and pairs, their precisions, and how a pair's trading stands."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import orjson

from ticker.dialects.kraken.pairs import Pair, Pairs
from ticker.ticks import STATES

PAIRS_A_MESSAGE = 2000  # of some 350 bytes each: no message has more than 1 MiB
CASH = frozenset({"USD", "EUR", "GBP", "CAD", "AUD", "JPY", "CHF", "USX"})
STATUS = {
    "pre_open": "post_only",
    "auction": "limit_only",
    "trading": "online",
    "halted": "cancel_only",
    "frozen": "online",  # a feed that died says nothing about it
    "closed": "maintenance",
}


class Catalogue:
    """Spells what is listed; texts that never change are made once."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._texts = {pair.index: _texts(pair) for pair in pairs.listed}

    def snapshot(self, state: Callable[[int], int], permits: Callable[[int], bool]) -> Iterator[str]:
        """Yield the messages that tell everything: nearly always one; what is too much for it follows as updates."""
        permitted = [pair for pair in self._pairs.listed if permits(pair.index)]
        assets = dict.fromkeys(name for pair in permitted for name in (pair.base, pair.quote))
        told = iter(permitted)
        kind, spelled = "snapshot", [_asset(name) for name in assets]
        while (part := list(islice(told, PAIRS_A_MESSAGE))) or kind == "snapshot":
            yield _message(kind, spelled, (self._pair(pair.index, STATES[state(pair.index)]) for pair in part))
            kind, spelled = "update", []

    def update(self, index: int, state: str) -> str:
        """Return the message that tells one pair anew; `state` is one of `ticks.STATES`."""
        return _message("update", [], [self._pair(index, state)] if index in self._texts else [])

    def _pair(self, index: int, state: str) -> str:
        before, after = self._texts[index]
        return f'{before}"status":"{STATUS[state]}"{after}'


def _message(kind: str, assets: Iterable[str], pairs: Iterable[str]) -> str:
    return (
        f'{{"channel":"instrument","type":"{kind}",'
        f'"data":{{"assets":[{",".join(assets)}],"pairs":[{",".join(pairs)}]}}}}'
    )


def _asset(name: str) -> str:
    precision, shown = (4, 2) if name in CASH else (10, 5)
    return (
        f'{{"id":{orjson.dumps(name).decode()},"status":"enabled","precision":{precision},'
        f'"precision_display":{shown},"borrowable":false,"collateral_value":0.0}}'
    )


def _texts(pair: Pair) -> tuple[str, str]:
    base, quote = (orjson.dumps(name).decode() for name in (pair.base, pair.quote))
    tick = scientific(pair.unit, pair.decimals)
    step, least = (scientific(count * pair.qty_unit, pair.qty_decimals) for count in (1, pair.lot))
    cost_decimals = max(5, pair.decimals)
    return (
        f'{{"symbol":{pair.quoted},"base":{base},"quote":{quote},',
        f',"qty_precision":{pair.qty_decimals},"qty_increment":{step},"price_precision":{pair.decimals},'
        f'"cost_precision":{cost_decimals},"marginable":false,"has_index":false,"cost_min":0.5,'
        f'"tick_size":{tick},"price_increment":{tick},"qty_min":{least}}}',
    )


def scientific(units: int, decimals: int) -> str:
    """Print so many units of 10**-decimals as a JSON number, with an exponent where it is small: 1e-08, 0.05, 1.0."""
    digits = str(units).rstrip("0")
    exponent = len(str(units)) - 1 - decimals
    if exponent < -4:
        return f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e-{-exponent:02d}"
    whole, part = divmod(units, 10**decimals)
    return f"{whole}.{f'{part:0{decimals}d}'.rstrip('0') or '0'}" if decimals else f"{whole}.0"
