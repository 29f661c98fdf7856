"""A judgement in rows of words."""

from __future__ import annotations

from dataclasses import replace

from report_builders import go, judgement, no_go
from report_measures import healthy
from report_plan import BROKEN, plan

from harness.judgement.measures import because
from harness.model import DecisionOutcome, Gate, Outcome, Requirement, Verdict
from harness.report.view.digest import Row, closest, measure_line, rows, unverified


def _row(id_: str) -> Row:
    given, _, judged = no_go()
    return next(row for row in rows(given, judged) if row.requirement.id == id_)


def test_the_worst_stands_first_and_then_the_catalogue_decides() -> None:
    """FAIL, INCONCLUSIVE, NOT ASSESSED, PASS."""
    given, _, judged = no_go()
    ids = [row.requirement.id for row in rows(given, judged)]
    assert ids[:4] == ["ND-KPI-P95", "ND-KPI-ERRORS", "DA-NET-POLICY", "ND-KPI-UPTIME"]
    assert sorted(ids) == sorted(requirement.id for requirement in given.requirements)


def test_a_scaled_limit_is_said_in_both_ways() -> None:
    """22.4 s of 4 h."""
    row = _row("DA-DR-RTO")
    assert row.of_limit == "22.4 s of 4 h (240 s at scale 60)"
    assert row.scaled
    assert row.missing == ("all database members",)


def test_facts_are_counted_and_a_bad_one_is_told() -> None:
    """A check has no figure: so many of its facts are as expected; where two of three are, the third is named."""
    assert _row("ND-DEP-HEALTH").value == "3 of 3 facts as expected"
    assert _row("DA-NET-POLICY").value == "–"  # noqa: RUF001 - a dash
    assert _row("DA-DR-RPO").of_limit == "0 lost writes, expected none"
    facts = healthy("ND-DEP-HEALTH")
    said = because(Outcome.FAIL, "eu-west-1: status 503, expected status 200")
    bad = replace(facts[1], outcome=Outcome.FAIL, because=said)
    judged = judgement(plan(), {"ND-DEP-HEALTH": [facts[0], bad, facts[2]]}, DecisionOutcome.NO_GO)
    row = rows(plan(), judged)[0]
    assert row.telling is not None
    assert (row.value, row.telling.scope) == ("2 of 3 facts as expected", "eu-west-1/health checks passing")


def test_the_worst_receipt_of_each_kind_is_shown() -> None:
    """One measure whose watcher was blind spoils the row's watch."""
    measures = healthy("AT-STB-RECOVERY")
    blind = replace(
        measures[3],
        receipts={**measures[3].receipts, "watch": replace(measures[3].receipts["watch"], ok=False, why="blind")},
    )
    judged = judgement(plan(), {"AT-STB-RECOVERY": [*measures[:3], blind]}, DecisionOutcome.GO)
    row = next(row for row in rows(plan(), judged) if row.requirement.id == "AT-STB-RECOVERY")
    words = {receipt.name: receipt.word for receipt in row.receipts}
    assert words == {"fault": "ok", "load": "ok", "restore": "ok", "watch": "not ok"}


def test_a_go_names_what_came_closest_to_its_limit() -> None:
    """20.76 s of 30 s is 69 %; nothing else is as close."""
    given, _, judged = go()
    found = closest(rows(given, judged))
    assert [row.requirement.id for row in found] == ["AT-STB-RECOVERY", "ND-KPI-UPTIME", "DA-DR-FAILOVER"]


def test_what_was_not_verified_is_named() -> None:
    """Experiments that are lacking, scenarios left out, missing files, and the time scale; rows not assessed have causes."""
    given, _, judged = no_go()
    given = replace(given, deselected=("features/normaldance/technical-kpis.feature:5: x",))
    judged = replace(judged, missing=("watch/entry.parquet: is gone",))
    found = unverified(given, judged, rows(given, judged))
    assert [item.id for item in found] == ["DA-DR-RTO", "", "", ""]
    assert [item.text.split(":")[0] for item in found[1:]] == [
        "1 scenario left out by a filter",
        "evidence is missing",
        "RTO, RPO and windows were divided by 60. A pass with divided times proves that the mechanism works, not that the real limit is kept",
    ]


