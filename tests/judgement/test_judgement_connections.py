"""Connections between workloads: which there are, and how many a service opens."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from judgement_builders import evidence, measures, ns, objective, observation, plan, pod

from harness.judgement import judge
from harness.judgement.figures.kubernetes.connections import rate_bounds
from harness.model import Evidence, Figure, Measure, Objective, Observation, Op, Outcome, PodChange

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
NAMES = {
    "stores": ["postgres"],
    "data_access": ["user", "track"],
    "dependencies": {"gateway": ["user", "track"], "user": ["postgres"], "track": ["postgres"]},
    "routes": {"sign-in": ["user"], "read-track": ["track"], "create-track": ["track"], "play-track": ["track"]},
}
DEPENDENCIES = objective(Figure.CONNECTIONS, Op.HOLDS, "0", params={"what": "dependencies"})
ACCESS = objective(Figure.CONNECTIONS, Op.HOLDS, "0", params={"what": "data access"})
POOLED = objective(Figure.POOLING, Op.BELOW, "1 %")
Pairs = dict[tuple[str, str], int]
QUIET: Pairs = {("gateway", "user"): 200, ("gateway", "track"): 400, ("user", "postgres"): 3, ("track", "postgres"): 9}


def seen(pairs: Pairs, verdict: str = "FORWARDED") -> list[dict[str, Any]]:
    """So many connections of each pair."""
    return [
        {"source_namespace": "shop", "source": a, "namespace": "shop", "destination": b, "port": 80, "verdict": verdict, "n": n}
        for (a, b), n in pairs.items()
    ]  # fmt: skip


def read(at: float, pairs: Pairs, *, more: list[dict[str, Any]] | None = None, **fields: Any) -> Observation:
    """The log, read at a second of the window."""
    given = {"traffic": "everyday", "at_ns": ns(at), "lines": 1000, "names": NAMES, **fields}
    return observation("flows.read", "", at, "connections", connections=[*seen(pairs), *(more or [])], **given)


@cache
def quiet() -> Evidence:
    """The healthy run, without what was read of its connections."""
    return evidence()


def judged(one: Objective, *reads: Observation) -> dict[str, Measure]:
    """The measures of a sentence, by what they are of."""
    base = quiet()
    given = replace(base, observations=(*base.observations, *reads))
    return {found.scope.get("of", ""): found for found in measures(judge(plan({"R": one}), given))}


def outcomes(one: Objective, *reads: Observation) -> dict[str, Outcome]:
    """The outcomes only."""
    return {of: found.outcome for of, found in judged(one, *reads).items()}


def test_declared_connections_pass() -> None:
    """Each pair is named, and those that users and the harness make from outside are nobody's dependency."""
    outside = {**seen({("host", "gateway"): 9})[0], "source_namespace": ""}
    found = outcomes(DEPENDENCIES, read(0, {}, before=True), read(59, QUIET, more=[outside]))
    assert found == {f"{a} to {b}": PASS for a, b in QUIET}
    assert outcomes(ACCESS, read(0, {}, before=True), read(59, QUIET)) == {
        "user to postgres": PASS,
        "track to postgres": PASS,
    }


@pytest.mark.parametrize("before", [True, False])
def test_a_gateway_that_opens_the_database_fails(*, before: bool) -> None:
    """In the window, or before it: then it may hold the connection still."""
    own = {("gateway", "postgres"): 1}
    reads = (read(0, own if before else {}, before=True), read(59, QUIET | ({} if before else own)))
    assert outcomes(DEPENDENCIES, *reads)["gateway to postgres"] is FAIL
    assert outcomes(ACCESS, *reads)["gateway to postgres"] is FAIL


def test_what_policy_refused_is_no_connection() -> None:
    """The border held."""
    refused = seen({("gateway", "postgres"): 5}, "DROPPED")
    assert FAIL not in outcomes(DEPENDENCIES, read(0, {}, before=True), read(59, QUIET, more=refused)).values()


