"""A morning of three pairs and two stocks, and a venue that is asked about it over HTTP."""

from typing import Any

import orjson

from dialects.scripted_market import BTC, CROSS, ETH, MINUTE_US, T0, ScriptedMarket
from ticker.dialects.binance.rest import Rest
from ticker.ticks import BUY, SELL
from ticker.venue import Answer, Asked, Now

HOUR_US = 60 * MINUTE_US
WALL_US = 1_800_000_000_000_000


def morning() -> ScriptedMarket:
    """Return a market at 2026-01-05T14:30:20.123456Z: ETH-BTC is halted and has never traded."""
    market = ScriptedMarket(T0)
    for at, ticks, size, side in (
        (-26 * HOUR_US, 9_400_000, 100_000, BUY),
        (-5 * HOUR_US, 9_490_050, 12_345, SELL),
        (-4 * MINUTE_US, 9_500_000, 1, BUY),
        (-1_000_001, 9_500_123, 150_000, BUY),
        (12_345_678, 9_500_122, 1, SELL),
        (12_345_678, 9_499_999, 33_333, SELL),
    ):
        market.trade(BTC, ticks, size, side, T0 + at)
    market.trade(ETH, 350_000, 20_000, BUY, T0 - 30 * HOUR_US)
    market.t = T0 + 20_123_456
    market.put_book(BTC, 4711, [(9_499_999, 150_000), (9_499_990, 1)], [(9_500_001, 99), (9_500_122, 100_000_000)])
    market.put_book(ETH, 12, [(349_999, 10_000)], [])
    market.put_book(CROSS, 3, [(3_683, 5)], [(3_684, 7)])
    market.states[CROSS] = "halted"
    return market


class Asking:
    """Asks a venue about a market; time passes on the wall and on the clock, not in the market."""

    def __init__(self, market: ScriptedMarket | None = None, *, strict: bool = False) -> None:
        self.market = market or morning()
        self.rest = Rest(self.market.universe, strict=strict)
        self.passed_s = 0.0

    @property
    def now(self) -> Now:
        return Now(WALL_US + round(self.passed_s * 1e6), 1000.0 + self.passed_s, self.market.t)

    def get(
        self, target: str, *, address: str = "127.0.0.1", method: str = "GET", headers: dict[str, str] | None = None
    ) -> Answer:
        path, _, query = target.partition("?")
        asked = Asked(path, query, tuple((headers or {}).items()), method, address)
        return self.rest.answer(asked, self.market, self.now)

    def said(self, target: str, **how: Any) -> Any:
        """Return the document that answers, of which nothing is wrong."""
        answer = self.get(f"/api/v3/{target}", **how)
        assert answer.status == 200, answer.body
        return orjson.loads(answer.body)

    def refused(self, target: str, **how: Any) -> tuple[int, str]:
        """Return code and sentence of an answer that is an error."""
        answer = self.get(f"/api/v3/{target}", **how)
        assert answer.status == 400, answer.body
        said = orjson.loads(answer.body)
        assert list(said) == ["code", "msg"]
        return said["code"], said["msg"]
