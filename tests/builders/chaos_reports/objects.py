"""Objects of Chaos Mesh of known truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.builders.chaos_reports import writers as w
from tests.builders.chaos_reports.case import BROKEN, HOLDS, VIOLATED, CaseRow, ChaosCase, Edits
from tests.builders.chaos_reports.writers import DAY, DROP
from tests.builders.load_cases import Truth

_FAULT = "0/status/experiment"
_RECORD = f"{_FAULT}/containerRecords/0"
_CONDITIONS = "0/status/conditions"
_CHECK = "1/status"
_KILL: Edits = {"0": w.pod_kill()}
_FAILING = w.status_check("30:00 30:20 30:40 31:20")["status"]
MESH_FAULTS: tuple[CaseRow, ...] = (
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
    ("still injected", BROKEN, "it still runs", {
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
    ("hit before it was created", BROKEN, "hit before the fault was created", {"0/metadata/creationTimestamp": f"{DAY}30:15Z"}),
    ("paused, by an annotation", BROKEN, "was paused", {"0/metadata/annotations": {"experiment.chaos-mesh.org/pause": "true"}}),
    ("an older first event is left out", BROKEN, "does not say when the fault went in", {f"{_RECORD}/events/0": DROP}),
    ("one of two targets was not hit", BROKEN, "`shop/checkout-2` was not hit", {f"{_FAULT}/containerRecords": [
        w.network_chaos()["status"]["experiment"]["containerRecords"][0],
        {"id": "shop/checkout-2", "selectorKey": ".", "phase": "Not Injected", "injectedCount": 0, "recoveredCount": 0},
    ]}),
    ("deleted", BROKEN, "was deleted", {"0/metadata/deletionTimestamp": f"{DAY}31:09Z"}),
    ("without a duration", BROKEN, "no `duration`", {"0/spec/duration": DROP}),
    ("a duration in words", BROKEN, "no `duration`", {"0/spec/duration": "a while"}),
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
STATUS_CHECKS: tuple[CaseRow, ...] = (
    ("the status check failed", VIOLATED, "StatusCheck", {
        f"{_CHECK}/conditions/1/status": "True",
        f"{_CHECK}/records": [{**one, "outcome": "Failure"} if number else one for number, one in enumerate(_FAILING["records"])],
    }),
    ("a kill, and the status check failed", VIOLATED, "StatusCheck", {
        **_KILL, f"{_CHECK}/conditions/1/status": "True", f"{_CHECK}/records/3/outcome": "Failure",
    }),
    ("the status check failed, and nothing was hit", BROKEN, "more events", {
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
    ("a threshold in unknown words", BROKEN, "does not say whether it exceeded", {f"{_CHECK}/conditions/1/status": "Hardly"}),
    ("not completed", BROKEN, "has not completed", {f"{_CHECK}/conditions/0/status": "False"}),
    ("executions are left out", BROKEN, "lists 4 of 90", {f"{_CHECK}/count": 90}),
    ("exceeded without a failure", BROKEN, "without a failure", {f"{_CHECK}/conditions/1/status": "True"}),
    ("an unknown outcome", BROKEN, "`Maybe` is not known", {f"{_CHECK}/records/3/outcome": "Maybe"}),
)  # fmt: skip


def of_workflows() -> Iterator[ChaosCase]:
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
