"""Rule 9: writes that were acknowledged and are not there at the end, by set arithmetic on one ledger a run (`account`).

What fails the sentence *no acknowledged write is lost*: a write that is gone, in the database or in a region whose copy had the time to
catch up, and one that was read back with another value. What does not: a row that is there twice (`copies`), and a refused write that
is there. They break other sentences, and are counted in the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.account import DATABASE, Account, Writes
from harness.judgement.excuses import QUORUM, account_in, unexcused
from harness.judgement.figures.spec import Basis, Need, Spec, in_words
from harness.judgement.measures import HINTS, Case, Figures, inconclusive, measure, not_falsifiable, unmet
from harness.judgement.receipts.attempts import counted_attempt
from harness.judgement.receipts.fault import fault_receipt
from harness.judgement.receipts.restore import restore_receipt
from harness.judgement.receipts.watch import looks_of
from harness.judgement.recovery import BLIND_SECOND_NS, SECOND, longest_gap_ns
from harness.model import (
    Evidence,
    Experiment,
    Figure,
    LedgerResult,
    Measure,
    Objective,
    Outcome,
    Phase,
    Plan,
    Receipt,
    Table,
)


def losses(case: Case) -> Iterable[Measure]:
    """One measure an experiment that the sentence speaks of; a lost write fails each of them, whenever it was lost."""
    name, account = "lost writes", account_in(case.plan, case.evidence)
    lost = unexcused(account, case.plan, case.evidence, case.objective)
    scope = case.objective.scope
    if not case.experiments:
        if scope.domains and not len(lost):
            why = "no experiment that the sentence speaks of was planned"
            yield inconclusive(case, name, why, "add one to `experiments/`")
            return
        yield _loss(case, account, lost, None)
    for experiment in case.experiments:
        attempt = counted_attempt(case.plan, case.evidence, experiment)
        if attempt is None and not len(lost):
            hint = "run without a filter on experiments, then judge again"
            yield inconclusive(case, name, f"{experiment} left no record", hint, scope={"experiment": experiment})
            continue
        yield _loss(case, account, lost, attempt)


def _loss(case: Case, account: Account, lost: Writes, attempt: Experiment | None) -> Measure:
    scope = {"experiment": attempt.name, "phase": case.objective.scope.phase.value} if attempt else {}
    receipts = {"watch": ledger_receipt(case.evidence, account, attempt)}
    around = account.acknowledged
    if attempt:
        receipts |= {
            "fault": fault_receipt(case.plan, case.evidence, attempt),
            "restore": restore_receipt(case.evidence, attempt),
        }
        around = account.acknowledged.during(attempt)
    outcome = Outcome.FAIL if len(lost) else Outcome.PASS
    reason, hint = _said(account, lost), ""
    if receipt := unmet(outcome, receipts):
        outcome, reason, hint = Outcome.INCONCLUSIVE, f"{reason}, but {receipts[receipt].why}", HINTS[receipt]
    elif not len(lost) and not len(around):
        outcome, reason = Outcome.INCONCLUSIVE, f"{reason}, but none was acknowledged around the fault"
        hint = "let the ledger write during the experiment, then run again"
    elif not len(lost) and attempt and _untested(case, account, attempt):
        why = f"no write was acknowledged more than {case.objective.older_than} (scaled) before {attempt.name}"
        return not_falsifiable(case, "lost writes", why, scope=scope)
    return measure(
        case,
        "lost writes",
        outcome,
        reason,
        scope=scope,
        hint=hint,
        figures=Figures(
            value=len(lost),
            scaled_limit=0.0,
            n=len(around),
            method="set arithmetic: acknowledged, and gone or with another value at the end",
            receipts=receipts,
            files=(*case.evidence.ledger.files, *(attempt.files if attempt else ())),
        ),
    )


def _untested(case: Case, account: Account, attempt: Experiment) -> bool:
    """Whether nothing was old enough to be missed, so that the sentence could not have failed."""
    older, sent_ns = case.objective.older_than, attempt.fault.sent_ns
    if older is None or case.plan.durability == QUORUM or sent_ns is None:
        return False
    oldest_ns = sent_ns - round(older.scaled(case.plan.time_scale).in_unit("s") * SECOND)
    return not bool((account.acknowledged.at_ns < oldest_ns).any())


def ledger_receipt(evidence: Evidence, account: Account, attempt: Experiment | None = None) -> Receipt:
    """Whether the ledger is complete, and was written to during the fault: what was not written then could not be lost."""
    source = evidence.watchers.get("ledger")
    if source is None:
        return Receipt(ok=False, why="the watcher 'ledger' left no record")
    if source.why or not source.closed:
        return Receipt(ok=False, why=f"the watcher 'ledger': {source.why or 'its file has no end'}")
    if attempt is not None and not account.trouble:
        since_ns, until_ns = attempt.fault.sent_ns or attempt.observed_from_ns, attempt.observed_until_ns
        gap_ns = longest_gap_ns(looks_of(evidence, "writes"), since_ns, max(since_ns, until_ns))
        if gap_ns > BLIND_SECOND_NS:
            why = f"{attempt.name}: no write was sent for {gap_ns / SECOND:.3g} s during the fault"
            return Receipt(ok=False, why=why, files=evidence.ledger.files)
    why = (
        account.trouble
        or f"{len(account.acknowledged)} acknowledged writes were read back: {', '.join(account.missing)}"
    )
    return Receipt(ok=not account.trouble, why=why, files=evidence.ledger.files)


def _said(account: Account, lost: Writes) -> str:
    n = len(account.acknowledged)
    asides = [f"{count} {text}" for count, text in _asides(account, lost) if count]
    asides.append(f"{len(account.unsure)} of unknown outcome are not there, {len(account.recovered)} are")
    aside = ", ".join(asides)
    if not len(lost):
        return f"none of {n} acknowledged writes is lost ({aside})"
    some = ", ".join(lost.names(3)) + ("…" if len(lost) > 3 else "")
    return f"{len(lost)} of {n} acknowledged writes are lost, expected none: {some} ({aside})"


def _asides(account: Account, lost: Writes) -> Iterable[tuple[int, str]]:
    """What is said beside the losses, each with its count."""
    yield len(account.lost) - len(lost), "acknowledged within the RPO before a disaster are excused"
    yield len(account.wrong), "have another value"
    for source, missing in account.missing.items():
        if source != DATABASE:
            yield len(missing), f"missing in {source}"
    yield len(account.twice), "are there twice"
    yield len(account.unexpected), "were refused and are there"


def ledger_result(plan: Plan, evidence: Evidence) -> LedgerResult | None:
    """The ledger of the whole run in figures; None where nothing was written."""
    if not len(evidence.ledger.writes):
        return None
    account = account_in(plan, evidence)
    checked, stale = read_back(evidence.ledger.reads)
    return LedgerResult(
        attempted=account.attempted,
        acknowledged=len(account.acknowledged),
        lost=len(account.lost),
        wrong=len(account.wrong),
        missing={source: len(missing) for source, missing in account.missing.items()},
        recovered=len(account.recovered),
        unsure=len(account.unsure),
        unexpected=len(account.unexpected),
        twice=len(account.twice),
        reads=checked,
        stale=stale,
        why=account.trouble,
    )


def read_back(reads: Table) -> tuple[int, int]:
    """Reads right after an acknowledgement that were answered, and those of them that did not find the write as it was written."""
    unknown, found = (reads.words["outcome"].equals(word) for word in ("unknown", "found"))
    return int((~unknown).sum()), int((~unknown & ~found).sum())


def _in_words(objective: Objective) -> str:
    excused = f" older than {objective.older_than}" if objective.older_than else ""
    return in_words(objective, f"no acknowledged write{excused} is missing")


SPEC: Final = Spec(
    figure=Figure.LOST_WRITES,
    judge=losses,
    limit=None,
    unit="",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("watch/ledger-", "history/watch.", "history/pods."),
    needs=lambda _objective: (
        Need(key="ledger", why="loss is found by a write ledger"),
        Need(key="database", why="loss is read straight from the database"),
    ),
    words=_in_words,
)
