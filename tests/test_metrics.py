"""Metrics: plain integers inside, Prometheus text outside."""

from math import isnan

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ticker.metrics import Metrics

COUNTERS = [
    *("steps", "steps_skipped", "messages_sent", "ticks_sent", "bytes_sent"),
    *("ticks_conflated", "ticks_dropped", "acks_received", "requests", "faults"),
    *("accepts", "accepts_delayed"),
]
LABELLED = ["refusals", "closes", "lags", "accepts_refused"]
ROUND_TRIP = "ticker_ack_round_trip_seconds"


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Return values by name and label value, as Prometheus would read them."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.name, "".join(s.labels.values())): s.value for family in families for s in family.samples}


@pytest.mark.parametrize("name", COUNTERS)
def test_a_counter_is_zero_from_the_start_and_then_what_was_counted(name: str) -> None:
    metrics = Metrics()
    key = (f"ticker_{name}_total", "")
    assert samples(metrics)[key] == 0
    setattr(metrics, name, 7)
    assert samples(metrics)[key] == 7


def test_a_write_counts_messages_ticks_and_bytes() -> None:
    metrics = Metrics()
    metrics.sent(2, 20, 2000)
    metrics.sent(1, 10, 1000)
    found = samples(metrics)
    assert [found[f"ticker_{name}_sent_total", ""] for name in ("messages", "ticks", "bytes")] == [3, 30, 3000]


def test_refusals_closes_and_lags_are_told_apart_by_their_label() -> None:
    metrics = Metrics()
    metrics.refusals.update(["bad_ack", "bad_ack", "bad_json"])
    metrics.closes['1006 "stalled"\n\\'] += 1
    metrics.lags["window"] += 4
    found = samples(metrics)
    assert found["ticker_refusals_total", "bad_ack"] == 2
    assert found["ticker_refusals_total", "bad_json"] == 1
    assert found["ticker_closes_total", '1006 "stalled"\n\\'] == 1
    assert found["ticker_lags_total", "window"] == 4


def test_a_gauge_is_read_when_it_is_asked_for() -> None:
    metrics = Metrics()
    tape: list[int] = []
    metrics.gauge("tape_steps", "Steps kept.", lambda: len(tape))
    assert samples(metrics)["ticker_tape_steps", ""] == 0
    tape += [1, 2, 3]
    assert samples(metrics)["ticker_tape_steps", ""] == 3


def test_round_trips_are_a_summary_with_quantiles() -> None:
    metrics = Metrics()
    for k in [*range(501, 1001), *range(1, 501)]:
        metrics.acked(k / 1000)
    found = samples(metrics)
    assert [found[ROUND_TRIP, text] for text in ("0.5", "0.9", "0.99", "0.999")] == [0.5, 0.9, 0.99, 0.999]
    assert found[f"{ROUND_TRIP}_count", ""] == 1000
    assert found[f"{ROUND_TRIP}_sum", ""] == pytest.approx(500.5)
    assert f"# TYPE {ROUND_TRIP} summary" in metrics.text().decode()


def test_quantiles_are_of_the_last_round_trips_and_the_sum_is_of_all() -> None:
    metrics = Metrics()
    metrics.acked(9.0)
    assert samples(metrics)[ROUND_TRIP, "0.5"] == 9.0
    for _ in range(4096):
        metrics.acked(0.25)
    found = samples(metrics)
    assert [found[ROUND_TRIP, "0.999"], len(metrics.ack_round_trips)] == [0.25, 4096]
    assert [found[f"{ROUND_TRIP}_count", ""], found[f"{ROUND_TRIP}_sum", ""]] == [4097, 9.0 + 1024]


def test_no_round_trip_is_not_a_round_trip_of_nothing() -> None:
    found = samples(Metrics())
    assert isnan(found[ROUND_TRIP, "0.5"])
    assert [found[f"{ROUND_TRIP}_count", ""], found[f"{ROUND_TRIP}_sum", ""]] == [0, 0]


def test_everything_is_documented() -> None:
    metrics = Metrics()
    metrics.gauge("connections", "Connections open now.", lambda: 0)
    families = list(text_string_to_metric_families(metrics.text().decode()))
    assert len([family for family in families if family.name.startswith("ticker_")]) == len(COUNTERS + LABELLED) + 2
    assert all(family.documentation.endswith(".") for family in families)


def test_two_servers_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.steps += 1
    assert samples(second)["ticker_steps_total", ""] == 0


def test_the_process_is_seen_from_outside() -> None:
    metrics = Metrics()
    before = samples(metrics)
    assert before["process_resident_memory_bytes", ""] > 1_000_000
    assert before["process_open_fds", ""] >= 3
    sum(range(100_000))
    assert samples(metrics)["process_cpu_seconds_total", ""] > before["process_cpu_seconds_total", ""] > 0


def test_cpu_time_is_finer_than_the_ticks_of_the_kernel() -> None:
    metrics = Metrics()
    read = [samples(metrics)["process_cpu_seconds_total", ""] for _ in range(5)]
    assert len(set(read)) == 5
