"""Memory and reports as triggers: taken back in time, not sooner, and never below the boundary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from harness.model import Evidence, Observation, WatchSource
from harness.model.planned.rollout import TakenBack
from tests.builders.recorder import ns
from tests.builders.rollout_runs import CANARY, NEW, OLD, evidence, history, judged, outcome, rollout_plan, rows, told

MEMORY = "the rollback starts within 4 s after 10 min of one new pod above 80 % of its limit"
QUIET = "no rollback starts after 8 min of one new pod above 80 % of its limit nor after 20 min at 75 %"
REPORT = "the rollback starts within 4 s after a critical report on the new release is recorded"
NO_REPORT = "no rollback starts after a minor report on the new release nor after a critical one on the old"
PLATFORM = rollout_plan(taken_back=TakenBack.BY_PLATFORM)
TOLD = "a notice with release, cause and time goes out within 2 min of every rollback"


def memory(begin: float, end: float, share: float, pod: str = "a", release: str = NEW) -> list[Observation]:
    """A reading a second."""
    readings = (
        told("rollout.memory", pod, begin + n, rollout="canary", release=release, share=share) for n in range(99)
    )
    return [one for one in readings if one.fields["at_ns"] < ns(end)]


def measured(begin: float, end: float, share: float, every: float = 3.0) -> list[Observation]:
    """A metrics API that measures every few seconds."""
    fields = {"rollout": "canary", "release": NEW, "share": share, "window_s": every}
    steps = range(round((end - begin) / every))
    return [told("rollout.memory", "a", begin + every * n, **fields) for n in steps]


def report(at: float, severity: str, release: str, *, accepted: bool = True) -> Observation:
    """One that the run sent."""
    return told("rollout.reported", "canary", at, severity=severity, release=release, accepted=accepted, why="")


def run(more: Iterable[Observation], back: float = 50.0, by: str = "platform") -> Evidence:
    """A canary at 25 % of the users from 25 s on, taken back at a time, with what was read beside its requests."""
    parts = CANARY[:3]
    lines = [*history(parts, back=back, by=by), *more]
    return evidence(rows(parts, back=back), lines, parts=parts, back=back)


@pytest.mark.parametrize(
    ("back", "expected"), [(36.5, "PASS"), (45.0, "FAIL"), (32.0, "INCONCLUSIVE")], ids=["in time", "late", "too early"]
)
def test_a_full_pod_takes_the_release_back(back: float, expected: str) -> None:
    """From 25 s on one of two pods is above 80 %: its window is full at 35 s, two seconds sooner at the earliest."""
    readings = [*memory(16, 25, 0.5), *memory(25, 55, 0.81), *memory(16, 55, 0.3, pod="b")]
    assert outcome(MEMORY, run(readings, back), PLATFORM) == expected


def test_exactly_at_the_limit_or_of_the_old_release_or_in_two_pods_in_turn_is_no_condition() -> None:
    """Above means above, of the new release, and one pod is one pod."""
    for readings in (
        memory(16, 55, 0.8),
        memory(16, 55, 0.95, release=OLD),
        [*memory(20, 26, 0.9), *memory(26, 32, 0.9, pod="b"), *memory(32, 38, 0.9, pod="c")],
    ):
        (measure,) = judged(MEMORY, run(readings, by="harness"), PLATFORM)
        assert measure.outcome.value == "INCONCLUSIVE"
        assert "never met" in measure.because.text


@pytest.mark.parametrize(
    ("back", "expected"),
    [(34.5, "PASS"), (35.5, "INCONCLUSIVE"), (42.5, "INCONCLUSIVE"), (43.5, "FAIL"), (30.5, "INCONCLUSIVE")],
)
def test_a_condition_began_at_any_time_since_the_measurement_before(back: float, expected: str) -> None:
    """Measured at 22 s and at 25 s, to the second: the window is full from 31 to 39 s, and 4 s are allowed."""
    readings = [*measured(16, 25, 0.5), *measured(25, 55, 0.81)]
    assert outcome(MEMORY, run(readings, back), PLATFORM) == expected


def test_a_metrics_api_that_repeats_its_last_value_says_nothing() -> None:
    """Measured at 25 s and 28 s, and then at 49 s only: for two windows it is known, and then it may have been anything."""
    readings = [*measured(16, 25, 0.5), *measured(25, 31, 0.9), *measured(49, 55, 0.9)]
    assert outcome(MEMORY, run(readings, by="harness"), PLATFORM) == "INCONCLUSIVE"
    every_time = [*measured(16, 25, 0.5), *measured(25, 55, 0.9)]
    assert outcome(MEMORY, run(every_time, by="harness"), PLATFORM) == "FAIL"


def test_below_its_boundary_the_memory_takes_nothing_back() -> None:
    """Eight seconds above and twenty at 75 %: both were there, nothing was taken back; else nothing is proven."""
    full = [*memory(12, 21, 0.85), *memory(21, 45, 0.75)]
    assert outcome(QUIET, run(full, by="hand")) == "PASS"
    assert outcome(QUIET, run(full, by="platform"), PLATFORM) == "FAIL"
    assert outcome(QUIET, run(memory(12, 45, 0.75), by="hand")) == "INCONCLUSIVE"


def test_a_release_that_did_not_stay_was_not_left_alone() -> None:
    """Nothing ended it in its time, so the harness did; or it is not recorded how it ended."""
    full = [*memory(12, 21, 0.85), *memory(21, 45, 0.75)]
    assert outcome(QUIET, run(full, by="harness")) == "INCONCLUSIVE"
    unended = run(full, by="hand")
    cut = tuple(one for one in unended.observations if one.kind not in ("rollout.back", "rollout.ended"))
    assert outcome(QUIET, replace(unended, observations=cut)) == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("back", "expected"), [(31.0, "PASS"), (36.0, "FAIL"), (29.0, "INCONCLUSIVE")], ids=["in time", "late", "too early"]
)
def test_a_critical_report_takes_the_release_back(back: float, expected: str) -> None:
    """It was recorded at 30 s."""
    assert outcome(REPORT, run([report(30, "critical", NEW)], back), PLATFORM) == expected


def test_other_reports_are_no_condition() -> None:
    """A minor one, one on the old release, one that was not taken."""
    for other in (report(30, "minor", NEW), report(30, "critical", OLD), report(30, "critical", NEW, accepted=False)):
        assert outcome(REPORT, run([other], 31.0), PLATFORM) == "INCONCLUSIVE"


def test_reports_that_must_take_nothing_back() -> None:
    """Both were recorded, and no critical one on the new release."""
    both = [report(26, "minor", NEW), report(26, "critical", OLD)]
    assert outcome(NO_REPORT, run(both, by="hand")) == "PASS"
    assert outcome(NO_REPORT, run(both, by="platform"), PLATFORM) == "FAIL"
    assert outcome(NO_REPORT, run(both[:1], by="hand")) == "INCONCLUSIVE"
    assert outcome(NO_REPORT, run([*both, report(27, "critical", NEW)], by="hand")) == "INCONCLUSIVE"


def notice(
    at: float,
    *,
    release: str = NEW,
    cause: str = "slow answers",
    status: str = "firing",
    own: str = "",
    since: float | None = None,
) -> Observation:
    """As a receiver has it; `own`: the alert's status, where it is not the notice's; `since`: when it began to fire."""
    annotations = {"summary": f"{release} is taken back", **({"description": cause} if cause else {})}
    alert = {
        "labels": {"release": release},
        "annotations": annotations,
        "status": own or status,
        "starts_ns": ns(at if since is None else since),
    }
    return told("notice.received", "receiver", at, number=1, status=status, alerts=[alert])


def bare(labels: dict[str, str], annotations: dict[str, str]) -> Observation:
    """A notice a second after the way back began, with these labels and texts."""
    alert = {"labels": labels, "annotations": annotations, "status": "firing", "starts_ns": ns(51)}
    return told("notice.received", "receiver", 51, number=1, status="firing", alerts=[alert])


def test_a_notice_of_a_rollback_names_the_release_and_says_why(subtests: pytest.Subtests) -> None:
    """An address is no cause, and neither is the text that names the release."""
    for labels, texts, expected in [
        ({"release": NEW}, {"summary": "error rate 7 % of answers"}, "PASS"),
        ({}, {"summary": f"Release {NEW}: rolled back", "description": "error rate 7 %"}, "PASS"),
        ({"version": f"v{NEW}"}, {"summary": "error rate 7 %"}, "PASS"),
        ({}, {"summary": f"Release {NEW}: rolled back"}, "FAIL"),
        ({}, {"summary": f"Release {NEW}-slow: rolled back", "description": "error rate 7 %"}, "FAIL"),
        ({"release": NEW}, {"runbook_url": "https://wiki.example.test/back", "dashboard": "/d/7"}, "FAIL"),
        ({"release": NEW}, {"summary": f"{NEW} rolled back", "runbook_url": "https://wiki.example.test/back"}, "FAIL"),
        ({"release": NEW}, {"summary": " "}, "FAIL"),
    ]:
        with subtests.test(labels=labels, texts=texts):
            watchers = {"notices": WatchSource(name="notices", spacing_ms=250, closed=True)}
            assert outcome(TOLD, replace(run([bare(labels, texts)], by="hand"), watchers=watchers)) == expected


def test_a_notice_without_a_cause_fails_when_the_limit_is_over_only() -> None:
    """The record ends before: one with a cause may have come later."""
    watchers = {"notices": WatchSource(name="notices", spacing_ms=250, closed=True)}
    recorded = replace(run([bare({"release": NEW}, {})], by="hand"), watchers=watchers)
    limit = TOLD.replace("2 min", "30 min")
    assert (outcome(TOLD, recorded), outcome(limit, recorded)) == ("FAIL", "INCONCLUSIVE")


def test_a_rollback_is_told(subtests: pytest.Subtests) -> None:
    """Two minutes are two seconds here; the way back began at 50 s."""
    for name, found, expected in [
        ("in time", [notice(51.9)], "PASS"),
        ("late", [notice(52.1)], "FAIL"),
        ("of another release", [notice(51, release=OLD)], "FAIL"),
        ("without a cause", [notice(51, cause="")], "FAIL"),
        ("that it is over", [notice(51, status="resolved")], "FAIL"),
        ("of an earlier time", [notice(40)], "FAIL"),
        ("of what fired before", [notice(51, since=12)], "FAIL"),
        ("that one of its alerts is over", [notice(51, own="resolved")], "FAIL"),
        ("just before it was seen", [notice(51, since=48.5)], "PASS"),
        ("none", [], "FAIL"),
    ]:
        with subtests.test(name):
            recorded = replace(
                run(found, by="hand"), watchers={"notices": WatchSource(name="notices", spacing_ms=250, closed=True)}
            )
            assert outcome(TOLD, recorded) == expected
            assert outcome(TOLD, replace(recorded, watchers={})) == "INCONCLUSIVE"
