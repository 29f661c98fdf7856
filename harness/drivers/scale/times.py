"""Maximum times of a load, from the windows of the metrics API and the delays of the autoscaler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from harness.drivers.scale.scaled import CpuReading, Scaled

_REACHED_WITHIN_S: Final = 12.0
_WINDOWS: Final = 3.0
"""Windows until a measurement covers only time with load: it ends after two windows and is served at most one later."""
_WHOLE_S: Final = 1.0
"""Resolution in s of times in the metrics API, which truncates them."""
_REST_WITHIN_S: Final = 60.0
UPS: Final = 3
"""Number of scale-ups that a spike waits for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScalingPace:
    """How fast an autoscaler changes the replicas in one direction, at scale 1.

    Attributes:
        window_s: seconds for which a recommendation must stay.
        period_s: longest period in s of the policies, for one change.
    """

    window_s: float
    period_s: float

    @classmethod
    def of(cls, autoscaler: Mapping[str, Any], direction: str) -> ScalingPace:
        """The pace that a HorizontalPodAutoscaler sets for `scaleUp` or `scaleDown`.

        Source: Kubernetes API reference, HorizontalPodAutoscalerBehavior. The periods of the default policies are 15 s.
        A scale-up waits 0 s, and a scale-down 300 s.
        """
        rules: Mapping[str, Any] = (autoscaler["spec"].get("behavior") or {}).get(direction) or {}
        window_s = rules.get("stabilizationWindowSeconds")
        periods = [float(one["periodSeconds"]) for one in rules.get("policies") or ()]
        return cls(
            window_s=float(_WAITS_S[direction] if window_s is None else window_s),
            period_s=max(periods, default=_PERIOD_S),
        )


_WAITS_S: Final = {"scaleUp": 0.0, "scaleDown": 300.0}
_PERIOD_S: Final = 15.0
UP_AS_DEFAULT: Final = ScalingPace(window_s=_WAITS_S["scaleUp"], period_s=_PERIOD_S)
DOWN_AS_DEFAULT: Final = ScalingPace(window_s=_WAITS_S["scaleDown"], period_s=_PERIOD_S)


def reached_within_s(seen: Iterable[CpuReading]) -> float:
    """Maximum time in s until a level shows in the measurements, for CPU windows like these."""
    return max([_REACHED_WITHIN_S, *(_WINDOWS * one.window_s + 2 * _WHOLE_S for one in seen)])


def risen_within_s(here: Scaled, reached_s: float, time_scale: float) -> float:
    """Maximum time in s for `UPS` scale-ups, if the metrics API needs `reached_s` to measure the load."""
    return max(2 * _REACHED_WITHIN_S, reached_s + (here.up.window_s + UPS * here.up.period_s) / time_scale)


def rest_within_s(here: Scaled, replicas: int, time_scale: float) -> float:
    """Maximum time in s until the replicas have fallen to the minimum, one after the other, and are ready."""
    falls = max(replicas - here.least, 0)
    return _REST_WITHIN_S + (here.down.window_s + falls * here.down.period_s) / time_scale
