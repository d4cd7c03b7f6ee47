"""What may be caused: every kind and bound, and the field that is named where something may not."""

from typing import Any

import pytest

from ticker.errors import Refusal
from ticker.market.incidents import RULES, STEPS_MAX, Incident, check
from ticker.ticks import REASONS

LASTING = {kind: int(rule.must_last) for kind, rule in RULES.items()}
PLAIN = {kind: Incident(kind, 1, (0,), LASTING[kind], 0.5 if rule.value else 0.0) for kind, rule in RULES.items()}


def test_every_kind_has_a_number_on_the_tape() -> None:
    assert set(RULES) <= set(REASONS)


@pytest.mark.parametrize("kind", RULES)
def test_every_kind_can_be_caused(kind: str) -> None:
    check(PLAIN[kind], 1)


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("riot", {}, "kind"),
        ("schedule", {}, "kind"),
        ("correction", {}, "kind"),
        ("halt", {"value": 0.1}, "value"),
        ("shock", {"value": 0.0}, "value"),
        ("shock", {"value": -0.91}, "value"),
        ("shock", {"value": 2.1}, "value"),
        ("shock", {"value": float("nan")}, "value"),
        ("shock", {"value": float("inf")}, "value"),
        ("fat_finger", {"value": 0.0}, "value"),
        ("regime", {"value": 0.0}, "value"),
        ("regime", {"value": 0.09}, "value"),
        ("regime", {"value": 21.0}, "value"),
        ("halt", {"step": -1}, "at"),
        ("halt", {"step": STEPS_MAX + 1}, "at"),
        ("halt", {"steps": -1}, "duration_s"),
        ("halt", {"steps": STEPS_MAX + 1}, "duration_s"),
        ("resume", {"steps": 1}, "duration_s"),
        ("thaw", {"steps": 1}, "duration_s"),
        ("quote_stuffing", {}, "duration_s"),
        ("halt", {"instruments": ()}, "instruments"),
        ("halt", {"instruments": (-1, 0)}, "instruments"),
        ("halt", {"instruments": (0, 5)}, "instruments"),
        ("halt", {"instruments": (1, 0)}, "instruments"),
        ("halt", {"instruments": (1, 1)}, "instruments"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_field(kind: str, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal) as raised:
        check(Incident(**{"kind": kind, "step": 1, "instruments": (0, 1), **fields}), 5)
    assert (raised.value.code, raised.value.details["field"]) == ("bad_request", field)
    assert raised.value.message.startswith(f"{field}: ")