def test_a_part_of_the_log_shows_what_is_there_and_not_what_is_absent() -> None:
    """With lost events nothing passes, and what is undeclared fails all the same."""
    own = {("gateway", "postgres"): 1}
    found = outcomes(ACCESS, read(0, {}, before=True), read(59, QUIET | own, why="Hubble reports 3 lost events"))
    assert found == {"user to postgres": INCONCLUSIVE, "track to postgres": INCONCLUSIVE, "gateway to postgres": FAIL}


@pytest.mark.parametrize(
    ("reads", "why"),
    [
        ((), "was not read in the window"),
        ((read(0, {}, why="no such file"),), "no such file"),
        ((read(0, {}, before=True), read(20, QUIET)), "for only 20 s of the window"),
        ((read(0, QUIET, before=True), read(59, {})), "no connection between two workloads"),
        (
            (read(0, {}, before=True), read(59, {("gateway", "user"): 5})),
            "the connection log contains no connection to postgres",
        ),
    ],
)
def test_a_log_that_does_not_tell_it_is_no_evidence(reads: tuple[Observation, ...], why: str) -> None:
    """Nothing is decided, and the reason says what is missing."""
    (found,) = judged(ACCESS, *reads).values()
    assert (found.outcome, why in found.reason) == (INCONCLUSIVE, True)


def test_a_pool_opens_few_connections() -> None:
    """3 for the 1 475 sign-ins of 59 s, 9 for the 4 423 other requests; opened before the window they do not count."""
    found = judged(POOLED, read(0, {("user", "postgres"): 500}, before=True), read(59, QUIET))
    assert {of: (one.outcome, one.n) for of, one in found.items()} == {"user": (PASS, 1475), "track": (PASS, 4423)}
    assert found["user"].value == pytest.approx(3 / 1475)


def test_a_connection_for_each_twentieth_request_fails() -> None:
    """Of the one service that has no pool."""
    found = outcomes(POOLED, read(0, {}, before=True), read(59, QUIET | {("user", "postgres"): 74}))
    assert found == {"user": FAIL, "track": PASS}


def test_a_service_whose_store_is_not_in_the_log_is_not_decided() -> None:
    """A store outside the cluster has no namespace: its connections are not counted, however many there are."""
    pairs = {pair: n for pair, n in QUIET.items() if pair != ("user", "postgres")}
    found = judged(POOLED, read(0, {}, before=True), read(59, pairs))
    assert (found["user"].outcome, found["track"].outcome) == (INCONCLUSIVE, PASS)
    assert "no connection of user to a store" in found["user"].reason


def among_pods(names: dict[str, Any], *reads: Observation, pods: tuple[PodChange, ...] = ()) -> dict[str, Outcome]:
    """The outcomes of the pooling where the pods of the namespace of the shop were followed, and these among them."""
    base = quiet()
    there = replace(pod(1, "ready", "track-1", "t-1"), namespace="shop")
    observations = (*base.observations, *(replace(one, fields={**one.fields, "names": names}) for one in reads))
    given = replace(base, observations=observations, pods=(*base.pods, there, *pods))
    return {one.scope["of"]: one.outcome for one in measures(judge(plan({"R": POOLED}), given))}


BILLS = NAMES | {"data_access": ["user", "track", "billing"]}


@pytest.mark.parametrize(
    ("before", "during", "is_known"),
    [
        ({("billing", "postgres"): 40}, {}, INCONCLUSIVE),
        ({}, {("gateway", "billing"): 900}, INCONCLUSIVE),
        ({("gateway", "billing"): 9}, {}, INCONCLUSIVE),
        ({}, {}, None),
    ],
    ids=["it holds connections", "it is asked", "it was asked before", "in no connection"],
)
def test_a_service_that_the_log_names_is_not_left_out(before: Pairs, during: Pairs, is_known: Outcome | None) -> None:
    """Its pods have another label in their history, or are in another namespace: it is part of the data access layer all the same."""
    found = among_pods(BILLS, read(0, before, before=True), read(59, QUIET | during))
    assert found.get("billing") is is_known


