"""Shares of the regions after a lost region has power again: they must reach the declared shares within a limit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from harness.judgement.figures.fault_free import GuardedWindow
from harness.judgement.figures.files import load_files
from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import Basis, Need, Spec, seconds_for
from harness.judgement.figures.traffic.balancing import balanced_tally
from harness.judgement.measures import Case, bounded, inconclusive
from harness.judgement.receipts.faults.attempts import known_until_ns, samples_due
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.machine import attempt_of
from harness.judgement.stats.batches import share_by_batches
from harness.model import Evidence, Experiment, Figure, LimitRule, Measure, Objective, Op, Outcome, Phase, Table
from harness.units import NS_PER_S

_NAME: Final = "share of answers after the return"
AFTER: Final = "after"
"""Key among the objective's times: time until the shares must be as declared."""
_JUDGED_S: Final = 35.0
_ANSWERS: Final = 1800
_LEAST_S: Final = 20
_BATCH_S: Final = 1.0
"""Least length in s of the judged answers, in batches of 1 s, and their least planned number. If the next fault comes sooner, at least 20 s are needed to
compute bounds. With 1 200 answers three of ten runs could not determine a declared share of 30 % to within 5 percentage points."""
_PATIENCE: Final = 3
"""An experiment is watched for this many times the limit if a region does not receive its share."""


def returned_shares(case: Case) -> Iterable[Measure]:
    """One measure per experiment and region."""
    nothing = (
        "the run has no record that a region returned after the experiment {experiment}",
        "let the experiment complete, then run again",
    )
    return of_each_attempt(
        case,
        _NAME,
        partial(_regions, case),
        add="add an experiment that makes a region unavailable to `experiments/`",
        nothing=nothing,
    )


