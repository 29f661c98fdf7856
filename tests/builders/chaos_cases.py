"""Chaos reports of known truth: sound ones, ones whose probes failed, and ones that do not say all; each with the cause that must be named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from tests.builders import chaos_writers as w
from tests.builders.chaos_writers import DAY, DROP, EPOCH
from tests.builders.load_cases import COMMIT, Truth

FAULT = "at least 1 reported fault went in, came out and none of its probes failed, younger than 7 d"
ANALYSIS = "at least 1 reported analysis run ended and none of its metrics failed, younger than 7 d"
AS_OF = date(2025, 2, 21)
"""The day at whose end the reports are judged."""
HOLDS, VIOLATED, BROKEN = Truth.HOLDS, Truth.VIOLATED, Truth.BROKEN
_Edits = Mapping[str, Any]
_Row = tuple[str, Truth, str, _Edits]
"""What is the matter, what is true, the words that the reason must have, and what is changed in a sound report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChaosCase:
    """One report.

    Attributes:
        kind: tool. what: what is the matter with it. files: by name. truth: what is true of the sentence.
        cause: words that the reason must have; empty: any. keys: further keys of the target file.
        origin: what the file beside says besides the commit. sentence: about the report; empty: the usual of the tool.
        of: what the report must be of.
    """

    kind: str
    what: str
    files: Mapping[str, bytes]
    truth: Truth
    cause: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    sentence: str = ""
    of: str = "commit"

    @property
    def then(self) -> str:
        """The sentence."""
        return self.sentence or (ANALYSIS if self.kind == "argo-analysis" else FAULT)


def chaos_cases() -> tuple[ChaosCase, ...]:
    """Every case, in a fixed order."""
    return (
        *_of("chaostoolkit", "journal.json", w.journal(), (*_JOURNALS, *_JOURNAL_PROBES, *_JOURNAL_ENDS)),
        *_several_journals(),
        *_of("litmus", "result.yaml", w.chaos_result(), (*_RESULTS, *_RESULT_PROBES)),
        *_of("krkn", "telemetry.json", w.telemetry(), (*_TELEMETRIES, *_TELEMETRY_CHECKS)),
        *_of("chaos-mesh", "objects.yaml", w.mesh(), (*_FAULTS, *_STATUS_CHECKS)),
        *_of_workflows(),
        *_of("argo-analysis", "analysis.yaml", w.analysis_run(), (*_ANALYSES, *_MEASUREMENTS)),
        *_everywhere(),
    )


def _body(name: str, report: Any) -> bytes:
    return w.as_json(report) if name.endswith("json") else w.as_yaml(report)


def _of(kind: str, name: str, sound: Any, rows: tuple[_Row, ...]) -> Iterator[ChaosCase]:
    for what, truth, cause, edits in rows:
        more = {key: edits[key] for key in ("keys", "origin", "sentence") if key in edits}
        report = w.changed(sound, {key: value for key, value in edits.items() if key not in more})
        yield ChaosCase(kind=kind, what=what, files={name: _body(name, report)}, truth=truth, cause=cause, **more)


