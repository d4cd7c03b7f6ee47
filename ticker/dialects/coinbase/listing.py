"""What Coinbase lists: products and currencies, for its REST API and for its `status` channel."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from ticker.dialects.coinbase.products import Product, Products
from ticker.ticks import STATES

PRODUCTS_A_MESSAGE = 1000  # of some 450 bytes each, and their currencies: no message has more than 1 MiB
FIAT = {"USD": "$", "EUR": "€", "GBP": "£"}

Document = dict[str, Any]


class Listing:
    """Tells products and currencies as they stand."""

    def __init__(self, products: Products) -> None:
        self._products = products
        self._names: dict[str, str] = {}
        for product in products.listed:
            base, _, quote = product.name.partition(" / ")
            self._names.setdefault(product.base, base)
            self._names.setdefault(product.quote, quote or product.quote)
        order = {name: place for place, name in enumerate(self._names)}
        self._currencies = {name: _currency(name, self._names[name], order[name]) for name in self._names}

    def product(self, product: Product, state: int) -> Document:
        """Tell one product; `state` is a place in `ticks.STATES`."""
        stands = STATES[state]
        return {
            "id": product.id,
            **{"base_currency": product.base, "quote_currency": product.quote},
            **{"quote_increment": product.quote_increment, "base_increment": product.base_increment},
            "display_name": product.id,
            "min_market_funds": "1",
            "margin_enabled": False,
            "post_only": stands == "pre_open",
            "limit_only": False,
            "cancel_only": stands == "halted",
            "status": "online",
            "status_message": "",
            "trading_disabled": stands == "closed",
            "fx_stablecoin": False,
            "max_slippage_percentage": "0.02000000",
            "auction_mode": stands == "auction",
            "high_bid_limit_percentage": "",
        }

    def currencies(self, permits: Callable[[int], bool]) -> list[Document]:
        """Tell the currencies of all products that are permitted."""
        permitted = [product for product in self._products.listed if permits(product.index)]
        return [self._currencies[name] for name in dict.fromkeys(n for p in permitted for n in (p.base, p.quote))]

    def status(self, state: Callable[[int], int], permits: Callable[[int], bool]) -> Iterator[str]:
        """Yield the messages that tell everything: nearly always one."""
        permitted = [product for product in self._products.listed if permits(product.index)]
        for first in range(0, max(len(permitted), 1), PRODUCTS_A_MESSAGE):
            part = permitted[first : first + PRODUCTS_A_MESSAGE]
            within = {product.index for product in part}
            products = [{"type": "spot", **self.product(product, state(product.index))} for product in part]
            currencies = [_told(currency) for currency in self.currencies(within.__contains__)]
            yield orjson.dumps({"type": "status", "currencies": currencies, "products": products}).decode()


def _currency(name: str, full_name: str, place: int) -> Document:
    is_fiat = name in FIAT
    least = "0.01" if is_fiat else "0.00000001"
    return {
        "id": name,
        "name": full_name,
        "min_size": least,
        "status": "online",
        "message": "",
        "max_precision": least,
        "convertible_to": [],
        "details": {
            "type": "fiat" if is_fiat else "crypto",
            "symbol": FIAT.get(name, ""),
            "network_confirmations": 0,
            "sort_order": place,
            **{"crypto_address_link": "", "crypto_transaction_link": ""},
            **{"push_payment_methods": [], "group_types": ["fiat" if is_fiat else "crypto"]},
            **{"display_name": None, "processing_time_seconds": None},
            **{"min_withdrawal_amount": None, "max_withdrawal_amount": None},
        },
        "default_network": "",
        "supported_networks": [],
        "display_name": name,
    }


def _told(currency: Document) -> Document:
    """Return a currency as the feed has it: its message is called otherwise there."""
    told = {key: value for key, value in currency.items() if key != "message"}
    return {**told, "status_message": "", "funding_account_id": ""}
