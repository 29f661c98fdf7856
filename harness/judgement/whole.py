"""What holds for the run as a whole: which release served, whose run it is, and that no second of it is unjudged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from harness.judgement.overview import unjudged
from harness.judgement.receipts.release import release_receipt
from harness.judgement.receipts.ties import ties_receipt
from harness.model import ClaimVerdict, Evidence, Outcome, Plan, Receipt, ReleaseResult

UNJUDGED: Final = 0.03
"""At most this share of the time from the first window to the end of the load may lie in no window."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """What is known of a run apart from its figures.

    Attributes:
        void: why its evidence supports nothing under this plan; empty when it does.
        blemishes: what keeps it from GO.
        notes: what the decision line must say; it decides nothing.
    """

    void: str = ""
    blemishes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def whole_of(plan: Plan, evidence: Evidence) -> Whole:
    """Hold the release, the run's own record and its windows against the plan."""
    release, ties = release_receipt(plan, evidence), ties_receipt(plan, evidence)
    voids = [receipt.why for receipt in (ties, release.receipt) if receipt.ok is False]
    notes = [release.note] if release.receipt.ok is None else []
    if plan.shadowed:
        notes.append(f"the project replaces {len(plan.shadowed)} files of the package: {', '.join(plan.shadowed)}")
    return Whole(void="; ".join(voids), blemishes=tuple(_blemishes(evidence, ties)), notes=tuple(notes))


def _blemishes(evidence: Evidence, ties: Receipt) -> Iterable[str]:
    yield from (f"{item.file}: {item.why}" for item in evidence.missing)
    if not evidence.complete:
        yield "the run did not complete"
    if ties.ok is None and evidence.complete and evidence.observations:
        yield ties.why
    if evidence.steady_end is not None and not evidence.steady_end.ok:
        yield f"the target was not steady at the end of the load: {evidence.steady_end.why}"
    yield from _uncovered(evidence)


def _uncovered(evidence: Evidence) -> Iterable[str]:
    """Traffic of which more than 3 % of the time lies in no window."""
    gaps = unjudged(evidence)
    for traffic in dict.fromkeys(window.traffic for window in evidence.windows.values()):
        own = [window for window in evidence.windows.values() if window.traffic == traffic]
        missed = [gap for gap in gaps if gap.traffic == traffic]
        judged = sum(window.seconds for window in own)
        lost = sum(gap.end_s - gap.start_s for gap in missed)
        if lost > UNJUDGED * (judged + lost):
            listed = "; ".join(f"{gap.end_s - gap.start_s:.4g} s {gap.why}" for gap in missed)
            yield f"{lost:.4g} of {judged + lost:.4g} s of {traffic} traffic are judged by nothing: {listed}"


def voided(claim: ClaimVerdict, whole: Whole) -> ClaimVerdict:
    """The verdict of a scenario in a run whose evidence supports nothing: INCONCLUSIVE, with what was measured beside it."""
    if not whole.void or claim.outcome is Outcome.NOT_ASSESSED:
        return claim
    hint = "run again with one release, on the target that the plan names"
    return replace(claim, outcome=Outcome.INCONCLUSIVE, reason=whole.void, hint=hint)


def release_result(plan: Plan, evidence: Evidence) -> ReleaseResult:
    """The release receipt for the reports."""
    found = release_receipt(plan, evidence)
    reads = {read.when: read for read in evidence.release_reads}
    before, after = reads.get("before"), reads.get("after")
    return ReleaseResult(
        planned=plan.release,
        verified=found.receipt.ok,
        why=found.receipt.why,
        observed=found.answers,
        unnamed=found.silent,
        before=before.workloads if before else {},
        after=after.workloads if after else {},
        version_before=before.version if before else "",
        version_after=after.version if after else "",
    )
