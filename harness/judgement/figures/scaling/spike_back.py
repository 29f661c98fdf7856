"""Whether the replicas are as few as before soon after a spike of the traffic, and no request failed while they were taken away."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import errors_by_kind, failed
from harness.judgement.figures.scaling.record import FILES, concluded
from harness.judgement.figures.scaling.scaled import of_each, replicas_at
from harness.judgement.figures.scaling.spike import TrafficSpike, replicas_figures, spike_of
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case, Figures, because, measure, settled
from harness.judgement.shapes.until import within
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Op, Outcome, Phase, ReasonKind
from harness.model.observations import AutoscalerSeen
from harness.units import NS_PER_S


def spike_backs(case: Case) -> Iterable[Measure]:
    """One measure of each autoscaler of the workload, and one of the requests since the end of the spike."""
    spike = spike_of(case, Figure.SPIKE_BACK.value)
    if isinstance(spike, Measure):
        yield spike
        return
    yield from of_each(case, partial(_back, case, spike))
    yield _failures(case, spike)


def _back(case: Case, spike: TrafficSpike, name: str, said: tuple[AutoscalerSeen, ...]) -> Measure:
    limit_s, was = case.scaled.in_unit("s"), replicas_at(said, spike.begin_ns)
    most = max(
        [replicas_at(said, spike.end_ns), *(o.desired for o in said if spike.begin_ns < o.when_ns <= spike.end_ns)]
    )
    back_ns = next(
        (o.when_ns for o in said if o.when_ns > spike.end_ns and o.current <= was and o.desired <= was), None
    )
    took_s = (back_ns - spike.end_ns) / NS_PER_S if back_ns is not None else None
    seen_s = (spike.until_ns - spike.end_ns) / NS_PER_S
    figures = replicas_figures(case, spike, took_s)
    if most <= was:
        fixed = said[-1].least == said[-1].most
        text = f"the replicas stayed at {was} in {spike.words}: none was there to be taken away"
        text += f", as the autoscaler keeps {was} of them always" if fixed else ""
        return concluded(case, Outcome.FAIL if fixed else Outcome.INCONCLUSIVE, text, figures, autoscaler=name)
    risen = f"the replicas had risen from {was} to {most} in {spike.words}"
    if took_s is not None:
        text = f"{risen} and were {was} again {formatted(took_s, 's')} after it"
        outcome = within(limit_s, low=None, high=took_s, watched=limit_s)
    else:
        text = f"{risen} and were {replicas_at(said, spike.until_ns)} still {formatted(seen_s, 's')} after it"
        outcome = within(limit_s, low=None, high=None, watched=seen_s)
    return concluded(case, outcome, f"{text}, expected {case.expected}", figures, autoscaler=name)


def _failures(case: Case, spike: TrafficSpike) -> Measure:
    """The requests that were due from the end of the spike to the end of its limit, or of the traffic."""
    until_ns = min(spike.end_ns + round(case.scaled.in_unit("s") * NS_PER_S), spike.until_ns)
    rows = spike.samples(spike.end_ns, until_ns)
    bad = int(failed(rows).sum())
    text = f"{bad} of {len(rows)} requests failed in {formatted((until_ns - spike.end_ns) / NS_PER_S, 's')} after {spike.words}"
    outcome = Outcome.FAIL if bad else Outcome.PASS if len(rows) else Outcome.INCONCLUSIVE
    if bad:
        text += f" ({', '.join(f'{kind}: {n}' for kind, n in errors_by_kind(rows).items())})"
    receipts = {"load": spike.load}
    own = because(outcome, f"{text}, expected none", kind=None if len(rows) else ReasonKind.NO_RECORD)
    outcome, reason = settled(outcome, own, receipts)
    figures = Figures(
        value=float(bad), scaled_limit=0.0, n=len(rows), method="counted; exact", receipts=receipts, files=spike.files
    )
    scope = {"traffic": spike.traffic, "phase": Phase.STEADY.value}
    return measure(
        case, "failed requests after the spike", outcome, reason, scope=scope, figures=figures, limit="0", op=Op.AT_MOST
    )


SPEC: Final = Spec(
    figure=Figure.SPIKE_BACK,
    judge=spike_backs,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    timed=True,
    unit="s",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda case: (*load_files(case), *FILES[:1]),
    needs=lambda _objective: (Need(key="kubernetes", why="autoscalers are objects of the Kubernetes API"),),
)
