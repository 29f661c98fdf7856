"""Pipeline events: every accepted event becomes visible once, in time and with its value.

The complete run is judged, faults included, by the same set arithmetic as the ledger. An accepted event that never became visible is lost.
Events that are visible twice, or with another value, are counted separately. An event of unknown outcome that never became visible, or
whose final state was not read, counts neither as lost nor as kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case
from harness.judgement.receipts.watch import UNCLOSED
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.judgement.stats.statistics import quantile_of, share_bounds
from harness.model import (
    ONLY_BELOW,
    Evidence,
    Figure,
    LimitRule,
    Measure,
    Phase,
    PipelineResult,
    Plan,
    ReasonKind,
    Receipt,
    Table,
)
from harness.model.judged.harm import Harm
from harness.model.records.table import Bools, Ints, distinct
from harness.units import NS_PER_S

WATCHER: Final = "pipeline"
_MOST_UNACCEPTED: Final = 0.01
"""If a sentence is about every accepted event, at most this share of the events sent in fault-free windows may remain unaccepted."""
FOLLOWED_S: Final = 60.0
"""Age in s after which an absent event is lost if no claim of the plan limits it: the watcher stops polling for it then."""
WITHIN: Final = "within"
"""Key among the times of the share of delivered events: time that an event may take."""
_LONGER: Final = (
    "make sure that the path `visible` of `pipeline` (target file) answers until the end of the run, then run again"
)
_UNACCEPTED: Final = (
    "see watch/pipeline.parquet for the outcome of each event, make the platform accept them, then run again"
)


def pipeline_result(plan: Plan, evidence: Evidence) -> PipelineResult | None:
    """Summary of the events; None if no event was sent and the pipeline was not watched.

    An absent event is lost if it was followed for as long as the plan's claims allow an event to take.
    """
    events = evidence.pipeline
    if not len(events) and WATCHER not in evidence.watchers:
        return None
    accepted, unknown = (events.words["outcome"].equals(word) for word in ("accepted", "unknown"))
    absent, twice, wrong = (events.words["state"].equals(word) for word in ("absent", "twice", "wrong"))
    unseen = unread(events) & (accepted | unknown)
    seconds = np.sort(visible_after_s(events.where(accepted)))
    longest_s = max(limits_s(plan), default=FOLLOWED_S)
    receipt, on_their_way = pipeline_receipt(evidence), accepted & young(evidence, events, longest_s)
    searched = bool(accepted.any()) and not (accepted & unseen).any()
    lost, doubled = accepted & absent & ~on_their_way, twice | (events.ints["copies"] > 1)
    return PipelineResult(
        sent=len(events),
        accepted=_count(accepted),
        lost=_count(lost) if searched or lost.any() else None,
        twice=_count(doubled) if searched or doubled.any() else None,
        wrong=_count(wrong) if searched or wrong.any() else None,
        unsure=_count((unknown & absent) | on_their_way | unseen) if len(events) else None,
        visible_p50_s=quantile_of(seconds, 0.50),
        visible_p95_s=quantile_of(seconds, 0.95),
        why=_why(receipt, _count(accepted), _count(accepted & unseen)),
    )


def _why(receipt: Receipt, accepted: int, unseen: int) -> str:
    """Why the record of events is incomplete; empty if it is complete."""
    if not receipt.ok:
        return receipt.why
    if not accepted:
        return "no event was accepted"
    return f"at the end of the run {unseen} accepted events were not requested" if unseen else ""


def events(case: Case) -> Iterable[Measure]:
    """One measure: every accepted event was visible within the limit, once, with its value.

    An event of unknown outcome may be missing or late, but if it became visible, it must be visible once and with its value.
    INCONCLUSIVE if the final state of an event was not read, if an event was accepted too shortly before the watch ended, or if the requests do
    not show whether an event became visible before or after the limit.
    """
    accepted = case.evidence.pipeline.where(case.evidence.pipeline.words["outcome"].equals("accepted"))
    limit = case.scaled.in_unit("s")
    took, hidden = visible_after_s(accepted), unseen_for_s(accepted)
    states = {state: accepted.words["state"].equals(state) for state in ("absent", "twice", "wrong")}
    whole = accepted.words["state"].equals("found") & np.isfinite(took)
    unseen = ~np.logical_or.reduce([whole, *states.values()])
    on_their_way = young(case.evidence, accepted, limit)
    bad = {
        "never became visible": states["absent"] & ~on_their_way,
        "became visible twice": states["twice"] | (accepted.ints["copies"] > 1),
        "had another value": states["wrong"],
        "came too late": np.isfinite(took) & (hidden > limit),
    }
    failed = _count(np.logical_or.reduce(list(bad.values())))
    unsure = _unsure_harm(case.evidence.pipeline)
    harmed = sum(unsure.values())
    between = np.isfinite(took) & (took > limit) & (hidden <= limit)
    undecided = _count(on_their_way | unseen | between)
    # a time describes them only if no other harm was done, else a waiver of it would cover that harm
    once_and_whole = not (bad["became visible twice"] | bad["had another value"]).any() and not harmed
    summary = _summary(len(accepted), failed, {text: _count(mask) for text, mask in bad.items()})
    if harmed:
        kinds = ", ".join(f"{count} {text}" for text, count in unsure.items() if count)
        summary = f"{summary}; of the events without an acknowledgement, {kinds}"
    found = Things(
        bad=failed + harmed,
        n=len(accepted),
        text=f"{summary}, expected every event once and complete {case.expected.replace('below', 'within')}",
        receipts={"watch": accepted_receipt(case, _MOST_UNACCEPTED)},
        gaps=(Gap(f"the outcome of {undecided} events is unknown" if undecided else "", _LONGER, ReasonKind.TOO_FEW),),
        none=Gap("no event was accepted", _UNACCEPTED),
        value=float(took.max()) if len(took) and once_and_whole else None,
        mixed=True,
        scaled_limit=limit,
        unit="s",
        method="the exact time from acceptance to visibility of the slowest event",
        files=(f"watch/{WATCHER}.parquet",),
    )
    yield every_one(case, found, "accepted events")


def _unsure_harm(events: Table) -> Mapping[str, int]:
    """The number of events of unknown outcome that did harm, by kind of harm; each event counts once."""
    unknown = events.where(events.words["outcome"].equals("unknown"))
    wrong = unknown.words["state"].equals("wrong")
    twice = (unknown.words["state"].equals("twice") | (unknown.ints["copies"] > 1)) & ~wrong
    return {"became visible twice": _count(twice), "had another value": _count(wrong)}


def _summary(n: int, failed: int, bad: Mapping[str, int]) -> str:
    if not failed:
        return f"none of {n} accepted events failed"
    return f"{failed} of {n} accepted events failed: {', '.join(f'{count} {text}' for text, count in bad.items() if count)}"


def young(evidence: Evidence, events: Table, limit_s: float) -> Bools:
    """A mask of absent events that may still become visible: accepted less than the limit before the watch ended."""
    followed_ns = _ended_ns(evidence) - events.ints["accepted_ns"]
    return np.asarray(events.words["state"].equals("absent") & (followed_ns < limit_s * NS_PER_S), dtype=np.bool_)


def limits_s(plan: Plan) -> tuple[float, ...]:
    """The times that claims of the plan allow an event to take, in s, scaled, in ascending order."""
    objectives = [objective for claim in plan.claims for objective in claim.objectives]
    times = [one.limit for one in objectives if one.figure is Figure.EVENTS]
    times += [one.times[WITHIN] for one in objectives if one.figure is Figure.DELIVERED and WITHIN in one.times]
    return tuple(sorted({time.at_scale(plan.time_scale).in_unit("s") for time in times if time.dimension == "time"}))


def _ended_ns(evidence: Evidence) -> int:
    """Time at which the watch of the pipeline ended, in ns; if that was not recorded, the last time in its records."""
    closed = [o.mono_ns for o in evidence.observations if o.kind == "watch.closed" and o.subject == WATCHER]
    known = [int(evidence.pipeline.ints[name].max(initial=0)) for name in ("accepted_ns", "seen_ns")]
    return max(closed or known)


def visible_after_s(events: Table) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Time from the acceptance of each event until it was visible, in s; infinite if it never was."""
    accepted, seen = events.ints["accepted_ns"], events.ints["seen_ns"]
    return np.where(seen > 0, np.maximum(seen - accepted, 0) / NS_PER_S, math.inf)


