"""Codes, statuses and close codes are decided in one place, and that place knows them all."""

import re
from pathlib import Path

import pytest

from ticker.errors import HTTP_STATUS, Close, ConfigError, Refusal, SetupError, TickerError, Violation

TICKER = Path(__file__).parent.parent / "ticker"

# The table of the native protocol.
PROTOCOL = [
    *["bad_json", "bad_request", "unknown_op", "unknown_channel", "unknown_symbol", "too_many_symbols"],
    *["not_subscribed", "bad_ack", "bad_position", "gone", "unauthorized", "forbidden", "rate_limited", "too_large"],
    "unavailable",
]


@pytest.mark.parametrize("code", PROTOCOL)
def test_every_code_of_the_protocol_has_an_http_status(code: str) -> None:
    assert 400 <= Refusal(code, "no").http_status < 600


def test_every_code_that_is_used_is_in_the_table() -> None:
    used = {
        code
        for path in TICKER.rglob("*.py")
        for code in re.findall(r'(?:Refusal\(\s*|code=)"([a-z_]+)"', path.read_text())
    }
    assert len(used) > 8
    assert used <= set(HTTP_STATUS)


def test_close_codes_stay_in_the_ranges_that_say_whether_to_come_back() -> None:
    assert all(code < 1016 or 4000 <= code < 5000 for code in Close)
    assert {code for code in Close if 4000 <= code < 4500} == {4005, 4008, 4013, 4029}
    assert {code for code in Close if code >= 4500} == {4501, 4503, 4509}


def test_a_refusal_carries_its_details() -> None:
    refusal = Refusal("gone", "too old", oldest=7)
    assert (refusal.code, str(refusal), refusal.details, refusal.http_status) == ("gone", "too old", {"oldest": 7}, 410)


def test_a_violation_carries_its_close_code() -> None:
    violation = Violation(Close.INVALID_DATA, "text is UTF-8")
    assert (violation.close, violation.reason, str(violation)) == (1007, "text is UTF-8", "text is UTF-8")


def test_the_tree_has_one_root() -> None:
    assert all(issubclass(kind, TickerError) for kind in (Refusal, Violation, SetupError, ConfigError))
    assert (SetupError.exit_code, ConfigError.exit_code) == (1, 2)