_MET = "steady_states/after/steady_state_met"
_LAST = "steady_states/after/probes/1/tolerance_met"
_DEVIATED: _Edits = {_MET: False, _LAST: False, "deviated": True}
_PROCESS: _Edits = {"run/0/activity/provider": w.PROCESS, "experiment/method/0/provider": w.PROCESS}
_HTTP = {"type": "http", "url": "http://faults.example.test"}
_NO_ROLLBACK: _Edits = {"experiment/rollbacks": [], "rollbacks": []}
_KILLED: _Edits = {"keys": {"nothing_to_undo": ["Orders go on without a pod"]}}
_JOURNALS: tuple[_Row, ...] = (
    ("passed", HOLDS, "", {}),
    ("passed, of a process", HOLDS, "", {**_PROCESS, "run/0/output": {"status": 0, "stdout": "", "stderr": ""}}),
    ("passed, without an output", HOLDS, "", {"run/0/output": None}),
    ("passed, times without a zone", HOLDS, "", {
        "start": f"{DAY}30:00.0", "end": f"{DAY}31:00.0", "run/0/start": f"{DAY}30:10.0", "run/0/end": f"{DAY}30:10.1",
        "run/1/start": f"{DAY}30:11.0", "run/1/end": f"{DAY}30:11.1",
        "rollbacks/0/start": f"{DAY}30:30.0", "rollbacks/0/end": f"{DAY}30:30.1",
        "steady_states/after/probes/0/start": f"{DAY}30:20.0", "steady_states/after/probes/1/start": f"{DAY}30:21.0",
    }),
    ("passed, checked all the time", HOLDS, "", {"steady_states/during": [w.state(2), w.state(12)]}),
    ("passed, a kill that is declared", HOLDS, "", {**_NO_ROLLBACK, **_KILLED}),
    ("deviated", VIOLATED, "not in its tolerance", _DEVIATED),
    ("deviated, a probe without an answer", VIOLATED, "not in its tolerance", {
        **_DEVIATED, "status": "failed", "steady_states/after/probes/1/status": "failed", "rollbacks": [],
    }),
    ("deviated while the fault was in", VIOLATED, "not in its tolerance", {"steady_states/during": [w.state(12, met=False)]}),
    ("an action failed", BROKEN, "`lose a pod` failed", {"run/0/status": "failed"}),
    ("an action failed, and the steady state deviated", BROKEN, "`lose a pod` failed", {**_DEVIATED, "run/0/status": "failed"}),
    ("a process failed", BROKEN, "exit status 3", {**_PROCESS, "run/0/output": {"status": 3, "stdout": "", "stderr": "no"}}),
    ("a process without an exit status", BROKEN, "no exit status", {**_PROCESS, "run/0/output": None}),
    ("a request was refused", BROKEN, "HTTP status 403", {
        "run/0/activity/provider": _HTTP, "experiment/method/0/provider": _HTTP, "run/0/output": {"status": 403},
    }),
    ("no target was selected", BROKEN, "hit nothing", {"run/0/output": []}),
    ("no target was selected, as an object", BROKEN, "hit nothing", {"run/0/output": {"terminated": [], "count": 0}}),
    ("the action says no", BROKEN, "hit nothing", {"run/0/output": False}),
    ("the only action waits", BROKEN, "only wait", {
        "run/0/activity/provider": {"type": "python", "module": "time", "func": "sleep"},
    }),
    ("nothing was run", BROKEN, "0 of 2 activities", {"run": []}),
    ("the method is empty", BROKEN, "no action was run", {"run": [], "experiment/method": []}),
    ("only a probe was run", BROKEN, "no action was run", {"run/0": DROP, "experiment/method/0": DROP}),
    ("half of the method was run", BROKEN, "1 of 2 activities", {"run/1": DROP}),
    ("another method was run", BROKEN, "other activities", {"run/0/activity/name": "look"}),
    ("an unknown provider", BROKEN, "`rpc`, which is not known", {"run/0/activity/provider/type": "rpc"}),
    ("a dry run", BROKEN, "dry run", {"experiment/dry": "activities"}),
    ("a dry run of the pauses", BROKEN, "dry run", {"experiment/dry": "pause"}),
    ("a dry action", BROKEN, "dry run", {"run/0/activity/dry": "actions"}),
)  # fmt: skip
_JOURNAL_PROBES: tuple[_Row, ...] = (
    ("no steady state", BROKEN, "has no probe", {
        "steady_states/before": None, "steady_states/after": None, "experiment/steady-state-hypothesis": DROP,
    }),
    ("checked only before", BROKEN, "only before the fault", {"steady_states/after": None}),
    ("checked again, and before the fault", BROKEN, "only before the fault", {
        "steady_states/after": None, "steady_states/during": [w.state(2)],
    }),
    ("not steady before", BROKEN, "not met before the fault", {
        "steady_states/before": w.state(0, met=False), "steady_states/after": None, "run": [], "rollbacks": [],
    }),
    ("half of the probes", BROKEN, "1 of 2 probes", {"steady_states/after/probes/1": DROP}),
    ("no probe was read", BROKEN, "no result|has no probe", {"steady_states/after/probes": []}),
    ("the result is missing", BROKEN, "no result", {_MET: DROP}),
    ("met, and a probe is not", BROKEN, "`prices are shown` is not", {_LAST: False}),
    ("met, and a probe failed", BROKEN, "`prices are shown` is not", {"steady_states/after/probes/1/status": "failed"}),
    ("met, and a probe has no result", BROKEN, "`prices are shown` is not", {_LAST: DROP}),
    ("deviated, and the steady state was met", BROKEN, "`deviated` is true", {"deviated": True}),
    ("not met, and not deviated", BROKEN, "`deviated` is false", {_MET: False, _LAST: False}),
    ("the steady state is of another run", BROKEN, "read before it", {"steady_states/after": w.state(1)}),
    ("a probe of the method failed", BROKEN, "could not be read|`count pods` failed", {"run/1/status": "failed"}),
    ("a deviation before the fault", BROKEN, "not met before the first action", {
        "steady_states/during": [w.state(2, met=False)],
    }),
)  # fmt: skip
_JOURNAL_ENDS: tuple[_Row, ...] = (
    ("interrupted", BROKEN, "was interrupted", {"status": "interrupted", "rollbacks": []}),
    ("aborted", BROKEN, "was aborted", {"status": "aborted"}),
    ("interrupted after it deviated", BROKEN, "was interrupted", {**_DEVIATED, "status": "interrupted"}),
    ("an unknown status", BROKEN, "`mostly` is not known", {"status": "mostly"}),
    ("no status", BROKEN, "no status", {"status": None}),
    ("failed, and no probe did", BROKEN, "no steady state was missed", {"status": "failed"}),
    ("no end", BROKEN, "does not say when it began and ended", {"end": DROP}),
    ("ended before it began", BROKEN, "does not say when it began and ended", {"end": f"{DAY}00:00+00:00"}),
    ("an action without an end", BROKEN, "does not say when `lose a pod`", {"run/0/end": DROP}),
    ("an action without a result", BROKEN, "`lose a pod`: no status", {"run/0/status": DROP}),
    ("an action of another day", BROKEN, "outside of the run", {"run/0/start": "2025-02-19T09:30:10+00:00"}),
    ("the rollback failed", BROKEN, "`give it back` failed", {"rollbacks/0/status": "failed"}),
    ("the rollback was not run", BROKEN, "rollbacks were not run", {"rollbacks": []}),
    ("half of the rollbacks", BROKEN, "1 of 2 rollbacks", {
        "experiment/rollbacks": [w.activity("action", one, w.BACK, 30, None)["activity"] for one in ("give it back", "more")],
    }),
    ("a rollback of another run", BROKEN, "did not run after the fault", {
        "rollbacks/0/start": f"{DAY}30:01+00:00", "rollbacks/0/end": f"{DAY}30:02+00:00",
    }),
    ("the rollback only looks", BROKEN, "undo nothing", {"rollbacks/0/activity/type": "probe"}),
    ("no rollback", BROKEN, "nothing_to_undo", _NO_ROLLBACK),
    ("a kill, and no probe after it", BROKEN, "no probe passed after", {
        **_NO_ROLLBACK, **_KILLED, "steady_states/after": None, "steady_states/during": [w.state(12)],
    }),
    ("a kill by another name", BROKEN, "not there: another", {**_NO_ROLLBACK, "keys": {"nothing_to_undo": ["another"]}}),
    ("of chaoslib 2", BROKEN, "chaoslib `2.0.0`", {"chaoslib-version": "2.0.0"}),
    ("no version", BROKEN, "chaoslib-version", {"chaoslib-version": DROP}),
    ("a decimal comma", BROKEN, "is not a time", {"end": "2025-02-20 09.31,5"}),
    ("`deviated` in words", BROKEN, "deviated", {"deviated": "no"}),
)  # fmt: skip


