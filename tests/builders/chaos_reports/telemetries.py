"""Telemetries of krkn of known truth."""

from __future__ import annotations

from tests.builders.chaos_reports import writers as w
from tests.builders.chaos_reports.case import BROKEN, HOLDS, VIOLATED, CaseRow, Edits
from tests.builders.chaos_reports.writers import DAY, DROP, EPOCH

_SCENARIO = "telemetry/scenarios/0"
_PODS = f"{_SCENARIO}/affected_pods"
_NODES = f"{_SCENARIO}/affected_nodes"
_CHECKS = "telemetry/health_checks"
_NO_PODS: Edits = {f"{_PODS}/recovered": []}
_NODE = {
    "node_name": "node-1", "node_id": "i-1", "not_ready_time": 12.0, "ready_time": 40.0, "stopped_time": 0,
    "running_time": 0, "terminating_time": 0,
}  # fmt: skip
_LOST: Edits = {f"{_PODS}/unrecovered": [{"pod_name": "checkout-3", "namespace": "shop"}]}
TELEMETRIES: tuple[CaseRow, ...] = (
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
    ("no scenario", BROKEN, "none in telemetry.json", {"telemetry/scenarios": []}),
    ("failed", BROKEN, "`exit_status` 1", {f"{_SCENARIO}/exit_status": 1}),
    ("an unknown exit status", BROKEN, "`exit_status` 7", {f"{_SCENARIO}/exit_status": 7}),
    ("no exit status", BROKEN, "exit_status", {f"{_SCENARIO}/exit_status": DROP}),
    ("no end", BROKEN, "does not say when", {f"{_SCENARIO}/end_timestamp": 0}),
    ("ended before it began", BROKEN, "does not say when", {f"{_SCENARIO}/end_timestamp": EPOCH}),
    ("exit status 0, and a pod is lost", BROKEN, "`exit_status` is 0", _LOST),
    ("a pod without a time", BROKEN, "no time is given", {f"{_PODS}/recovered/0/total_recovery_time": None}),
    ("a pod that was never away", BROKEN, "no time is given", {f"{_PODS}/recovered/0/total_recovery_time": 0.0}),
    ("a scenario of an earlier run", BROKEN, "before its run did", {f"{_SCENARIO}/start_timestamp": EPOCH - 3600}),
    ("a return after the end", BROKEN, "longer than the scenario", {f"{_PODS}/recovered/0/total_recovery_time": 8500}),
    ("times in ms", BROKEN, "is not a time", {
        f"{_SCENARIO}/start_timestamp": (EPOCH + 10) * 1000, f"{_SCENARIO}/end_timestamp": (EPOCH + 70) * 1000,
    }),
    ("the exit status is true", BROKEN, "exit_status", {f"{_SCENARIO}/exit_status": True}),
    ("the pods could not be watched", BROKEN, "could not watch", {f"{_PODS}/error": "forbidden"}),
    ("a node that did not come back", BROKEN, "not reported as ready", {**_NO_PODS, _NODES: [{**_NODE, "ready_time": 0}]}),
    ("a node of which nothing was measured", BROKEN, "nothing was measured", {**_NO_PODS, _NODES: [{
        **_NODE, "not_ready_time": 0, "ready_time": 0,
    }]}),
    ("a pod twice", BROKEN, "came back twice", {f"{_PODS}/recovered": [w.affected_pod("a"), w.affected_pod("a")]}),
    ("a decimal comma", BROKEN, "affected_pods", {f"{_PODS}/recovered/0/total_recovery_time": "8,5"}),
)  # fmt: skip
TELEMETRY_CHECKS: tuple[CaseRow, ...] = (
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
    ("the checks are a quarter of an hour older", BROKEN, "no health check was made since", {
        _CHECKS: [w.health_check("15:01", "16:20")],
    }),
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
