"""Kraken's older names, which its REST API keeps: XBT for BTC, an X before coins and a Z before money of old."""

from ticker.dialects.kraken.pairs import Pair

_ALTERNATIVE = {"BTC": "XBT", "DOGE": "XDG"}
_COINS = frozenset({"BTC", "DOGE", "ETC", "ETH", "LTC", "MLN", "REP", "XLM", "XMR", "XRP", "ZEC"})
_MONEY = frozenset({"USD", "EUR", "GBP", "CAD", "JPY", "AUD"})
_OF_OLD = frozenset({"USD", "EUR", "GBP", "CAD", "JPY", "BTC", "ETH"})  # quotes whose pairs have a long name


def altname(asset: str) -> str:
    """Return what an asset is called in names of pairs: XBT for BTC."""
    return _ALTERNATIVE.get(asset, asset)


def asset_id(asset: str) -> str:
    """Return what an asset is filed under: XXBT, ZUSD, SOL."""
    return ("X" if asset in _COINS else "Z" if asset in _MONEY else "") + altname(asset)


def pair_id(pair: Pair) -> str:
    """Return what a pair is filed under: XXBTZUSD, XBTUSDT, SOLUSD."""
    if pair.base in _COINS - {"DOGE"} and pair.quote in _OF_OLD:
        return asset_id(pair.base) + asset_id(pair.quote)
    return pair_altname(pair)


def pair_altname(pair: Pair) -> str:
    """Return a pair's short name: XBTUSD."""
    return altname(pair.base) + altname(pair.quote)


def wsname(pair: Pair) -> str:
    """Return what version 1 of the WebSocket API calls a pair: XBT/USD."""
    return f"{altname(pair.base)}/{altname(pair.quote)}"
