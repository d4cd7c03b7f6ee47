"""What is borne of one client: warned first, closed where it goes on, and forgiven in time."""

from collections.abc import Callable

import pytest

from ticker.errors import Close, Refusal, Violation
from ticker.session.budget import Allowance
from ticker.session.patience import HEEDLESS, Allowances, Patience

ALLOWED = Allowances(
    commands=Allowance(50, 100),
    acks=Allowance(1000, 2000),
    input_bytes=Allowance(1000, 5000),
    errors=Allowance(1 / 60, 20),
    garbled=Allowance(1 / 60, 3),
)
NOW_S = 1000.0

Act = Callable[[Patience, float], None]


def command(patience: Patience, now_s: float) -> None:
    patience.command(now_s)


def ack(patience: Patience, now_s: float) -> None:
    patience.acks(1, now_s)


def kilobyte(patience: Patience, now_s: float) -> None:
    patience.input_bytes(1000, now_s)


KINDS = pytest.mark.parametrize(
    ("act", "burst", "per_s", "what"),
    [(command, 100, 50, "messages"), (ack, 2000, 1000, "acks"), (kilobyte, 5, 1, "bytes")],
)


@KINDS
def test_a_burst_is_borne_then_warned_of_and_then_closed(act: Act, burst: int, per_s: int, what: str) -> None:
    patience = Patience(ALLOWED)
    limit = 1000 if act is kilobyte else per_s
    for _ in range(burst):
        act(patience, NOW_S)
    for _ in range(HEEDLESS):
        with pytest.raises(Refusal) as refused:
            act(patience, NOW_S)
        assert refused.value.code == "rate_limited"
        assert refused.value.details == {"limit": limit, "retry_after_s": 1.0}
        assert what in refused.value.message
    with pytest.raises(Violation) as closed:
        act(patience, NOW_S)
    assert (closed.value.close, closed.value.reason) == (Close.RATE_LIMITED, f"too many {what}")


@KINDS
@pytest.mark.usefixtures("per_s", "what")
def test_who_pauses_as_it_was_told_may_go_on(act: Act, burst: int) -> None:
    patience, now_s, warnings = Patience(ALLOWED), NOW_S, 0
    while warnings < 100:
        try:
            act(patience, now_s)
        except Refusal as refusal:
            warnings += 1
            now_s += refusal.details["retry_after_s"]
            act(patience, now_s)
    assert now_s - NOW_S >= 100
    assert burst


@KINDS
@pytest.mark.usefixtures("burst", "what")
def test_who_is_a_little_too_fast_is_refused_a_little_and_not_closed(act: Act, per_s: int) -> None:
    patience, obeyed, refused = Patience(ALLOWED), 0, 0
    for number in range(200_000):
        try:
            act(patience, NOW_S + number / (per_s + 15))
            obeyed += 1
        except Refusal:
            refused += 1
    assert refused > 0
    assert obeyed >= 200_000 * per_s // (per_s + 15)


@KINDS
def test_for_long_it_is_so_many_a_second(act: Act, burst: int, per_s: int, what: str) -> None:  # noqa: ARG001
    patience = Patience(ALLOWED)
    for number in range(4 * burst):
        act(patience, NOW_S + number / per_s)


def test_the_budgets_do_not_touch_each_other() -> None:
    patience = Patience(ALLOWED)
    for _ in range(100):
        patience.command(NOW_S)
    for _ in range(2000):
        patience.acks(1, NOW_S)
    patience.input_bytes(5000, NOW_S)
    for _ in range(20):
        patience.error("unknown_symbol", NOW_S)


def test_twenty_errors_are_borne_and_one_more_is_not() -> None:
    patience = Patience(ALLOWED)
    for _ in range(20):
        patience.error("bad_request", NOW_S)
    with pytest.raises(Violation) as closed:
        patience.error("bad_request", NOW_S)
    assert closed.value.close is Close.TOO_MANY_ERRORS == 4509


def test_an_error_now_and_then_is_forgiven() -> None:
    patience = Patience(ALLOWED)
    for minute in range(1000):
        patience.error("not_subscribed", NOW_S + 60 * minute)


def test_a_warning_is_no_error() -> None:
    patience = Patience(ALLOWED)
    for _ in range(1000):
        patience.error("rate_limited", NOW_S)


def test_three_messages_that_are_no_json_are_borne() -> None:
    patience = Patience(ALLOWED)
    for _ in range(3):
        patience.error("bad_json", NOW_S)
    with pytest.raises(Violation) as closed:
        patience.error("bad_json", NOW_S)
    assert closed.value.close is Close.INVALID_DATA
    patience.error("bad_json", NOW_S + 61)


def test_what_is_no_json_is_an_error_too() -> None:
    patience = Patience(ALLOWED)
    for _ in range(3):
        patience.error("bad_json", NOW_S)
    for _ in range(17):
        patience.error("bad_request", NOW_S)
    with pytest.raises(Violation) as closed:
        patience.error("bad_request", NOW_S)
    assert closed.value.close is Close.TOO_MANY_ERRORS


def test_nothing_is_to_be_remembered_once_all_is_earned_again() -> None:
    patience = Patience(ALLOWED)
    assert patience.whole(NOW_S)
    patience.command(NOW_S)
    patience.acks(1, NOW_S)
    patience.input_bytes(1000, NOW_S)
    assert not patience.whole(NOW_S + 0.5)
    assert patience.whole(NOW_S + 1.01)
    patience.error("bad_json", NOW_S)
    assert not patience.whole(NOW_S + 59)
    assert patience.whole(NOW_S + 61)


def test_a_faster_market_has_more_acks() -> None:
    allowed = ALLOWED._replace(acks=Allowance(1000, 2000))
    patience = Patience(allowed)
    for _ in range(2000):
        patience.acks(1, NOW_S)
    allowed.acks.change(200_000)
    for number in range(40_000):
        patience.acks(1, NOW_S + 2 + number / 200_000)
