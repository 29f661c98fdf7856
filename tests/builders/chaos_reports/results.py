"""Results of Litmus of known truth."""

from __future__ import annotations

from typing import Any

from tests.builders.chaos_reports import writers as w
from tests.builders.chaos_reports.case import BROKEN, FAULT, HOLDS, VIOLATED, CaseRow
from tests.builders.chaos_reports.writers import DROP

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


RESULTS: tuple[CaseRow, ...] = (
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
    ("a probe failed, too long ago", BROKEN, "`prices`|d old", {**_failed(), "metadata/creationTimestamp": "2024-11-01T00:00:00Z"}),
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
    ("without a date, and no age is asked for", BROKEN, "has no date", {
        "metadata/creationTimestamp": DROP, "sentence": FAULT.partition(", younger")[0],
    }),
    ("created after the date beside it", BROKEN, "dated before it began", {"origin": {"created": "2025-02-19T00:00:00Z"}}),
)  # fmt: skip
RESULT_PROBES: tuple[CaseRow, ...] = (
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
    ("passed, and a probe failed", BROKEN, "has the verdict `Failed`", {f"{_PROBES}/1/status/verdict": "Failed"}),
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
