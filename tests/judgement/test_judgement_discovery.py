"""How soon a new pod is asked, and how long a killed one still is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import evidence, first_request, measures, node, ns, plan, pod, with_experiment, with_words

from harness.judgement import judge
from harness.model import Evidence, Hit, Measure, Objective, Outcome, WatchSource

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
KEY = "experiment:pod-loss/fault"


def judged(run: Evidence | None = None, objective: Objective | None = None) -> list[Measure]:
    """The measures of the objective: new pods, then killed ones."""
    return measures(judge(plan({"R": objective or first_request()}), run or evidence()))


def served(*spans: tuple[float, float, str], until: float = 100) -> Evidence:
    """The run whose requests under the pod's loss were served by these pods, else by another one."""
    base = evidence()
    under = base.windows[KEY]
    rows = with_words(under.samples, slice(None), served_pod="track-other")
    sent = rows.ints["sent_ns"]
    for start, end, name in spans:
        rows = with_words(rows, (sent >= ns(start)) & (sent < ns(end)), served_pod=name)
    changed = replace(under, samples=rows.between("intended_ns", ns(60), ns(until)), end_ns=ns(until))
    alone = {"pod-loss": (replace(base.experiments["pod-loss"][0], observed_until_ns=ns(until)),)}
    windows = {"everyday/fault-free": base.windows["everyday/fault-free"], KEY: changed}
    pods = (*base.pods, pod(1, "ready", "track-other", "u-other"))
    return replace(base, windows=windows, experiments=alone, pods=pods)


@pytest.mark.parametrize(
    ("first", "until", "outcome"),
    [(82.0, 100, PASS), (83.1, 100, FAIL), (99.99, 84, FAIL), (99.99, 82, INCONCLUSIVE)],
)
def test_a_new_pod_is_asked_within_the_limit_or_fails_once_watched_so_long(
    first: float, until: float, outcome: Outcome
) -> None:
    """Ready at 73 s: 82 s is in time, 83.1 s is not, and 82 s is too short a watch to tell."""
    run = served((70, 71.4, "track-old"), (first, 100, "track-new"), until=until)
    under = run.windows[KEY]
    cut = replace(under, samples=under.samples.between("intended_ns", ns(60), ns(until)))
    kept = {**run.windows, KEY: cut}
    kept["everyday/fault-free"] = replace(
        kept["everyday/fault-free"],
        samples=with_words(kept["everyday/fault-free"].samples, [0], served_pod="track-new"),
    )
    new = judged(replace(run, windows=kept))[0]
    assert new.outcome is outcome


@pytest.mark.parametrize(("last", "outcome"), [(81.4, PASS), (81.6, FAIL)])
def test_a_killed_pod_is_asked_no_later_than_its_limit(last: float, outcome: Outcome) -> None:
    """Killed at 71.5 s, limit 10 s."""
    killed = judged(served((70, last, "track-old"), (last, 100, "track-new")))[1]
    assert killed.outcome is outcome


def test_a_killed_pod_that_was_never_asked_again_passes_once_watched_for_the_limit() -> None:
    """And is inconclusive before."""
    assert judged(served((75, 100, "track-new")))[1].reason == (
        "track-old last answered a request sent 0 s after it was killed, in 28.5 s of observation, "
        "and 0 of 1850 requests on its routes after the limit found no pod, expected within 10 s"
    )
    short = judged(served((73.5, 100, "track-new"), until=80))[1]
    assert short.outcome is INCONCLUSIVE
    assert (
        short.hint
        == "let the traffic run for at least 10 s after the pod changed, with more requests per second, then run again"
    )


def test_without_a_limit_of_its_own_a_killed_pod_has_that_of_the_sentence() -> None:
    """3 s against 3.49 s."""
    assert judged(objective=first_request("3 s", times={}))[1].outcome is FAIL


def test_other_pods_and_later_changes_do_not_count() -> None:
    """Unready is not ready, another workload was not hit, a pod seen before is not new."""
    base = evidence()
    other = replace(pod(74, "ready", "gateway-1", "u-gw"), workload="gateway")
    more = (
        *base.pods,
        pod(74, "unready", "track-x", "u-x"),
        other,
        pod(75, "ready", "track-new", "u-new"),
        pod(101, "ready", "t", "u-t"),
    )
    assert [m.scope["pod"] for m in judged(replace(base, pods=more))] == ["track-new", "track-old"]


