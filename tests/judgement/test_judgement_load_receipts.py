"""Rule 6: the proof that the load was there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judgement_builders import errors, ns, p95, plan, samples, window, with_ints

from harness.judgement.load_receipts import lag_limit_ms, load_receipt
from harness.model import Table, Window, Worker

PLAN = plan()
STEADY = window(samples(0, 60), 0, 60)


def why(load: Window | None, *, latencies: bool = True) -> str:
    """What is wrong with the load; nothing where its receipt holds."""
    receipt = load_receipt(PLAN, load, latencies=latencies)
    return "" if receipt.ok else receipt.why


def test_the_lag_allowed_is_a_tenth_of_the_tightest_latency_limit_and_never_under_5_ms() -> None:
    """200 ms allow 20 ms, 30 ms allow 5 ms; other figures and other traffic have no say."""
    assert lag_limit_ms(PLAN, "everyday") == 20
    assert lag_limit_ms(plan({"R": p95("30 ms"), "S": p95("200 ms")}), "everyday") == 5
    assert lag_limit_ms(plan({"R": p95("200 ms", traffic="other"), "S": errors()}), "everyday") == 5


def test_a_load_in_good_order_has_its_receipt() -> None:
    """One worker, closed, on time, at the rate planned."""
    receipt = load_receipt(PLAN, STEADY, latencies=True)
    assert receipt.ok
    assert receipt.why == "1 workers closed, lag p99 0.5 ms"
    assert receipt.files == ("load/everyday/samples-0.parquet",)


def test_a_lagging_generator_voids_latencies_and_nothing_else() -> None:
    """Lag is already inside a latency from the intended time, and no excuse for an error."""
    lagging = window(samples(0, 60, lag_ms=41, latency_ms=60), 0, 60)
    assert why(lagging) == "the generator lagged: p99 lag 41 ms, at most 20 ms is allowed"
    assert why(lagging, latencies=False) == ""


def test_a_request_that_was_never_sent_lagged_to_the_end() -> None:
    """Two in a hundred cut off before they were sent."""
    rows = with_ints(samples(0, 60), slice(0, 120), sent_ns=0, done_ns=ns(90))
    assert "the generator lagged: p99 lag" in why(window(rows, 0, 60))


@pytest.mark.parametrize(
    ("load", "trouble"),
    [
        (None, "there is no record of the traffic"),
        (
            replace(STEADY, workers=()),
            "0 of 1 workers left a record; there are samples of workers that nobody started: 0",
        ),
        (replace(STEADY, workers=(Worker(id=0, rows=1, closed=False),)), "worker 0: its file has no end"),
        (replace(STEADY, workers=(Worker(id=0, rows=1, closed=True, why="killed"),)), "worker 0: killed"),
        (replace(STEADY, workers=(STEADY.workers[0],) * 2), "two workers have one number"),
        (window(samples(0, 50), 0, 60), "83.33 requests/s were sent where 100 were planned"),
        (window(samples(0, 60, per_s=125), 0, 60), "125 requests/s were sent where 100 were planned"),
        (window(Table.empty(STEADY.samples.schema), 5, 5), "the plan offers no traffic in this window"),
        (window(with_ints(samples(0, 60), 7, done_ns=1), 0, 60), "1 samples end before they begin"),
    ],
)
def test_what_spoils_a_load(load: Window | None, trouble: str) -> None:
    """Each is said in a sentence."""
    assert why(load, latencies=False) == trouble


def test_the_rate_may_differ_by_four_sigma_of_the_journeys() -> None:
    """1 500 journeys allow 10 %."""
    assert why(window(samples(0, 60, per_s=91), 0, 60)) == ""
    assert why(window(samples(0, 60, per_s=88), 0, 60)) == "88.02 requests/s were sent where 100 were planned"


def test_under_a_fault_only_the_first_request_of_a_journey_is_counted_on() -> None:
    """Journeys may end at their first failure."""
    rows = samples(70, 100, per_s=25)
    assert why(window(rows, 70, 100, "pod-loss")) == ""
    assert why(window(rows, 70, 100)) == "25 requests/s were sent where 100 were planned"


def test_traffic_that_the_plan_does_not_know_is_held_against_its_own_record() -> None:
    """The window says what was planned."""
    assert why(replace(STEADY, traffic="spike")) == ""
