"""Figures of load reports: the bounds of the run's own load for single requests, and what a summary proves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.judgement.figures.reported.report import reported_load
from harness.model import REPORTED, Measure, Outcome, ReasonKind, Table
from tests.builders import load_writers as w
from tests.builders.asked import COMMIT
from tests.builders.load_judged import case_of, measured, recorded

PASS, FAIL, UNDECIDED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
P95 = "the reported response time p95 is below 200 ms"
ERRORS = "the reported error rate is below 1 %"
MEAN = "the reported mean response time is below 100 ms"


def loaded(*parts: tuple[int, float, int], route: str = "list", every_ms: int = 30) -> list[w.Sent]:
    """Requests at a steady rate, in an order by chance: of each part how many, how long in ms, and their status."""
    kinds = [(ms, status) for n, ms, status in parts for _ in range(n)]
    order = np.random.default_rng(3).permutation(len(kinds)).tolist()
    rows = enumerate(kinds[i] for i in order)
    return [w.Sent(w.START_NS + i * every_ms * w.MS, round(ms * w.MS), route, status) for i, (ms, status) in rows]


def of_jtl(directory: Path, load: w.Load, then: str, **keys: object) -> list[Measure]:
    """The measures of a JTL of these requests."""
    return measured(directory, "jmeter", {"a.jtl": w.jtl_csv(load)}, then, **keys)


def test_single_requests_have_the_bounds_of_the_runs_own_load(tmp_path: Path) -> None:
    """A p95 by order statistics, with the value, the bound, and how it was measured."""
    (found,) = of_jtl(tmp_path, loaded((1940, 50, 200), (40, 150, 200), (20, 400, 200)), P95)
    assert (found.outcome, found.value, found.n, found.unit) == (PASS, 50.0, 2000, "ms")
    assert found.receipts["report"].why == "2000 single requests of jmeter"
    assert found.method.endswith("from the actual send time, as jmeter measures it")
    assert found.scope == {"report": "it", "tool": "jmeter"}
    assert found.files == ("history/checks.ndjson", next(iter(found.files[1:])))


def test_too_few_requests_decide_nothing(tmp_path: Path) -> None:
    """58 good ones are one too few for a p95."""
    (few,) = of_jtl(tmp_path, loaded((58, 50, 200)), P95)
    assert (few.outcome, few.because.kind) == (UNDECIDED, ReasonKind.TOO_FEW)
    assert (
        few.because.hint
        == "let the load tool send more requests, or write single requests in place of a summary, then run again"
    )
    (enough,) = of_jtl(tmp_path, loaded((59, 50, 200)), P95)
    assert enough.outcome is PASS


def test_a_request_without_an_answer_is_over_any_limit(tmp_path: Path) -> None:
    """One in ten was refused within 1 ms, which no quantile may take for quick."""
    (found,) = of_jtl(tmp_path, loaded((1800, 50, 200), (200, 1, 0)), P95)
    assert (found.outcome, found.value) == (FAIL, float("inf"))


def test_a_failure_that_is_answered_quickly_makes_no_response_time_better(tmp_path: Path) -> None:
    """Half of the requests fail at once, and of the others a tenth is slow: neither a PASS, nor a FAIL of all together."""
    load = loaded((900, 50, 200), (40, 400, 200), (940, 1, 500))
    (found,) = of_jtl(tmp_path, load, P95)
    assert found.outcome is not PASS
    assert "940 failures were answered faster than the limit" in found.reason
    assert of_jtl(tmp_path, load, ERRORS)[0].outcome is FAIL


def test_where_the_tool_does_not_say_whether_there_was_an_answer_neither_is_assumed(tmp_path: Path) -> None:
    """A KO of Gatling with an unknown message is without an answer for a PASS, and quick for a FAIL."""
    log = w.gatling(loaded((1800, 50, 200), (200, 5, 500))).replace(
        "status.find.in([200, 209], 304), found 500", "something else"
    )
    (found,) = measured(tmp_path, "gatling", {"simulation.log": log}, P95)
    assert found.outcome is UNDECIDED


def test_no_route_may_be_proven_beyond_the_limit(tmp_path: Path) -> None:
    """Together they pass; one of them alone does not, and it is named."""
    load = sorted(
        [*loaded((5700, 50, 200)), *loaded((60, 900, 200), route="buy", every_ms=2800)], key=lambda one: one.sent_ns
    )
    together, *guards = of_jtl(tmp_path, load, P95)
    assert together.outcome is PASS
    assert [(one.outcome, one.scope["guard"]) for one in guards] == [(FAIL, "route buy")]
    of_each = of_jtl(tmp_path, load, "the reported response time p95 of every route is below 200 ms")
    assert {one.scope["route"]: one.outcome for one in of_each} == {"buy": FAIL, "list": PASS}


def test_a_route_that_the_report_does_not_have_is_not_judged(tmp_path: Path) -> None:
    """Of no request nothing is known."""
    (found,) = of_jtl(tmp_path, loaded((900, 50, 200)), 'the reported error rate of route "pay" is below 1 %')
    assert found.outcome is UNDECIDED


def test_names_with_an_id_are_not_judged_one_by_one(tmp_path: Path) -> None:
    """Each has one request."""
    load = [replace(one, route=f"/users/{i}") for i, one in enumerate(loaded((300, 50, 200)))]
    (found,) = of_jtl(tmp_path, load, "the reported error rate of every route is below 1 %")
    assert found.outcome is UNDECIDED
    assert "300 requests have 300 names" in found.reason


def test_a_warm_up_is_cut_off(tmp_path: Path) -> None:
    """The first half minute was slow."""
    slow, quick = loaded((1000, 500, 200)), loaded((1000, 50, 200))
    load = [*slow, *(replace(one, sent_ns=one.sent_ns + 30_000 * w.MS) for one in quick)]
    assert of_jtl(tmp_path, load, P95)[0].outcome is UNDECIDED
    (found,) = of_jtl(tmp_path, load, P95, warm_up="30 s")
    assert (found.outcome, found.n) == (PASS, 1000)
    assert "of which the first 30 s are left out" in found.receipts["report"].why


@pytest.mark.parametrize("ms", [50, 900])
def test_a_report_of_something_else_decides_nothing(tmp_path: Path, ms: int) -> None:
    """Neither a PASS nor a FAIL: it is of another commit."""
    (tmp_path / "a.jtl.origin.yaml").write_text(f"commit: {'a' * 40}\n")
    (found,) = of_jtl(tmp_path, loaded((900, ms, 200)), P95)
    assert (found.outcome, found.because.kind) == (UNDECIDED, ReasonKind.REPORT)
    assert "is of commit aaaa" in found.reason


def test_requests_that_are_no_longer_recorded_are_missed(tmp_path: Path) -> None:
    """One row less than the report had."""
    demand, evidence = recorded(tmp_path, "jmeter", {"a.jtl": w.jtl_csv(loaded((900, 50, 200)))}, P95)
    rows: Table = evidence.recorded[REPORTED.name]
    lost = replace(evidence, recorded={REPORTED.name: rows.cut(1, len(rows))})
    found = reported_load(case_of(demand, lost, P95), "it")
    assert isinstance(found, Measure)
    assert (found.outcome, found.because.kind) == (UNDECIDED, ReasonKind.EVIDENCE)


def test_figures_of_single_requests(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """A quantile, the mean, errors, counts and rates; a load that offers less than the limit proves nothing against the target."""
    requests, served = "the reported number of requests", "the reported number of requests served per second"
    for then, load, outcome in [
        (P95, loaded((1800, 50, 200), (200, 400, 200)), FAIL),
        (MEAN, loaded((1500, 50, 200), (500, 90, 200)), PASS),
        (MEAN, loaded((1500, 150, 200), (500, 90, 200)), FAIL),
        (MEAN, loaded((199, 50, 200)), UNDECIDED),
        (MEAN, loaded((1990, 50, 200), (10, 1, 0)), UNDECIDED),
        (ERRORS, loaded((2000, 50, 200)), PASS),
        (ERRORS, loaded((1900, 50, 200), (100, 50, 503)), FAIL),
        (ERRORS, loaded((250, 50, 200)), UNDECIDED),
        (f"{requests} is at least 100", loaded((100, 50, 200)), PASS),
        (f"{requests} is at least 100", loaded((99, 50, 200)), FAIL),
        (f"{served} is at least 30/s", loaded((600, 50, 200)), PASS),
        (f"{served} is at least 30/s", loaded((500, 50, 200), (100, 50, 500)), FAIL),
        (f"{served} is at least 60/s", loaded((600, 50, 200)), UNDECIDED),
    ]:
        with subtests.test(then, load=load, outcome=outcome):
            assert [one.outcome for one in of_jtl(tmp_path, load, then)] == [outcome]


def of_k6(directory: Path, load: w.Load, then: str, percentiles: Sequence[float] = (99.0,)) -> Measure:
    """The one measure of k6's summary of these requests."""
    (found,) = measured(directory, "k6", {"summary.json": w.k6_summary(load, percentiles=percentiles)}, then)
    return found