def test_a_service_without_pods_is_left_out_only_where_its_namespace_was_followed() -> None:
    """`user` and `track` connect from a namespace whose pods have no history: nothing is known of those of `billing`."""
    away = {**seen({("user", "postgres"): 3})[0], "source_namespace": "elsewhere"}
    reads = (read(0, {}, before=True), read(59, QUIET))
    assert among_pods(BILLS, *reads) == {"user": PASS, "track": PASS}
    assert among_pods(BILLS, reads[0], read(59, QUIET, more=[away]))["billing"] is INCONCLUSIVE


MIGRATES = NAMES | {"data_access": ["user", "track", "migrate"]}


def job(at: float, what: str) -> PodChange:
    """Something became of the pod of a migration."""
    return replace(pod(at, what, "migrate-up-1", "m-1"), workload="migrate")


@pytest.mark.parametrize(
    ("pods", "needs", "known"),
    [
        ((), [], False),
        ((job(-20, "ready"), job(-10, "deleted")), [], False),
        ((job(-20, "ready"),), [], True),
        ((job(-20, "ready"), job(30, "deleted")), [], True),
        ((), ["migrate"], True),
    ],
)
def test_a_job_that_did_not_run_in_the_window_has_no_pool(
    pods: tuple[PodChange, ...], needs: list[str], *, known: bool
) -> None:
    """It belongs to the data access layer; of one that ran, or that a route needs, a connection is expected in the log."""
    names = MIGRATES | {"routes": {**NAMES["routes"], "sign-in": ["user", *needs]}}  # type: ignore[dict-item]
    found = among_pods(names, read(0, {}, before=True), read(59, QUIET), pods=pods)
    assert found == {"user": PASS, "track": PASS, **({"migrate": INCONCLUSIVE} if known else {})}


def test_a_service_that_no_route_needs_is_not_decided() -> None:
    """Nobody knows its requests."""
    found = judged(POOLED, read(0, {}, before=True), read(59, QUIET | {("mail", "postgres"): 1}))
    assert (found["mail"].outcome, "no request on a route that uses" in found["mail"].reason) == (
        INCONCLUSIVE,
        True,
    )


def test_a_service_that_no_request_reaches_opens_none(subtests: pytest.Subtests) -> None:
    """It holds a connection of before the window; that no request reaches it is declared, and the log agrees."""
    for name, pairs, calls, outcome in [
        ("only a machine asks it", {}, {"rotator": ["vault"]}, PASS),
        ("it is scraped as well", {("metrics", "vault"): 9, ("metrics", "user"): 9}, {"rotator": ["vault"]}, PASS),
        ("it opened a connection", {("vault", "postgres"): 1}, {"rotator": ["vault"]}, INCONCLUSIVE),
        ("nobody says who asks it", {}, {}, INCONCLUSIVE),
        ("a needed service may ask it", {}, {"rotator": ["vault"], "track": ["vault"]}, INCONCLUSIVE),
        (
            "the gateway may ask who asks it",
            {},
            {"rotator": ["vault"], "gateway": ["user", "track", "rotator"]},
            INCONCLUSIVE,
        ),
        ("the gateway asks it", {("gateway", "vault"): 1}, {"rotator": ["vault"]}, INCONCLUSIVE),
        ("the gateway asks who asks it", {("gateway", "rotator"): 1}, {"rotator": ["vault"]}, INCONCLUSIVE),
    ]:
        with subtests.test(name):
            called = {**NAMES["dependencies"], **calls}  # type: ignore[dict-item]
            names = NAMES | {"data_access": ["user", "track", "vault"], "dependencies": called}
            before = {("vault", "postgres"): 1}
            assert among_pods(names, read(0, before, before=True), read(59, QUIET | pairs))["vault"] is outcome


def test_the_bounds_of_a_rate_are_garwoods() -> None:
    """Of 0 events at most 2.996, of 10 between 5.425 and 16.96, with 95 % on each side."""
    assert rate_bounds(0, 1, 0.95).high == pytest.approx(2.9957, abs=1e-3)
    ten = rate_bounds(10, 1, 0.95)
    assert [ten.low, ten.high] == pytest.approx([5.4254, 16.962], abs=1e-3)
