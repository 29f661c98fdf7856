"""Harm that was measured and that no gating claim judges; it prevents GO."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

import numpy as np

from harness.judgement.decisions.invariants import broken
from harness.judgement.decisions.quiet_harm import QUIET_HARM, quiet_harm
from harness.judgement.figures import FIGURES
from harness.judgement.figures.ledger.journey_writes import journey_accounts
from harness.judgement.figures.ledger.pipelines import pipeline_result
from harness.judgement.figures.ledger.read_back import age_ns
from harness.judgement.figures.spec import Spec
from harness.judgement.ledger.excuses import account_in, lag_ns
from harness.model import Evidence, Figure, Outcome, Plan, Verdict
from harness.model.judged.harm import Harm, UnjudgedHarm


def unjudged_harm(
    plan: Plan, evidence: Evidence, verdicts: Iterable[Verdict] = (), figures: Mapping[Figure, Spec] = FIGURES
) -> tuple[UnjudgedHarm, ...]:
    """The harm of a run that no figure of a gating claim judges: lost, duplicate, changed or stale data and failed requests.

    A requirement that is WAIVED as INCONCLUSIVE or NOT ASSESSED judges no harm, because its waiver accepts none. Requests that failed or were late
    without a fault are left out if a gating requirement fails because of them.
    """
    verdicts = tuple(verdicts)
    unknown = {v.requirement for v in verdicts if v.outcome is Outcome.WAIVED and v.waiver and v.waiver.outcome}
    gating = {requirement.id for requirement in plan.requirements if requirement.gates_in(plan.environment)}
    failed = {v.requirement for v in verdicts if v.outcome is Outcome.FAIL} & gating
    judged = frozenset[Harm]().union(*(_judged(plan, unknown, figures)), *_told(plan, failed))
    return tuple(
        UnjudgedHarm(harm=harm, count=count)
        for harm, count in _measured(plan, evidence)
        if count and harm not in judged
    )


def _judged(plan: Plan, unknown: Container[str], figures: Mapping[Figure, Spec]) -> Iterable[frozenset[Harm]]:
    """The kinds of harm that figures of gating claims judge; a claim that does not gate in this environment judges no harm."""
    gating = {requirement.id for requirement in plan.requirements if requirement.gates_in(plan.environment)}
    claims = [claim for claim in plan.claims if claim.requirement in gating and claim.requirement not in unknown]
    for figure in {objective.figure for claim in claims for objective in claim.objectives}:
        if figure in figures:  # else its measure says that the figure is unknown; it judges nothing
            yield figures[figure].judges


def _told(plan: Plan, failed: Container[str]) -> Iterable[frozenset[Harm]]:
    """The kinds of harm without a fault that these failed requirements already report."""
    claims = (claim for claim in plan.claims if claim.requirement in failed)
    return (QUIET_HARM[one.figure] for claim in claims for one in claim.objectives if one.figure in QUIET_HARM)


def _measured(plan: Plan, evidence: Evidence) -> Iterable[tuple[Harm, int]]:
    if len(evidence.ledger.writes):
        account = account_in(plan, evidence)
        yield Harm.WRITES_LOST, int((~account.lost.among(account.wrong)).sum())
        yield Harm.WRITES_WRONG, len(account.wrong)
        yield Harm.WRITES_TWICE, len(account.twice)
        yield Harm.WRITES_ABSENT, len(account.absent)
        yield Harm.WRITES_REFUSED, len(account.unexpected)
        yield Harm.READS_STALE, _stale(plan, evidence)
    accounts = journey_accounts(plan, evidence)
    yield Harm.JOURNEYS_LOST, sum(result.lost for result in accounts)
    yield Harm.JOURNEYS_TWICE, sum(result.twice for result in accounts)
    yield Harm.JOURNEYS_WRONG, sum(result.wrong for result in accounts)
    events = pipeline_result(plan, evidence)
    if events is not None:
        yield Harm.EVENTS_LOST, events.lost or 0
        yield Harm.EVENTS_TWICE, events.twice or 0
        yield Harm.EVENTS_WRONG, events.wrong or 0
    yield from quiet_harm(plan, evidence)
    yield from broken(evidence)


def _stale(plan: Plan, evidence: Evidence) -> int:
    """Reads that found another value, or nothing when the lag that the plan allows a copy was over."""
    reads = evidence.ledger.reads
    absent, wrong = (reads.words["state"].equals(word) for word in ("absent", "wrong"))
    late = absent & (age_ns(evidence.ledger.writes, reads) >= lag_ns(plan))
    return int(np.count_nonzero(wrong | late))
