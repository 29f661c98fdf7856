"""What was seen of pods and metrics during a rollout: what passes, and what each defect turns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from harness.model import Evidence, Observation, PodChange, WatchSource
from tests.builders.recorder import ns
from tests.builders.rollout_runs import BACK, END, NEW, OLD, evidence, history, judged, outcome, told

HEALTH = "the health of every pod was read with no gap over 10 s through the whole rollout"
DEPLOYED = "every ready pod runs this release after the switch and no metric has a gap over 30 s"
PLACES = ("us-east-1", "eu-west-1")


def change(what: str, at: float, place: str, pod: str) -> PodChange:
    """What became of a pod of track-service."""
    ready = what == "ready" or (what == "present" or None)
    uid, workload = f"{place}-{pod}", "track-service"
    return PodChange(
        at_ns=ns(at), what=what, name=pod, namespace=place, uid=uid, workload=workload, region=place, ready=ready
    )


def pods() -> tuple[PodChange, ...]:
    """An old pod in each region until 50 s, a new one from 12 s until the way back and a second more, an old one again from 59 s."""
    found = []
    for place in PLACES:
        found += [change("present", 0.0, place, "old"), change("ready", 12.0, place, "new")]
        found += [change("deleted", 50.0, place, "old"), change("deleted", BACK + 1, place, "new")]
        found.append(change("ready", 59.0, place, "again"))
    return tuple(found)


def reads(
    place: str,
    pod: str,
    start: float,
    end: float,
    *,
    asked_every: float = 1.0,
    read_every: float = 1.0,
    release: str = OLD,
) -> Iterable[Observation]:
    """A pod that counts an answer on its health every so often, read every so often."""
    at = start
    while at <= end:
        count = int((at - start) / asked_every) + 1
        fields = {"namespace": place, "uid": f"{place}-{pod}", "workload": "track-service", "health": float(count)}
        yield told("pod.read", pod, at, rollout="canary", asked_ns=ns(at - 0.01), release=release, why="", **fields)
        at += read_every


def all_reads(**of_new: Any) -> list[Observation]:
    """Those of every pod; what is given holds for the new one of us-east-1."""
    found: list[Observation] = []
    for place in PLACES:
        own = of_new if place == "us-east-1" else {}
        found += [*reads(place, "old", 9.5, 50.0), *reads(place, "new", 12.0, BACK + 1, **{"release": NEW, **own})]
        found += reads(place, "again", 59.0, END)
    return found


def samples(until: float = END, *, late: float = 0.0) -> list[Observation]:
    """Prometheus asked every 15 s: a sample a second of two metrics of each region; `late` s without one of one, from 20 s on."""
    found = []
    for place in PLACES:
        last = 8.0
        for at in (9.5, 24.5, 39.5, 54.5, END + 0.5):
            first, metrics = last, {}
            last = min(at - 0.5, until)
            for name in ("http_requests_total", "process_start_time_seconds"):
                missing = late and name.startswith("http") and place == "us-east-1" and first < 20 + late and last > 20
                if missing:
                    if first >= 20 and last <= 20 + late:
                        continue
                    begin, end = (first, 20.0) if first < 20 else (20 + late, last)
                else:
                    begin, end = first, last
                gap = {"gap_ns": ns(1.0), "gap_from_ns": ns(begin)}
                metrics[name] = {"first_ns": ns(begin), "last_ns": ns(end), **gap}
            found.append(told("series.read", f"{place}/track-service", at, rollout="canary", metrics=metrics, why=""))
    return found


def run(*observed: Iterable[Observation], changes: tuple[PodChange, ...] | None = None, **cut: Any) -> Evidence:
    """A healthy canary, and what was read of its pods and metrics."""
    base = evidence(**cut)
    more = tuple(one for each in (observed or (all_reads(), samples())) for one in each)
    watchers = {"pods": WatchSource(name="pods", spacing_ms=0.0, closed=True)}
    return replace(
        base, observations=(*base.observations, *more), pods=pods() if changes is None else changes, watchers=watchers
    )


def test_a_pod_that_is_asked_once_a_minute_fails() -> None:
    """The release whose readiness is read every 60 s: the counter of its pod stands still."""
    (found,) = judged(HEALTH, run(all_reads(asked_every=60.0)))
    assert found.outcome.value == "FAIL"
    assert "(us-east-1/new, one of " in found.because.text
    assert (found.low or 0) > 40


def test_what_the_run_itself_did_not_read_is_unknown() -> None:
    """The pod may have been asked meanwhile, or not: its counter was read every 15 s only."""
    (found,) = judged(HEALTH, run(all_reads(read_every=15.0)))
    assert found.outcome.value == "INCONCLUSIVE"


@pytest.mark.parametrize("keep", ["nothing", "the other pods"])
def test_pods_that_were_never_read_are_unknown(keep: str) -> None:
    """No history at all, or none of one pod."""
    mine = [one for one in all_reads() if keep != "nothing" and one.fields["uid"] != "us-east-1-new"]
    assert outcome(HEALTH, run(mine)) == "INCONCLUSIVE"


def test_a_container_that_was_started_again_counts_from_nothing() -> None:
    """A counter that fell was raised since."""
    mine = all_reads()
    for one in mine:
        if one.fields["uid"] == "us-east-1-new" and one.fields["at_ns"] > ns(30):
            one.fields["health"] -= 18.0  # type: ignore[index]
    assert outcome(HEALTH, run(mine)) == "PASS"


def test_one_workload_on_the_old_image_fails() -> None:
    """Its ready pod names the old release in its answers."""
    found = judged(DEPLOYED, run(all_reads(release=OLD), samples()))
    failed = [one for one in found if one.outcome.value == "FAIL"]
    assert [one.scope["of"] for one in failed] == ["us-east-1/track-service"]
    assert (
        "1 of 1 ready pods did not run 1.1.0 before the rollback, for example new ran 1.0.0" in failed[0].because.text
    )


def test_an_object_that_nothing_of_the_candidate_changes_is_judged() -> None:
    """It was left as it was, and its pods run the old release."""
    base = run(all_reads(release=OLD), samples())
    for one in base.observations:
        if one.kind == "rollout.started":
            one.fields["objects"] = one.fields["objects"][1:]  # type: ignore[index]
            one.fields["unchanged"] = ["Rollout us-east-1/track-service"]  # type: ignore[index]
    assert "FAIL" in outcome(DEPLOYED, base)


def test_pods_that_do_not_say_their_release_are_unknown() -> None:
    """No header in their answers."""
    assert outcome(DEPLOYED, run(all_reads(release=""), samples())) == "PASS INCONCLUSIVE"


def test_a_rollout_that_was_taken_back_before_its_switch_tells_nothing_of_pods() -> None:
    """Metrics are judged."""
    short = run(back=30.0)
    assert outcome(DEPLOYED, short) == "INCONCLUSIVE PASS"
    assert history(back=30.0)


@pytest.mark.parametrize(("late", "expected"), [(29.0, "PASS"), (31.0, "PASS FAIL")])
def test_a_metric_without_samples_for_longer_than_the_limit_fails(late: float, expected: str) -> None:
    """From 20 s on; the other metric of the workload goes on."""
    found = " ".join(
        dict.fromkeys(sorted(outcome(DEPLOYED, run(all_reads(), samples(late=late))).split(), reverse=True))
    )
    assert found == expected
    if "FAIL" in expected:
        (bad,) = (one for one in judged(DEPLOYED, run(all_reads(), samples(late=late))) if one.outcome.value == "FAIL")
        assert (
            "the longest time without a sample was 31 s (http_requests_total, one of 2 metrics, from 10 s after the rollout began)"
            in bad.because.text
        )


def test_metrics_that_end_before_the_rollout_does_fail() -> None:
    """No later sample closes the gap."""
    assert "FAIL" in outcome(DEPLOYED, run(all_reads(), samples(until=35.0)))


def test_what_prometheus_did_not_answer_is_no_pass() -> None:
    """One reading failed, or none was made to the end."""
    failed = told("series.read", "", 30.0, rollout="canary", metrics={}, why="Prometheus gave no answer")
    assert outcome(DEPLOYED, run(all_reads(), [*samples(), failed])) == "PASS INCONCLUSIVE"
    assert outcome(DEPLOYED, run(all_reads(), [one for one in samples() if one.fields["at_ns"] < ns(60)])) != "PASS"
    assert outcome(DEPLOYED, run(all_reads(), [])) == "PASS INCONCLUSIVE"


def test_a_region_of_which_nothing_was_read_is_not_left_out() -> None:
    """Its pods were ready and not asked; or no pod of it, and no sample, was recorded at all."""

    def here(lines: Iterable[Observation]) -> list[Observation]:
        return [one for one in lines if one.fields.get("namespace", PLACES[0]) == PLACES[0]]

    ours = tuple(one for one in pods() if one.namespace == PLACES[0])
    assert outcome(HEALTH, run(here(all_reads()), samples())) == "INCONCLUSIVE"
    found = {one.scope["of"]: one.outcome.value for one in judged(HEALTH, run(here(all_reads()), changes=ours))}
    assert found == {"track-service": "PASS", "eu-west-1/track-service": "INCONCLUSIVE"}
    sampled = [one for one in samples() if one.subject.startswith(PLACES[0])]
    found = {one.scope["of"]: one.outcome.value for one in judged(DEPLOYED, run(all_reads(), sampled))}
    assert found["metrics of eu-west-1/track-service"] == "INCONCLUSIVE"
    assert found["metrics of us-east-1/track-service"] == "PASS"


def test_a_workload_that_its_metrics_name_otherwise_than_its_object_is_no_gap() -> None:
    """The label of the metrics is `tracks`."""
    other = [replace(one, subject=one.subject.replace("track-service", "tracks")) for one in samples()]
    found = {one.scope["of"]: one.outcome.value for one in judged(DEPLOYED, run(all_reads(), other))}
    assert set(found.values()) == {"PASS"}
    assert {one for one in found if one.startswith("metrics")} == {f"metrics of {place}/tracks" for place in PLACES}
