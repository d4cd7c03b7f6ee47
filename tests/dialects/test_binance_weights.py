"""What requests weigh, and what becomes of those who send too many."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.binance_rest_scene import WALL_US, Asking
from ticker.dialects.binance.query import read
from ticker.dialects.binance.rest import ENDPOINTS
from ticker.dialects.binance.weights import ADDRESSES_MAX, BAN_MAX_S, BAN_S, LIMIT, REFUSALS_MAX, WINDOW_S, Weights
from ticker.venue import Now


def at(seconds: float) -> Now:
    return Now(WALL_US + round(seconds * 1e6), 5000.0 + seconds, 0)


def many(count: int) -> str:
    return "[" + ",".join(f'"S{number}"' for number in range(count)) + "]"


@pytest.mark.parametrize(
    ("path", "query", "weight"),
    [
        *(("depth", f"limit={limit}", weight) for limit, weight in ((1, 5), (100, 5), (101, 25), (500, 25), (501, 50))),
        *(("depth", f"limit={limit}", weight) for limit, weight in ((1000, 50), (1001, 250), (9**20, 250), ("x", 5))),
        *(("ticker/24hr", f"symbols={many(count)}", weight) for count, weight in ((1, 2), (20, 2), (21, 40))),
        *(("ticker/24hr", f"symbols={many(count)}", weight) for count, weight in ((100, 40), (101, 80))),
        *(("ticker/24hr", query, weight) for query, weight in (("", 80), ("symbol=A", 2), ("type=MINI", 80))),
        *(("ticker", query, weight) for query, weight in (("symbol=A", 4), (f"symbols={many(3)}", 12))),
        *(("ticker/tradingDay", f"symbols={many(count)}", weight) for count, weight in ((50, 200), (100, 200))),
        *(("ticker/price", query, weight) for query, weight in (("", 4), ("symbol=A", 2), (f"symbols={many(1)}", 4))),
        *(("ticker/bookTicker", query, weight) for query, weight in (("", 4), ("symbol=A", 2))),
    ],
)
def test_a_request_weighs_what_it_asks_for(path: str, query: str, weight: int) -> None:
    endpoint = ENDPOINTS[f"/api/v3/{path}"]
    assert endpoint.weigh is not None
    assert endpoint.weigh(read(query, endpoint.takes)) == weight


def test_the_others_weigh_the_same_each_time() -> None:
    fixed = {path.removeprefix("/api/v3/"): each.least for path, each in ENDPOINTS.items() if each.weigh is None}
    assert fixed == {
        **{"ping": 1, "time": 1, "exchangeInfo": 20, "trades": 25, "historicalTrades": 25, "aggTrades": 4},
        **{"klines": 2, "uiKlines": 2, "avgPrice": 2},
    }


def test_a_hundred_symbols_at_most_where_each_is_a_computation() -> None:
    asking = Asking()
    for path in ("ticker", "ticker/tradingDay"):
        assert asking.refused(f"{path}?symbols={many(101)}") == (
            -1130,
            "Data sent for parameter 'symbols' is not valid.",
        )
        assert asking.refused(f"{path}?symbols={many(100)}")[0] == -1121


def test_addresses_are_counted_apart() -> None:
    asking = Asking(strict=True)
    for used in (1, 2):
        assert asking.get("/api/v3/ping", address="10.0.0.1").headers["X-MBX-USED-WEIGHT-1M"] == str(used)
    assert asking.get("/api/v3/ping", address="10.0.0.2").headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_nobody_is_refused_unless_the_venue_is_strict() -> None:
    weights = Weights(strict=False)
    charges = [weights.charge("a", 250, at(0)) for _ in range(100)]
    assert charges[-1] == (25_000, None)


def test_an_error_weighs_as_much_and_is_told_what_was_used() -> None:
    asking = Asking()
    answer = asking.get("/api/v3/trades?symbol=NOPE")
    assert (answer.status, answer.headers["X-MBX-USED-WEIGHT-1M"]) == (400, "25")


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 250)), max_size=60))
def test_what_is_used_is_what_the_last_minute_weighs(sent: list[tuple[int, int]]) -> None:
    weights, now_s, history = Weights(strict=False), 0, list[tuple[int, int]]()
    for passed_s, weight in sent:
        now_s += passed_s
        history.append((now_s, weight))
        recent = sum(weighed for when_s, weighed in history if when_s > now_s - WINDOW_S)
        assert weights.charge("a", weight, at(now_s)).used == recent


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 250)), min_size=30, max_size=90))
def test_who_waits_as_long_as_told_is_let_in_and_a_second_less_is_too_early(sent: list[tuple[int, int]]) -> None:
    early, patient, now_s = Weights(strict=True), Weights(strict=True), 0
    for passed_s, weight in sent:
        now_s += passed_s
        charge = patient.charge("a", 20 * weight, at(now_s))
        early.charge("a", 20 * weight, at(now_s))
        if charge.fault is not None:
            wait_s = int(charge.fault.headers["Retry-After"])
            assert patient.charge("a", 0, at(now_s + wait_s)).fault is None
            assert early.charge("a", 0, at(now_s + wait_s - 1)).fault is not None
            return


def test_who_goes_on_is_banned_each_time_for_twice_as_long() -> None:
    weights, now_s, told = Weights(strict=True), 0.0, []
    for _ in range(14):
        for _ in range(REFUSALS_MAX):
            refused = weights.charge("a", LIMIT + 1, at(now_s)).fault
            assert refused is not None and refused.status == 429
        banned = weights.charge("a", 1, at(now_s)).fault
        assert banned is not None and banned.status == 418
        told.append(int(banned.headers["Retry-After"]))
        until_ms = int(orjson.loads(banned.body())["msg"].split("until ")[1].split(".")[0])
        assert until_ms == round(WALL_US / 1000 + (now_s + told[-1]) * 1000)
        assert weights.charge("a", 0, at(now_s + told[-1] - 0.25)).fault is not None
        assert weights.charge("b", 1, at(now_s)).fault is None
        now_s += told[-1] + WINDOW_S
    assert told == [min(BAN_S * 2**bans, BAN_MAX_S) for bans in range(14)]


def test_who_has_calmed_down_begins_anew() -> None:
    weights = Weights(strict=True)
    for now_s in (0, 100, 200):
        for _ in range(REFUSALS_MAX):
            fault = weights.charge("a", LIMIT + 1, at(now_s)).fault
            assert fault is not None and fault.status == 429
        assert weights.charge("a", 1, at(now_s + WINDOW_S)).fault is None


def test_addresses_without_end_are_not_remembered_without_end() -> None:
    weights = Weights(strict=True)
    weights.charge("kept", 1, at(0))
    for number in range(2 * ADDRESSES_MAX):
        weights.charge(f"10.{number}", 1, at(number / 1000))
        if number % 1000 == 0:
            weights.charge("kept", 1, at(number / 1000))
    assert len(weights._accounts) == ADDRESSES_MAX
    assert weights.charge("kept", 1, at(9)).used > 5
    assert weights.charge("10.0", 1, at(9)).used == 1
