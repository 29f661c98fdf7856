"""Containers that hang, and pods that turn unready: restarted in time, forgotten in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import (
    every,
    evidence,
    experiment,
    measures,
    ns,
    objective,
    observation,
    plan,
    pod,
    samples,
    table,
    window,
    with_words,
)

from harness.judgement import judge
from harness.model import (
    Evidence,
    FaultWindow,
    Figure,
    Hit,
    Measure,
    Op,
    Outcome,
    Phase,
    PodChange,
    ReasonKind,
    Table,
    WatchSource,
    fault_name,
)
from harness.model.records.table import PORTAL

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
OF = {"workload": "pages"}
HUNG = objective(Figure.RESTARTED, Op.BELOW, "45 s", experiments=("hung",), phase=Phase.FAULT, params=OF)
UNREADY = objective(Figure.LAST_REQUEST, Op.BELOW, "20 s", experiments=("unready",), phase=Phase.FAULT, params=OF)
HIT = Hit(kind="pod", name="pages-1", namespace="us-east-1", uid="u-1", workload="pages")
SENT = 100.0


def served(until: float, again: float = 200.0) -> Table:
    """Requests for the portal, three pods in turn; `pages-1` answers none of those between two moments: another does."""
    due = every(60, 200, 5.0)
    names = [f"pages-{turn % 3 + 1}" for turn in range(len(due))]
    gone = (due >= ns(until)) & (due < ns(again))
    pods = ["pages-2" if away and name == "pages-1" else name for name, away in zip(names, gone.tolist(), strict=True)]
    return table(PORTAL, len(due), due_ns=due, sent_ns=due, done_ns=due + 2_000_000, status=200, served_pod=pods)


def run(name: str, portal: Table, *changes: PodChange, hit: Hit = HIT, held: float = 60.0) -> Evidence:
    """A fault sent at 100 s, and put right at 160 s, or where the test says."""
    base = evidence()
    fault = FaultWindow(
        experiment=name,
        domain="container",
        sent_ns=ns(SENT),
        confirmed_ns=ns(SENT + 0.5),
        undone_ns=ns(SENT + held),
        gone_ns=ns(SENT + held + 1),
        held=True,
        hit=(hit,),
    )
    attempt = experiment(name, "container", SENT - 1, SENT + held + 2, fault=fault)
    watchers = {**base.watchers, "portal": WatchSource(name="portal", spacing_ms=200.0, closed=True)}
    back = pod(SENT + held + 1, "ready", "pages-1", "u-1")
    pods = (pod(1, "ready", "pages-1", "u-1"), *changes, back)
    return replace(base, experiments={name: (attempt,)}, pods=pods, recorded={PORTAL.name: portal}, watchers=watchers)


def judged(sentence: object, given: Evidence) -> Measure:
    """The one measure."""
    (found,) = measures(judge(plan({"R": sentence}), given))  # type: ignore[dict-item]
    return found


def test_an_answer_before_the_fault_was_confirmed_is_no_sign_that_it_did_not_hang() -> None:
    """One of 0.2 s after the fault was sent, which was in 0.3 s later; without a confirmation it counts."""
    given = run("hung", served(SENT + 0.4, 140), pod(136, "restarted", "pages-1", "u-1"))
    assert judged(HUNG, given).outcome is PASS
    (attempt,) = given.experiments["hung"]
    unconfirmed = replace(attempt, fault=replace(attempt.fault, confirmed_ns=0))
    assert judged(HUNG, replace(given, experiments={"hung": (unconfirmed,)})).outcome is INCONCLUSIVE


def test_one_that_is_restarted_late_or_not_at_all_fails() -> None:
    """After 50 s; or not in the minute that was watched."""
    late = judged(HUNG, run("hung", served(SENT), pod(150, "restarted", "pages-1", "u-1")))
    assert (late.outcome, late.value) == (FAIL, 50.0)
    never = judged(HUNG, run("hung", served(SENT)))
    assert (never.outcome, never.value) == (FAIL, None)
    assert "its container was not restarted in the 60 s of observation" in never.reason
    assert judged(HUNG, run("hung", served(SENT), held=30.0)).outcome is INCONCLUSIVE


@pytest.mark.parametrize(
    ("gap", "outcome"), [((140.0, 144.0), FAIL), ((143.0, 145.3), INCONCLUSIVE), ((145.1, 145.3), FAIL)]
)
def test_a_limit_between_two_readings_of_the_pods_is_not_decided(gap: tuple[float, float], outcome: Outcome) -> None:
    """A restart that is pushed has one moment; one of the list that is read after a gap may be as old as the gap, and 45 s lies in it."""
    given = run("hung", served(SENT, 150), pod(145.2, "restarted", "pages-1", "u-1"))
    from_ns, until_ns = map(ns, gap)
    blind = observation("watch.blind", "pods", gap[1], "watch", of="pods/us-east-1", from_ns=from_ns, until_ns=until_ns)
    found = judged(HUNG, replace(given, observations=(*given.observations, blind)))
    assert (found.outcome, found.value) == (outcome, 45.2)
    assert ("the restart was observed after a gap in the watch that began 43 s after the fault" in found.reason) is (
        outcome is INCONCLUSIVE
    )


def test_a_restart_of_another_pod_or_before_the_fault_is_none() -> None:
    """Only the pod that hung counts."""
    changes = (pod(90, "restarted", "pages-1", "u-1"), pod(120, "restarted", "pages-2", "u-2"))
    assert judged(HUNG, run("hung", served(SENT), *changes)).outcome is FAIL


@pytest.mark.parametrize(
    ("portal", "changes", "hit"),
    [
        (served(200), (pod(136, "restarted", "pages-1", "u-1"),), HIT),
        (served(0), (pod(136, "restarted", "pages-1", "u-1"),), HIT),
        (Table.empty(PORTAL), (pod(136, "restarted", "pages-1", "u-1"),), HIT),
        (served(SENT), (pod(120, "deleted", "pages-1", "u-1"),), HIT),
        (served(SENT), (pod(136, "restarted", "pages-1", "u-1"),), replace(HIT, workload="tracks")),
    ],
    ids=["still answers", "never answered", "was not asked", "deleted", "another workload"],
)
def test_what_did_not_hang_shows_nothing(portal: Table, changes: tuple[PodChange, ...], hit: Hit) -> None:
    """It answered on, was never seen, was taken away by a hand, or is of another workload."""
    assert judged(HUNG, run("hung", portal, *changes, hit=hit)).outcome is INCONCLUSIVE


def test_the_share_of_a_pod_counts_from_when_it_was_ready() -> None:
    """It was started again, and ready for 2 s when the fault came: a third of the answers since, not a thirtieth of those of 20 s."""
    portal = served(115.5)
    early = (portal.ints["due_ns"] < ns(98)) & portal.words["served_pod"].equals("pages-1")
    portal = with_words(portal, early, served_pod="pages-2")
    again = (pod(97.9, "ready", "pages-1", "u-1"), pod(115, "unready", "pages-1", "u-1"))
    assert judged(UNREADY, run("unready", portal, *again, held=35.0)).outcome is PASS
    assert judged(UNREADY, run("unready", portal, again[1], held=35.0)).outcome is INCONCLUSIVE


@pytest.mark.parametrize(("until", "outcome"), [(122, INCONCLUSIVE), (135, FAIL), (115, PASS)])
def test_a_starved_machine_is_late_by_seconds(until: float, outcome: Outcome) -> None:
    """Two seconds too late proves nothing there, 15 do; in time is in time."""
    given = run("unready", served(until))
    late = np.full(len(given.probes), 80_000_000)
    ints = {**given.probes.ints, "sent_ns": given.probes.ints["sent_ns"] + late}
    ints["done_ns"] = ints["done_ns"] + late
    starved = replace(given, probes=replace(given.probes, ints=ints))
    (found,) = measures(judge(plan({"R": UNREADY}, environment="sandbox"), starved))
    assert found.outcome is outcome


def test_requests_after_it_is_ready_again_are_in_order() -> None:
    """The cluster holds it ready from 150 s on."""
    changes = (pod(115, "unready", "pages-1", "u-1"), pod(150, "ready", "pages-1", "u-1"))
    assert judged(UNREADY, run("unready", served(115, 150.2), *changes)).outcome is PASS
    early = (pod(115, "unready", "pages-1", "u-1"), pod(121, "ready", "pages-1", "u-1"))
    assert judged(UNREADY, run("unready", served(115, 121.2), *early)).outcome is INCONCLUSIVE


def test_a_watch_with_a_gap_or_without_an_end_shows_nothing() -> None:
    """Nothing was asked for 5 s; the watcher of the portal, or of the pods, did not complete."""
    portal = served(115)
    due = portal.ints["due_ns"]
    gap = portal.where(~((due >= ns(125)) & (due < ns(130))))
    assert judged(UNREADY, run("unready", gap)).outcome is INCONCLUSIVE
    whole = run("unready", portal)
    for name in ("portal", "pods"):
        torn = {**whole.watchers, name: replace(whole.watchers[name], closed=False)}
        assert judged(UNREADY, replace(whole, watchers=torn)).outcome is INCONCLUSIVE
    assert judged(UNREADY, whole).outcome is PASS
    assert np.count_nonzero(portal.words["served_pod"].equals("pages-1"))


def test_a_portal_that_was_not_watched_is_the_reason() -> None:
    """And so is a pod that answered none of its requests before the fault."""
    whole = run("unready", served(115))
    torn = {**whole.watchers, "portal": replace(whole.watchers["portal"], closed=False)}
    found = judged(UNREADY, replace(whole, watchers=torn))
    assert (found.because.kind, found.reason.partition(". Not decided: ")[2]) == (
        ReasonKind.WATCH,
        "the watcher 'portal': its file is incomplete: the writer did not close it",
    )
    silent = judged(UNREADY, run("unready", served(61, 61)))
    assert silent.because.kind is not ReasonKind.HARNESS
    never = judged(UNREADY, run("unready", served(0, 115)))
    assert never.reason.endswith(
        ". Not decided: pages-1 answered no request to the portal before the fault, expected at least one"
    )


def test_a_restart_under_the_next_attempt_is_none_of_the_one_before() -> None:
    """Not started again in the minute of the first attempt, after 36 s of the second, 110 s later: the first one fails all the same."""
    given, later = run("hung", served(SENT)), ns(110) - ns(0)
    (one,) = given.experiments["hung"]
    times = ("sent_ns", "confirmed_ns", "undone_ns", "gone_ns")
    fault = replace(one.fault, **{each: getattr(one.fault, each) + later for each in times})
    spans = {each: getattr(one, each) + later for each in ("observed_from_ns", "observed_until_ns")}
    restore = replace(one.restore, at_ns=(one.restore.at_ns or 0) + later)
    two = replace(one, attempt=2, fault=fault, restore=restore, **spans)
    first = served(SENT).between("sent_ns", 0, ns(170))
    second = served(SENT, 140)
    second = replace(second, ints={name: column + later * name.endswith("_ns") for name, column in second.ints.items()})
    under = [
        replace(window(samples(at, at + 60), at, at + 60, "hung"), name=fault_name("hung", number))
        for number, at in ((1, 100), (2, 210))
    ]
    both = replace(
        given,
        windows={**given.windows, **{each.name: each for each in under}},
        experiments={"hung": (one, two)},
        recorded={PORTAL.name: Table.merged(PORTAL, [first, second])},
        pods=(*given.pods, pod(246, "restarted", "pages-1", "u-1"), pod(271, "ready", "pages-1", "u-1")),
    )
    found = {each.scope.get("attempt"): each for each in measures(judge(plan({"R": HUNG}), both))}
    assert {number: (each.outcome, each.value) for number, each in found.items()} == {
        None: (PASS, 36.0),
        "1": (FAIL, None),
    }
