"""Reports as chaos tools write them, of one made-up shop: a sound one of each tool, and how to change it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

import yaml

_Report = TypeVar("_Report")
DROP: Final = object()
"""In place of a value: the key is left out."""
DAY: Final = "2025-02-20T09:"
EPOCH: Final = 1740043800
"""2025-02-20T09:30:00Z."""


def changed(report: _Report, edits: Mapping[str, Any]) -> _Report:
    """A copy of a report with other values; a key is `status/conditions/0/type`, and may end in a new one."""
    made: Any = json.loads(json.dumps(report))  # shares no part with another
    for path, value in edits.items():
        *way, last = [int(part) if part.lstrip("-").isdigit() else part for part in path.split("/")]
        place = made
        for part in way:
            place = place[part]
        if value is DROP:
            del place[last]
        else:
            place[last] = json.loads(json.dumps(value))
    return cast("_Report", made)


def as_json(report: Any) -> bytes:
    """As the tools of Python write it."""
    return json.dumps(report, indent=2).encode()


def as_yaml(report: Any) -> bytes:
    """As `kubectl get … -o yaml` writes it: the keys in order."""
    if isinstance(report, list):
        report = listed(report)
    return yaml.dump(report, Dumper=yaml.CSafeDumper, sort_keys=True, width=1000).encode()


def listed(objects: list[Any]) -> dict[str, Any]:
    """Several objects as one list."""
    return {"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}}


def activity(
    kind: str, name: str, provider: Mapping[str, Any], second: int, output: Any, **more: Any
) -> dict[str, Any]:
    """One activity of a journal, which took a tenth of a second."""
    tolerance = {"tolerance": 0} if "tolerance_met" in more else {}
    return {
        "activity": {"type": kind, "name": name, "provider": dict(provider), **tolerance},
        "output": output,
        "start": f"{DAY}{30 + second // 60}:{second % 60:02d}.000000+00:00",
        "status": "succeeded",
        "end": f"{DAY}{30 + second // 60}:{second % 60:02d}.100000+00:00",
        "duration": 0.1,
        **more,
    }


PYTHON: Final = {"type": "python", "module": "shop.faults", "func": "lose_pod"}
BACK: Final = {"type": "python", "module": "shop.faults", "func": "give_back"}
PROCESS: Final = {"type": "process", "path": "check-shop"}


def state(second: int, *, met: bool = True) -> dict[str, Any]:
    """A steady state of two probes; one that is not met fails at the second."""
    probes = [
        activity("probe", name, PROCESS, second + number, {"status": 0, "stdout": "", "stderr": ""}, tolerance_met=True)
        for number, name in enumerate(("orders are taken", "prices are shown"))
    ]
    probes[1]["tolerance_met"] = met
    return {"steady_state_met": met, "probes": probes}


def journal() -> dict[str, Any]:
    """A journal of Chaos Toolkit: an action and a probe, a rollback, and a steady state before and after."""
    run = [
        activity("action", "lose a pod", PYTHON, 10, ["checkout-1"]),
        activity("probe", "count pods", PROCESS, 11, {"status": 0, "stdout": "2", "stderr": ""}),
    ]
    rollbacks = [activity("action", "give it back", BACK, 30, None)]
    first = state(0)
    return {
        "chaoslib-version": "1.44.0",
        "platform": "Linux",
        "node": "runner",
        "experiment": {
            "title": "Orders go on without a pod",
            "description": "One of three pods is lost.",
            "steady-state-hypothesis": {
                "title": "the shop sells",
                "probes": [one["activity"] for one in first["probes"]],
            },
            "method": [one["activity"] for one in run],
            "rollbacks": [one["activity"] for one in rollbacks],
        },
        "start": f"{DAY}29:59.000000+00:00",
        "status": "completed",
        "deviated": False,
        "steady_states": {"before": first, "after": state(20), "during": []},
        "run": run,
        "rollbacks": rollbacks,
        "end": f"{DAY}31:00.000000+00:00",
        "duration": 61.0,
    }


def probe_of_litmus(name: str, mode: str, verdict: str = "Passed") -> dict[str, Any]:
    """One probe of a ChaosResult."""
    return {"name": name, "type": "httpProbe", "mode": mode, "status": {"verdict": verdict, "description": ""}}


def chaos_result() -> dict[str, Any]:
    """A ChaosResult of Litmus: one pod whose network was slow, with two probes."""
    return {
        "apiVersion": "litmuschaos.io/v1alpha1",
        "kind": "ChaosResult",
        "metadata": {
            "name": "shop-slow-network",
            "namespace": "shop",
            "uid": "5e0b",
            "creationTimestamp": f"{DAY}20:00Z",
            "labels": {"app.kubernetes.io/version": "3.10.0"},
        },
        "spec": {"engine": "shop", "experiment": "pod-network-latency"},
        "status": {
            "experimentStatus": {"phase": "Completed", "verdict": "Pass", "probeSuccessPercentage": "100"},
            "history": {
                "passedRuns": 1,
                "failedRuns": 0,
                "stoppedRuns": 0,
                "targets": [{"name": "checkout-1", "kind": "pod", "chaosStatus": "reverted"}],
            },
            "probeStatuses": [probe_of_litmus("orders", "Continuous"), probe_of_litmus("prices", "EOT")],
        },
    }


def health_check(begin: str, end: str, *, good: bool = True) -> dict[str, Any]:
    """One health check of krkn, with times on the clock of its machine."""
    return {
        "url": "http://shop.example.test/health",
        "status": good,
        "status_code": "200" if good else "503",
        "start_timestamp": f"{DAY}{begin}.500000",
        "end_timestamp": f"{DAY}{end}.500000",
        "duration": 60.0,
    }


def affected_pod(name: str) -> dict[str, Any]:
    """A pod that came back."""
    return {
        "pod_name": name,
        "namespace": "shop",
        "total_recovery_time": 8.5,
        "pod_readiness_time": 6.0,
        "pod_rescheduling_time": 2.5,
    }


def telemetry() -> dict[str, Any]:
    """A telemetry of krkn: one scenario that lost a pod, and a health check."""
    scenario = {
        "start_timestamp": EPOCH + 10,
        "end_timestamp": EPOCH + 70,
        "scenario": "scenarios/lose-pod.yml",
        "scenario_type": "pod_disruption_scenarios",
        "exit_status": 0,
        "parameters_base64": "",
        "parameters": [],
        "affected_pods": {"recovered": [affected_pod("checkout-2")], "unrecovered": [], "error": None},
        "affected_vmis": {"recovered": [], "unrecovered": [], "error": None},
        "affected_nodes": [],
        "cluster_events": [],
    }
    return {
        "telemetry": {
            "scenarios": [scenario],
            "node_summary_infos": [],
            "node_taints": [],
            "run_uuid": "b3c2",
            "timestamp": f"{DAY}30:00Z",
            "health_checks": [health_check("30:01", "31:20")],
            "virt_checks": None,
            "job_status": True,
            "error_logs": [],
            "overall_resiliency_report": {"scenarios": {}, "resiliency_score": 100, "passed_slos": 0, "total_slos": 0},
        },
        "critical_alerts": None,
    }


def mesh_event(operation: str, minute: str, kind: str = "Succeeded") -> dict[str, Any]:
    """One event of a target of Chaos Mesh."""
    return {"operation": operation, "type": kind, "timestamp": f"{DAY}{minute}Z"}


def condition(name: str, status: str) -> dict[str, Any]:
    """One condition."""
    return {"type": name, "status": status}


def network_chaos() -> dict[str, Any]:
    """A NetworkChaos of Chaos Mesh that went in at 09:30:10 and came out at 09:31:10."""
    return {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "NetworkChaos",
        "metadata": {"name": "slow-checkout", "namespace": "shop", "uid": "11", "creationTimestamp": f"{DAY}30:09Z"},
        "spec": {"action": "delay", "mode": "one", "duration": "60s", "delay": {"latency": "200ms"}},
        "status": {
            "conditions": [
                condition("Selected", "True"),
                condition("AllInjected", "False"),
                condition("AllRecovered", "True"),
                condition("Paused", "False"),
            ],
            "experiment": {
                "desiredPhase": "Stop",
                "containerRecords": [
                    {
                        "id": "shop/checkout-1",
                        "selectorKey": ".",
                        "phase": "Not Injected",
                        "injectedCount": 1,
                        "recoveredCount": 1,
                        "events": [mesh_event("Apply", "30:10"), mesh_event("Recover", "31:10")],
                    }
                ],
            },
        },
    }


def pod_kill() -> dict[str, Any]:
    """A PodChaos of Chaos Mesh that killed a pod at 09:30:10: there is nothing to recover."""
    conditions = [condition("Selected", "True"), condition("AllInjected", "True"), condition("AllRecovered", "False")]
    record = {"phase": "Injected", "recoveredCount": 0, "events": [mesh_event("Apply", "30:10")]}
    return changed(
        network_chaos(),
        {
            "kind": "PodChaos",
            "metadata/name": "lose-checkout",
            "metadata/uid": "12",
            "spec": {"action": "pod-kill", "mode": "one"},
            "status/conditions": conditions,
            "status/experiment/desiredPhase": "Run",
            "status/experiment/containerRecords/0": {
                **network_chaos()["status"]["experiment"]["containerRecords"][0],
                **record,
            },
        },
    )


def status_check(minutes: str = "30:00 30:20 30:40 31:20", **edits: Any) -> dict[str, Any]:
    """A StatusCheck of Chaos Mesh that was executed at these times, and succeeded."""
    times = minutes.split()
    found = {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "StatusCheck",
        "metadata": {"name": "shop-sells", "namespace": "shop", "uid": "13"},
        "spec": {
            "mode": "Continuous",
            "type": "HTTP",
            "failureThreshold": 3,
            "http": {"url": "http://shop.example.test"},
        },
        "status": {
            "count": len(times),
            "startTime": f"{DAY}{times[0]}Z" if times else None,
            "conditions": [condition("Completed", "True"), condition("FailureThresholdExceed", "False")],
            "records": [{"startTime": f"{DAY}{one}Z", "outcome": "Success"} for one in times],
        },
    }
    return changed(found, edits)


def mesh() -> list[dict[str, Any]]:
    """A fault of Chaos Mesh and a status check."""
    return [network_chaos(), status_check()]


def workflow(**edits: Any) -> dict[str, Any]:
    """A Workflow of Chaos Mesh that is accomplished."""
    found = {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "game-day", "namespace": "shop", "uid": "14", "annotations": {}},
        "spec": {"entry": "all", "templates": [{"name": "slow", "templateType": "NetworkChaos", "deadline": "60s"}]},
        "status": {"conditions": [condition("Scheduled", "True"), condition("Accomplished", "True")]},
    }
    return changed(found, edits)


def workflow_node(**edits: Any) -> dict[str, Any]:
    """A node of that workflow whose deadline ended it."""
    ended = {**condition("DeadlineExceed", "True"), "reason": "NodeDeadlineExceed"}
    found = {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "WorkflowNode",
        "metadata": {"name": "slow-x1", "namespace": "shop", "uid": "15"},
        "spec": {"type": "NetworkChaos", "workflowName": "game-day", "templateName": "slow"},
        "status": {"conditions": [condition("ChaosInjected", "True"), ended]},
    }
    return changed(found, edits)


def in_workflow() -> dict[str, Any]:
    """The NetworkChaos as the node of the workflow makes it and takes it away."""
    labels = {"chaos-mesh.org/workflow": "game-day", "chaos-mesh.org/controlled-by": "slow-x1"}
    return changed(
        network_chaos(),
        {"metadata/labels": labels, "metadata/deletionTimestamp": f"{DAY}31:10Z", "spec/duration": DROP},
    )


def metric_result(name: str, minutes: str, **edits: Any) -> dict[str, Any]:
    """A metric of an AnalysisRun that was measured at these times, and was good."""
    times = minutes.split()
    found = {
        "name": name,
        "phase": "Successful",
        "count": len(times),
        "successful": len(times),
        "consecutiveSuccess": len(times),
        "measurements": [
            {"phase": "Successful", "value": "[0.99]", "startedAt": f"{DAY}{one}Z", "finishedAt": f"{DAY}{one}Z"}
            for one in times
        ],
    }
    return changed(found, edits)


def analysis_run() -> dict[str, Any]:
    """An AnalysisRun of Argo Rollouts with two metrics."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": "checkout-6b7-2", "namespace": "shop", "uid": "21", "labels": {"rollout-type": "Step"}},
        "spec": {
            "args": [{"name": "often", "value": "3"}],
            "metrics": [
                {
                    "name": "errors",
                    "interval": "20s",
                    "count": "{{args.often}}",
                    "successCondition": "result[0] >= 0.95",
                    "provider": {"web": {"url": "http://x.test"}},
                },
                {"name": "smoke", "provider": {"job": {}}},
            ],
        },
        "status": {
            "phase": "Successful",
            "startedAt": f"{DAY}30:00Z",
            "completedAt": f"{DAY}31:00Z",
            "runSummary": {"count": 2, "successful": 2},
            "dryRunSummary": {},
            "metricResults": [metric_result("errors", "30:10 30:30 30:50"), metric_result("smoke", "30:12")],
        },
    }
