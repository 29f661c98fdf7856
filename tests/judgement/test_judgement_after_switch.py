"""What is judged in the steady state is judged after a switch as well, of the release that took over: its queries, and its memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import pytest
from judgement_builders import observation, pod
from test_judgement_rollouts import BLUE_GREEN

from harness.model import Evidence, Measure, Observation, PodChange, WatchSource
from tests.builders.recorder import ns
from tests.builders.rollout_runs import COLOURS, END
from tests.builders.rollout_runs import evidence as rolled
from tests.builders.rollout_runs import judged as judged_by
from tests.builders.statement_reads import Times, quick, reads, slow

QUERIES = "the response time p95 of every database query is below 500 ms after the switch"
MEMORY = (
    "the resident memory of every service grows by less than 10 MB after warm-up over an 30 min soak after the switch"
)
SWITCH, BACK = 15.0, 45.0
WRITE = "INSERT INTO tracks (title) VALUES ($1)"
MB = 1e6
Holds = Callable[[float], float]


@cache
def run() -> Evidence:
    """Everybody has the candidate from 15 s to 45 s; the members of the database were watched."""
    whole = rolled(parts=COLOURS, back=BACK)
    watcher = WatchSource(name="statements", spacing_ms=500, closed=True)
    return replace(whole, watchers={**whole.watchers, "statements": watcher})


def judged(
    sentence: str, *observations: Observation, pods: Sequence[PodChange] = (), members: tuple[str, ...] = ()
) -> list[Measure]:
    """The measures of a sentence of that run, with what was observed beside it."""
    base = run()
    given = replace(base, observations=(*base.observations, *observations), pods=(*base.pods, *pods))
    return judged_by(sentence, given, BLUE_GREEN, members=members)


@pytest.mark.parametrize(
    ("times", "outcome"),
    [
        (quick, "PASS"),
        (slow(SWITCH, BACK), "FAIL"),
        (slow(0.0, SWITCH - 1), "PASS"),
        (slow(BACK + 1, END), "PASS"),
    ],
)
def test_the_queries_are_those_from_the_switch_to_the_way_back(times: Times, outcome: str) -> None:
    """700 ms before it or after it are another release's."""
    found = judged(QUERIES, *reads(END, {WRITE: times}))
    assert [(one.outcome.value, one.scope["of"]) for one in found] == [(outcome, WRITE)]
    assert found[0].scope["rollout"] == "canary"
    assert found[0].receipts["watch"].ok


def test_a_query_that_ran_seldom_is_not_slow_for_what_it_took_before() -> None:
    """Three calls of 2 ms after the switch; one of 700 ms at the beginning is still the longest that the member has counted."""

    def seldom(at: float) -> Sequence[float]:
        return [700.0] if at == 1.0 else [2.0] * (at in {20.0, 25.0, 30.0})

    (found,) = judged(QUERIES, *reads(END, {WRITE: quick, "SELECT 1": seldom}))
    assert (found.outcome.value, "no slow call: `SELECT 1`" in found.reason) == ("PASS", True)


def test_queries_that_were_not_read_all_the_time_are_no_evidence() -> None:
    """A member that did not answer once, and one that was read to the middle only."""
    (failed,) = judged(QUERIES, *reads(END, {WRITE: quick}, why={20.0: "it was away"}))
    (ended,) = judged(QUERIES, *reads(30.0, {WRITE: quick}))
    assert [one.outcome.value for one in (failed, ended)] == ["INCONCLUSIVE", "INCONCLUSIVE"]


def memory(name: str, holds: Holds, *, since: float = 0.0, until: float = END, rollout: str = "canary") -> Observation:
    """A sample a second of one container, read when the rollout has ended."""
    seconds = [float(at) for at in range(int(END)) if since <= at < until]
    return observation(
        "memory.read",
        f"us-east-1/{name}/user-service",
        END,
        "memory",
        at_ns=ns(END),
        rollout=rollout,
        workload="user-service",
        at_s=[at - END for at in seconds],
        taken_s=[1.7e9 + at for at in seconds],
        bytes=[holds(at) for at in seconds],
    )


def there(name: str, at: float = 1.0, what: str = "present") -> PodChange:
    """A pod appears, or goes."""
    return pod(at, what, name, f"uid-{name}")


def steady(_at: float) -> float:
    """40 MB, and no more."""
    return 40 * MB


def leaking(at: float) -> float:
    """1 MB a second more."""
    return (40 + at) * MB


def test_the_memory_is_that_of_pods_which_were_there_from_the_switch_to_the_way_back() -> None:
    """The old colour's pod ends soon after the switch, a new one comes late: of neither is anything missing."""
    pods = (there("new"), there("old"), there("old", 20.0, "deleted"), there("late", 30.0))
    read = (memory("new", steady), memory("old", leaking, until=20.0), memory("late", leaking, since=30.0))
    (found,) = judged(MEMORY, *read, pods=pods)
    assert (found.outcome.value, found.scope["of"]) == ("PASS", "us-east-1/new/user-service")


def test_a_candidate_that_leaks_fails() -> None:
    """What it held before the switch, or after the way back, is not counted."""
    (found,) = judged(MEMORY, memory("new", leaking), pods=(there("new"),))
    assert found.outcome.value == "FAIL"

    def outside(at: float) -> float:
        return leaking(at) if SWITCH <= at < BACK else 500 * MB

    (same,) = judged(MEMORY, memory("new", outside), pods=(there("new"),))
    assert same.value == pytest.approx(found.value)


def test_a_workload_without_a_pod_that_stayed_is_not_decided() -> None:
    """Its only pod went with the switch; what another rollout read does not count."""
    pods = (there("old"), there("old", 20.0, "deleted"))
    found = judged(MEMORY, memory("old", steady, until=20.0), memory("new", leaking, rollout="bad"), pods=pods)
    assert {one.outcome.value for one in found} == {"INCONCLUSIVE"}
    assert (
        found[-1].because.text
        == "no pod of us-east-1/user-service existed throughout the time from the switch to the rollback"
    )


def test_a_workload_is_read_in_each_namespace_where_its_pod_stayed() -> None:
    """Ready from the switch to the rollback in two regions, and read in one."""
    here = replace(there("new"), workload="user-service", ready=True)
    far = replace(here, name="far", namespace="eu-west-1", uid="far")
    other = replace(far, name="other", workload="web", uid="other")
    found = judged(MEMORY, memory("new", steady), pods=(here, far, other))
    assert [one.outcome.value for one in found] == ["PASS", "INCONCLUSIVE"]
    assert found[1].because.text == "the resident memory of eu-west-1/user-service was not read"


@pytest.mark.parametrize(
    ("members", "expected"), [(("pg-0",), "PASS"), (("pg-0", "pg-1"), "INCONCLUSIVE"), (("db",), "PASS")]
)
def test_the_queries_are_those_of_each_member_that_the_plan_names(members: tuple[str, ...], expected: str) -> None:
    """Of `pg-1` nothing was recorded; a database that was read by another name was read as one."""
    (found,) = judged(QUERIES, *reads(END, {WRITE: quick}), members=members)
    assert found.outcome.value == expected
    assert ("the statement statistics of pg-1 were not read" in found.reason) is (expected != "PASS")
