"""The pipeline's record: every event that was accepted should become visible, once and whole. Described for the run as a whole.

The same set arithmetic as the ledger's: accepted less visible is lost; visible twice, or with another value, is told apart; an event
of unknown outcome that never became visible is unsure, neither lost nor kept; so is one that nobody could look for at the end.
"""

from __future__ import annotations

import math

import numpy as np

from harness.judgement.measures import six
from harness.judgement.recovery import SECOND
from harness.judgement.statistics import quantile_of
from harness.model import Evidence, PipelineResult, Receipt, Table
from harness.model.table import Bools, Ints

WATCHER = "pipeline"


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
    numbers = np.unique(sequence)
    if again := len(sequence) - len(numbers):
        return f"{again} numbers stand twice in the record of events"
    lacking = int(numbers[-1]) + 1 - len(numbers)
    return f"the record of events lacks {lacking} numbers" if lacking else ""


def _count(mask: Bools) -> int:
    return int(mask.sum())
