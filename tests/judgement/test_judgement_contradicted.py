"""A check reads one moment, and may have read less than it speaks of; what the same run's plan and histories say against it is heard."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judgement_builders import check, claim, evidence, measures, node, observation, plan

from harness.judgement import judge
from harness.model import Check, Demand, DemandKind, Evidence, Fact, Observation, Outcome, PodChange
from tests.builders.recorder import ns

FAIL, INCONCLUSIVE = Outcome.FAIL, Outcome.INCONCLUSIVE
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
    run = run or evidence()
    seen = replace(run, observations=(*run.observations, *history))
    return facts_of(demand, dict.fromkeys(subjects, ""), run=seen, at=at, **planned)


def facts_of(
    demand: Demand,
    facts: dict[str, str],
    observed: dict[str, str] | None = None,
    run: Evidence | None = None,
    at: float = 1,
    **planned: Any,
) -> list[tuple[Outcome, str]]:
    """What a check of these facts, each recorded as expected, comes to beside them; of each what it expects, and observed unless given."""
    found = tuple(
        Fact(subject=one, expected=said, observed=(observed or {}).get(one, said), ok=True, attempts=1, at_ns=ns(at))
        for one, said in facts.items()
    )
    sentence = check(check=demand.name, params=demand.params)
    of = replace(
        plan({"R": sentence}, **planned),
        claims=(replace(claim("R", sentence), demands=(demand.key,)),),
        demands=(demand.key,),
        demand={demand.key: demand},
    )
    given = replace(run or evidence(), checks={demand.key: Check(demand=demand.key, facts=found)})
    return [(one.outcome, one.reason) for one in measures(judge(of, given))[len(facts) :]]


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
        ([scaler(0, active=False, what="present")], FAIL, "for 60 s while no fault was active"),
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


def test_a_check_of_every_region_has_facts_of_each(subtests: pytest.Subtests) -> None:
    """Of members where members were asked; a target whose facts name no region is one place, and some checks are of one region."""
    for name, subjects, lacking in [
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
    ]:
        with subtests.test(name, subjects=subjects):
            demand = Demand(kind=DemandKind.CHECK, name=name)
            found = judged(demand, tuple(subjects), regions=dict.fromkeys(REGIONS, 0.3), members=("db-0", "eu-west-1"))
            assert found == [
                (INCONCLUSIVE, f"{subject}: the check recorded no fact about this subject") for subject in lacking
            ]


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
        (INCONCLUSIVE, f"{subject}: the workload had a ready pod, but the check recorded no fact about its pods")
        for subject in lacking
    ]


MIGRATED = Demand(kind=DemandKind.CHECK, name="migrated-and-back")
THERE_AND_BACK = {
    "Job migrate-up": "completed",
    "the migration": "column `performer` is new in `tracks`, rows of `users` are others, table `old` is gone, table `new` is new",
    "Job migrate-down": "completed",
    "the tables": "those before: `ledger`, `old`, `tracks`, `users`",
    "table ledger": "3 rows",
    "table old": "3 rows",
    "table tracks": "3 rows",
    "table users": "3 rows",
}


@pytest.mark.parametrize(
    ("dropped", "lacking"),
    [
        ((), []),
        (("table ledger",), ["table ledger"]),
        (("the tables", "table ledger"), ["the tables"]),
        (
            ("the tables", "table tracks", "table users", "table old"),
            ["the tables", "table tracks", "table users", "table old"],
        ),
        (("the migration",), ["the migration"]),
        (("Job migrate-down",), ["the second Job of the migration and its reversal, in addition to Job migrate-up"]),
        (("Job migrate-up", "Job migrate-down"), ["the Jobs of the migration and its reversal"]),
    ],
)
def test_a_migration_is_held_against_each_table_that_its_own_facts_name(
    dropped: tuple[str, ...], lacking: list[str]
) -> None:
    """Facts that were dropped, with their count lowered, leave what names them."""
    found = facts_of(MIGRATED, {one: said for one, said in THERE_AND_BACK.items() if one not in dropped})
    assert found == [(INCONCLUSIVE, f"{subject}: the check recorded no fact about this subject") for subject in lacking]


@pytest.mark.parametrize(
    ("observed", "expected"),
    [("3 rows, checksum ab", []), ("3 rows, checksum ab, and 2 new ones", []), ("3 rows, checksum cd", [INCONCLUSIVE])],
)
def test_a_table_that_is_recorded_as_equal_has_the_checksum_from_before(observed: str, expected: list[Outcome]) -> None:
    """Whatever the record says that it comes to."""
    facts = {**THERE_AND_BACK, "table tracks": "3 rows, checksum ab"}
    assert [one for one, _ in facts_of(MIGRATED, facts, {"table tracks": observed})] == expected


@pytest.mark.parametrize(
    ("name", "subjects", "lacking"),
    [
        ("flag-metrics", ["flag f", "service till, flag f", "service web, flag f"], []),
        ("flag-metrics", ["flag f", "service web, flag f"], ["service till, flag f"]),
        ("flag-metrics", ["service till, flag f", "service web, flag f"], ["flag f"]),
        ("flag-metrics", ["flag f", "service shop, flag f"], []),
        ("flag-off", ["flag f", *(f"answers of {region}, flag f" for region in REGIONS)], []),
        ("flag-off", [f"answers of {region}, flag f" for region in REGIONS], ["flag f"]),
        ("flag-page", ["flag f", f"page of {HERE}, flag f", f"page of {FAR}, flag f"], [f"page of {THERE}, flag f"]),
    ],
)
def test_a_flag_was_set_and_each_service_of_a_route_was_asked(
    name: str, subjects: list[str], lacking: list[str]
) -> None:
    """Facts that were dropped; services whose names are in no route may have others there."""
    routes = {"buy": ("web", "till")}
    demand = Demand(kind=DemandKind.CHECK, name=name)
    found = facts_of(demand, dict.fromkeys(subjects, ""), regions=dict.fromkeys(REGIONS, 0.3), route_needs=routes)
    assert found == [(INCONCLUSIVE, f"{subject}: the check recorded no fact about this subject") for subject in lacking]


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
