"""The chaos reports of known truth, and properties: what is cut off or left out of a report never makes it pass, and what gets worse never makes it better."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import Outcome
from tests.builders.chaos_reports import writers as w
from tests.builders.chaos_reports.case import BROKEN, HOLDS, VIOLATED, ChaosCase, body_of
from tests.builders.chaos_reports.cases import chaos_cases
from tests.builders.chaos_reports.judged import judged_case
from tests.builders.load_cases import Truth
from tests.builders.load_trial import judged_chaos

CASES = chaos_cases()
EXPECTED = {HOLDS: Outcome.PASS, VIOLATED: Outcome.FAIL, BROKEN: Outcome.INCONCLUSIVE}
SOUND = {
    "chaostoolkit": ("journal.json", w.journal()),
    "litmus": ("result.yaml", w.chaos_result()),
    "krkn": ("telemetry.json", w.telemetry()),
    "chaos-mesh": ("objects.yaml", w.mesh()),
    "argo-analysis": ("analysis.yaml", w.analysis_run()),
}
"""A report of each tool that passes."""
NEEDED = {
    "chaostoolkit": [
        "chaoslib-version", "deviated", "start", "end", "status", "run", "rollbacks", "experiment", "experiment/method",
        "experiment/steady-state-hypothesis", "steady_states", "steady_states/after", "steady_states/after/steady_state_met",
        "steady_states/after/probes", "steady_states/after/probes/0/status", "steady_states/after/probes/0/start",
        "steady_states/after/probes/1/tolerance_met", "steady_states/after/probes/1/end", "run/0/status", "run/0/start", "run/0/end", "run/0/activity",
        "run/0/activity/type", "run/0/activity/provider", "rollbacks/0/status", "rollbacks/0/start", "rollbacks/0/end",
    ],
    "litmus": [
        "apiVersion", "kind", "metadata", "metadata/creationTimestamp", "status", "status/experimentStatus",
        "status/experimentStatus/phase", "status/experimentStatus/verdict", "status/history",
        "status/history/targets", "status/history/targets/0/chaosStatus", "status/probeStatuses",
        "status/probeStatuses/0/mode", "status/probeStatuses/0/status", "status/probeStatuses/1/status/verdict",
    ],
    "krkn": [
        "telemetry/scenarios", "telemetry/timestamp", "telemetry/health_checks", "telemetry/health_checks/0/status",
        "telemetry/health_checks/0/start_timestamp", "telemetry/health_checks/0/end_timestamp",
        "telemetry/scenarios/0/start_timestamp", "telemetry/scenarios/0/end_timestamp", "telemetry/scenarios/0/exit_status",
        "telemetry/scenarios/0/affected_pods", "telemetry/scenarios/0/affected_pods/recovered",
        "telemetry/scenarios/0/affected_pods/recovered/0/total_recovery_time",
    ],
    "chaos-mesh": [
        "0", "1", "0/apiVersion", "0/kind", "0/metadata", "0/spec/duration", "0/status", "0/status/conditions",
        "0/status/experiment", "0/status/experiment/desiredPhase", "0/status/experiment/containerRecords",
        "0/status/experiment/containerRecords/0/phase", "0/status/experiment/containerRecords/0/injectedCount",
        "0/status/experiment/containerRecords/0/recoveredCount", "0/status/experiment/containerRecords/0/events",
        "1/status/conditions", "1/status/conditions/1", "1/status/records", "1/status/count", "1/status/records/3/startTime",
    ],
    "argo-analysis": [
        "apiVersion", "kind", "metadata", "spec", "spec/metrics", "status", "status/phase", "status/startedAt",
        "status/metricResults", "status/metricResults/0", "status/metricResults/0/phase", "status/metricResults/0/count",
        "status/metricResults/0/successful", "status/metricResults/0/measurements",
        "status/metricResults/1/measurements/0/phase", "status/metricResults/1/measurements/0/finishedAt",
    ],
}  # fmt: skip
"""Keys without which the report does not say all."""
_WORSE: Mapping[Any, list[Any]] = {
    True: [False, None], False: [True], "succeeded": ["failed", "interrupted"], "completed": ["aborted", "paused", ""],
    "Passed": ["Failed", "N/A", "Awaited", ""], "Pass": ["Fail", "Stopped", "Error", ""], "Completed": ["Running", "Stopped", ""],
    "reverted": ["injected", "lost", ""], "Successful": ["Failed", "Error", "Inconclusive", "Running", ""], "True": ["False", "Unknown"],
    "Success": ["Failure", "?"], "Succeeded": ["Failed"], "Not Injected": ["Injected", "Injected/*"], "Stop": ["Run", ""], "200": ["500"],
}  # fmt: skip
"""Words and values of the tools, and what is worse or at least no better."""

_ODD: list[Any] = [None, {}, [], [[]], [None], {"a": {}}, "", "x", "-1", 0, 5, -0.5, 1e300, 10**30, True]
"""Values of every type."""


def judged(directory: Path, kind: str, body: bytes) -> Outcome:
    """What a report of one file comes to."""
    return judged_case(directory, ChaosCase(kind=kind, what="", files={SOUND[kind][0]: body}, truth=BROKEN))[0]


def leaves(report: Any, way: str = "") -> Iterator[tuple[str, Any]]:
    """Each key and item of a report, and its value."""
    found = report.items() if isinstance(report, dict) else enumerate(report) if isinstance(report, list) else ()
    for key, value in found:
        if "/" in str(key):
            continue
        yield f"{way}{key}", value
        yield from leaves(value, f"{way}{key}/")


def test_a_report_comes_to_what_is_true_of_it_and_says_why(subtests: pytest.Subtests) -> None:
    """What it does not say decides nothing, and the cause is named first."""
    for case in CASES:
        with subtests.test(f"{case.kind}, {case.what}"), tempfile.TemporaryDirectory() as directory:
            found, reason = judged_case(Path(directory), case)
            assert found is EXPECTED[case.truth], reason
            assert re.search(case.cause, reason), reason


def test_there_are_at_least_60_and_20_of_every_tool() -> None:
    """Ones that pass, ones that fail, and many that decide nothing."""
    number = Counter(case.kind for case in CASES)
    assert len(CASES) >= 60
    assert {*number} == {*SOUND}
    assert min(number.values()) >= 20
    for kind in SOUND:
        assert {case.truth for case in CASES if case.kind == kind} == {*Truth}
    assert all(case.cause for case in CASES if case.truth is BROKEN)


def test_a_report_without_a_key_that_it_needs_does_not_pass(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Nothing is taken for granted that is not there; nor does it fail."""
    for kind, (name, report) in SOUND.items():
        for key in NEEDED[kind]:
            with subtests.test(kind=kind, key=key):
                assert judged(tmp_path, kind, body_of(name, w.changed(report, {key: w.DROP}))) is Outcome.INCONCLUSIVE


