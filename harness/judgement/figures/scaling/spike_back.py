"""After a traffic spike the replicas return to their number before it, and no request fails while replicas are removed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from harness.judgement.figures.files import load_files
from harness.judgement.figures.indicators import errors_by_kind, failed
from harness.judgement.figures.scaling.record import FILES
from harness.judgement.figures.scaling.scaled import of_each, replicas_at
from harness.judgement.figures.scaling.spike import TrafficSpike, replicas_effect, spike_of
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case
from harness.judgement.shapes.every import Things, every_one
from harness.judgement.shapes.until import until
from harness.judgement.wording import formatted
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Op, Phase
from harness.model.observations import AutoscalerSeen
from harness.units import NS_PER_S


def spike_backs(case: Case) -> Iterable[Measure]:
    """One measure per autoscaler of the workload, and one of the failed requests after the end of the spike."""
    spike = spike_of(case, Figure.SPIKE_BACK.value)
    if isinstance(spike, Measure):
        yield spike
        return
    yield from of_each(case, partial(_back, case, spike))
    yield _failures(case, spike)


def _back(case: Case, spike: TrafficSpike, name: str, said: tuple[AutoscalerSeen, ...]) -> Measure:
    was, later = replicas_at(said, spike.begin_ns), [o for o in said if o.when_ns > spike.end_ns]
    inside = [o.desired for o in said if spike.begin_ns < o.when_ns <= spike.end_ns]
    most = max([replicas_at(said, spike.end_ns), *inside])
    back_ns = next((o.when_ns for o in later if o.current <= was and o.desired <= was), None)
    stayed = f"the replicas stayed at {was} in {spike.words}, so there was no replica to remove" if most <= was else ""
    fixed = bool(stayed) and said[-1].least == said[-1].most
    found = replicas_effect(
        case,
        spike,
        name,
        high=None if back_ns is None else (back_ns - spike.end_ns) / NS_PER_S,
        watched=(spike.until_ns - spike.end_ns) / NS_PER_S,
        names={"was": was, "most": most, "now": replicas_at(said, spike.until_ns)},
        broken=f"{stayed}: the autoscaler always keeps {was} replicas" if fixed else "",
        unknown=stayed,
    )
    return until(case, found)


def _failures(case: Case, spike: TrafficSpike) -> Measure:
    """The measure of failed requests that were due after the end of the spike, within the limit."""
    until_ns = min(spike.end_ns + round(case.scaled.in_unit("s") * NS_PER_S), spike.until_ns)
    rows = spike.samples(spike.end_ns, until_ns)
    bad = int(failed(rows).sum())
    kinds = ", ".join(f"{kind}: {n}" for kind, n in errors_by_kind(rows).items())
    after_s = formatted((until_ns - spike.end_ns) / NS_PER_S, "s")
    found = Things(
        bad=bad,
        n=len(rows),
        text=f"{bad} of {len(rows)} requests failed in {after_s} after {spike.words}{f' ({kinds})' if bad else ''}, expected none",
        scope={"traffic": spike.traffic, "phase": Phase.STEADY.value},
        receipts={"load": spike.load},
        said="0",
        told=Op.AT_MOST,
        method="number of failed requests",
        files=spike.files,
    )
    return every_one(case, found, "failed requests after the spike")


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
