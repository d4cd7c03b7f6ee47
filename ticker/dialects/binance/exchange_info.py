"""What can be traded, and by which rules: Binance Spot API, "Exchange information".

Ticks and steps are those of the instruments. Nobody trades here: what is said of orders is what the venue says of most
pairs, for clients that look before they ask for prices.
"""

from typing import Any

from ticker.dialects.binance import faults
from ticker.dialects.binance.calls import Call
from ticker.dialects.binance.symbols import PLACES, Symbol
from ticker.dialects.binance.weights import LIMIT

SPOT = "SPOT"
"""What all pairs permit, and nothing else."""
TICKS_MAX = 10**9
UNITS_MAX = 10**9
"""The highest price and the largest order, in ticks and in lots: no price and no level of a book is more."""
_MONEY = frozenset({"USD", "USDT", "USDC", "FDUSD", "TUSD", "DAI", "EUR", "GBP"})
_LEAST_VALUE, _LEAST_COINS = "5.00000000", "0.00010000"
_MOST_VALUE = "9000000.00000000"

_RATE_LIMITS = [
    {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}
    for kind, interval, count, limit in (
        ("REQUEST_WEIGHT", "MINUTE", 1, LIMIT),
        ("ORDERS", "SECOND", 10, 100),
        ("ORDERS", "DAY", 1, 200_000),
        ("RAW_REQUESTS", "MINUTE", 5, 61_000),
    )
]
_ALLOWED = {
    "orderTypes": [
        "LIMIT",
        "LIMIT_MAKER",
        "MARKET",
        "STOP_LOSS",
        "STOP_LOSS_LIMIT",
        "TAKE_PROFIT",
        "TAKE_PROFIT_LIMIT",
    ],
    "icebergAllowed": True,
    "ocoAllowed": True,
    "otoAllowed": True,
    "opoAllowed": True,
    "quoteOrderQtyMarketAllowed": True,
    "allowTrailingStop": True,
    "cancelReplaceAllowed": True,
    "amendAllowed": True,
    "pegInstructionsAllowed": True,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
}
_PREVENTION = {
    "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
    "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
}
_TRUTHS = ("true", "false")


def exchange_info(call: Call) -> dict[str, Any]:
    """Describe one pair, several, or all that have a permission and a status."""
    wanted = _wanted(call)
    shown = call.query.choice("showPermissionSets", _TRUTHS, faults.invalid("showPermissionSets")) != "false"
    return {
        "timezone": "UTC",
        "serverTime": call.now.market_us // call.unit,
        "rateLimits": _RATE_LIMITS,
        "exchangeFilters": [],
        "symbols": [_described(symbol, call.status_of(symbol), shown) for symbol in wanted],
    }


def _wanted(call: Call) -> list[Symbol]:
    """Return the pairs asked for: by name or by what they have, not by both. Raises Fault."""
    query = call.query
    if sum(map(query.has, ("symbol", "symbols"))) + any(map(query.has, ("permissions", "symbolStatus"))) > 1:
        raise faults.bad_combination()
    if query.has("symbol"):
        return [call.pair()]
    if query.has("symbols"):
        return call.named()
    permissions = query.permissions()
    if permissions is not None and SPOT not in permissions:
        return []
    return call.in_status(call.pairs())


def _described(symbol: Symbol, status: str, shown: bool) -> dict[str, Any]:
    return {
        "symbol": symbol.name,
        "status": status,
        "baseAsset": symbol.base,
        "baseAssetPrecision": PLACES,
        "quoteAsset": symbol.quote,
        "quotePrecision": PLACES,
        "quoteAssetPrecision": PLACES,
        "baseCommissionPrecision": PLACES,
        "quoteCommissionPrecision": PLACES,
        **_ALLOWED,
        "filters": _filters(symbol),
        "permissions": [],
        "permissionSets": [[SPOT]] if shown else [],
        **_PREVENTION,
    }


def _filters(symbol: Symbol) -> list[dict[str, Any]]:
    prices, sizes, lot = symbol.prices, symbol.sizes, symbol.instrument.lot
    least = _LEAST_VALUE if symbol.quote in _MONEY else _LEAST_COINS
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": prices[1],
            "maxPrice": prices[TICKS_MAX],
            "tickSize": prices[1],
        },
        {"filterType": "LOT_SIZE", "minQty": sizes[lot], "maxQty": sizes[lot * UNITS_MAX], "stepSize": sizes[lot]},
        {
            "filterType": "NOTIONAL",
            "minNotional": least,
            "applyMinToMarket": True,
            "maxNotional": _MOST_VALUE,
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
    ]
