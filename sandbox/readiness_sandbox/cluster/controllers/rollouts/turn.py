"""One turn of a rollout: what it observes, what it decides, and how it changes the status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers.rollouts.analysis import AnalysisPhase
from readiness_sandbox.cluster.timestamps import micro_timestamp, passed_s

if TYPE_CHECKING:
    from datetime import datetime

    from readiness_sandbox.cluster.controllers.rollouts.arguments import Analysis
    from readiness_sandbox.cluster.controllers.rollouts.spec import RolloutSpec
    from readiness_sandbox.cluster.store import Object


class PauseReason(StrEnum):
    """Why a controller paused a rollout."""

    CANARY_STEP = "CanaryPauseStep"
    BLUE_GREEN = "BlueGreenPause"
    INCONCLUSIVE = "InconclusiveAnalysisRun"


class RunRole(StrEnum):
    """What an AnalysisRun is for: the value of its label `rollout-type`."""

    STEP = "Step"
    BACKGROUND = "Background"
    BEFORE = "PrePromotion"
    AFTER = "PostPromotion"


FIELDS = {
    RunRole.STEP: ("canary", "currentStepAnalysisRunStatus"),
    RunRole.BACKGROUND: ("canary", "currentBackgroundAnalysisRunStatus"),
    RunRole.BEFORE: ("blueGreen", "prePromotionAnalysisRunStatus"),
    RunRole.AFTER: ("blueGreen", "postPromotionAnalysisRunStatus"),
}
"""Where the status of a rollout names the run of a role."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateSet:
    """A ReplicaSet of the rollout: replicas asked for, those that exist, those that serve."""

    hash: str
    revision: int = 1
    replicas: int = 0
    existing: int = 0
    ready: int = 0
    available: int = 0
    created: str = ""
    scale_down_at: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunView:
    """The state of an AnalysisRun."""

    phase: AnalysisPhase
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What the controller reads from the cluster before a turn.

    Attributes:
        generation: of the Rollout, and of the workload it refers to.
        current: hash of the pod template that the spec asks for; its ReplicaSet exists.
        sets: all ReplicaSets of the rollout.
        selectors: Service to the hash that it selects; empty when it selects none.
        weight: the canary's share in the route, in percent; None when there is no route or it has no weights yet.
        in_progress: whether the route says that a canary is in progress.
        runs: AnalysisRun by name.
    """

    generation: int
    current: str
    sets: tuple[TemplateSet, ...]
    selectors: Mapping[str, str] = field(default_factory=dict)
    weight: int | None = None
    in_progress: bool = False
    runs: Mapping[str, RunView] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scale:
    """Ask for so many replicas of a set."""

    hash: str
    replicas: int


@dataclass(frozen=True, slots=True)
class ScaleDownAt:
    """Write when a set is to be scaled down; None takes that back."""

    hash: str
    at: str | None


@dataclass(frozen=True, slots=True)
class Select:
    """Make a Service select a set."""

    service: str
    hash: str


@dataclass(frozen=True, slots=True)
class Weigh:
    """Give the canary this share of the route in percent, and the stable set the rest.

    `in_progress` is written beside it: whether a canary is in progress.
    """

    canary: int
    in_progress: bool


@dataclass(frozen=True, slots=True)
class StartRun:
    """Create an AnalysisRun for the set of that hash and revision."""

    name: str
    role: RunRole
    analysis: Analysis
    step: int | None
    hash: str
    revision: int


@dataclass(frozen=True, slots=True)
class StopRun:
    """Terminate an AnalysisRun."""

    name: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Write an Event."""

    reason: str
    message: str
    warning: bool = False


Action = Scale | ScaleDownAt | Select | Weigh | StartRun | StopRun | Notice


@dataclass(frozen=True, slots=True)
class TurnDecision:
    """The next status and what to do, in this order."""

    status: Object
    actions: tuple[Action, ...]


