"""Checks the strategies that a target file gives to Rollouts; their controller would refuse invalid strategies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard

from harness.nearest import hint_with_nearest
from harness.yamlfile import Location

_STEPS: Final = (
    "setWeight",
    "pause",
    "analysis",
    "experiment",
    "setCanaryScale",
    "setHeaderRoute",
    "setMirrorRoute",
    "plugin",
    "replicaProgressThreshold",
)
"""Keys of a canary step of Argo Rollouts."""
_SERVICES: Final = {"canary": ("stableService", "canaryService"), "blueGreen": ("activeService", "previewService")}
"""Pairs of keys that must name different Services."""
_ALL: Final = 100
"""The weight of all users, unless `trafficRouting.maxTrafficWeight` sets another weight."""
_STEP: Final = "write each step like `setWeight: 25`, `pause: {duration: 10s}` or `analysis: {…}`"
_WEIGHT: Final = "write steps like `[{setWeight: 5}, {pause: {}}, {setWeight: 100}]`"

Wrong = tuple[Location, str, str]
"""A problem: its place, its description, and the correction."""


def wrong_strategies(strategies: Mapping[Any, Mapping[Any, Mapping[str, Any]]]) -> Iterator[Wrong]:
    """Problems in `rollout.strategies` that would make a Rollout `InvalidSpec`.

    Args:
        strategies: `spec.strategy` by strategy of the rollout file.
    """
    for name, strategy in strategies.items():
        at: Location = ("rollout", "strategies", name)
        if len(strategy) != 1:
            yield at, "expected one of `canary` and `blueGreen`", "remove the other key"
        for kind, spec in strategy.items():
            yield from _wrong_services(spec, (*at, kind), *_SERVICES[kind])
            if kind == "canary":
                yield from _wrong_steps(spec, (*at, kind))


def _wrong_services(spec: Mapping[str, Any], at: Location, first: str, second: str) -> Iterator[Wrong]:
    if first == "activeService" and not spec.get(first):
        yield at, f"the key `{first}` is missing", f'write `{first}: "{{name}}"`'
    elif spec.get(first) and spec[first] == spec.get(second):
        yield (*at, second), f"`{spec[second]}` is also named under `{first}`", "name another Service"


def _wrong_steps(spec: Mapping[str, Any], at: Location) -> Iterator[Wrong]:
    steps = spec.get("steps")
    if steps is not None and not isinstance(steps, tuple):
        yield (*at, "steps"), "`steps` must be a list", _STEP
        return
    routing = spec.get("trafficRouting")
    most = routing.get("maxTrafficWeight") if isinstance(routing, Mapping) else None
    highest = 0
    for number, step in enumerate(steps or ()):
        place = (*at, "steps", number)
        if not isinstance(step, Mapping) or len(step) != 1 or None in step.values():
            yield place, "a step has exactly one key, with a value", _STEP
            continue
        [(key, weight)] = step.items()
        if key not in _STEPS:
            yield (*place, key), f"unknown step `{key}`", hint_with_nearest(key, _STEPS)
        if key == "setWeight":
            if wrong := _wrong_weight(weight, highest, most if _is_whole(most) else _ALL):
                yield (*place, key), wrong, _WEIGHT
            highest = weight if _is_whole(weight) else highest


def _wrong_weight(weight: object, highest: int, most: int) -> str:
    if not _is_whole(weight) or weight < 0:
        return f"`{weight}` is not a whole number of at least 0"
    if weight > most:
        return f"{weight} is over {most}"
    return f"the weights must not fall, {weight} comes after {highest}" if weight < highest else ""


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
