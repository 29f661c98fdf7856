"""The records of autoscalers and of the loads on their services."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case
from harness.judgement.receipts.watch import Span, followed
from harness.model import Evidence, Figure, LimitRule, Measure, Observation, Phase, Receipt
from harness.model.observations import AutoscalerSeen, LoadFailed, LoadHeld, UsageRead, WatchClosed, every
from harness.model.planned.scaling import NEAR, held_elsewhere

FILES: Final = ("history/autoscalers.ndjson", "history/scale.ndjson")
AGAIN: Final = "apply the load on a quieter machine, then run again"
WATCHER: Final = "autoscalers"
_ROUNDING: Final = 1e-9
_WHOLE: Final[Span] = (0, 2**63 - 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldLevel:
    """One load that was applied to a service.

    Attributes:
        workload: `NAMESPACE/NAME` of the service.
        resource, level: planned resource, and planned usage divided by the request.
        cpu_scale: CPU scale of the target.
        begun_ns: beginning of the load.
        reached_ns: time at which the load reached its level; None: not recorded.
        ended_ns: end of the load; None: not recorded.
        ok: whether the level was reached and kept.
        mean: mean usage divided by the request, from the level on.
        why: error of the load; empty if there was none.
        highest: highest usage divided by the request that was read during the load.
    """

    workload: str
    resource: str
    level: float
    cpu_scale: float
    begun_ns: int
    reached_ns: int | None
    ended_ns: int | None
    ok: bool
    mean: float | None
    why: str
    highest: float | None = None

    @property
    def span(self) -> tuple[int, int]:
        """The time of the load, in ns; without an end if the end was not recorded."""
        return self.begun_ns, self.ended_ns or _WHOLE[1]

    @property
    def method(self) -> str:
        """How the load was applied, in words."""
        scale = f", CPU at scale {self.cpu_scale:g}" if self.resource == "cpu" and self.cpu_scale != 1 else ""
        return (
            f"StressChaos on {self.workload}{scale}; replicas as its autoscaler reports them, followed as they change"
        )


def held_levels(case: Case) -> tuple[HeldLevel, ...] | str:
    """The loads of the demand of an objective, in order; or a text why a load is missing."""
    return not_given(case) or given_levels(case)


def not_given(case: Case) -> str:
    """Why a load of the demand of an objective was not applied; empty if every load was applied."""
    mine = _of_demand(case)
    failed = next(every(LoadFailed, mine), None)
    if failed is not None:
        return f"the load was not applied: {failed.why}"
    return (
        ""
        if any(one.kind == "scale.begun" for one in every(LoadHeld, mine))
        else "the run has no record of a load on the service"
    )


def _of_demand(case: Case) -> list[Observation]:
    keys = [key for key in case.claim.demands if _asked(case, key)]
    return [o for o in case.evidence.observations if o.fields.get("demand") in keys or o.subject in keys]


def given_levels(case: Case) -> tuple[HeldLevel, ...]:
    """The loads of the demand of an objective that began, in order."""
    return _levels(_of_demand(case))


def levels_elsewhere(case: Case) -> tuple[HeldLevel, ...]:
    """The loads that began for other demands of the plan, at the levels to which the objective's demand brings every service."""
    own = [case.plan.demand[key] for key in case.claim.demands if _asked(case, key)]
    keys = {other.key for one in own for other in held_elsewhere(one, case.plan.demand)}
    return _levels([o for o in case.evidence.observations if o.fields.get("demand") in keys])


def _levels(mine: Sequence[Observation]) -> tuple[HeldLevel, ...]:
    found, read = list(every(LoadHeld, mine)), list(every(UsageRead, mine))
    begun = [
        one for one, after in zip_longest(found, found[1:]) if one.kind == "scale.begun" and not _again(one, after)
    ]
    levels = []
    for number, one in enumerate(begun):
        until_ns = begun[number + 1].when_ns if number + 1 < len(begun) else None
        own = [o for o in found if o.when_ns >= one.when_ns and (until_ns is None or o.when_ns < until_ns)]
        usages = [o.usage for o in read if o.when_ns >= one.when_ns and (until_ns is None or o.when_ns < until_ns)]
        levels.append(_level(one, own, usages))
    return tuple(levels)


def _again(begun: LoadHeld, after: LoadHeld | None) -> bool:
    """Whether a load of the same level began again, since the first one did not reach it."""
    if after is None or after.kind != begun.kind:
        return False
    return (after.subject, after.resource, after.level) == (begun.subject, begun.resource, begun.level)


def _asked(case: Case, key: str) -> bool:
    demand = case.plan.demand.get(key)
    return demand is not None and (demand.kind, demand.name) == (case.objective.demand, case.objective.check)


