"""A Rollout's spec, parsed and validated before anything is changed.

Refused are steps that fall, weights over 100 and fields that are not supported.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from harness.sandbox.cluster.controllers.rollouts.metrics import SpecError
from harness.sandbox.cluster.durations import seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.sandbox.cluster.store import Object

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """Templates to run, and what they are given."""

    templates: tuple[str, ...]
    args: tuple[tuple[str, str], ...] = field(default=())
    starting_step: int = 0


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


def parsed(rollout: Object) -> RolloutSpec:
    """The spec of a Rollout object.

    Raises:
        SpecError: the first thing that is wrong; the message begins with its path.
    """
    spec = rollout["spec"]
    _known(spec, _SPEC, "spec")
    if not spec.get("workloadRef") and not (spec.get("selector") and spec.get("template")):
        raise SpecError("spec.template: required, with spec.selector; hint: or name a Deployment in spec.workloadRef")
    strategy = spec.get("strategy") or {}
    _known(strategy, frozenset({"canary", "blueGreen"}), "spec.strategy")
    if len([each for each in ("canary", "blueGreen") if each in strategy]) != 1:
        raise SpecError("spec.strategy: exactly one of canary and blueGreen is required")
    replicas = _number(spec, "replicas", "spec", 1)
    return RolloutSpec(
        name=rollout["metadata"]["name"],
        replicas=replicas,
        paused=bool(spec.get("paused")),
        min_ready_s=_number(spec, "minReadySeconds", "spec", 0),
        progress_deadline_s=_number(spec, "progressDeadlineSeconds", "spec", 600),
        progress_deadline_abort=bool(spec.get("progressDeadlineAbort")),
        history_limit=_number(spec, "revisionHistoryLimit", "spec", 10),
        rollback_revisions=_number(spec.get("rollbackWindow") or {}, "revisions", "spec.rollbackWindow", 0),
        strategy=_canary(strategy["canary"] or {}, rollout, replicas)
        if "canary" in strategy
        else _blue_green(strategy["blueGreen"] or {}, rollout),
    )


def _canary(spec: Object, rollout: Object, replicas: int) -> CanaryStrategy:
    path = "spec.strategy.canary"
    _known(spec, _CANARY, path)
    steps = tuple(_step(each, f"{path}.steps[{index}]", rollout) for index, each in enumerate(spec.get("steps") or ()))
    _rising(steps, path)
    route = _route(spec.get("trafficRouting") or {}, f"{path}.trafficRouting", rollout)
    if route and not (spec.get("canaryService") and spec.get("stableService")):
        raise SpecError(f"{path}: canaryService and stableService are required with trafficRouting")
    surge, unavailable = (
        _share(spec.get(name, "25%"), replicas, f"{path}.{name}", up=up)
        for name, up in (("maxSurge", True), ("maxUnavailable", False))
    )
    background = spec.get("analysis")
    return CanaryStrategy(
        steps=steps,
        steps_hash=hashlib.sha256(json.dumps(spec.get("steps") or [], sort_keys=True).encode()).hexdigest()[:10],
        stable_service=spec.get("stableService"),
        canary_service=spec.get("canaryService"),
        route=route,
        background=_analysis(background, f"{path}.analysis", rollout) if background is not None else None,
        max_surge=surge,
        max_unavailable=unavailable or (0 if surge else 1),
        scale_down_delay_s=_seconds(spec, "scaleDownDelaySeconds", path, DELAY_S if route else 0.0) or 0.0,
        abort_delay_s=_abort_delay_s(spec, path, default_s=DELAY_S if route else 0.0, never=bool(route)),
    )


def _blue_green(spec: Object, rollout: Object) -> BlueGreenStrategy:
    path = "spec.strategy.blueGreen"
    _known(spec, _BLUE_GREEN, path)
    if not spec.get("activeService"):
        raise SpecError(f"{path}.activeService: required")
    if spec.get("previewService") == spec["activeService"]:
        raise SpecError(f"{path}.previewService: must not be the active Service")
    before, after = spec.get("prePromotionAnalysis"), spec.get("postPromotionAnalysis")
    return BlueGreenStrategy(
        active_service=spec["activeService"],
        preview_service=spec.get("previewService"),
        auto_promotion=spec.get("autoPromotionEnabled") is not False,
        auto_promotion_s=_seconds(spec, "autoPromotionSeconds", path, None) or None,
        before=_analysis(before, f"{path}.prePromotionAnalysis", rollout) if before is not None else None,
        after=_analysis(after, f"{path}.postPromotionAnalysis", rollout) if after is not None else None,
        scale_down_delay_s=_seconds(spec, "scaleDownDelaySeconds", path, DELAY_S) or 0.0,
        abort_delay_s=_abort_delay_s(spec, path, default_s=DELAY_S, never=True),
    )


def _step(spec: Object, path: str, rollout: Object) -> Step:
    if not isinstance(spec, dict) or len(spec) != 1:
        raise SpecError(f"{path}: a step has exactly one key")
    _known(spec, frozenset({"setWeight", "pause", "analysis"}), path)
    if "setWeight" in spec:
        weight = _number(spec, "setWeight", path, 0)
        if weight > 100:
            raise SpecError(f"{path}.setWeight: {weight} is over 100")
        return SetWeight(weight)
    if "analysis" in spec:
        return AnalysisStep(_analysis(spec["analysis"] or {}, f"{path}.analysis", rollout))
    return PauseStep(_seconds(spec["pause"] or {}, "duration", f"{path}.pause", None))


def _rising(steps: Sequence[Step], path: str) -> None:
    """Refuse weights that fall: they would take users back who are on the new release already."""
    highest = 0
    for index, step in enumerate(steps):
        if isinstance(step, SetWeight):
            if step.weight < highest:
                raise SpecError(f"{path}.steps[{index}].setWeight: {step.weight} is below {highest} of an earlier step")
            highest = step.weight


def _route(spec: Object, path: str, rollout: Object) -> str | None:
    if not spec:
        return None
    _known(spec, frozenset({"plugins"}), path)
    plugins = spec.get("plugins") or {}
    _known(plugins, frozenset({GATEWAY_API}), f"{path}.plugins")
    plugin, path = plugins.get(GATEWAY_API) or {}, f"{path}.plugins.{GATEWAY_API}"
    _known(plugin, frozenset({"httpRoute", "namespace"}), path)
    if not isinstance(plugin.get("httpRoute"), str):
        raise SpecError(f"{path}.httpRoute: required")
    own = rollout["metadata"].get("namespace")
    if plugin.get("namespace") not in (None, own):
        raise SpecError(f"{path}.namespace: {plugin['namespace']!r} is not the rollout's own namespace {own!r}")
    return str(plugin["httpRoute"])


def _analysis(spec: Object, path: str, rollout: Object) -> Analysis:
    _known(spec, frozenset({"templates", "args", "startingStep"}), path)
    templates = []
    for index, each in enumerate(spec.get("templates") or ()):
        _known(each, frozenset({"templateName"}), f"{path}.templates[{index}]")
        templates.append(str(each["templateName"]))
    if not templates:
        raise SpecError(f"{path}.templates: at least one is required")
    args = tuple((str(each["name"]), _argument(each, f"{path}.args", rollout)) for each in spec.get("args") or ())
    return Analysis(templates=tuple(templates), args=args, starting_step=_number(spec, "startingStep", path, 0))


def _argument(spec: Object, path: str, rollout: Object) -> str:
    """The value of an argument.

    `{latest}` and `{stable}` stand for the hashes of the pod templates, which are known later.
    """
    source = spec.get("valueFrom") or {}
    if "value" in spec:
        return str(spec["value"])
    if source.get("podTemplateHashValue") in ("Latest", "Stable"):
        return "{" + str(source["podTemplateHashValue"]).lower() + "}"
    field_path = (source.get("fieldRef") or {}).get("fieldPath", "")
    value = _at(rollout, field_path)
    if value is None:
        raise SpecError(f"{path}.{spec['name']}: there is no {field_path or 'value'!r} in the rollout")
    return str(value)


def _at(obj: Object, path: str) -> Any:
    """The value at `metadata.labels['version']` or `spec.replicas`; None when there is none."""
    value: Any = obj
    for part in path.replace("['", ".").replace("']", "").split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str | int) else None


def _known(spec: Any, fields: frozenset[str], path: str) -> None:
    if not isinstance(spec, dict):
        raise SpecError(f"{path}: must be an object")
    for name, value in spec.items():
        if name not in fields and value is not None:
            raise SpecError(f"{path}.{name}: not supported; hint: supported are {', '.join(sorted(fields))}")


def _number(spec: Object, name: str, path: str, default: int) -> int:
    value = spec.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SpecError(f"{path}.{name}: {value!r} is not an integer of at least 0")
    return value


def _seconds(spec: Object, name: str, path: str, default: float | None) -> float | None:
    if spec.get(name) is None:
        return default
    try:
        return seconds(spec[name])
    except ValueError as error:
        raise SpecError(f"{path}.{name}: {error}") from None


def _abort_delay_s(spec: Object, path: str, *, default_s: float, never: bool) -> float:
    """Seconds until the aborted release is scaled down; 0 in the spec means never."""
    delay_s = _seconds(spec, "abortScaleDownDelaySeconds", path, default_s) or 0.0
    return math.inf if never and not delay_s else delay_s


def _share(value: Any, replicas: int, path: str, *, up: bool) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    text = value.removesuffix("%") if isinstance(value, str) and value.endswith("%") else ""
    if not (text.isascii() and text.isdecimal()):
        raise SpecError(f"{path}: {value!r} is neither a number nor a percentage")
    part = replicas * int(text) / 100
    return math.ceil(part) if up else math.floor(part)
