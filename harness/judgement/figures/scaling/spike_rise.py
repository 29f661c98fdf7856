"""After the beginning of a traffic spike an autoscaler soon requests more replicas, and the response time is then below a limit."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.scaling.record import AGAIN, FILES, not_shown, scalings
from harness.judgement.figures.scaling.scaled import of_each, replicas_at
from harness.judgement.figures.scaling.spike import (
    HEIGHT,
    TrafficSpike,
    planned_spike,
    replicas_effect,
    settled_time,
    spike_of,
)
from harness.judgement.figures.spec import Basis, Lack, Need, Offered, Spec
from harness.judgement.measures import Case
from harness.judgement.shapes.until import until
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Objective, Phase
from harness.model.observations import AutoscalerSeen
from harness.units import NS_PER_S

BELOW: Final = "below"
"""Key among the objective's times: the limit of the response time."""


def spike_rises(case: Case) -> Iterable[Measure]:
    """One measure per autoscaler of the workload, and one of the response time."""
    spike = spike_of(case, Figure.SPIKE_RISE.value)
    if isinstance(spike, Measure):
        yield spike
        return
    yield from of_each(case, partial(_rise, case, spike))
    yield settled_time(case, spike, case.objective.times[BELOW])


def _rise(case: Case, spike: TrafficSpike, name: str, said: tuple[AutoscalerSeen, ...]) -> Measure:
    limit_s, lasted_s = case.scaled.in_unit("s"), (spike.end_ns - spike.begin_ns) / NS_PER_S
    first = next((one for one in scalings(said, spike.begin_ns, spike.until_ns) if one.after > one.before), None)
    last, doubt = said[-1], ""
    hint = f"let the spike of loadtests/{spike.traffic}.yaml last {formatted(limit_s, 's')} or longer, then run again"
    if first is not None and first.at_ns < spike.end_ns:
        doubt, hint = not_shown(said, first), AGAIN
    elif first is not None:
        doubt = f"the spike had ended after {formatted(lasted_s, 's')}, before this rise"
    found = replicas_effect(
        case,
        spike,
        name,
        high=None if first is None else (first.at_ns - spike.begin_ns) / NS_PER_S,
        watched=lasted_s,
        names={
            "before": first.before if first else replicas_at(said, spike.begin_ns),
            "after": first.after if first else 0,
            "least": last.least,
            "most": last.most,
            "says": "" if last.active else f"; its autoscaler reports {last.why}",
        },
        doubt=doubt,
        hint=hint,
    )
    return until(case, found)


def _lacks(objective: Objective, offered: Offered) -> Iterable[Lack]:
    """A planned spike that is shorter than the limit, which would not show that the replicas do not rise (`_rise`)."""
    limit_s = objective.limit.at_scale(offered.time_scale).in_unit("s")
    height = objective.params.get(HEIGHT)
    found = planned_spike(offered.rates, float(height)) if height else None
    if found is not None and found[1] - found[0] < limit_s:
        yield Lack(what=f"a spike of {limit_s:g} s (planned: {found[1] - found[0]:g} s)")


SPEC: Final = Spec(
    figure=Figure.SPIKE_RISE,
    judge=spike_rises,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    timed=True,
    unit="s",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda case: (*load_files(case), *FILES[:1]),
    needs=lambda _objective: (Need(key="kubernetes", why="autoscalers are objects of the Kubernetes API"),),
    lacks=_lacks,
)