HEALTHY = loaded((1940, 50, 200), (50, 150, 200), (10, 900, 200))


def test_a_summary_passes_by_a_stated_percentile_that_is_an_upper_bound(tmp_path: Path) -> None:
    """p99 is 150 ms and the greatest 900 ms: of 2000 requests the bound of p95 is below p99."""
    found = of_k6(tmp_path, HEALTHY, P95)
    assert (found.outcome, found.value, found.high) == (PASS, 50.0, 150.0)
    assert found.reason.startswith("from a summary of k6: reported response time p95")


def test_a_summary_without_such_a_percentile_decides_nothing_and_says_which_would(tmp_path: Path) -> None:
    """k6 states p90, p95 and the greatest without being asked."""
    found = of_k6(tmp_path, HEALTHY, P95, ())
    assert found.outcome is UNDECIDED
    assert "a PASS needs a stated percentile below the limit from p95.85 on" in found.reason


def test_a_percentile_that_is_not_stated_is_not_made_from_others(tmp_path: Path) -> None:
    """p99.9 is between p99 and the greatest, and p75 below p90."""
    for quantile, known in (("p99.9", "p50, p90, p95, p99"), ("p75", "p50, p90, p95, p99")):
        found = of_k6(tmp_path, HEALTHY, P95.replace("p95", quantile))
        assert found.outcome is UNDECIDED
        assert f"is not stated by the summary of k6 (stated: {known})" in found.reason


