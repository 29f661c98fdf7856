"""What a fault left behind, and what a killed pod still cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judgement_builders import (
    SPANS,
    evidence,
    experiment,
    failing,
    first_request,
    measures,
    ns,
    observation,
    plan,
    pod,
    recovery,
    samples,
    with_experiment,
    with_words,
)

from harness.judgement import judge
from harness.judgement.sightings import Later
from harness.model import Evidence, Measure, Outcome, Restore, Steady

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
POD = experiment("pod-loss", *SPANS["pod-loss"])
DATABASE = experiment("database-loss", *SPANS["database-loss"])
GONE = Restore(
    ok=False, at_ns=ns(105), why="Deployment us-east-1/track has 4 of 5 replicas ready", missing=("track-old",)
)
KEY = "experiment:pod-loss/fault"


PASS, FAIL, INCONCLUSIVE, NOT_ASSESSED = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NOT_ASSESSED


def discovery(run: Evidence, limit: str = "10 s") -> list[Measure]:
    """The measures of the sentence about new and killed pods."""
    return measures(judge(plan({"R": first_request(limit)}), run))


def recovered(name: str, run: Evidence, **fields: Any) -> Mapping[str, Measure]:
    """The measures of a recovery, by name."""
    return {m.name: m for m in measures(judge(plan({"R": recovery("30 s", name, **fields)}), run))}


def test_pods_that_do_not_come_back_fail_the_sentence_that_speaks_of_pods() -> None:
    """And the recovery, which speaks of users, is not known."""
    run = with_experiment([replace(POD, restore=GONE)])
    gone = discovery(run)[0]
    assert (gone.name, gone.outcome, gone.value) == ("came back", FAIL, 1)
    assert gone.reason == (
        "pod-loss: 1 parts of the target were not restored in time: track-old (Deployment us-east-1/track has 4 of 5 replicas ready)"
    )
    assert "came back" not in recovered("pod-loss", run)
    assert recovered("pod-loss", run)["recovery of reads"].outcome is INCONCLUSIVE


def test_members_that_do_not_come_back_fail_the_recovery() -> None:
    """Of every other domain; a restore of which nothing is known to be missing fails nothing."""
    run = with_experiment([replace(DATABASE, restore=replace(GONE, missing=("pg-0",)))])
    assert recovered("database-loss", run)["came back"].outcome is FAIL
    vague = with_experiment([replace(DATABASE, restore=replace(GONE, missing=()))])
    assert "came back" not in recovered("database-loss", vague)


def test_a_target_that_was_never_steady_does_not_tell_what_the_last_fault_left_behind() -> None:
    """A release that refuses every tenth read all the time fails its error rate, and not the recovery from a fault that changed nothing."""
    refusing = "reads: 47 of 50 requests of the last 5 s succeeded"
    start, end = (Steady(ok=False, at_ns=ns(at), why=refusing) for at in (0, 219))
    last = recovered("region-loss", replace(evidence(), steady_start=start, steady_end=end))["steady at the end"]
    assert last.outcome is INCONCLUSIVE
    assert last.reason.endswith(f"it was not steady before the first fault either: {refusing}")


@pytest.mark.parametrize(("at", "outcome"), [(60, INCONCLUSIVE), (150, FAIL)])
def test_a_target_that_is_unsteady_before_any_fault_does_not_tell_what_the_last_fault_left_behind(
    at: float, outcome: Outcome
) -> None:
    """It was steady by chance when the load began; an experiment was then not run, before the first fault (71.5 s). After a fault, that fault may be why."""
    refusing = "reads: 40 of 50 requests of the last 5 s succeeded"
    seen = observation("steady", "node-loss", at, "run", ok=False, why=refusing)
    end = Steady(ok=False, at_ns=ns(219), why=refusing)
    last = recovered("region-loss", replace(evidence(), observations=(seen,), steady_end=end))["steady at the end"]
    assert last.outcome is outcome
    assert ("before the first fault either" in last.reason) is (outcome is INCONCLUSIVE)


def stale(share: float, until: float = 100) -> Evidence:
    """After the pod's death at 71.5 s a share of the requests of its routes finds nobody."""
    base = evidence()
    rows = samples(60, 110)
    rows = with_words(rows, slice(None), served_pod="track-new")
    due = rows.ints["intended_ns"]
    at = (due >= ns(71.5)) & (due < ns(until)) & (np.arange(len(rows)) % 100 < 100 * share)
    hurt = failing(with_words(rows, at, served_pod=None, served_region=None), at, status=502, error="status 502")
    return replace(base, windows={**base.windows, KEY: replace(base.windows[KEY], samples=hurt)})