def _several_journals() -> Iterator[ChaosCase]:
    """Reports of two files."""
    one, other = w.journal(), w.changed(w.journal(), {"experiment/title": "Orders go on without a zone"})
    two = FAULT.replace("1 reported fault", "2 reported faults").replace("its", "their")

    def case(what: str, truth: Truth, cause: str, second: Any, sentence: str = "") -> ChaosCase:
        files = {"a.json": w.as_json(one), "b.json": w.as_json(second)}
        return ChaosCase(kind="chaostoolkit", what=what, files=files, truth=truth, cause=cause, sentence=sentence)

    yield case("two passed", HOLDS, "", other, two)
    yield case("three were asked for", BROKEN, "2 of 2", other, two.replace("2", "3", 1))
    yield case("one of two deviated", VIOLATED, "not in its tolerance", w.changed(other, _DEVIATED))
    yield case("one of two was interrupted", BROKEN, "was interrupted", w.changed(other, {"status": "interrupted"}))
    yield case("one run twice", BROKEN, "count twice", w.changed(one, {"node": "another"}))
    yield case("one file twice", BROKEN, "same contents", one)


_TARGETS = "status/history/targets"
_PROBES = "status/probeStatuses"
_RESULT = "status/experimentStatus"
_POD = {"name": "checkout-1", "kind": "pod"}


def _targets(*states: str) -> list[dict[str, str]]:
    return [{**_POD, "name": f"checkout-{number}", "chaosStatus": one} for number, one in enumerate(states)]


def _failed(verdict: str = "Fail", share: str = "50", mode: str = "EOT") -> dict[str, Any]:
    return {
        _RESULT: {"phase": "Completed_With_Probe_Failure", "verdict": verdict, "probeSuccessPercentage": share},
        f"{_PROBES}/1": w.probe_of_litmus("prices", mode, "Failed"),
        "status/history/failedRuns": 1,
    }


