"""A world for the pure rollout machine: sets, Services, a route and analysis runs in dictionaries, and a clock that tests move."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from readiness_sandbox.cluster.controllers.rollouts.analysis import AnalysisPhase
from readiness_sandbox.cluster.controllers.rollouts.machine import decide
from readiness_sandbox.cluster.controllers.rollouts.spec import parsed
from readiness_sandbox.cluster.controllers.rollouts.turn import (
    Action,
    Notice,
    Observed,
    RunView,
    Scale,
    ScaleDownAt,
    Select,
    StartRun,
    StopRun,
    TemplateSet,
    Weigh,
)

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def canary(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A Rollout with a route and these steps."""
    routing = {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "track-service"}}}
    services = {"stableService": "stable", "canaryService": "canary"}
    return rollout({"canary": {**services, "trafficRouting": routing, "steps": list(steps), **more}})


def blue_green(**more: Any) -> dict[str, Any]:
    """A Rollout of two colours."""
    return rollout({"blueGreen": {"activeService": "active", "previewService": "preview", **more}})


def rollout(strategy: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A Rollout object."""
    labels = {"app": "track"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "track", "image": "track:1"}]}}
    told = {"replicas": 4, "selector": {"matchLabels": labels}, "template": template, "strategy": strategy, **spec}
    return {"metadata": {"name": "track", "namespace": "here", "labels": {"version": "1.1.0"}}, "spec": told}


@dataclass
class World:
    """What a rollout acts on. Pods are available as soon as `healthy` says so."""

    manifest: dict[str, Any]
    current: str = "one"
    status: dict[str, Any] = field(default_factory=dict)
    sets: dict[str, TemplateSet] = field(default_factory=dict)
    selectors: dict[str, str] = field(default_factory=dict)
    weight: int | None = None
    in_progress: bool = False
    runs: dict[str, RunView] = field(default_factory=dict)
    started: list[StartRun] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    unhealthy: set[str] = field(default_factory=set)
    now: datetime = BEGIN
    generation: int = 1

    def deploy(self, template: str) -> None:
        """Ask for a template; its set exists and has the highest revision, as the controller sees to it."""
        self.current = template
        self.generation += 1
        old = self.sets.get(template)
        highest = max((each.revision for each in self.sets.values()), default=0)
        if old is None:
            self.sets[template] = TemplateSet(hash=template, revision=highest + 1, created=self.now.isoformat())
        elif old.revision < highest:
            self.sets[template] = replace(old, revision=highest + 1)

    def turn(self, *, applied: int | None = None) -> bool:
        """One turn, of which only so many actions are applied and the status is lost when a number is given. Whether anything changed."""
        if self.current not in self.sets:
            self.deploy(self.current)
        observed = Observed(
            generation=self.generation,
            current=self.current,
            sets=tuple(self.sets.values()),
            selectors=dict(self.selectors),
            weight=self.weight,
            in_progress=self.in_progress,
            runs=dict(self.runs),
        )
        decision = decide(parsed(self.manifest), self.status, observed, self.now)
        for action in decision.actions[:applied]:
            self._apply(action)
        changed = bool([each for each in decision.actions if not isinstance(each, Notice)])
        if applied is None:
            changed = changed or decision.status != self.status
            self.status = decision.status
        return self._pods() or changed

    def settle(self) -> None:
        """Turn until nothing changes."""
        for _ in range(100):
            if not self.turn():
                return
        raise AssertionError("the rollout does not come to rest")

    def wait(self, seconds: float) -> None:
        """Let time pass, then settle."""
        self.now += timedelta(seconds=seconds)
        self.settle()

    def judge(self, phase: AnalysisPhase, message: str = "") -> None:
        """End every run that goes on."""
        for name, run in self.runs.items():
            if not run.phase.completed:
                self.runs[name] = RunView(phase=phase, message=message)

    def write(self, **status: Any) -> None:
        """What a person writes into the status, and what follows from it."""
        self.status |= status
        self.settle()

    def end_runs(self, phase: AnalysisPhase, message: str = "") -> None:
        """End every run that goes on, and let it have its effect."""
        self.judge(phase, message)
        self.settle()

    def serving(self) -> set[str]:
        """The releases that users meet."""
        if "canary" in self.manifest["spec"]["strategy"]:
            shares = {"stable": 100 - (self.weight or 0), "canary": self.weight or 0}
            return {self.selectors[service] for service, share in shares.items() if share}
        return {self.selectors["active"]}

    def _apply(self, action: Action) -> None:
        match action:
            case Scale(hash=name, replicas=replicas):
                self.sets[name] = replace(self.sets[name], replicas=replicas)
            case ScaleDownAt(hash=name, at=at):
                self.sets[name] = replace(self.sets[name], scale_down_at=at)
            case Select(service=service, hash=name):
                self.selectors[service] = name
            case Weigh(canary=weight, in_progress=in_progress):
                self.weight, self.in_progress = weight, in_progress
            case StartRun(name=name):
                assert name not in self.runs, f"{name} was started twice"
                self.runs[name] = RunView(phase=AnalysisPhase.RUNNING)
                self.started.append(action)
            case StopRun(name=name):
                self.runs[name] = RunView(phase=AnalysisPhase.SUCCESSFUL, message="Run Terminated")
            case Notice(reason=reason):
                self.notices.append(reason)

    def _pods(self) -> bool:
        before = dict(self.sets)
        for name, each in self.sets.items():
            there = 0 if name in self.unhealthy else each.replicas
            self.sets[name] = replace(each, existing=each.replicas, ready=there, available=there)
        return before != self.sets


def healthy(manifest: dict[str, Any]) -> World:
    """A world whose first template is promoted."""
    world = World(manifest)
    world.settle()
    assert world.status["phase"] == "Healthy", world.status
    return world


def updated(manifest: dict[str, Any]) -> World:
    """Such a world that was asked for another template, and has come to rest on its way there."""
    world = healthy(manifest)
    world.deploy("two")
    world.settle()
    return world
