"""The control that writes what an experiment did, as it does it, into the run's history `chaos-<experiment>`.

A run declares it in the settings file that it passes to `chaos --settings`, so experiment files stay stock. Run by hand
(no `READINESS_RUN`) nothing is written. It also stops an experiment whose action failed, selected nothing, or would go
to another API server than the target's: Chaos Toolkit goes on in all three cases. Only InterruptExecution gets out of
a control; everything else would be swallowed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Final

from chaoslib.exceptions import InterruptExecution

from harness import clock
from harness.chaos.confirming import confirming_probe, was_true
from harness.chaos.receipts import HitSnapshot, harness_block
from harness.evidence import History, run_history

Activity = Mapping[str, Any]

_LONGEST: Final = 300
"""Characters of an activity's output that are kept; the journal has all of it."""
_SELECTING: Final = frozenset(
    {"delete_pods", "terminate_pods", "drain_nodes", "cordon_node", "delete_nodes", "exec_in_pods"}
)
"""Functions of chaosk8s that hit what they select, and succeed when that is nothing."""


@dataclass
class ExperimentRecorder:
    """One experiment of one chaos process, as it goes."""

    history: History
    experiment: Mapping[str, Any]
    block: Mapping[str, Any]
    receipts: HitSnapshot = field(default_factory=HitSnapshot)
    part: str = ""
    sent: bool = False
    true_before: bool = False
    undone: bool = False
    started_ns: int = 0

    @property
    def breaks(self) -> bool:
        """Whether it breaks anything: a null run does not."""
        return self.block.get("domain") != "none"

    def starts(self, activity: Activity, configuration: Activity, secrets: Activity) -> None:
        """An activity is about to start."""
        action = activity.get("type") == "action"
        if action:
            self.receipts.assert_same_cluster(activity)
            if self.breaks and self.part == "method" and not self.sent:
                probe = confirming_probe(self.experiment, str(self.block.get("confirmed_by", "")))
                self.true_before = probe is not None and was_true(probe, configuration, secrets)
        self.started_ns = clock.now_ns()
        if not (action and self.breaks):
            return
        if self.part == "method" and not self.sent:
            self.sent = True
            self._put("fault.sent", at_ns=self.started_ns, activity=activity.get("name", ""))
        elif self.part == "rollback":
            self._undone(activity)

    def ended(self, activity: Activity, run: dict[str, Any]) -> None:
        """An activity ended; an action that hit nothing is a failed action."""
        ended_ns = clock.now_ns()
        why = _failure(activity, run)
        self._put(
            "activity",
            name=activity.get("name", ""),
            type=activity.get("type", ""),
            part=self.part,
            started_ns=self.started_ns,
            ended_ns=ended_ns,
            status=run.get("status", "interrupted"),
            output=str(run.get("output"))[:_LONGEST],
        )
        if why:
            self._put("fault.why", why=f"{activity.get('name')}: {why}")
        elif self.part == "method":
            self._receipt(activity, run, ended_ns)
        if why and self.part == "method" and activity.get("type") == "action":
            raise InterruptExecution(f"{activity.get('name')}: {why}")

    def _receipt(self, activity: Activity, run: Mapping[str, Any], at_ns: int) -> None:
        name, shown = activity.get("name"), run.get("output") is True
        if _function(activity) == "hold":
            self._undone(activity)
        for kind, key in (("fault.confirmed", "confirmed_by"), ("fault.gone", "gone_by")):
            if name and name == self.block.get(key):
                why = self._unconfirmed(shown=shown, confirms=key == "confirmed_by")
                if why:
                    self._put("fault.why", why=f"{name}: {why}")
                    continue
                hits = {"hit": [asdict(hit) for hit in self.receipts.hits()]} if key == "confirmed_by" else {}
                self._put(kind, at_ns=at_ns, probe=name, **hits)

    def _unconfirmed(self, *, shown: bool, confirms: bool) -> str:
        """Why the probe's answer is no receipt; empty when it is one."""
        if not shown:
            return "the fault was not observed" if confirms else "its end was not observed"
        if confirms and self.true_before and not self.receipts.gone():
            return "it was true before the fault too, so it confirms nothing"
        return ""

    def _undone(self, activity: Activity) -> None:
        if self.sent and not self.undone and self.breaks:
            self.undone = True
            self._put("fault.undone", at_ns=clock.now_ns(), activity=activity.get("name", ""))

    def _put(self, kind: str, /, **fields: Any) -> None:
        self.history.put(kind, _experiment_name(), **fields)


def before_experiment_control(context: Mapping[str, Any], **_: Any) -> None:
    """Open the history."""
    history = run_history(f"chaos-{_experiment_name()}")
    if history is not None:
        _open().append(ExperimentRecorder(history=history, experiment=context, block=harness_block(context)))


def before_method_control(**_: Any) -> None:
    """Read what is there before anything is broken."""
    for recorder in _open():
        recorder.part = "method"
        recorder.receipts.remember()


def before_rollback_control(**_: Any) -> None:
    """What follows undoes."""
    for recorder in _open():
        recorder.part = "rollback"


def before_hypothesis_control(**_: Any) -> None:
    """What follows is the steady state hypothesis."""
    for recorder in _open():
        recorder.part = "hypothesis"


def before_activity_control(
    context: Activity, configuration: Activity | None = None, secrets: Activity | None = None, **_: Any
) -> None:
    """An activity is about to start."""
    for recorder in _open():
        recorder.starts(context, configuration or {}, secrets or {})


def after_activity_control(context: Activity, state: dict[str, Any] | None, **_: Any) -> None:
    """An activity ended, or was interrupted: then it has no state."""
    for recorder in _open():
        recorder.ended(context, {} if state is None else state)


def after_experiment_control(**_: Any) -> None:
    """Close the history."""
    while _open():
        _open().pop().history.close()


@cache
def _open() -> list[ExperimentRecorder]:
    """The recorder of this process: one while an experiment runs under a run, else none."""
    return []


def _experiment_name() -> str:
    return os.environ.get("READINESS_EXPERIMENT", "unnamed")


def _function(activity: Activity) -> str:
    return str(activity.get("provider", {}).get("func", ""))


def _failure(activity: Activity, run: dict[str, Any]) -> str:
    """Why an activity failed; marks an action that selected nothing as failed, in the journal too."""
    if run.get("status") == "failed":
        lines = "".join(run.get("exception") or ["failed"]).strip().splitlines()
        return lines[-1].removeprefix("chaoslib.exceptions.ActivityFailed: ")
    module = str(activity.get("provider", {}).get("module", ""))
    if module.startswith("chaosk8s") and _function(activity) in _SELECTING and not run.get("output"):
        run["status"] = "failed"
        run["exception"] = ["FaultNotInjected: it selected nothing\n"]
        return "it selected nothing"
    return ""