_RESULTS: tuple[_Row, ...] = (
    ("passed", HOLDS, "", {}),
    ("passed, two targets", HOLDS, "", {_TARGETS: _targets("reverted", "Reverted")}),
    ("passed, a disk that was detached", HOLDS, "", {_TARGETS: _targets("re-attached")}),
    ("passed, a pod was killed", HOLDS, "", {_TARGETS: _targets("targeted")}),
    ("passed, a pod was killed and the probe is of the edge", HOLDS, "", {
        _TARGETS: _targets("targeted"), _PROBES: [w.probe_of_litmus("orders", "Edge")],
    }),
    ("passed, dated by the file beside it", HOLDS, "", {
        "metadata/creationTimestamp": "2024-11-01T00:00:00Z", "origin": {"created": "2025-02-20T10:00:00Z"},
    }),
    ("a probe failed", VIOLATED, "`prices`", _failed()),
    ("a probe failed in an older version", VIOLATED, "`prices`", {**_failed(), f"{_RESULT}/phase": "Completed"}),
    ("a probe failed and a pod was killed", VIOLATED, "`prices`", {**_failed(mode="OnChaos"), _TARGETS: _targets("targeted")}),
    ("no target was hit", BROKEN, "no target was hit", {_TARGETS: []}),
    ("no history", BROKEN, "no target was hit", {"status/history": DROP}),
    ("a target is still hit", BROKEN, "`checkout-1` is injected", {_TARGETS: _targets("reverted", "injected")}),
    ("a target is gone", BROKEN, "is noLongerExist", {_TARGETS: _targets("noLongerExist")}),
    ("a target in an unknown state", BROKEN, "`dazed` is not known", {_TARGETS: _targets("dazed")}),
    ("awaited", BROKEN, "`Awaited`", {_RESULT: {
        "phase": "Running", "verdict": "Awaited", "probeSuccessPercentage": "Awaited",
    }}),
    ("stopped", BROKEN, "`Stopped`", {_RESULT: {"phase": "Stopped", "verdict": "Stopped", "probeSuccessPercentage": "100"}}),
    ("stopped, and a probe failed", BROKEN, "`Stopped`", {**_failed("Stopped"), f"{_RESULT}/phase": "Stopped"}),
    ("an error", BROKEN, "helper pod", {_RESULT: {
        "phase": "Error", "verdict": "Error", "probeSuccessPercentage": "0", "errorOutput": {"reason": "no helper pod"},
    }}),
    ("an unknown verdict", BROKEN, "`Passed`", {f"{_RESULT}/verdict": "Passed"}),
    ("no verdict", BROKEN, "no verdict", {f"{_RESULT}/verdict": DROP}),
    ("passed, and still running", BROKEN, "in the phase `Running`", {f"{_RESULT}/phase": "Running"}),
    ("passed, and it has an error", BROKEN, "with the error: timeout", {f"{_RESULT}/errorOutput": {"reason": "timeout"}}),
    ("passed, and no run did", BROKEN, "has no such run", {"status/history/passedRuns": 0}),
    ("failed without a failed probe", BROKEN, "no probe failed: the app is not ready", {
        _RESULT: {"phase": "Completed", "verdict": "Fail", "probeSuccessPercentage": "100", "failStep": "the app is not ready"},
        "status/history/failedRuns": 1,
    }),
    ("of an unknown version", BROKEN, "litmuschaos.io/v2", {"apiVersion": "litmuschaos.io/v2"}),
    ("a ChaosEngine", BROKEN, "`ChaosEngine`", {"kind": "ChaosEngine"}),
    ("created after the date beside it", BROKEN, "dated before it began", {"origin": {"created": "2025-02-19T00:00:00Z"}}),
)  # fmt: skip
_RESULT_PROBES: tuple[_Row, ...] = (
    ("no probe, and a share of 100", BROKEN, "has no probe", {_PROBES: []}),
    ("no list of probes", BROKEN, "has no probe", {_PROBES: DROP}),
    ("probed only before", BROKEN, "only before the fault", {_PROBES: [w.probe_of_litmus("orders", "SOT")]}),
    ("the probe of the edge was not read after it", BROKEN, "verdict `Awaited`", {
        _PROBES: [w.probe_of_litmus("orders", "Edge", "Awaited")],
    }),
    ("a probe was not run", BROKEN, "verdict `N/A`", {f"{_PROBES}/1": w.probe_of_litmus("prices", "EOT", "N/A")}),
    ("an unknown mode", BROKEN, "`Sometimes` is not known", {f"{_PROBES}/0/mode": "Sometimes"}),
    ("an unknown verdict of a probe", BROKEN, "verdict `Okay`", {f"{_PROBES}/0/status/verdict": "Okay"}),
    ("a share of 100 and a failed probe", BROKEN, "1 of 2 probes passed", {**_failed(share="100")}),
    ("passed, and a probe failed", BROKEN, "1 of 2 probes passed", {f"{_PROBES}/1/status/verdict": "Failed"}),
    ("a probe failed before the fault", BROKEN, "verdict `Failed`", {**_failed(mode="SOT")}),
    ("a probe failed, and nothing was hit", BROKEN, "no target was hit", {**_failed(), _TARGETS: []}),
    ("a decimal comma", BROKEN, "`99,9`", {f"{_RESULT}/probeSuccessPercentage": "99,9"}),
    ("a kill, probed only while it ran", BROKEN, "no probe passed after", {
        _TARGETS: _targets("targeted"), _PROBES: [w.probe_of_litmus("orders", "OnChaos")],
    }),
    ("probes as Litmus 1 writes them", BROKEN, "has no probe", {
        _PROBES: DROP, "status/probeStatus": [{"name": "orders", "status": {"PreChaos": "Passed"}}],
    }),
)  # fmt: skip


