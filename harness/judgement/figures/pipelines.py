"""The pipeline's record: every event that was accepted should become visible, once and whole. Of the run as a whole, faults included.

The same set arithmetic as the ledger's: accepted less visible is lost; visible twice, or with another value, is told apart; an event
of unknown outcome that never became visible is unsure, neither lost nor kept; so is one that nobody could look for at the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import HINTS, Case, Figures, measure, six, unmet
from harness.judgement.recovery import SECOND
from harness.judgement.stats.statistics import quantile_of
from harness.model import (
    ONLY_BELOW,
    Evidence,
    Figure,
    LimitRule,
    Measure,
    Outcome,
    Phase,
    PipelineResult,
    Receipt,
    Table,
)
from harness.model.table import Bools, Ints, distinct

WATCHER: Final = "pipeline"


def pipeline_result(evidence: Evidence) -> PipelineResult | None:
    """What became of the events; None where none was sent and nobody watched."""
    events = evidence.pipeline
    if not len(events) and WATCHER not in evidence.watchers:
        return None
    accepted, unknown = (events.words["outcome"].equals(word) for word in ("accepted", "unknown"))
    absent, twice, wrong = (events.words["state"].equals(word) for word in ("absent", "twice", "wrong"))
    unseen = events.words["state"].missing & (accepted | unknown)
    seconds = np.sort(visible_after_s(events.where(accepted)))
    receipt = pipeline_receipt(evidence)
    return PipelineResult(
        sent=len(events),
        accepted=_count(accepted),
        lost=_count(accepted & absent),
        twice=_count(twice | (events.ints["copies"] > 1)),
        wrong=_count(wrong),
        unsure=_count((unknown & absent) | unseen),
        visible_p50_s=six(quantile_of(seconds, 0.50)),
        visible_p95_s=six(quantile_of(seconds, 0.95)),
        why="" if receipt.ok else receipt.why,
    )


def events(case: Case) -> Iterable[Measure]:
    """One measure: every accepted event was visible within the limit, once and whole; one that was not fails it.

    What nobody could look for, or was accepted too shortly before the watch ended, keeps it from passing.
    """
    accepted = case.evidence.pipeline.where(case.evidence.pipeline.words["outcome"].equals("accepted"))
    limit, took = case.scaled.in_unit("s"), visible_after_s(accepted)
    states = {state: accepted.words["state"].equals(state) for state in ("absent", "twice", "wrong")}
    whole = accepted.words["state"].equals("ok") & np.isfinite(took)
    unseen = ~np.logical_or.reduce([whole, *states.values()])
    young = states["absent"] & (_ended_ns(case.evidence) - accepted.ints["accepted_ns"] < limit * SECOND)
    bad = {
        "never became visible": states["absent"] & ~young,
        "became visible twice": states["twice"] | (accepted.ints["copies"] > 1),
        "had another value": states["wrong"],
        "came too late": np.isfinite(took) & (took > limit),
    }
    failed = _count(np.logical_or.reduce(list(bad.values())))
    undecided, receipts = _count(young | unseen), {"watch": pipeline_receipt(case.evidence)}
    outcome = Outcome.FAIL if failed else Outcome.PASS
    reason, hint = _said(len(accepted), failed, {text: _count(mask) for text, mask in bad.items()}), ""
    reason = f"{reason}, expected each once and whole {case.wanted.replace('below', 'within')}"
    if receipt := unmet(outcome, receipts):
        outcome, reason, hint = Outcome.INCONCLUSIVE, f"{reason}, but {receipts[receipt].why}", HINTS[receipt]
    elif not failed and (undecided or not len(accepted)):
        outcome, hint = Outcome.INCONCLUSIVE, "let the run watch for longer, then run again"
        reason += f", but the outcome of {undecided} is unknown" if undecided else ", but none was accepted"
    yield measure(
        case,
        "accepted events",
        outcome,
        reason,
        hint=hint,
        figures=Figures(
            value=float(took.max()) if len(took) else None,
            scaled_limit=limit,
            n=len(accepted),
            unit="s",
            method="each event from its acceptance to being visible; the slowest; exact",
            receipts=receipts,
            files=(f"watch/{WATCHER}.parquet",),
        ),
    )


def _said(n: int, failed: int, bad: Mapping[str, int]) -> str:
    if not failed:
        return f"none of {n} accepted events failed"
    return f"{failed} of {n} accepted events failed: {', '.join(f'{count} {text}' for text, count in bad.items() if count)}"


def _ended_ns(evidence: Evidence) -> int:
    """When the watch of the pipeline ended."""
    closed = [o.mono_ns for o in evidence.observations if o.kind == "watch.closed" and o.subject == WATCHER]
    return max(closed, default=0)


def visible_after_s(events: Table) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How long each event took from its acceptance to being visible, in s; one never seen took for ever."""
    accepted, visible = events.ints["accepted_ns"], events.ints["visible_ns"]
    return np.where(visible > 0, np.maximum(visible - accepted, 0) / SECOND, math.inf)


def pipeline_receipt(evidence: Evidence) -> Receipt:
    """Whether the record of events is whole: its watcher ended in order, and numbered them 0, 1, 2… without a gap."""
    source, files = evidence.watchers.get(WATCHER), (f"watch/{WATCHER}.parquet",)
    if source is None:
        return Receipt(ok=False, why=f"the watcher {WATCHER!r} left no record")
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher {WATCHER!r}: {source.why or 'its file has no end'}")
    if trouble := _numbering(evidence.pipeline.ints["sequence"]):
        return Receipt(ok=False, why=trouble, files=files)
    return Receipt(ok=True, why=f"{len(evidence.pipeline)} events were followed", files=files)


def _numbering(sequence: Ints) -> str:
    if not len(sequence):
        return "no event is on record"
    numbers = distinct(sequence)
    if again := len(sequence) - len(numbers):
        return f"{again} numbers stand twice in the record of events"
    lacking = int(numbers[-1]) + 1 - len(numbers)
    return f"the record of events lacks {lacking} numbers" if lacking else ""


def _count(mask: Bools) -> int:
    return int(mask.sum())


SPEC: Final = Spec(
    figure=Figure.EVENTS,
    judge=events,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.RUN}),
    evidence=lambda _case: ("watch/pipeline.", "history/watch."),
    needs=lambda _objective: (
        Need(key="pipeline", why="events are followed through a pipeline that the target names"),
    ),
)
