"""A check reads one moment, and may have read less than it speaks of; what the same run's plan and histories say against it is heard."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judgement_builders import check, claim, evidence, measures, node, observation, plan, requirement

from harness.judgement import judge
from harness.model import Check, Demand, DemandKind, Evidence, Fact, Observation, Outcome, PodChange
from tests.builders.recorder import ns

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
WEB = Demand(kind=DemandKind.CHECK, name="autoscaler-target", params={"autoscaler": "web-hpa", "deployment": "web"})
RULES = Demand(
    kind=DemandKind.CHECK,
    name="alert-rules",
    params={"first": "HighErrorRate", "second": "DatabaseDown", "severity": "critical"},
)


def judged(
    demand: Demand,
    subjects: tuple[str, ...],
    *history: Observation,
    run: Evidence | None = None,
    at: float = 1,
    **planned: Any,
) -> list[tuple[Outcome, str]]:
    """What a check whose facts are as expected comes to, with the reason of each other measure."""
    facts = tuple(Fact(subject=one, expected="", observed="", ok=True, attempts=1, at_ns=ns(at)) for one in subjects)
    run = replace(run or evidence(), checks={demand.key: Check(demand=demand.key, facts=facts)})
    sentence = check(check=demand.name, params=demand.params)
    asked = replace(claim("R", sentence), demands=(demand.key,))
    of = replace(
        plan({"R": sentence}, **planned),
        claims=(asked,),
        requirements=(requirement("R"),),
        demands=(demand.key,),
        demand={demand.key: demand},
    )
    found = measures(judge(of, replace(run, observations=(*run.observations, *history))))
    return [(one.outcome, one.reason) for one in found[len(subjects) :]]


def scaler(at: float, *, active: bool, target: str = "web", what: str = "changed") -> Observation:
    """What the autoscaler says of itself from a moment on."""
    fields: dict[str, Any] = {"target": target, "least": 2, "most": 5, "current": 2, "desired": 2, "active": active}
    why = "ValidMetricFound" if active else "FailedGetResourceMetric"
    return observation(f"autoscaler.{what}", "shop/web-hpa", at, "autoscalers", at_ns=ns(at), why=why, **fields)


@pytest.mark.parametrize(
    ("history", "outcome", "why"),
    [
        ([scaler(1, active=True)], None, ""),
        ([scaler(20, active=False), scaler(35, active=True)], None, ""),
        ([scaler(20, active=False), scaler(36, active=True)], INCONCLUSIVE, "ScalingActive was false"),
        ([scaler(0, active=False, what="present")], FAIL, "for 60 s while no fault was in"),
        ([scaler(20, active=True, target="other")], INCONCLUSIVE, "its target was other for 40 s"),
        ([scaler(20, active=False, what="deleted")], INCONCLUSIVE, "it was deleted"),
        ([scaler(112, active=False), scaler(150, active=True)], None, ""),
    ],
    ids=["active", "one reading", "longer", "all the time", "another target", "deleted", "under a fault"],
)
def test_an_autoscaler_that_lost_its_metrics_while_no_fault_was_in(
    history: list[Observation], outcome: Outcome | None, why: str
) -> None:
    """One reading that failed is none; under a fault the metrics may be gone."""
    found = judged(WEB, ("shop/web-hpa: target", "shop/web-hpa: ScalingActive"), *history)
    assert [one for one, _ in found] == ([outcome] if outcome else [])
    assert all(why in reason for _, reason in found)


def alert(kind: str, severity: str) -> Observation:
    """DatabaseDown, fired with a severity."""
    labels = {"alertname": "DatabaseDown", "severity": severity}
    return observation(kind, "DatabaseDown", 115, "alerts", labels=labels, state="firing", at_ns=ns(115))


def rule(severity: str) -> Observation:
    """DatabaseDown, loaded with a severity."""
    return observation("alert.rule", "DatabaseDown", 0.5, "alerts", labels={"severity": severity}, health="ok")


def notice(severity: str) -> Observation:
    """A notice of DatabaseDown."""
    told = {"labels": {"alertname": "DatabaseDown", "severity": severity}, "status": "firing"}
    fields: dict[str, Any] = {"number": 1, "status": "firing", "alerts": [told]}
    return observation("notice.received", "receiver", 116, "notices", at_ns=ns(116), **fields)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([rule("critical"), alert("alert.firing", "critical"), notice("critical")], []),
        ([rule("warning")], [FAIL]),
        ([rule("critical"), alert("alert.firing", "warning")], [FAIL]),
        ([alert("alert.firing", "warning"), notice("warning")], [FAIL, INCONCLUSIVE]),
        ([rule("critical"), notice("page")], [INCONCLUSIVE]),
        ([rule("critical"), rule("warning"), alert("alert.firing", "warning"), notice("warning")], []),
    ],
    ids=["agree", "the rule", "the alert", "no rule", "the notice", "a rule that warns beside it"],
)
def test_alerts_and_notices_of_another_severity_than_the_rule(
    history: list[Observation], expected: list[Outcome]
) -> None:
    """A rule of the same name may warn at a lower limit; a notice may have been relabelled."""
    assert [outcome for outcome, _ in judged(RULES, ("HighErrorRate", "DatabaseDown"), *history)] == expected


HEALTH = Demand(kind=DemandKind.CHECK, name="health-of-pods", params={"within": "1 s"})
HERE, THERE, FAR = REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")


@pytest.mark.parametrize(
    ("name", "subjects", "lacking"),
    [
        ("gateway-reads", ["us-east-1/web", "eu-west-1/web", "ap-southeast-1/web"], []),
        ("gateway-reads", ["us-east-1/web", "ap-southeast-1/web"], ["eu-west-1/web"]),
        (
            "gateway-reads",
            [f"{region}/{one}" for region in REGIONS for one in ("web", "till")][:-1],
            ["ap-southeast-1/till"],
        ),
        ("gateway-reads", ["north/web"], []),
        (
            "api-version",
            ["Kubernetes API of us-east-1"],
            ["Kubernetes API of ap-southeast-1", "Kubernetes API of eu-west-1"],
        ),
        ("api-version", ["Kubernetes API of shop"], []),
        ("database-version", ["database member db-0", "database member eu-west-1"], []),
        ("database-version", ["database member db-0"], ["database member eu-west-1"]),
        ("database-version", ["database"], []),
        ("deployment-size", ["us-east-1/web cpu"], []),
    ],
)
def test_a_check_of_every_region_has_facts_of_each(name: str, subjects: list[str], lacking: list[str]) -> None:
    """Of members where members were asked; a target whose facts name no region is one place, and some checks are of one region."""
    demand = Demand(kind=DemandKind.CHECK, name=name)
    found = judged(demand, tuple(subjects), regions=dict.fromkeys(REGIONS, 0.3), members=("db-0", "eu-west-1"))
    assert found == [(INCONCLUSIVE, f"{subject}: no fact of it was recorded") for subject in lacking]


@pytest.mark.parametrize(
    ("asked", "lacking"),
    [
        (("us-east-1/web-1", "eu-west-1/web-2"), []),
        (("us-east-1/web-1",), ["eu-west-1/web"]),
        (("us-east-1/web-1: CPU usage",), ["eu-west-1/web"]),
        (("us-east-1/till-1",), []),
    ],
)
def test_a_workload_is_asked_in_each_namespace_where_it_had_a_ready_pod(
    asked: tuple[str, ...], lacking: list[str]
) -> None:
    """One that became ready later, or of a workload that was not asked anywhere, is not missed."""
    pods = tuple(
        PodChange(at_ns=ns(at), what="ready", name=name, namespace=region, uid=name, workload="web", region=region)
        for at, name, region in ((0, "web-1", HERE), (0, "web-2", THERE), (9, "web-3", FAR))
    )
    found = judged(HEALTH, asked, run=replace(evidence(), pods=pods))
    assert found == [
        (INCONCLUSIVE, f"{subject}: it had a ready pod, and no fact of one was recorded") for subject in lacking
    ]


PENDING = Demand(kind=DemandKind.CHECK, name="pending-pod-runs", params={"within": "10 min"})


@pytest.mark.parametrize(
    ("history", "outcomes"),
    [
        ([(0, "present", "old"), (98, "present", "new")], []),
        ([(0, "present", "old"), (104, "ready", "new")], []),
        ([(0, "present", "old"), (80, "present", "new")], [INCONCLUSIVE]),
        ([(0, "present", "old"), (98, "unready", "old")], [INCONCLUSIVE]),
        ([(90, "present", "old")], []),
        ([], []),
    ],
    ids=["added", "told later", "sooner", "none", "the watch began later", "not followed"],
)
def test_a_node_that_is_said_to_be_added_appears_in_the_history(
    history: list[tuple[float, str, str]], outcomes: list[Outcome]
) -> None:
    """Ten minutes are ten seconds here; the pod ran at 100 s."""
    nodes = tuple(node(at, what, name) for at, what, name in history)
    found = judged(PENDING, ("shop/waits",), run=replace(evidence(), nodes=nodes), at=100)
    assert [outcome for outcome, _ in found] == outcomes