class Turn:
    """The status as it becomes, and the actions so far; nothing outside of it is changed."""

    def __init__(self, spec: RolloutSpec, status: Object, observed: Observed, now: datetime) -> None:
        self.spec = spec
        self.observed = observed
        self.now = now
        self.status: Object = {**status}
        self.actions: list[Action] = []
        self.by_hash = {each.hash: each for each in observed.sets}

    @property
    def new(self) -> TemplateSet:
        """The set of the template that the spec asks for."""
        return self.by_hash[self.observed.current]

    @property
    def stable(self) -> TemplateSet | None:
        """The set that was promoted last; None before the first one."""
        return self.by_hash.get(self.status.get("stableRS") or "")

    @property
    def others(self) -> list[TemplateSet]:
        """Sets that are neither new nor stable."""
        kept = {self.new.hash, self.status.get("stableRS")}
        return [each for each in self.observed.sets if each.hash not in kept]

    @property
    def updating(self) -> bool:
        """Whether the new template is another than the stable one."""
        return self.stable is not None and self.stable.hash != self.new.hash

    @property
    def aborted(self) -> bool:
        """Whether the update was taken back."""
        return bool(self.status.get("abort"))

    @property
    def paused(self) -> bool:
        """Whether no step may be taken."""
        return self.spec.paused or bool(self.status.get("pauseConditions"))

    def is_full(self, each: TemplateSet) -> bool:
        """Whether every replica of the spec is available in that set."""
        return each.replicas >= self.spec.replicas and each.available >= self.spec.replicas

    def do(self, action: Action) -> None:
        """Add an action."""
        self.actions.append(action)

    def scale(self, each: TemplateSet, replicas: int) -> None:
        """Ask for so many replicas, with the Event that Kubernetes writes."""
        if each.replicas == replicas:
            return
        way = "up" if replicas > each.replicas else "down"
        self.do(Scale(each.hash, replicas))
        message = f"Scaled {way} ReplicaSet {self.spec.name}-{each.hash} (revision {each.revision}) from {each.replicas} to {replicas}"
        self.do(Notice("ScalingReplicaSet", message))

    def select(self, service: str | None, each: TemplateSet) -> None:
        """Make a Service select that set."""
        if service and self.observed.selectors.get(service) != each.hash:
            self.do(Select(service, each.hash))
            old = self.observed.selectors.get(service) or ""
            self.do(Notice("SwitchService", f"Switched selector for service '{service}' from '{old}' to '{each.hash}'"))

    def retire(self, each: TemplateSet, delay_s: float) -> None:
        """Scale a set to nothing after a delay.

        The time is written to the set first, so that a restart keeps it. An infinite delay never ends.
        """
        if not each.replicas:
            if each.scale_down_at:
                self.do(ScaleDownAt(each.hash, None))
            return
        if delay_s == float("inf"):
            return
        if delay_s <= 0 or (each.scale_down_at and passed_s(each.scale_down_at, self.now) >= 0):
            self.scale(each, 0)
            if each.scale_down_at:
                self.do(ScaleDownAt(each.hash, None))
        elif not each.scale_down_at:
            self.do(ScaleDownAt(each.hash, micro_timestamp(self.now + timedelta(seconds=delay_s))))

    def keep(self, each: TemplateSet) -> None:
        """Take back that a set is to be scaled down."""
        if each.scale_down_at:
            self.do(ScaleDownAt(each.hash, None))

    def pause(self, reason: PauseReason) -> None:
        """Pause for a reason, once."""
        conditions = list(self.status.get("pauseConditions") or ())
        if all(each["reason"] != reason for each in conditions):
            conditions.append({"reason": reason.value, "startTime": micro_timestamp(self.now)})
            self.do(Notice("RolloutPaused", f"Rollout is paused ({reason})"))
        self.status |= {"controllerPause": True, "pauseConditions": conditions}

    def paused_for_s(self, reason: PauseReason) -> float | None:
        """Seconds since that pause began; None when it is not paused for that reason."""
        for each in self.status.get("pauseConditions") or ():
            if each["reason"] == reason:
                return passed_s(each["startTime"], self.now)
        return None

    def pause_is_over(self, reason: PauseReason, seconds: float | None) -> bool:
        """Whether a pause is over: its time has passed, or its condition was removed.

        Begins the pause if it has not begun.

        Args:
            reason: of the pause; one for another reason besides it does not end with it.
            seconds: its length; None ends only by a person.
        """
        conditions = self.status.get("pauseConditions") or []
        if self.status.get("controllerPause") and not conditions:
            return True
        waited_s = self.paused_for_s(reason)
        if waited_s is None:
            self.pause(reason)
            return seconds == 0 and not conditions
        return seconds is not None and waited_s >= seconds and len(conditions) == 1

    def go_on(self) -> None:
        """End every pause."""
        if self.status.get("controllerPause"):
            self.do(Notice("RolloutResumed", "Rollout is resumed"))
        self.status |= {"controllerPause": False, "pauseConditions": None}

    def abort(self, why: str, told: str = "") -> None:
        """Abort the update.

        The spec keeps the new template, so the rollout is Degraded until undo or retry.

        Args:
            why: the cause that the status names; empty: it names none.
            told: message of the Event; empty: that of the status.
        """
        self.go_on()
        message = f"Rollout aborted update to revision {self.new.revision}" + (f": {why}" if why else "")
        steps = {"currentStepIndex": 0} if "currentStepIndex" in self.status else {}
        self.status |= {"abort": True, "abortedAt": micro_timestamp(self.now), "promoteFull": False, **steps}
        self.status["message"] = f"RolloutAborted: {message}"
        self.stop_runs()
        self.do(Notice("RolloutAborted", told or message, warning=True))

    def run_status(self, role: RunRole) -> Object:
        """What the status says of the run of that role; empty when there is none."""
        block, name = FIELDS[role]
        found: Object = (self.status.get(block) or {}).get(name) or {}
        return found

    def set_run(self, role: RunRole, value: Object | None) -> None:
        """Name the run of that role in the status, or forget it."""
        block, name = FIELDS[role]
        others = {key: each for key, each in (self.status.get(block) or {}).items() if key != name}
        self.status[block] = others if value is None else {**others, name: value}

    def forget_runs(self) -> None:
        """Name no run in the status any more: whatever needs one starts its own."""
        for role, (block, _) in FIELDS.items():
            if self.status.get(block):
                self.set_run(role, None)

    def stop_runs(self) -> None:
        """Terminate every run that is not complete; the status keeps their names."""
        for role in RunRole:
            self.stop_run(role)

    def stop_run(self, role: RunRole) -> None:
        """Terminate the run of that role if it goes on."""
        run = self.observed.runs.get(self.run_status(role).get("name", ""))
        if run is not None and not run.phase.completed:
            self.do(StopRun(self.run_status(role)["name"]))

    def stop_strays(self) -> None:
        """Terminate every run that goes on and that the status does not name: nothing waits for it any more."""
        named = {self.run_status(role).get("name") for role in RunRole}
        for name, run in self.observed.runs.items():
            if name not in named and not run.phase.completed and StopRun(name) not in self.actions:
                self.do(StopRun(name))

    def analysed(self, role: RunRole, analysis: Analysis, step: int | None = None) -> AnalysisPhase:
        """The phase of that role's run, which is started when there is none.

        A failed run aborts the rollout, an inconclusive one pauses it.
        """
        base, known = self._base(role, step), self.run_status(role)
        name = known.get("name", "")
        run = self.observed.runs.get(name) if name.partition(".")[0] == base else None
        cleared = self.paused_for_s(PauseReason.INCONCLUSIVE) is None
        judged = known.get("status") == AnalysisPhase.INCONCLUSIVE
        if run is None or (run.phase is AnalysisPhase.INCONCLUSIVE and judged and cleared):
            if run is not None:  # a person ended the pause: the same step is analysed again
                self.go_on()
            self._start(role, analysis, step)
            return AnalysisPhase.PENDING
        if run.phase is AnalysisPhase.INCONCLUSIVE and not judged:
            self.pause(PauseReason.INCONCLUSIVE)
        self.set_run(role, _written_run(name, run))
        if run.phase in (AnalysisPhase.FAILED, AnalysisPhase.ERROR):
            kind = {RunRole.STEP: "Step-based", RunRole.BACKGROUND: "Background"}.get(role, role.value)
            self.abort(f"{kind} analysis phase error/failed: {run.message}")
        return run.phase

    def _base(self, role: RunRole, step: int | None) -> str:
        number = {RunRole.STEP: str(step), RunRole.BEFORE: "pre", RunRole.AFTER: "post"}.get(role, "")
        return "-".join(filter(None, (self.spec.name, self.new.hash, str(self.new.revision), number)))

    def _start(self, role: RunRole, analysis: Analysis, step: int | None) -> None:
        """Name a new run; one that was created by a turn whose status was lost is taken over."""
        name = base = self._base(role, step)
        again = 0
        while name in self.observed.runs and self.observed.runs[name].phase.completed:
            again += 1
            name = f"{base}.{again}"
        if name not in self.observed.runs:
            self.do(StartRun(name, role, analysis, step, self.new.hash, self.new.revision))
            self.do(Notice("AnalysisRunPending", f"{role} Analysis Run '{name}' Status New: 'Pending' Previous: ''"))
        self.set_run(role, {"name": name, "status": AnalysisPhase.PENDING.value})


def _written_run(name: str, run: RunView) -> Object:
    return {"name": name, "status": run.phase.value, **({"message": run.message} if run.message else {})}
