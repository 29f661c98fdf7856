"""A load that a threshold of `stop_when` stopped: its figures may fail, and never pass.

The moment at which such a load ends depends on what was measured. So a FAIL has to be proven although the thresholds were compared again and again: after
comparison k it may use 1 / (k (k + 1)) of its error budget, and the sum over all k is 1 (Boole's inequality).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from harness.judgement.stats.guards import guard_confidence
from harness.judgement.wording import formatted
from harness.model import Reason, ReasonKind
from harness.model.observations import LoadExceeded
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.judgement.measures import Case
    from harness.judgement.stats.statistics import Bounds

_HINT: Final = "correct the cause of these requests, or change `stop_when` in loadtests/{traffic}.yaml, then run again"


def stop_of(case: Case) -> LoadExceeded | None:
    """Which threshold stopped the traffic of the objective; of an objective without a traffic, any traffic. None: none did."""
    traffic = case.objective.scope.traffic
    return next((stop for stop in case.evidence.every(LoadExceeded) if traffic in (None, stop.subject)), None)


def why_stopped(case: Case) -> str:
    """When and why the traffic was stopped; empty if it was not."""
    stop = stop_of(case)
    if stop is None:
        return ""
    unit, figure = ("ratio", "error rate") if stop.figure == "error rate" else ("s", f"response time {stop.figure}")
    return (
        f"`stop_when` stopped {stop.subject} traffic {(stop.until_ns - stop.begin_ns) / NS_PER_S:.0f} s after its warm-up: the {figure} of "
        f"{stop.n} requests in {(stop.until_ns - stop.from_ns) / NS_PER_S:.0f} s was {formatted(stop.value, unit)}, "
        f"expected at most {formatted(stop.limit, unit)}"
    )


def unseen(case: Case) -> Iterable[Reason]:
    """The reason why a figure of a stopped traffic cannot pass; none if it was not stopped."""
    if why := why_stopped(case):
        hint = _HINT.format(traffic=case.objective.scope.traffic or "*")
        yield Reason(kind=ReasonKind.LOAD, text=f"{why}; so the rest of its load was not seen", hint=hint)


def parts_of_budget(case: Case) -> int:
    """Into how many parts a FAIL divides its error budget; 1 if the traffic was not stopped."""
    stop = stop_of(case)
    return 1 if stop is None else max(stop.comparisons, 1) * (max(stop.comparisons, 1) + 1)


def as_stopped(case: Case, bounds: Callable[[float], Bounds]) -> Bounds:
    """The bounds at the confidence of the objective; of a stopped traffic a FAIL needs those of its part of the error budget too.

    Args:
        case: objective and evidence.
        bounds: computes the bounds at a confidence.
    """
    found, comparisons = bounds(case.objective.confidence), parts_of_budget(case)
    if comparisons == 1:
        return found
    sure = bounds(guard_confidence(comparisons))
    return replace(found, fail_low=min(found.fail_low, sure.low), fail_high=max(found.fail_high, sure.high))