@pytest.mark.parametrize(
    ("share", "until", "outcome"), [(0.4, 100, FAIL), (0.02, 100, FAIL), (0.4, 81, PASS), (0, 100, PASS)]
)
def test_requests_that_find_nobody_later_than_the_limit_show_that_a_dead_pod_is_still_asked(
    share: float, until: float, outcome: Outcome
) -> None:
    """Killed at 71.5 s, limit 10 s: until then they may."""
    killed = discovery(stale(share, until))[-1]
    assert (killed.name, killed.outcome) == ("last request of a killed pod", outcome)
    if outcome is FAIL:
        assert "requests on its routes after the limit found no pod, the last of them after 27" in killed.reason


def test_a_killed_pod_that_few_requests_would_have_gone_to_is_inconclusive() -> None:
    """It gave one answer in a thousand: their absence may be chance."""
    base = evidence()
    quiet = base.windows["everyday/fault-free"]
    rows = with_words(quiet.samples, slice(5, None), served_pod="track-new")
    killed = discovery(replace(base, windows={**base.windows, quiet.name: replace(quiet, samples=rows)}))[-1]
    assert killed.outcome is INCONCLUSIVE
    assert "of these requests would have gone to the killed pod" in killed.reason


def test_a_killed_pod_that_was_too_young_for_a_share_of_its_own_has_an_equal_one() -> None:
    """It was made during the fault before, after the last quiet window: its mates' answers tell how many it would have got."""
    base = evidence()
    quiet = base.windows["everyday/fault-free"]
    rows = with_words(quiet.samples, slice(None), served_pod="track-mate")
    pods = (pod(0, "ready", "track-mate", "u-mate"), pod(71.4, "ready", "track-old", "u-old"), *base.pods)
    pods = tuple(
        sorted(
            (one for one in pods if not (one.name == "track-old" and one.at_ns < ns(71.4))), key=lambda one: one.at_ns
        )
    )
    run = replace(base, pods=pods, windows={**base.windows, quiet.name: replace(quiet, samples=rows)})
    assert discovery(run)[-1].outcome is PASS


def thin(first: float) -> Evidence:
    """The workload answers once in five seconds; the new pod, ready at 73 s, answers first at `first`."""
    base = evidence()
    rows = with_words(samples(70, 100), slice(None), served_pod=None)
    due = rows.ints["intended_ns"]
    some = np.arange(len(rows)) % 500 == 0
    rows = with_words(rows, some, served_pod="track-old")
    rows = with_words(rows, (due >= ns(first)) & some, served_pod="track-new")
    others = {k: w for k, w in base.windows.items() if k in {"everyday/fault-free", KEY}}
    windows = {**others, KEY: replace(base.windows[KEY], samples=rows)}
    return replace(base, windows=windows, experiments={"pod-loss": (POD,)})


def test_a_new_pod_that_few_requests_were_to_be_expected_of_does_not_fail() -> None:
    """Poisson: of two requests in ten seconds none is no wonder."""
    new = discovery(thin(90))[0]
    assert new.outcome is INCONCLUSIVE
    assert "requests to this pod were expected in that time" in new.reason


def test_chance_is_that_of_as_many_failures_where_they_come_as_often_as_before(subtests: pytest.Subtests) -> None:
    """Of a thousand requests before and a thousand after."""
    for failed, before, likely in [(0, 0, True), (1, 0, True), (8, 0, False), (8, 8, True), (40, 8, False)]:
        with subtests.test(failed=failed, before=before):
            later = Later(n_before=1000, failed_before=before, n=1000, failed=failed, expected=100)
            assert (later.chance > 0.05) is likely


def test_a_killed_pod_whose_routes_are_not_known_is_not_assessed() -> None:
    """Nobody named itself before the fault."""
    base = evidence()
    quiet = base.windows["everyday/fault-free"]
    mute = replace(quiet, samples=with_words(quiet.samples, slice(None), served_pod=None))
    killed = discovery(replace(base, windows={**base.windows, quiet.name: mute}))[-1]
    assert killed.outcome is NOT_ASSESSED
    assert "no answer before the fault shows which routes track-old served" in killed.reason