_SCENARIO = "telemetry/scenarios/0"
_PODS = f"{_SCENARIO}/affected_pods"
_NODES = f"{_SCENARIO}/affected_nodes"
_CHECKS = "telemetry/health_checks"
_NO_PODS: _Edits = {f"{_PODS}/recovered": []}
_NODE = {
    "node_name": "node-1", "node_id": "i-1", "not_ready_time": 12.0, "ready_time": 40.0, "stopped_time": 0,
    "running_time": 0, "terminating_time": 0,
}  # fmt: skip
_LOST: _Edits = {f"{_PODS}/unrecovered": [{"pod_name": "checkout-3", "namespace": "shop"}]}
_TELEMETRIES: tuple[_Row, ...] = (
    ("passed", HOLDS, "", {}),
    ("passed, a node", HOLDS, "", {**_NO_PODS, _NODES: [_NODE]}),
    ("passed, on a clock of another zone", HOLDS, "", {_CHECKS: [{
        **w.health_check("30:01", "31:20"), "start_timestamp": "2025-02-20T15:00:01.5", "end_timestamp": "2025-02-20T15:01:20.5",
    }]}),
    ("passed, without `job_status`", HOLDS, "", {"telemetry/job_status": DROP}),
    ("a pod did not come back", VIOLATED, "checkout-3", {**_LOST, f"{_SCENARIO}/exit_status": 1}),
    ("the health check failed", VIOLATED, "health", {_CHECKS: [
        w.health_check("30:01", "30:12"), w.health_check("30:14", "30:20", good=False), w.health_check("30:22", "31:20"),
    ]}),
    ("no affected pod, and a score of 100", BROKEN, "no affected pod", _NO_PODS),
    ("no list of pods", BROKEN, "no affected pod", {_PODS: DROP}),
    ("no scenario", BROKEN, "0 of 0", {"telemetry/scenarios": []}),
    ("failed", BROKEN, "`exit_status` 1", {f"{_SCENARIO}/exit_status": 1}),
    ("an unknown exit status", BROKEN, "`exit_status` 7", {f"{_SCENARIO}/exit_status": 7}),
    ("no exit status", BROKEN, "exit_status", {f"{_SCENARIO}/exit_status": DROP}),
    ("no end", BROKEN, "does not say when", {f"{_SCENARIO}/end_timestamp": 0}),
    ("ended before it began", BROKEN, "does not say when", {f"{_SCENARIO}/end_timestamp": EPOCH}),
    ("exit status 0, and a pod is lost", BROKEN, "`exit_status` is 0", _LOST),
    ("a pod without a time", BROKEN, "no time is given", {f"{_PODS}/recovered/0/total_recovery_time": None}),
    ("the pods could not be watched", BROKEN, "could not watch", {f"{_PODS}/error": "forbidden"}),
    ("a node that did not come back", BROKEN, "not reported as ready", {**_NO_PODS, _NODES: [{**_NODE, "ready_time": 0}]}),
    ("a node of which nothing was measured", BROKEN, "nothing was measured", {**_NO_PODS, _NODES: [{
        **_NODE, "not_ready_time": 0, "ready_time": 0,
    }]}),
    ("a pod twice", BROKEN, "came back twice", {f"{_PODS}/recovered": [w.affected_pod("a"), w.affected_pod("a")]}),
    ("a decimal comma", BROKEN, "affected_pods", {f"{_PODS}/recovered/0/total_recovery_time": "8,5"}),
)  # fmt: skip
_TELEMETRY_CHECKS: tuple[_Row, ...] = (
    ("no health check", BROKEN, "no health check", {_CHECKS: None}),
    ("no health check, and SLOs that passed", BROKEN, "no health check", {
        _CHECKS: None, "telemetry/overall_resiliency_report": {"resiliency_score": 100, "passed_slos": 9, "total_slos": 9},
    }),
    ("an empty list of checks", BROKEN, "no health check", {_CHECKS: []}),
    ("checked only before", BROKEN, "no health check was made since", {_CHECKS: [w.health_check("30:01", "30:05")]}),
    ("a check failed before the fault", BROKEN, "no health check was made since", {_CHECKS: [
        w.health_check("30:01", "30:05", good=False),
    ]}),
    ("the run has no start", BROKEN, "no health check was made since", {"telemetry/timestamp": DROP}),
    ("the checks are of another day", BROKEN, "no health check was made since", {_CHECKS: [{
        **w.health_check("30:01", "31:20"), "start_timestamp": "2025-02-18T09:30:01", "end_timestamp": "2025-02-18T09:31:20",
    }]}),
    ("good, with status 503", BROKEN, "status `503`", {f"{_CHECKS}/0/status_code": "503"}),
    ("a check that ends before it begins", BROKEN, "ends before it begins", {f"{_CHECKS}/0/end_timestamp": f"{DAY}29:00"}),
    ("alerts fired", BROKEN, "`job_status` is false", {"telemetry/job_status": False}),
    ("alerts fired afterwards", BROKEN, "alerts fired after", {"critical_alerts": {
        "chaos_alerts": [], "post_chaos_alerts": [{"alertname": "Down", "severity": "critical"}],
    }}),
    ("an SLO failed, and the score is 100", BROKEN, "8 of 9 SLOs", {
        "telemetry/overall_resiliency_report": {"resiliency_score": 100, "passed_slos": 8, "total_slos": 9},
    }),
    ("the result of a check in words", BROKEN, "status", {f"{_CHECKS}/0/status": "yes"}),
)  # fmt: skip


