"""The errors that each service counts, route by route, held against the answers of its pods that were errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from judgement_builders import (
    ROUTES,
    down,
    evidence,
    failing,
    measures,
    ns,
    objective,
    observation,
    plan,
    reads,
    samples,
    with_ints,
    with_load,
    with_words,
)

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Observation, Op, Outcome, Table

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
BY_ROUTE = objective(Figure.EXPOSED, Op.HOLDS, "0 %", params={"what": "errors by route"})
NEEDED = {route: ["user-service" if route == "sign-in" else "track-service"] for route in ROUTES}
PODS = {"gateway-1": "api-gateway", "user-1": "user-service", "track-1": "track-service"}
AT = (1.0, 11.0, 21.0, 31.0, 41.0, 51.0)
SIGN_IN, READ = "errors of sign-in at user-service", "errors of read-track at track-service"
Change = Callable[[str, dict[str, Any]], None]


@cache
def requests() -> Table:
    """Every pod names itself in its answers; one request in 50 of each route is answered with 503."""
    rows = samples(0, 60)
    rows = with_words(rows, slice(None), served_pod="track-1")
    rows = with_words(rows, rows.words["name"].equals("sign-in"), served_pod="user-1")
    return failing(rows, np.arange(len(rows)) // 4 % 50 == 7)


def probes() -> Table:
    """Answered by the one pod of track-service, and none of them wrong."""
    return with_words(reads(), slice(None), served_pod="track-1")


def counted(rows: Table, looks: Table, pod: str, at: float) -> dict[str, dict[str, float]]:
    """What a pod has answered by then, by route and status: the gateway all of it, a service what names its pod."""
    found: dict[str, dict[str, float]] = {route: {"200": 0.0, "503": 0.0} for route in ROUTES}
    for table, names in ((rows, rows.words["name"].text()), (looks, ["read-track"] * len(looks))):
        own = (table.ints["done_ns"] < ns(at)) & (pod == "gateway-1" or table.words["served_pod"].equals(pod))
        for row in np.flatnonzero(own).tolist():
            found[str(names[row])][str(table.ints["status"][row])] += 1
    return {route: of for route, of in found.items() if pod == "gateway-1" or of["200"]}


@cache
def read(*, probed: bool = False) -> tuple[Observation, ...]:
    """The metrics of the three pods, read every ten seconds."""
    made = []
    for pod, workload in PODS.items():
        for at in AT:
            fields = {
                "workload": workload,
                "entry": pod == "gateway-1",
                "requests": counted(requests(), probes(), pod, at),
                "names": {"probed": "read-track"},
                "routes": NEEDED,
                "probed": probed,
            }
            made.append(observation("metrics.read", pod, at, "metrics", traffic="everyday", at_ns=ns(at), **fields))
    return tuple(made)


def judged(
    change: Change | None = None, *, rows: Table | None = None, looks: Table | None = None, probed: bool = False
) -> dict[str, Measure]:
    """The measures at services, by what they compare; `change` is made to what each pod says."""
    base = replace(
        with_load(requests() if rows is None else rows, evidence()), probes=probes() if looks is None else looks
    )
    said = []
    for one in read(probed=probed):
        fields = {**one.fields, "requests": {route: dict(of) for route, of in one.fields["requests"].items()}}
        if change is not None:
            change(one.subject, fields)
        said.append(replace(one, fields=fields))
    run: Evidence = replace(base, observations=(*base.observations, *said))
    return {one.scope["of"]: one for one in measures(judge(plan({"R": BY_ROUTE}), run))}


def as_200(pod: str, fields: dict[str, Any]) -> None:
    """user-service counts its errors as successes."""
    if pod == "user-1":
        fields["requests"]["sign-in"] = {"200": sum(fields["requests"]["sign-in"].values()), "503": 0.0}


def more(pod: str, fields: dict[str, Any]) -> None:
    """A quarter more errors than anybody met."""
    if pod == "user-1":
        fields["requests"]["sign-in"]["503"] *= 1.25


def unlabelled(pod: str, fields: dict[str, Any]) -> None:
    """The routes of user-service have names of its own."""
    if pod == "user-1":
        fields["requests"] = {"POST /sessions": fields["requests"]["sign-in"]}


def unread(pod: str, fields: dict[str, Any]) -> None:
    """Its pods are called otherwise."""
    if pod == "user-1":
        fields["workload"] = "users"


def untold(pod: str, fields: dict[str, Any]) -> None:
    """The target file says of one route nothing."""
    fields["routes"] = {route: of for route, of in NEEDED.items() if route != "sign-in"}


CHANGES: Mapping[str, tuple[Change, str, Outcome, str]] = {
    "as-200": (
        as_200,
        SIGN_IN,
        FAIL,
        "errors of sign-in at user-service: the platform's metrics report 0, and 1250",
    ),
    "more": (more, SIGN_IN, INCONCLUSIVE, "(6 more may be attempts that the gateway repeated)"),
    "unlabelled": (unlabelled, SIGN_IN, INCONCLUSIVE, "the metrics counted no answer on sign-in in the window"),
    "unread": (unread, "errors by route", INCONCLUSIVE, "the metrics of user-service were not read"),
    "untold": (
        untold,
        "errors at every service",
        INCONCLUSIVE,
        "the target file does not name the services that sign-in uses",
    ),
}


@pytest.mark.parametrize(("change", "of", "outcome", "reason"), CHANGES.values(), ids=CHANGES)
def test_a_service_that_counts_other_errors_does_not_pass(
    change: Change, of: str, outcome: Outcome, reason: str
) -> None:
    """The entry counts all of them, and so do the other services."""
    found = judged(change)
    assert (found[of].outcome, reason in found[of].reason) == (outcome, True), found[of].reason
    assert {one.outcome for name, one in found.items() if name != of} == {PASS}


def test_an_error_that_names_no_pod_may_be_any_services() -> None:
    """Half of the errors of sign-ins are answered by nobody: whether user-service counted them is unknown."""
    bad = (
        requests().words["name"].equals("sign-in")
        & (requests().ints["status"] == 503)
        & (requests().ints["done_ns"] > ns(30))
    )
    found = judged(rows=with_words(requests(), bad, served_pod=None))[SIGN_IN]
    assert found.outcome is INCONCLUSIVE
    assert (
        "requests failed, and it is unknown how many of them the platform counted, so the measured value is"
        in found.reason
    )


@pytest.mark.parametrize(("less", "outcome"), [(0.0, PASS), (4.0, FAIL)])
def test_one_error_of_unknown_origin_leaves_a_comparison_decided(less: float, outcome: Outcome) -> None:
    """One of 25 errors names no pod: it may be among those that user-service counts, and explains no four that are left out."""
    bad = requests().words["name"].equals("sign-in") & (requests().ints["status"] == 503)
    bad &= (requests().ints["done_ns"] > ns(30)) & (np.cumsum(bad & (requests().ints["done_ns"] > ns(30))) <= 1)

    def fewer(pod: str, fields: dict[str, Any]) -> None:
        if pod == "user-1" and fields["at_ns"] > ns(40):
            fields["requests"]["sign-in"]["503"] -= less

    found = judged(fewer, rows=with_words(requests(), bad, served_pod=None))[SIGN_IN]
    assert (found.outcome, " (1 more failed requests may have been counted)" in found.reason) == (outcome, True), (
        found.reason
    )


def test_a_service_without_errors_has_not_shown_that_it_counts_them() -> None:
    """The hint names an experiment that makes services fail."""

    def well(pod: str, fields: dict[str, Any]) -> None:
        if "sign-in" in fields["requests"]:
            fields["requests"]["sign-in"]["503"] = 0.0

    rows = with_words(
        with_ints(requests(), requests().words["name"].equals("sign-in"), status=200), slice(None), error=None
    )
    found = judged(well, rows=rows)[SIGN_IN]
    assert (found.outcome, found.because.hint) == (
        INCONCLUSIVE,
        "add a scenario that runs an experiment of domain external, such as `locked-tables`, under this traffic; the metrics are then read during that experiment too",
    )


@pytest.mark.parametrize(("kind", "probed"), [("read", False), ("service", True), ("service", False)])
def test_probes_that_a_service_answered_are_among_its_errors(kind: str, probed: bool) -> None:  # noqa: FBT001 - a table
    """Probes of the entry by the pod that they name; those of the service itself only where they read the same path, and are counted there."""
    bad = slice(400, 420)
    looks = with_words(with_ints(down(probes(), 20, 21, word="status 503"), bad, status=503), slice(None), kind=kind)
    looks = with_words(looks, slice(None), subject="track-service" if kind == "service" else "entry")

    def counts(pod: str, fields: dict[str, Any]) -> None:
        own = pod == "track-1" and (probed or kind == "read")
        if fields["at_ns"] > ns(25) and (own or (kind == "read" and pod == "gateway-1")):
            fields["requests"]["read-track"]["503"] += 20

    assert judged(counts, looks=looks, probed=probed)[READ].outcome is PASS