def unseen_for_s(events: Table) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Time after its acceptance for which each event was certainly not visible, in s, by the last request that did not show it."""
    accepted, unseen = events.ints["accepted_ns"], events.ints["unseen_ns"]
    return np.where(unseen > 0, np.maximum(unseen - accepted, 0) / NS_PER_S, 0.0)


def unread(events: Table) -> Bools:
    """A mask of events whose final state was not read."""
    state = events.words["state"]
    return np.asarray(state.missing | state.equals("unknown"), dtype=np.bool_)


def pipeline_receipt(evidence: Evidence) -> Receipt:
    """Whether the record of events is complete: the watcher completed and numbered the events 0, 1, 2…."""
    source, files = evidence.watchers.get(WATCHER), (f"watch/{WATCHER}.parquet",)
    if source is None:
        return Receipt(ok=False, why=f"the watcher {WATCHER!r} wrote no record")
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher {WATCHER!r}: {source.why or UNCLOSED}")
    if trouble := _numbering(evidence.pipeline.ints["id"]):
        return Receipt(ok=False, why=trouble, files=files)
    return Receipt(ok=True, why=f"{len(evidence.pipeline)} events were followed", files=files)


def accepted_receipt(case: Case, most: float) -> Receipt:
    """The receipt of the record of events.

    Not ok if more than `most` of the sent events are proven not to be accepted.
    The fault-free windows are counted, or the complete run if more events were refused than accepted. A refused event is no harm, but a
    pipeline that accepts one event in a thousand proves nothing. The receipt only raises a doubt, so events count as independent.
    """
    receipt, events = pipeline_receipt(case.evidence), case.evidence.pipeline
    refused, accepted = (_count(events.words["outcome"].equals(word)) for word in ("refused", "accepted"))
    if not accepted:  # the figure itself reports that no event was accepted
        return receipt
    quiet = [
        events.between("made_ns", *window.span) for window in case.evidence.fault_free(case.objective.scope.traffic)
    ]
    n = sum(len(rows) for rows in quiet)
    bad = sum(_count(~rows.words["outcome"].equals("accepted")) for rows in quiet)
    if refused > accepted:
        bad, n = len(events) - accepted, len(events)
    elif share_bounds(bad, n, case.objective.confidence).fail_low <= most:
        return receipt
    why = f"the pipeline did not accept {bad} of {n} events"
    return Receipt(ok=None, why=why, hint=_UNACCEPTED, files=receipt.files) if receipt.ok else receipt


def _numbering(sequence: Ints) -> str:
    if not len(sequence):
        return "no event was recorded"
    numbers = distinct(sequence)
    if again := len(sequence) - len(numbers):
        return f"the record of events contains {again} numbers twice"
    lacking = int(numbers[-1]) + 1 - len(numbers)
    return f"the record of events lacks {lacking} numbers" if lacking else ""


def _count(mask: Bools) -> int:
    return int(mask.sum())


def _followed(case: Case, _found: Measure) -> Sequence[tuple[int, int]]:
    """The time in which events were followed: from the first event to the end of the watch."""
    made = case.evidence.pipeline.ints["made_ns"]
    return [(int(made.min()), _ended_ns(case.evidence))] if len(made) else ()


SPEC: Final = Spec(
    figure=Figure.EVENTS,
    judge=events,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.RUN}),
    evidence=lambda _case: ("watch/pipeline.", "history/watch."),
    judges=frozenset({Harm.EVENTS_LOST, Harm.EVENTS_TWICE, Harm.EVENTS_WRONG}),
    needs=lambda _objective: (Need(key="pipeline", why="events are followed through the pipeline of the target file"),),
    clocked=True,
    moments=_followed,
)
