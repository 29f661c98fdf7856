"""Response time after the beginning of a traffic spike: it must soon be below its limit again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.scaling.spike import settled_time, spike_of
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import Case
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Phase


def spike_times(case: Case) -> Iterable[Measure]:
    """One measure: the response time of all routes together, until the end of the spike."""
    spike = spike_of(case, Figure.SPIKE_TIME.value)
    yield spike if isinstance(spike, Measure) else settled_time(case, spike, case.objective.limit)


SPEC: Final = Spec(
    figure=Figure.SPIKE_TIME,
    judge=spike_times,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    timed=True,
    unit="ms",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=load_files,
)
