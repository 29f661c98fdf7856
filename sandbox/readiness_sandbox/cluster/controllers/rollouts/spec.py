"""A Rollout's spec, parsed and validated before anything is changed.

Refused are steps that fall, weights over 100 and fields that are not supported.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster.controllers.rollouts.arguments import Analysis, analysis
from readiness_sandbox.cluster.controllers.rollouts.fields import SpecError, integer, known, length_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.store import Object

GATEWAY_API: Final = "argoproj-labs/gatewayAPI"
"""The traffic router plugin: weights are written into an HTTPRoute's backendRefs."""
DELAY_S: Final = 30.0
_CANARY: Final = frozenset(
    {
        "canaryService",
        "stableService",
        "steps",
        "trafficRouting",
        "maxSurge",
        "maxUnavailable",
        "analysis",
        "scaleDownDelaySeconds",
        "abortScaleDownDelaySeconds",
    }
)
_BLUE_GREEN: Final = frozenset(
    {
        "activeService",
        "previewService",
        "autoPromotionEnabled",
        "autoPromotionSeconds",
        "prePromotionAnalysis",
        "postPromotionAnalysis",
        "scaleDownDelaySeconds",
        "abortScaleDownDelaySeconds",
    }
)
_SPEC: Final = frozenset(
    {
        "replicas",
        "selector",
        "template",
        "workloadRef",
        "strategy",
        "minReadySeconds",
        "revisionHistoryLimit",
        "progressDeadlineSeconds",
        "progressDeadlineAbort",
        "paused",
        "restartAt",
        "rollbackWindow",
    }
)


@dataclass(frozen=True, slots=True)
class SetWeight:
    """The share of the traffic that the canary gets from here on, in percent."""

    weight: int


