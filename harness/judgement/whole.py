"""Conditions for the complete run: the release that answered, the identity of the run, and the time that no rule judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from harness.judgement.receipts.closed_load import AS_RECORDED
from harness.judgement.receipts.load import broken_off
from harness.judgement.receipts.records.accounted import unaccounted
from harness.judgement.receipts.records.counted import miscounted
from harness.judgement.receipts.records.histories import broken_chains
from harness.judgement.receipts.records.recorded_time import cut_short
from harness.judgement.receipts.records.ties import ties_receipt
from harness.judgement.receipts.release import release_receipt
from harness.judgement.summary.overview import unjudged
from harness.model import (
    ClaimVerdict,
    Evidence,
    Outcome,
    Plan,
    Reason,
    ReasonKind,
    Receipt,
    ReleaseResult,
)
from harness.model.observations import ActStarted, SteadySeen
from harness.units import NS_PER_S

UNJUDGED: Final = 0.03
"""At most this share of the time from the first window to the end of the load may stay without judgement."""
_COMPLETE: Final = "judge the complete run directory, or run again"
CUT: Final = "the run did not complete"
"""Text of the decision line; a consequence, such as a release that was not read at the end, is not reported as a second cause."""
_FINISH: Final = "run again, and do not interrupt the run"
_STEADY: Final = "check the health of the target and the paths in `probes`, and run again when reads and writes succeed"
_SAME: Final = "run again with one release, on the target that the plan names"
_OTHER_RELEASE: Final = "deploy {release}, or name the deployed release with `--release` or `release: {{version: …}}` in the target file, then run again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """Conditions for the complete run.

    Attributes:
        void: why the evidence supports no verdict under this plan; None if it does.
        cut: why the run ended early; None if it completed.
        blemishes: reasons against a GO.
        notes: texts for the decision line; they decide nothing.
    """

    void: Reason | None = None
    cut: Reason | None = None
    blemishes: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()


def whole_of(plan: Plan, evidence: Evidence) -> Whole:
    """Compare the release, the record of the run and its windows with the plan."""
    release, ties = release_receipt(plan, evidence), ties_receipt(plan, evidence)
    voids = [receipt.why for receipt in (ties, release.receipt) if receipt.ok is False]
    notes = [release.note] if release.receipt.ok is None and evidence.cut is None else []
    if evidence.cut is not None:
        notes.append(CUT)
    if plan.shadowed:
        notes.append(f"the project replaces {len(plan.shadowed)} files of the package: {', '.join(plan.shadowed)}")
    hint = _SAME if ties.ok is False else _OTHER_RELEASE.format(release=plan.release)
    void = Reason(kind=ReasonKind.OTHER_RUN, text="; ".join(voids), hint=hint) if voids else None
    cut = None
    if evidence.cut is not None:
        hint = "; ".join(filter(None, [_recovery(evidence), evidence.cut.hint, f"run again: {plan.command()}"]))
        cut = Reason(kind=ReasonKind.CUT, text=str(evidence.cut), hint=hint)
    return Whole(void=void, cut=cut, blemishes=tuple(_blemishes(plan, evidence, ties)), notes=tuple(notes))


def _recovery(evidence: Evidence) -> str:
    """What to do first where a fault was sent whose undo was not verified; empty where none was."""
    every = [attempt for attempts in evidence.experiments.values() for attempt in attempts]
    pending = [one.name for one in every if one.fault.sent_ns is not None and one.restore.ok is not True]
    return f"undo {', '.join(pending)} with `readiness recover --target FILE`" if pending else ""


def _blemishes(plan: Plan, evidence: Evidence, ties: Receipt) -> Iterable[Reason]:
    gone = [f"{item.file}: {item.why}" for item in evidence.missing]
    cut = [] if evidence.complete or evidence.cut is not None else [CUT]
    untied = [ties.why] if ties.ok is None and evidence.complete and evidence.observations else []
    yield from (Reason(kind=ReasonKind.EVIDENCE, text=why, hint=_COMPLETE) for why in gone)
    yield from (Reason(kind=ReasonKind.EVIDENCE, text=why, hint=_FINISH) for why in cut)
    yield from (Reason(kind=ReasonKind.EVIDENCE, text=why, hint=_COMPLETE) for why in untied)
    yield from (Reason(kind=ReasonKind.EVIDENCE, text=why, hint=AS_RECORDED) for why in _contradictions(plan, evidence))
    for moment, steady in (("start", evidence.steady_start), ("end", evidence.steady_end)):
        if missing := _unknown_steadiness(moment, evidence):
            yield Reason(kind=ReasonKind.NO_RECORD, text=missing, hint=_COMPLETE)
        if steady is not None and not steady.ok:
            why = f"the target was not steady at the {moment} of the load: {steady.why}"
            yield Reason(kind=ReasonKind.UNSTEADY, text=why, hint=_STEADY)
    yield from (Reason(kind=ReasonKind.NO_RECORD, text=why, hint=_FINISH) for why in _uncovered(plan, evidence))
    if evidence.cut is None:
        ended_early = [why for name in plan.traffic for why in cut_short(plan, evidence, name)]
        yield from ended_early
        yield from _unrestored(evidence, told=bool(ended_early))


def _unrestored(evidence: Evidence, *, told: bool) -> Iterable[Reason]:
    """A reason per experiment whose fault was sent, and after whose last attempt nothing says that the target was as before, or it was not and that is not `told` yet."""
    for name, attempts in evidence.experiments.items():
        sent = [one.restore for one in attempts if one.fault.sent_ns is not None]
        if sent and sent[-1].ok is None:
            why = f"{name}: its fault was sent, and it was not recorded whether the target was restored afterwards"
            yield Reason(kind=ReasonKind.NO_RECORD, text=why, hint=_COMPLETE)
        elif sent and not sent[-1].ok and not told:
            why = f"{name}: its fault was sent, and the target was not restored afterwards: {sent[-1].why}"
            yield Reason(kind=ReasonKind.UNSTEADY, text=why, hint=_STEADY)


def _unknown_steadiness(moment: str, evidence: Evidence) -> str:
    """Why it is unknown whether the target was steady at one end of each traffic; empty if it is known: a complete run records it for each."""
    if evidence.cut is not None or not any(evidence.every(ActStarted)):
        return ""
    traffics = {window.traffic for window in evidence.windows.values()}
    recorded = sum(seen.subject == moment for seen in evidence.every(SteadySeen))
    if recorded >= len(traffics):
        return ""
    some = f" for {len(traffics) - recorded} of {len(traffics)} traffics" if recorded else ""
    return f"it was not recorded{some} whether the target was steady at the {moment} of the load"


def _contradictions(plan: Plan, evidence: Evidence) -> Iterable[str]:
    """Records that contradict each other, whether or not a requirement uses them: harm that no requirement claims is read from them too."""
    yield from (f"the watcher {name!r}: {why}" for name, why in miscounted(evidence).items())
    yield from unaccounted(plan, evidence).values()
    yield from broken_chains(evidence)
    for name, window in evidence.windows.items():
        yield from (f"{name}: {trouble.what}" for trouble in broken_off(window))


def _uncovered(plan: Plan, evidence: Evidence) -> Iterable[str]:
    """One reason per traffic of which more than 3 % of the time was not judged."""
    gaps = unjudged(plan, evidence)
    for traffic in dict.fromkeys(window.traffic for window in evidence.windows.values()):
        own = [window for window in evidence.windows.values() if window.traffic == traffic]
        missed = [gap for gap in gaps if gap.traffic == traffic]
        end_ns = max(max(window.end_ns, window.stopped_ns or 0) for window in own)
        seconds = (end_ns - min(window.start_ns for window in own)) / NS_PER_S
        lost = sum(gap.end_s - gap.start_s for gap in missed)
        if lost > UNJUDGED * seconds:
            listed = "; ".join(f"{gap.end_s - gap.start_s:.4g} s {gap.why}" for gap in missed)
            yield f"{lost:.4g} of {seconds:.4g} s of {traffic} traffic belong to no judged window: {listed}"


def voided(claim: ClaimVerdict, whole: Whole) -> ClaimVerdict:
    """The verdict of a scenario, made INCONCLUSIVE in a void run; its measures stay.

    In a run that was cut short, the reason of an undecided verdict begins with the cause of the cut.
    """
    if whole.cut is not None and claim.outcome is Outcome.INCONCLUSIVE:
        text = f"{whole.cut.text}; {claim.because.text}"
        claim = replace(claim, because=replace(claim.because, kind=ReasonKind.CUT, text=text, hint=whole.cut.hint))
    if whole.void is None or claim.outcome is Outcome.NOT_ASSESSED:
        return claim
    return replace(claim, outcome=Outcome.INCONCLUSIVE, because=whole.void)


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