def _regions(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """The measures of one attempt; no measure if the return of the region was not recorded."""
    back_ns = _back_ns(case.evidence, attempt)
    if back_ns is None:
        return
    judged, earlier = _judged_answers(case, attempt, back_ns), _earlier_answers(case, attempt, back_ns)
    for region, share in sorted(case.plan.regions.items()):
        found = _of(case, attempt, judged, {**scope, "region": region}, share)
        if found.outcome is Outcome.INCONCLUSIVE and earlier is not None:
            sooner = _of(case, attempt, earlier, {**scope, "region": region}, share)
            found = sooner if sooner.outcome is Outcome.PASS else found
        yield found


def _back_ns(evidence: Evidence, attempt: Experiment) -> int | None:
    """Time at which the last node that was hit was ready again, in ns; by default the time of the undo; None without an undo."""
    undone_ns = attempt.fault.undone_ns
    if undone_ns is None:
        return None
    nodes = {hit.name for hit in attempt.fault.hit if hit.kind == "node"}
    ends_ns = known_until_ns(evidence, attempt)
    ready = [
        change.at_ns
        for change in evidence.nodes
        if change.name in nodes and change.ready and undone_ns <= change.at_ns <= ends_ns
    ]
    return max(ready, default=undone_ns)


class _Judged(NamedTuple):
    """The answers in which the shares are counted, their span in ns, and a text about them."""

    answers: Table
    span: tuple[int, int]
    found: str


def _judged_answers(case: Case, attempt: Experiment, back_ns: int) -> _Judged:
    """The answers from the limit after the return on; if the next fault came too early, the last answers before it."""
    after_s, longest_s = case.objective.times[AFTER].at_scale(case.plan.time_scale).in_unit("s"), _longest_s(case)
    judged_ns = round(longest_s * NS_PER_S)
    least_ns = _LEAST_S * NS_PER_S
    due_ns, until_ns = back_ns + round(after_s * NS_PER_S), known_until_ns(case.evidence, attempt)
    samples = samples_due(case.evidence, case.objective.scope.traffic, (back_ns, until_ns))
    answers = samples.where(samples.ints["status"] > 0)
    judged_s = min(max((until_ns - due_ns) / NS_PER_S, 0.0), longest_s)
    start_ns, found = due_ns, f"the answers of {judged_s:.3g} s from {after_s:.3g} s after the return"
    restored_ns = attempt.restore.at_ns if attempt.restore.ok else None
    if restored_ns is not None and restored_ns < due_ns and until_ns < due_ns + least_ns:
        start_ns = max(until_ns - judged_ns, min(restored_ns, until_ns - least_ns), back_ns)
        found = f"the answers before the next fault, from {(start_ns - back_ns) / NS_PER_S:.3g} s after the return"
    span = (start_ns, max(min(start_ns + judged_ns, until_ns), start_ns))
    return _Judged(answers.between("intended_ns", *span), span, found)


def _earlier_answers(case: Case, attempt: Experiment, back_ns: int) -> _Judged | None:
    """As many answers as are to be judged, where too few came from the limit on: those before the next fault, from the restore on at the earliest.

    They can only prove a PASS: shares that are as declared from an earlier moment on are so within the limit. None: there are no more of them, or none at all.
    """
    restored_ns, until_ns = attempt.restore.at_ns, known_until_ns(case.evidence, attempt)
    if not attempt.restore.ok or restored_ns is None:
        return None
    start_ns = max(until_ns - round(_longest_s(case) * NS_PER_S), restored_ns, back_ns)
    after_s = case.objective.times[AFTER].at_scale(case.plan.time_scale).in_unit("s")
    if start_ns >= back_ns + round(after_s * NS_PER_S):
        return None
    samples = samples_due(case.evidence, case.objective.scope.traffic, (start_ns, until_ns))
    answers = samples.where(samples.ints["status"] > 0)
    if not len(answers):
        return None
    found = f"the answers before the next fault, from {(start_ns - back_ns) / NS_PER_S:.3g} s after the return"
    return _Judged(answers, (start_ns, until_ns), found)


def _longest_s(case: Case) -> float:
    """Length of the judged answers: longer where the traffic is small."""
    traffic = case.plan.traffic.get(case.objective.scope.traffic or "")
    return max(_JUDGED_S, seconds_for(_ANSWERS, traffic.requests_per_s) if traffic is not None else 0.0)


def _of(case: Case, attempt: Experiment, judged: _Judged, scope: Mapping[str, str], share: float) -> Measure:
    name, answers = _NAME, judged.answers
    region = scope["region"]
    if not len(answers):
        why = f"{attempt.name}: no answer was recorded in {judged.found.removeprefix('the answers of ')}"
        return inconclusive(
            case, name, why, "let the traffic run longer after the return of the region, then run again", scope=scope
        )
    part = GuardedWindow(
        window=f"{attempt.name}/return",
        span=judged.span,
        at_ns=answers.ints["intended_ns"],
        bad=answers.words["served_region"].equals(region),
    )
    bounds = share_by_batches(balanced_tally([part], _BATCH_S), case.objective.confidence).rescaled(plus=-share)
    given = "an unknown share" if math.isnan(bounds.value) else f"{100 * (bounds.value + share):.3g} %"
    return bounded(
        case,
        name,
        bounds,
        unit="ratio",
        subject=f"{attempt.name}: {region} gave {given} of the answers; the difference to the declared {100 * share:g} %",
        scope=scope,
        receipts={"fault": claimed_fault_receipt(case.plan, case.evidence, attempt, case.objective)},
        detail=judged.found,
        files=(*attempt.files, "load/"),
        counted="answers",
    )


def _moments(case: Case, found: Measure) -> Sequence[tuple[int, int]]:
    """The span of the counted answers."""
    attempt = attempt_of(case, found.scope) if "experiment" in found.scope else None
    back_ns = _back_ns(case.evidence, attempt) if attempt else None
    return [] if attempt is None or back_ns is None else [_judged_answers(case, attempt, back_ns).span]


def _watched(objective: Objective, scale: float) -> tuple[float, float]:
    return _PATIENCE * objective.times[AFTER].at_scale(scale).base, 0.0


def _afterwards(_objective: Objective, _scale: float) -> float:
    return _JUDGED_S


SPEC: Final = Spec(
    figure=Figure.RETURNED_SHARE,
    judge=returned_shares,
    limit=LimitRule(dimension="ratio", ops=frozenset({Op.WITHIN}), signed=True, most=1),
    timed=True,
    moments=_moments,
    unit="ratio",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.RECOVERED}),
    evidence=load_files,
    needs=lambda _objective: (
        Need(key="shares", why="shares are declared by region", hint="add `share:` to `regions:`"),
    ),
    watched=_watched,
    afterwards=_afterwards,
    answers_after=_ANSWERS,
)