_FAULT = "0/status/experiment"
_RECORD = f"{_FAULT}/containerRecords/0"
_CONDITIONS = "0/status/conditions"
_CHECK = "1/status"
_KILL: _Edits = {"0": w.pod_kill()}
_FAILING = w.status_check("30:00 30:20 30:40 31:20")["status"]
_FAULTS: tuple[_Row, ...] = (
    ("passed", HOLDS, "", {}),
    ("passed, a pod was killed", HOLDS, "", _KILL),
    ("passed, hit at the second attempt", HOLDS, "", {f"{_RECORD}/events": [
        w.mesh_event("Apply", "30:09", "Failed"), w.mesh_event("Apply", "30:10"), w.mesh_event("Recover", "31:10"),
    ]}),
    ("no target was selected", BROKEN, "selected no target", {
        f"{_FAULT}/containerRecords": DROP, f"{_CONDITIONS}/0/status": "False", f"{_CONDITIONS}/2/status": "False",
    }),
    ("no target, and all recovered", BROKEN, "selected no target", {f"{_FAULT}/containerRecords": []}),
    ("never injected, and all recovered", BROKEN, "was not hit", {
        f"{_RECORD}/injectedCount": 0, f"{_RECORD}/recoveredCount": 0, f"{_RECORD}/events": [w.mesh_event("Apply", "30:10", "Failed")],
    }),
    ("all injected, and the count is 0", BROKEN, "`injectedCount` is 0|was not hit", {
        f"{_CONDITIONS}/1/status": "True", f"{_RECORD}/injectedCount": 0, f"{_RECORD}/recoveredCount": 0,
        f"{_RECORD}/phase": "Injected", f"{_RECORD}/events": [],
    }),
    ("still injected", BROKEN, "AllRecovered is not true", {
        f"{_CONDITIONS}/1/status": "True", f"{_CONDITIONS}/2/status": "False", f"{_RECORD}/phase": "Injected",
        f"{_RECORD}/recoveredCount": 0, f"{_RECORD}/events": [w.mesh_event("Apply", "30:10")], f"{_FAULT}/desiredPhase": "Run",
    }),
    ("the recovery failed", BROKEN, "Injected/Failed", {
        f"{_CONDITIONS}/2/status": "False", f"{_RECORD}/phase": "Injected/Failed", f"{_RECORD}/recoveredCount": 0,
        f"{_RECORD}/events": [w.mesh_event("Apply", "30:10"), w.mesh_event("Recover", "31:10", "Failed")],
    }),
    ("all recovered, and a target is injected", BROKEN, "a target is Injected", {f"{_RECORD}/phase": "Injected"}),
    ("recovered more often than injected", BROKEN, "injected 1 times and recovered 2", {f"{_RECORD}/recoveredCount": 2}),
    ("recovered before it was hit", BROKEN, "before it was hit", {f"{_RECORD}/events/1/timestamp": f"{DAY}30:01Z"}),
    ("no times", BROKEN, "does not say when it ended", {f"{_RECORD}/events": DROP}),
    ("paused", BROKEN, "was paused", {f"{_CONDITIONS}/3/status": "True"}),
    ("deleted", BROKEN, "was deleted", {"0/metadata/deletionTimestamp": f"{DAY}31:09Z"}),
    ("without a duration", BROKEN, "no `duration`", {"0/spec/duration": DROP}),
    ("an unknown phase of the fault", BROKEN, "`Idle` is not known", {f"{_FAULT}/desiredPhase": "Idle"}),
    ("an unknown phase of a target", BROKEN, "`Half` is not known", {f"{_RECORD}/phase": "Half"}),
    ("an unknown condition", BROKEN, "MostlyInjected", {f"{_CONDITIONS}/3/type": "MostlyInjected"}),
    ("a condition of unknown status", BROKEN, "AllRecovered is Unknown", {f"{_CONDITIONS}/2/status": "Unknown"}),
    ("an unknown kind", BROKEN, "`MoonChaos`", {"0/kind": "MoonChaos"}),
    ("of an unknown version", BROKEN, "chaos-mesh.org/v2", {"0/apiVersion": "chaos-mesh.org/v2"}),
    ("no fault", BROKEN, "0 of 0", {"0": DROP}),
    ("a count with a decimal comma", BROKEN, "injectedCount", {f"{_RECORD}/injectedCount": "1,0"}),
    ("a kill that did not hit", BROKEN, "AllInjected of a one-shot fault", {
        **_KILL, f"{_CONDITIONS}/1/status": "False", f"{_RECORD}/phase": "Not Injected", f"{_RECORD}/injectedCount": 0,
        f"{_RECORD}/events": [],
    }),
)  # fmt: skip
_STATUS_CHECKS: tuple[_Row, ...] = (
    ("the status check failed", VIOLATED, "StatusCheck", {
        f"{_CHECK}/conditions/1/status": "True",
        f"{_CHECK}/records": [{**one, "outcome": "Failure"} if number else one for number, one in enumerate(_FAILING["records"])],
    }),
    ("a kill, and the status check failed", VIOLATED, "StatusCheck", {
        **_KILL, f"{_CHECK}/conditions/1/status": "True", f"{_CHECK}/records/3/outcome": "Failure",
    }),
    ("the status check failed, and nothing was hit", BROKEN, "was not hit", {
        f"{_RECORD}/injectedCount": 0, f"{_RECORD}/recoveredCount": 0, f"{_CHECK}/conditions/1/status": "True",
        f"{_CHECK}/records/3/outcome": "Failure",
    }),
    ("no status check", BROKEN, "no StatusCheck", {"1": DROP}),
    ("checked only before", BROKEN, "no status check was executed since", {"1": w.status_check("30:00 30:05")}),
    ("a kill, checked only before", BROKEN, "no status check was executed since", {**_KILL, "1": w.status_check("30:00")}),
    ("never executed", BROKEN, "no status check was executed since", {"1": w.status_check("")}),
    ("a failure within the threshold", BROKEN, "within its threshold", {f"{_CHECK}/records/2/outcome": "Failure"}),
    ("failed before the fault", BROKEN, "failed before the fault", {
        f"{_CHECK}/records/0/outcome": "Failure", f"{_CHECK}/conditions/1/status": "True",
    }),
    ("not completed", BROKEN, "has not completed", {f"{_CHECK}/conditions/0/status": "False"}),
    ("executions are left out", BROKEN, "lists 4 of 90", {f"{_CHECK}/count": 90}),
    ("exceeded without a failure", BROKEN, "without a failure", {f"{_CHECK}/conditions/1/status": "True"}),
    ("an unknown outcome", BROKEN, "`Maybe` is not known", {f"{_CHECK}/records/3/outcome": "Maybe"}),
)  # fmt: skip


def _of_workflows() -> Iterator[ChaosCase]:
    """Faults that a workflow makes."""
    sound = [w.in_workflow(), w.status_check(), w.workflow(), w.workflow_node()]
    undone = w.workflow(**{"status/conditions/1/status": "False"})
    aborted = w.workflow(**{"metadata/annotations": {"workflow.chaos-mesh.org/abort": "true"}})
    cut = w.workflow_node(**{"status/conditions/1/reason": "ParentNodeDeadlineExceed"})
    node_aborted = w.workflow_node(**{"status/conditions/0": w.condition("Aborted", "True")})
    rows: tuple[tuple[str, Truth, str, list[Any]], ...] = (
        ("in a workflow", HOLDS, "", sound),
        ("only a workflow", BROKEN, "does not say what they hit", [w.workflow()]),
        ("only its nodes", BROKEN, "`ChaosInjected` says", [w.workflow(), w.workflow_node()]),
        ("a workflow that is not done", BROKEN, "not Accomplished", [*sound[:2], undone, sound[3]]),
        ("a workflow that was aborted", BROKEN, "was aborted", [*sound[:2], aborted, sound[3]]),
        ("a node that was cut off", BROKEN, "cut it off", [*sound[:3], cut]),
        ("a node that was aborted", BROKEN, "aborted it", [*sound[:3], node_aborted]),
        ("a node that is not there", BROKEN, "not among the objects", sound[:3]),
    )
    for what, truth, cause, objects in rows:
        yield ChaosCase(
            kind="chaos-mesh", what=what, files={"objects.yaml": w.as_yaml(objects)}, truth=truth, cause=cause
        )