def test_figures_of_a_summary(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Counts bear exact bounds, a mean the bound of its ends; of routes k6 states nothing, and failed requests may have had no answer."""
    failed = loaded((1900, 50, 200), (100, 1, 500))
    for then, load, outcome in [
        (P95, loaded((1600, 50, 200), (400, 900, 200)), FAIL),
        (P95, loaded((1940, 50, 200), (60, 1, 500)), PASS),
        (P95, failed, UNDECIDED),
        (MEAN, failed, UNDECIDED),
        (MEAN, HEALTHY, PASS),
        (MEAN, loaded((1940, 150, 200), (60, 160, 200)), FAIL),
        (ERRORS, HEALTHY, PASS),
        (ERRORS, loaded((1900, 50, 200), (100, 50, 503)), FAIL),
        (ERRORS, loaded((290, 50, 200)), UNDECIDED),
        ("the reported number of requests is at least 2000", HEALTHY, PASS),
        ("the reported number of requests served per second is at least 30/s", HEALTHY, PASS),
        ("the reported response time p95 of every route is below 200 ms", HEALTHY, UNDECIDED),
    ]:
        with subtests.test(then, load=load, outcome=outcome):
            assert of_k6(tmp_path, load, then).outcome is outcome


def test_a_load_that_nobody_answered_fails_by_its_summary(tmp_path: Path) -> None:
    """Oha states no time then, and every request is over any limit."""
    (found,) = measured(tmp_path, "oha", {"oha.json": w.oha(loaded((100, 5, 0)))}, P95)
    assert (found.outcome, found.value) == (FAIL, float("inf"))


def test_requests_that_oha_cut_off_count_for_neither_side(tmp_path: Path) -> None:
    """As failed for a PASS, and not for a FAIL."""
    load = loaded((2000, 50, 200))
    outcomes = [
        measured(tmp_path, "oha", {"oha.json": w.oha(load, cut_off=cut_off)}, ERRORS)[0].outcome for cut_off in (0, 40)
    ]
    assert outcomes == [PASS, UNDECIDED]


def test_routes_of_a_summary_are_judged_where_the_tool_states_them(tmp_path: Path) -> None:
    """Locust has a row for each."""
    load = [*loaded((1000, 50, 200)), *loaded((1000, 400, 200), route="buy")]
    found = measured(
        tmp_path,
        "locust",
        {"a_stats.csv": w.locust_stats(load)},
        "the reported response time p95 of every route is below 200 ms",
    )
    assert {one.scope["route"]: one.outcome for one in found} == {"GET buy": FAIL, "GET list": PASS}


def test_summaries_of_several_files_add_counts_and_average_nothing(tmp_path: Path) -> None:
    """Errors of both machines, and no percentile."""
    files = {f"{name}-summary.json": w.k6_summary(loaded((1000 + number, 50, 200))) for number, name in enumerate("ab")}
    (errors,) = measured(tmp_path, "k6", files, ERRORS)
    assert (errors.outcome, errors.n) == (PASS, 2001)
    (time,) = measured(tmp_path, "k6", files, P95)
    assert time.outcome is UNDECIDED
    assert "its summaries are of several files, whose percentiles are not averaged" in time.reason


def test_a_threshold_of_k6_that_was_crossed_is_named_and_does_not_decide(tmp_path: Path) -> None:
    """The sentence has its own limit; a summary without thresholds is judged alike."""
    value = json.loads(w.k6_summary(HEALTHY))
    value["metrics"]["http_req_duration"]["thresholds"] = {"p(95)<10": {"ok": False}}
    (found,) = measured(tmp_path, "k6", {"summary.json": json.dumps(value)}, P95)
    assert found.outcome is PASS
    assert "k6's own threshold http_req_duration: p(95)<10 was crossed" in found.reason


def test_a_report_that_names_its_commit_needs_no_file_beside_it(tmp_path: Path) -> None:
    """`k6 run --tag commit=…` puts it into each point."""
    (tmp_path / "points.json.origin.yaml").write_text("environment: staging\n")
    points = w.k6_points(loaded((900, 50, 200)), tags={"commit": COMMIT})
    (found,) = measured(tmp_path, "k6", {"points.json": points}, P95)
    assert found.outcome is PASS