def _level(begun: LoadHeld, own: Iterable[LoadHeld], usages: Iterable[float]) -> HeldLevel:
    by_kind = {one.kind: one for one in own}
    reached, ended = by_kind.get("scale.reached"), by_kind.get("scale.ended")
    means = [usage for one in (reached, ended) if one is not None for usage in (one.mean, one.highest)]
    mean, why = (ended.mean, ended.why) if ended else (None, "the end of the load was not recorded")
    if ended and ended.ok and mean is not None and abs(mean - begun.level) > NEAR + _ROUNDING:
        why = f"the mean usage was {100 * mean:.0f} % of the resource request, expected {100 * begun.level:.0f} %"
    return HeldLevel(
        workload=begun.subject,
        resource=begun.resource,
        level=begun.level,
        cpu_scale=begun.cpu_scale,
        begun_ns=begun.when_ns,
        reached_ns=reached.when_ns if reached else None,
        ended_ns=ended.when_ns if ended else None,
        ok=bool(ended and ended.ok) and not why,
        mean=mean,
        why=why,
        highest=max([*usages, *(usage for usage in means if usage is not None)], default=None),
    )


def said_of(evidence: Evidence, workload: str) -> tuple[AutoscalerSeen, ...]:
    """The reports of the autoscaler of a workload (`NAMESPACE/NAME`), in order of time."""
    namespace, _, name = workload.rpartition("/")
    return tuple(
        one
        for one in evidence.every(AutoscalerSeen)
        if one.target == name and one.subject.rpartition("/")[0] == namespace
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """One change of the replicas that an autoscaler requests."""

    at_ns: int
    before: int
    after: int


def scalings(said: Iterable[AutoscalerSeen], from_ns: int, until_ns: int | None = None) -> tuple[Scaling, ...]:
    """Every change of the replicas that an autoscaler requests, from a time on."""
    found, last = [], 0
    for one in said:
        inside = one.when_ns >= from_ns and (until_ns is None or one.when_ns < until_ns)
        if last and one.desired and one.desired != last and inside:
            found.append(Scaling(at_ns=one.when_ns, before=last, after=one.desired))
        last = one.desired or last
    return tuple(found)


def not_shown(said: Iterable[AutoscalerSeen], rise: Scaling) -> str:
    """Why a rise does not prove that the load caused it; empty: it is a proof.

    Either only the requested number rose, as there never were so many replicas, or the minimum had been raised to that number.
    """
    said = tuple(said)
    most = max((one.current for one in said if one.when_ns >= rise.at_ns), default=0)
    if most < rise.after:
        return f"the workload never had more than {most} replicas after that"
    return raised_by_hand(said, rise)


def raised_by_hand(said: Iterable[AutoscalerSeen], rise: Scaling) -> str:
    """Text that no load was needed, as the minimum of the autoscaler had been raised to that many replicas.

    Empty if it had not.
    """
    least = [one.least for one in said if one.when_ns <= rise.at_ns]
    if least and least[-1] >= rise.after:
        return f"the minimum of the autoscaler had been raised to {least[-1]} replicas before, so no load was needed"
    return ""


def autoscalers_receipt(evidence: Evidence, *spans: Span) -> Receipt:
    """Whether the autoscalers were followed to the end of the run, and without a gap in these spans.

    By default in the complete run.
    """
    return followed(evidence, WATCHER, spans or (_WHOLE,), files=FILES[:1])


def followed_until_ns(evidence: Evidence) -> int:
    """Time until which the autoscalers were followed, in ns: the recorded end of their watcher, or else the end of the traffic."""
    closed = [one.recorded_ns for one in evidence.every(WatchClosed) if one.subject == WATCHER]
    seen = [one.when_ns + 1 for one in evidence.every(AutoscalerSeen)]
    return max([*(closed or [window.end_ns for window in evidence.windows.values()]), *seen], default=0)


def scaling_spec(
    figure: Figure,
    judge: Callable[[Case], Iterable[Measure]],
    *,
    limit: LimitRule | None,
    unit: str = "",
    phase: Phase = Phase.RUN,
    timed: bool = False,
    clocked: bool = False,
) -> Spec:
    """The spec of a figure of autoscalers."""
    return Spec(
        figure=figure,
        judge=judge,
        limit=limit,
        unit=unit,
        basis=Basis.CHECK,
        phases=frozenset({phase}),
        evidence=lambda _case: FILES,
        needs=lambda _objective: (Need(key="kubernetes", why="autoscalers are objects of the Kubernetes API"),),
        timed=timed,
        clocked=clocked,
    )