@dataclass(frozen=True, slots=True)
class PauseStep:
    """A pause; without a length it waits for a person."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class AnalysisStep:
    """An analysis that has to pass before the next step."""

    analysis: Analysis


Step = SetWeight | PauseStep | AnalysisStep


@dataclass(frozen=True, kw_only=True, slots=True)
class CanaryStrategy:
    """strategy.canary.

    `route`: the HTTPRoute whose weights are written; None splits by the number of replicas.
    """

    steps: tuple[Step, ...]
    steps_hash: str
    stable_service: str | None
    canary_service: str | None
    route: str | None
    background: Analysis | None
    max_surge: int
    max_unavailable: int
    scale_down_delay_s: float
    abort_delay_s: float

    @property
    def services(self) -> tuple[str, ...]:
        """The Services whose selectors are written."""
        return tuple(each for each in (self.stable_service, self.canary_service) if each)


@dataclass(frozen=True, kw_only=True, slots=True)
class BlueGreenStrategy:
    """strategy.blueGreen.

    `auto_promotion_s`: seconds until it is promoted by itself; None: only `auto_promotion` decides.
    """

    active_service: str
    preview_service: str | None
    auto_promotion: bool
    auto_promotion_s: float | None
    before: Analysis | None
    after: Analysis | None
    scale_down_delay_s: float
    abort_delay_s: float

    @property
    def services(self) -> tuple[str, ...]:
        """The Services whose selectors are written."""
        return tuple(each for each in (self.active_service, self.preview_service) if each)


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutSpec:
    """A Rollout's spec.

    `rollback_revisions`: the steps are skipped on the way to a revision that is at most so many older than the stable one.
    """

    name: str
    replicas: int
    paused: bool
    min_ready_s: float
    progress_deadline_s: float
    progress_deadline_abort: bool
    history_limit: int
    rollback_revisions: int
    strategy: CanaryStrategy | BlueGreenStrategy


def parsed(rollout: Object, template: Object | None = None) -> RolloutSpec:
    """The spec of a Rollout object.

    Args:
        rollout: the object as it is stored.
        template: of the workload that it refers to; arguments of analyses read it as the rollout's own.

    Raises:
        SpecError: the first thing that is wrong; the message begins with its path.
    """
    spec = rollout["spec"]
    known(spec, _SPEC, "spec")
    _require_template(spec)
    strategy = {name: each for name, each in (spec.get("strategy") or {}).items() if each is not None}
    known(strategy, frozenset({"canary", "blueGreen"}), "spec.strategy")
    if len(strategy) != 1:
        raise SpecError("spec.strategy: exactly one of canary and blueGreen is required")
    replicas = integer(spec, "replicas", "spec", 1)
    min_ready_s = integer(spec, "minReadySeconds", "spec", 0)
    resolved = rollout if template is None else {**rollout, "spec": {**spec, "template": template}}
    deadline_s = integer(spec, "progressDeadlineSeconds", "spec", 600)
    if deadline_s <= min_ready_s:
        raise SpecError(f"spec.progressDeadlineSeconds: {deadline_s} is not above minReadySeconds, {min_ready_s}")
    return RolloutSpec(
        name=rollout["metadata"]["name"],
        replicas=replicas,
        paused=bool(spec.get("paused")),
        min_ready_s=min_ready_s,
        progress_deadline_s=deadline_s,
        progress_deadline_abort=bool(spec.get("progressDeadlineAbort")),
        history_limit=integer(spec, "revisionHistoryLimit", "spec", 10),
        rollback_revisions=integer(spec.get("rollbackWindow") or {}, "revisions", "spec.rollbackWindow", 0),
        strategy=_canary(strategy["canary"], resolved, replicas)
        if "canary" in strategy
        else _blue_green(strategy["blueGreen"], resolved),
    )


def _require_template(spec: Object) -> None:
    """One pod template: its own with a selector, or that of the workload it refers to."""
    template, selector = spec.get("template") or {}, spec.get("selector") or {}
    if spec.get("workloadRef"):
        meta = template.get("metadata") or {}
        if any((meta.get("labels"), meta.get("annotations"), (template.get("spec") or {}).get("containers"))):
            raise SpecError("spec.template: must be empty with spec.workloadRef; hint: leave one of them out")
    elif not template or not any(selector.values()):
        raise SpecError("spec.template: required, with spec.selector; hint: or name a Deployment in spec.workloadRef")


def _canary(spec: Object, rollout: Object, replicas: int) -> CanaryStrategy:
    path = "spec.strategy.canary"
    known(spec, _CANARY, path)
    steps = tuple(_step(each, f"{path}.steps[{index}]", rollout) for index, each in enumerate(spec.get("steps") or ()))
    _rising(steps, path)
    routing = spec.get("trafficRouting")
    route = None if routing is None else _route(routing, f"{path}.trafficRouting", rollout)
    _require_services(spec, path, routed=route is not None)
    surge, unavailable = _room(spec, path, replicas)
    background = spec.get("analysis")
    return CanaryStrategy(
        steps=steps,
        steps_hash=hashlib.sha256(json.dumps(spec.get("steps") or [], sort_keys=True).encode()).hexdigest()[:10],
        stable_service=spec.get("stableService"),
        canary_service=spec.get("canaryService"),
        route=route,
        background=analysis(background, f"{path}.analysis", rollout, background=True)
        if background is not None
        else None,
        max_surge=surge,
        max_unavailable=unavailable,
        scale_down_delay_s=_delay_s(spec, "scaleDownDelaySeconds", path),
        abort_delay_s=_delay_s(spec, "abortScaleDownDelaySeconds", path) or math.inf,
    )


def _require_services(spec: Object, path: str, *, routed: bool) -> None:
    stable, canary = spec.get("stableService"), spec.get("canaryService")
    if stable and stable == canary:
        raise SpecError(f"{path}.stableService: {stable!r} is the canaryService too; hint: two Services are required")
    if routed and not (canary and stable):
        raise SpecError(f"{path}: canaryService and stableService are required with trafficRouting")
    if not routed and spec.get("scaleDownDelaySeconds") is not None:
        raise SpecError(f"{path}.scaleDownDelaySeconds: needs trafficRouting")


def _blue_green(spec: Object, rollout: Object) -> BlueGreenStrategy:
    path = "spec.strategy.blueGreen"
    known(spec, _BLUE_GREEN, path)
    if not spec.get("activeService"):
        raise SpecError(f"{path}.activeService: required")
    if spec.get("previewService") == spec["activeService"]:
        raise SpecError(f"{path}.previewService: must not be the active Service")
    before, after = spec.get("prePromotionAnalysis"), spec.get("postPromotionAnalysis")
    return BlueGreenStrategy(
        active_service=spec["activeService"],
        preview_service=spec.get("previewService"),
        auto_promotion=spec.get("autoPromotionEnabled") is not False,
        auto_promotion_s=length_s(spec, "autoPromotionSeconds", path) or None,
        before=analysis(before, f"{path}.prePromotionAnalysis", rollout) if before is not None else None,
        after=analysis(after, f"{path}.postPromotionAnalysis", rollout) if after is not None else None,
        scale_down_delay_s=_delay_s(spec, "scaleDownDelaySeconds", path),
        abort_delay_s=_delay_s(spec, "abortScaleDownDelaySeconds", path) or math.inf,
    )


def _step(spec: Object, path: str, rollout: Object) -> Step:
    known(spec, frozenset({"setWeight", "pause", "analysis"}), path)
    spec = {name: each for name, each in spec.items() if each is not None}
    if len(spec) != 1:
        raise SpecError(f"{path}: a step has exactly one key; hint: write pause: {{}} for a pause without a length")
    if "setWeight" in spec:
        weight = integer(spec, "setWeight", path, 0)
        if weight > 100:
            raise SpecError(f"{path}.setWeight: {weight} is over 100")
        return SetWeight(weight)
    if "analysis" in spec:
        return AnalysisStep(analysis(spec["analysis"], f"{path}.analysis", rollout))
    return PauseStep(length_s(spec["pause"], "duration", f"{path}.pause"))


def _rising(steps: Sequence[Step], path: str) -> None:
    """Refuse weights that fall: they would take users back who are on the new release already."""
    highest = 0
    for index, step in enumerate(steps):
        if isinstance(step, SetWeight):
            if step.weight < highest:
                raise SpecError(f"{path}.steps[{index}].setWeight: {step.weight} is below {highest} of an earlier step")
            highest = step.weight


def _route(spec: Object, path: str, rollout: Object) -> str:
    known(spec, frozenset({"plugins"}), path)
    plugins = spec.get("plugins") or {}
    known(plugins, frozenset({GATEWAY_API}), f"{path}.plugins")
    plugin, path = plugins.get(GATEWAY_API) or {}, f"{path}.plugins.{GATEWAY_API}"
    known(plugin, frozenset({"httpRoute", "namespace"}), path)
    if not isinstance(plugin.get("httpRoute"), str):
        raise SpecError(f"{path}.httpRoute: required")
    own = rollout["metadata"].get("namespace")
    if plugin.get("namespace") not in (None, own):
        raise SpecError(f"{path}.namespace: {plugin['namespace']!r} is not the rollout's own namespace {own!r}")
    return str(plugin["httpRoute"])


def _delay_s(spec: Object, name: str, path: str) -> float:
    """Seconds until a set without users is scaled down."""
    delay_s = length_s(spec, name, path)
    return DELAY_S if delay_s is None else delay_s


def _room(spec: Object, path: str, replicas: int) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods, 25 % each by default: one is rounded up, the other down, and one pod may always move.

    Raises:
        SpecError: both are 0 as they are written, or one is no number.
    """
    surge, unavailable = (
        _share("25%" if spec.get(name) is None else spec[name], f"{path}.{name}")
        for name in ("maxSurge", "maxUnavailable")
    )
    if not surge[0] and not unavailable[0]:
        raise SpecError(f"{path}.maxSurge: 0 with maxUnavailable 0 leaves no room for a pod; hint: give one of them 1")
    up = math.ceil(replicas * surge[0] / 100) if surge[1] else surge[0]
    down = math.floor(replicas * unavailable[0] / 100) if unavailable[1] else unavailable[0]
    return up, down or (0 if up else 1)


def _share(value: Any, path: str) -> tuple[int, bool]:
    """(number, whether it is in percent): a text is in percent, with its sign or without."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value, False
    figure = value.removesuffix("%") if isinstance(value, str) else ""
    if not (figure.isascii() and figure.isdecimal()):
        raise SpecError(f"{path}: {value!r} is neither a number nor a percentage")
    return int(figure), True