_STATUS = "status"
_ERRORS = "status/metricResults/0"
_SMOKE = "status/metricResults/1"
_FAILED: _Edits = {
    f"{_STATUS}/phase": "Failed", f"{_ERRORS}/phase": "Failed", f"{_ERRORS}/failed": 1, f"{_ERRORS}/successful": 2,
    f"{_ERRORS}/measurements/2/phase": "Failed", f"{_STATUS}/runSummary": {"count": 2, "successful": 1, "failed": 1},
}  # fmt: skip
_ANALYSES: tuple[_Row, ...] = (
    ("passed", HOLDS, "", {}),
    ("passed, without `completedAt`", HOLDS, "", {f"{_STATUS}/completedAt": DROP}),
    ("passed after enough in a row", HOLDS, "", {"spec/metrics/0/count": 9, "spec/metrics/0/consecutiveSuccessLimit": 3}),
    ("a metric failed", VIOLATED, "`errors`", _FAILED),
    ("both metrics failed", VIOLATED, "`smoke`", {
        **_FAILED, f"{_SMOKE}/phase": "Failed", f"{_SMOKE}/failed": 1, f"{_SMOKE}/successful": 0,
        f"{_SMOKE}/measurements/0/phase": "Failed", f"{_STATUS}/runSummary": {"count": 2, "failed": 2},
    }),
    ("a metric failed, and is terminated", BROKEN, "`errors`", {**_FAILED, "spec/terminate": True}),
    ("no metric", BROKEN, "has no metric", {"spec/metrics": [], f"{_STATUS}/metricResults": [], f"{_STATUS}/runSummary": {}}),
    ("no result", BROKEN, "not measured", {f"{_STATUS}/metricResults": DROP}),
    ("a metric has no result", BROKEN, "`smoke` was not measured", {_SMOKE: DROP}),
    ("running", BROKEN, "`Running`", {f"{_STATUS}/phase": "Running"}),
    ("in error", BROKEN, "`Error`", {f"{_STATUS}/phase": "Error", f"{_ERRORS}/phase": "Error"}),
    ("inconclusive", BROKEN, "`Inconclusive`", {f"{_STATUS}/phase": "Inconclusive", f"{_ERRORS}/phase": "Inconclusive"}),
    ("an unknown phase", BROKEN, "`Fine` is not known", {f"{_STATUS}/phase": "Fine"}),
    ("no phase", BROKEN, "no phase", {f"{_STATUS}/phase": DROP}),
    ("terminated", BROKEN, "was terminated", {"spec/terminate": True}),
    ("terminated, by its message", BROKEN, "was terminated", {f"{_STATUS}/message": "Run Terminated"}),
    ("no start", BROKEN, "does not say when", {f"{_STATUS}/startedAt": DROP}),
    ("measured after its end", BROKEN, "measured after its end", {f"{_STATUS}/completedAt": f"{DAY}30:20Z"}),
    ("all dry", BROKEN, "dry runs", {f"{_ERRORS}/dryRun": True, f"{_SMOKE}/dryRun": True, f"{_STATUS}/runSummary": {}}),
    ("a dry metric failed", BROKEN, "`errors` is Failed", {
        f"{_ERRORS}/dryRun": True, f"{_ERRORS}/phase": "Failed", f"{_ERRORS}/failed": 3, f"{_ERRORS}/successful": 0,
        **{f"{_ERRORS}/measurements/{number}/phase": "Failed" for number in range(3)},
        f"{_STATUS}/runSummary": {"count": 1, "successful": 1},
    }),
    ("successful, and a metric is not", BROKEN, "one of its metrics is not", {f"{_ERRORS}/phase": "Failed"}),
    ("failed, and no metric did", BROKEN, "none of its metrics is", {f"{_STATUS}/phase": "Failed"}),
    ("a summary of other metrics", BROKEN, "`runSummary`", {f"{_STATUS}/runSummary/count": 5}),
    ("a Rollout", BROKEN, "`Rollout`", {"kind": "Rollout"}),
    ("asked for a fault", BROKEN, "inject no fault", {"sentence": FAULT}),
)  # fmt: skip
_MEASUREMENTS: tuple[_Row, ...] = (
    ("no measurement", BROKEN, "no measurement", {
        f"{_SMOKE}/measurements": DROP, f"{_SMOKE}/count": DROP, f"{_SMOKE}/successful": DROP,
    }),
    ("no measurement is listed", BROKEN, "no measurement", {f"{_SMOKE}/measurements": []}),
    ("fewer than asked for", BROKEN, "1 of 3 times", {_ERRORS: w.metric_result("errors", "30:10")}),
    ("a count that is no number", BROKEN, "which is no number", {"spec/metrics/0/count": "{{args.many}}"}),
    ("a failure within the limit", BROKEN, "1 failed measurement, within", {
        f"{_ERRORS}/failed": 1, f"{_ERRORS}/successful": 2, f"{_ERRORS}/measurements/2/phase": "Failed",
    }),
    ("an inconclusive measurement", BROKEN, "1 inconclusive measurement", {
        f"{_ERRORS}/inconclusive": 1, f"{_ERRORS}/successful": 2, f"{_ERRORS}/measurements/2/phase": "Inconclusive",
    }),
    ("an error within the limit", BROKEN, "1 erroneous measurement", {
        f"{_ERRORS}/error": 1, f"{_ERRORS}/measurements": [
            {"phase": "Error", "finishedAt": f"{DAY}30:05Z"}, *w.metric_result("errors", "30:10 30:30 30:50")["measurements"],
        ],
    }),
    ("counts that do not add up", BROKEN, "do not add up", {f"{_ERRORS}/successful": 2}),
    ("more failures listed than counted", BROKEN, "lists 1 measurements that are Failed", {
        f"{_ERRORS}/measurements/1/phase": "Failed",
    }),
    ("fewer listed than counted", BROKEN, "and lists 2", {f"{_ERRORS}/measurements/2": DROP}),
    ("a measurement that runs", BROKEN, "phase `Running`", {f"{_ERRORS}/measurements/2/phase": "Running"}),
    ("a measurement without an end", BROKEN, "without an end", {f"{_ERRORS}/measurements/2/finishedAt": DROP}),
    ("a count with a decimal comma", BROKEN, "count", {f"{_ERRORS}/count": "3,0"}),
)  # fmt: skip