def test_a_hit_without_workload_is_known_by_the_watcher() -> None:
    """The fault's probe named the pod only; a node that was hit is no pod."""
    base = evidence()
    attempt = base.experiments["pod-loss"][0]
    hits = (replace(attempt.fault.hit[0], workload=""), Hit(kind="node", name="us-east-1a"))
    run = with_experiment([replace(attempt, fault=replace(attempt.fault, hit=hits))])
    run = replace(run, nodes=(*run.nodes, node(71.5, "unready")))
    assert [m.outcome for m in judged(run)] == [PASS, PASS]


def test_a_deletion_that_was_not_seen_is_dated_by_the_fault() -> None:
    """Confirmed at 72 s; sent at 71 s where not even that is known."""
    base = evidence()
    unseen = replace(base, pods=(base.pods[0], base.pods[2]))
    assert judged(unseen)[1].value == 2.9905
    attempt = base.experiments["pod-loss"][0]
    bare = with_experiment([replace(attempt, fault=replace(attempt.fault, confirmed_ns=None))], unseen)
    assert (judged(bare)[1].value, judged(bare)[1].outcome) == (3.9905, INCONCLUSIVE)


def test_fault_watch_and_load_are_needed() -> None:
    """Each missing one is said."""
    base = evidence()
    assert judged(replace(base, watchers={}))[0].reason.endswith("Not decided: the watcher 'pods' wrote no record")
    cut = {"pods": WatchSource(name="pods", spacing_ms=0, closed=False)}
    assert judged(replace(base, watchers=cut))[0].reason.endswith(
        "Not decided: the watcher 'pods': it did not complete"
    )
    workers = replace(base.windows[KEY], workers=())
    assert (
        "only 0 of 1 workers wrote a record" in judged(replace(base, windows={**base.windows, KEY: workers}))[0].reason
    )


def test_an_unsent_fault_counts_from_the_start_of_the_watch() -> None:
    """And is inconclusive for want of a fault."""
    base = evidence()
    attempt = base.experiments["pod-loss"][0]
    run = with_experiment([replace(attempt, fault=replace(attempt.fault, sent_ns=None))])
    assert {m.outcome for m in judged(run)} == {INCONCLUSIVE}
    assert np.isfinite(judged(run)[0].value or 0)


def test_pods_of_one_name_are_told_apart_by_their_time() -> None:
    """A StatefulSet's next pod has the name of the last: what that one answers is not the killed one's, nor the other way round."""
    base = served((60, 71.4, "track-0"), (74, 100, "track-0"))
    attempt = base.experiments["pod-loss"][0]
    hit = replace(attempt.fault.hit[0], name="track-0")
    run = replace(
        base,
        experiments={"pod-loss": (replace(attempt, fault=replace(attempt.fault, hit=(hit,))),)},
        pods=(
            pod(1, "ready", "track-0", attempt.fault.hit[0].uid),
            pod(1, "ready", "track-other", "u-other"),
            pod(1, "ready", "track-old", "u-mate"),
            pod(71.5, "deleted", "track-0", attempt.fault.hit[0].uid),
            pod(73, "ready", "track-0", "u-next"),
        ),
    )
    new, killed = judged(run)
    assert (new.outcome, killed.outcome) == (PASS, INCONCLUSIVE)  # few requests would have gone to it
    assert new.value is not None
    assert killed.value is not None
    assert 1 < new.value < 1.1
    assert killed.value < 1


def test_without_record_there_is_no_figure() -> None:
    """No experiment planned, none run, no traffic under it."""
    base = evidence()
    (none,) = judged(objective=first_request(experiments=()))
    assert none.reason == "no experiment of the kinds in this sentence was planned"
    (bare,) = judged(replace(base, experiments={}))
    assert bare.reason == "no traffic during the experiment pod-loss was recorded"
    (idle,) = judged(replace(base, windows={"everyday/fault-free": base.windows["everyday/fault-free"]}))
    assert idle.outcome is INCONCLUSIVE