def test_a_fault_that_no_request_met_is_not_verified() -> None:
    """Its receipts are ok, and what failed over is not known."""
    given, _, judged = go()
    first, *others = judged.experiments
    judged = replace(judged, experiments=(replace(first, unmet=True), *others))
    text = f"{first.name}: the fault affected no request, so the run does not show a failover"
    assert ("", text) in [(item.id, item.text) for item in unverified(given, judged, rows(given, judged))]


def test_at_full_time_nothing_is_said_of_scale() -> None:
    """A target with time scale 1 proves the target."""
    given = plan(time_scale=1)
    measures = [
        replace(m, scaled_limit=14400.0, times=tuple(replace(t, used_s=14400.0) for t in m.times))
        for m in healthy("DA-DR-RTO")
    ]
    judged = judgement(given, {"DA-DR-RTO": measures}, DecisionOutcome.GO)
    assert [item.id for item in unverified(given, judged, rows(given, judged))] == ["DA-DR-RTO"]


def test_a_row_that_does_not_gate_here_stands_after_those_that_do() -> None:
    """A sign-off that only production needs is listed, and after."""
    given, _, judged = go()
    extra = Requirement(
        id="ND-SIGN",
        profile="normaldance",
        title="t",
        criterion="attested",
        kinds=(),
        gate=Gate.MAJOR,
        environments=("production",),
        source="s",
    )
    verdict = Verdict(requirement="ND-SIGN", outcome=Outcome.PASS, because=because(Outcome.PASS, "r"), claims=())
    given = replace(given, requirements=(extra, *given.requirements))
    last = rows(given, replace(judged, verdicts=(verdict, *judged.verdicts)))[-1]
    assert (last.requirement.id, last.gating) == ("ND-SIGN", False)


def test_two_figures_of_one_thing_are_told_apart_by_name() -> None:
    """Uptime by probes and by seconds down, both of the entry, were made in two ways."""
    uptime = healthy("ND-KPI-UPTIME")[0]
    entry = replace(uptime, scope={"traffic": "everyday", "subject": "entry"})
    seconds = replace(entry, name="uptime by seconds down", method="seconds down of seconds watched")
    judged = judgement(plan(), {"ND-KPI-UPTIME": [entry, seconds]}, DecisionOutcome.GO)
    row = next(row for row in rows(plan(), judged) if row.requirement.id == "ND-KPI-UPTIME")
    assert [grounds.of for grounds in row.grounds] == ["uptime entry", "uptime by seconds down entry"]


def test_confidence_is_said_of_each_bound_and_of_a_lone_one() -> None:
    """And of none where there is no bound, or where the bounds are exact."""
    p95 = healthy("ND-KPI-P95")[0]
    found = [replace(p95, high=None), replace(p95, low=None, high=None), replace(p95, confidence=None)]
    lines = [measure_line(measure, 60) for measure in (p95, *found)]
    assert [line.confidence for line in lines] == ["95 % each", "95 %", "", ""]


def test_windows_and_routes_that_are_too_little_for_a_guard_are_said() -> None:
    """They are in the figure over all windows; whether one of them alone was bad nobody judged."""
    given, _, judged = go()
    assert not [one for one in unverified(given, judged, rows(given, judged)) if "judged separately" in one.text]
    first, second, *_ = BROKEN
    short = tuple(
        replace(one, n=13, end_s=one.start_s + 2) if one.name == f"experiment:{first}/after" else one
        for one in judged.windows
    )
    route = replace(judged.traffic[0], route="search", window=f"experiment:{second}/after", n=11)
    thin = replace(judged, windows=short, traffic=(*judged.traffic, route))
    (said,) = [one.text for one in unverified(given, thin, rows(given, thin)) if "judged separately" in one.text]
    assert said == (
        "Too small to be judged separately (less than 50 requests or 3 s): "
        f"experiment:{first}/after (n 13, 2 s); search in experiment:{second}/after (n 11). "
        "Their requests count in the figures of all windows together"
    )