def _everywhere() -> Iterator[ChaosCase]:
    """What may be the matter with a report of any tool."""
    sound: tuple[tuple[str, str, Any], ...] = (
        ("chaostoolkit", "journal.json", w.journal()),
        ("litmus", "result.yaml", w.chaos_result()),
        ("krkn", "telemetry.json", w.telemetry()),
        ("chaos-mesh", "objects.yaml", w.mesh()),
        ("argo-analysis", "analysis.yaml", w.analysis_run()),
    )
    for number, (kind, name, report) in enumerate(sound):
        body, other = _body(name, report), sound[number - 1][2]

        def case(what: str, cause: str, text: bytes, **more: Any) -> ChaosCase:
            return ChaosCase(kind=kind, what=what, files={name: text}, truth=BROKEN, cause=cause, **more)  # noqa: B023

        yield case(
            "cut in the middle", "cut short|is missing|[Ff]ield required|not YAML|not an object", body[: len(body) // 2]
        )
        yield case("cut before the last character", "cut short|is not JSON", body.rstrip()[:-1])
        yield case("empty", "is empty", b" \n")
        yield case("no report", "is not|neither", b"All experiments passed.\n")
        yield case("of another tool", "is not|not read|not an object|have|has", _body(name, other))
        yield case("of another commit", "is of commit", body, origin={"commit": "0" * 40})
        yield case("of no commit", "does not say of which commit", body, origin={"commit": ""})
        yield case("of another release", "is of release", body, origin={"release": "2.0.0"}, of="release")
        yield case("of no release", "does not say of which release", body, of="release")
        yield case("of another target", "is of target", body, origin={"target": "another"}, of="target")
        old = {"created": "2024-01-01T00:00:00Z"} if kind == "litmus" else {}
        year = body.replace(b"2025-02-20", b"2024-02-20").replace(str(EPOCH)[:5].encode(), b"17084")
        yield case("too old", "d old", year, origin={**old, **({"created": "2024-02-20T12:00:00Z"} if old else {})})
        late = body.replace(b"2025-02-20", b"2025-03-20").replace(str(EPOCH)[:5].encode(), b"17424")
        yield case("in the future", "in the future", late)
        files = {name: body, f"again-{name}": body}
        yield ChaosCase(kind=kind, what="twice", files=files, truth=BROKEN, cause="same contents")


def write_chaos_project(directory: Path, cases: tuple[ChaosCase, ...]) -> None:
    """A project with a requirement for each case; `readiness run` in it judges them."""
    evidence, rows, scenarios = {}, [], []
    for number, case in enumerate(cases):
        name, folder = f"c{number:03d}", directory / "reports" / f"{number:03d}"
        write_chaos_files(folder, case)
        evidence[name] = {
            "tool": case.kind,
            "files": [f"reports/{number:03d}/{one}" for one in case.files],
            **case.keys,
        }
        title, row = f"{case.kind}, {case.what}", f"CR-{number:03d}"
        rows.append({
            "id": row, "title": title, "criterion": case.then, "kinds": ["I"], "gate": "critical", "falsified_by": "another report",
        })  # fmt: skip
        when = f'When the chaos report "{name}" of this {case.of} has been read'
        scenarios.append(f"  @{row}\n  Scenario: {title}: {row}\n    {when}\n    Then {case.then}\n")
    release = {"version": "1.0.0", "commit": COMMIT}
    target = {
        "name": "shop",
        "environment": "staging",
        "release": release,
        "evidence": {"as_of": AS_OF, "chaos": json.loads(json.dumps(evidence))},
    }
    (directory / "target.yaml").write_text(yaml.safe_dump(target))
    (directory / "features").mkdir()
    (directory / "features" / "reports.feature").write_text("Feature: Chaos reports\n\n" + "\n".join(scenarios))
    section = {"source": "this project", "requirements": rows}
    catalogue = {"profile": "reports", "title": "Chaos reports", "sections": [section]}
    (directory / "reports.yaml").write_text(yaml.safe_dump(catalogue, width=1000))
    (directory / "pyproject.toml").write_text(
        '[tool.harness]\ntarget = "target.yaml"\nprofiles = ["reports"]\ncatalogue = ["reports.yaml"]\nfeatures = ["features"]\n'
    )


def write_chaos_files(folder: Path, case: ChaosCase) -> None:
    """The files of a report, and the file beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in case.files.items():
        (folder / name).write_bytes(body)
    origin = {key: value for key, value in {"commit": COMMIT, **case.origin}.items() if value}
    (folder / "origin.yaml").write_text(yaml.safe_dump(origin))