@given(data=st.data())
def test_a_report_that_is_cut_passes_only_with_all_that_it_needs(data: st.DataObject) -> None:
    """A cut report is refused, or it is YAML that ends after a line and still has every key that is needed; it never fails."""
    kind = data.draw(st.sampled_from([*SOUND]))
    name, report = SOUND[kind]
    body = body_of(name, report)
    cut = body[: data.draw(st.integers(0, len(body) - 2))]
    with tempfile.TemporaryDirectory() as directory:
        found = judged(Path(directory), kind, cut)
    assert found is not Outcome.FAIL
    if found is Outcome.PASS:
        assert name.endswith("yaml")
        assert cut.endswith(b"\n")
        assert all(key.encode() in cut for way in NEEDED[kind] for key in way.split("/")[-1:] if not key.isdigit())


@pytest.mark.parametrize("kind", SOUND)
def test_no_word_of_a_tool_may_be_another(tmp_path: Path, kind: str) -> None:
    """Each state, phase, verdict, condition, outcome and result of a sound report is read: with a worse or unknown one it does not pass."""
    name, report = SOUND[kind]
    passed = [
        (way, word)
        for way, value in leaves(report)
        for word in _words_for(value)
        if judged(tmp_path, kind, body_of(name, w.changed(report, {way: word}))) is Outcome.PASS
    ]
    assert passed == []


@given(data=st.data())
def test_a_report_that_gets_worse_never_gets_better(data: st.DataObject) -> None:
    """Words become worse, counts 0 or other, lists empty, keys are lost: a report that does not pass any more does not pass again."""
    kind = data.draw(st.sampled_from([*SOUND]))
    name, report = SOUND[kind]
    ways = data.draw(st.lists(st.sampled_from([*leaves(report)]), min_size=1, max_size=4, unique_by=lambda one: one[0]))
    kept = [one for one in ways if not any(other is not one and one[0].startswith(f"{other[0]}/") for other in ways)]
    passes, edits = True, dict[str, Any]()
    for way, value in sorted(kept, key=lambda one: one[0], reverse=True):  # items of a list from the last on
        edits[way] = data.draw(st.sampled_from([*_worse(value)]))
        with tempfile.TemporaryDirectory() as directory:
            found = judged(Path(directory), kind, body_of(name, w.changed(report, edits))) is Outcome.PASS
        assert passes or not found, edits
        passes = found


@given(data=st.data())
def test_a_value_of_another_type_is_refused_in_words_or_passed_over(data: st.DataObject) -> None:
    """Whatever is in its place, there is no error but one with a place; a report does not fail by it."""
    kind = data.draw(st.sampled_from([*SOUND]))
    name, report = SOUND[kind]
    way, _ = data.draw(st.sampled_from([*leaves(report)]))
    odd = data.draw(st.sampled_from(_ODD))
    with tempfile.TemporaryDirectory() as directory:
        found = judged(Path(directory), kind, body_of(name, w.changed(report, {way: odd})))
    assert found in (Outcome.PASS, Outcome.INCONCLUSIVE)


def _words_for(value: Any) -> list[Any]:
    return _WORSE[value] if isinstance(value, str | bool) and value in _WORSE else []


def _worse(value: Any) -> Iterator[Any]:
    yield w.DROP
    yield from _words_for(value)
    if isinstance(value, list | dict):
        yield type(value)()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (0, -1)


@pytest.mark.slow
def test_a_run_passes_nothing_wrongly_and_fails_nothing_wrongly(tmp_path: Path) -> None:
    """All of them by `readiness run`; all that can be decided are, and each cause is in the reason."""
    found = judged_chaos(tmp_path, CASES)
    assert [(one.case.kind, one.case.what, one.wrong) for one in found if one.wrong] == []
    assert [one.case.what for one in found if one.truth is not BROKEN and one.verdict == "INCONCLUSIVE"] == []
