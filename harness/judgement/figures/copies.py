"""Duplicates: every acknowledged write is present exactly once, and no refused one is, of the ledger, of the pipeline and of journeys.

Of the ledger and the pipeline, some acknowledged writes were sent once more with their key: without these nothing could be there twice, and the
row is INCONCLUSIVE. Duplicates count here, and refused writes of the ledger that are there: such a write was refused for certain (nothing was
sent, or a client error), and whoever sends it again, as told, has it twice. Missing rows belong to `loss`, missing events to `pipelines`. For journeys both count, as no other figure reads
their writes back: created items that are missing or differ, and counters that grew by less or by more than was acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from harness.judgement.account import Writes
from harness.judgement.accounts import AccountResult
from harness.judgement.excuses import account_in
from harness.judgement.figures.journey_writes import journey_accounts, may_be_excused
from harness.judgement.figures.loss import BACK, ledger_receipt
from harness.judgement.figures.pipelines import WATCHER, pipeline_receipt, pipeline_result
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case, Figures, because, measure, settled
from harness.judgement.receipts.accounted import HINT, unaccounted
from harness.model import (
    Figure,
    Measure,
    Outcome,
    Phase,
    ReasonKind,
    Receipt,
    Table,
)
from harness.model.harm import Harm

LEAST_AGAIN: Final = 0.02
"""Least share of the acknowledged writes that were sent once more: the watcher sends one in ten."""
_ARRIVED: Final = range(200, 500)
"""Statuses of an answer to a write that arrived, be it done, told that it was done already, or refused."""
_REPEAT: Final = "record the run with this version, which sends one acknowledged write in ten once more with its key"
_READ: Final = "find out why what journeys wrote was not read back, then run again"


def copies(case: Case) -> Iterable[Measure]:
    """One measure of the ledger, one of the pipeline if it was watched, and one of each account of the journeys."""
    yield _ledger(case)
    events = pipeline_result(case.plan, case.evidence)
    if events is not None:
        yield _events(case, events.twice)
    for result in journey_accounts(case.plan, case.evidence):
        yield _account(case, result)


def _ledger(case: Case) -> Measure:
    account, ledger = account_in(case.plan, case.evidence), case.evidence.ledger
    twice, refused = account.twice, account.unexpected
    sent = _Sent(of="ledger", what="writes of the ledger", n=len(account.acknowledged), again=_again(ledger.writes))
    figures = Figures(
        method="rows of each acknowledged write in the last read of each source; exact",
        receipts={"watch": ledger_receipt(case.evidence, account)},
        files=ledger.files,
    )
    some = _some(twice)
    if len(refused):
        some += f"; {len(refused)} that were refused are there, expected none{_some(refused)}"
    return _once(case, sent, len(twice), figures, some=some, refused=len(refused))


def _events(case: Case, twice: int | None) -> Measure:
    """Of the pipeline; what is not known to be there twice is not known to be there once."""
    events = case.evidence.pipeline
    sent = _Sent(
        of="pipeline", what="events", n=int(events.words["outcome"].equals("accepted").sum()), again=_again(events)
    )
    receipt = pipeline_receipt(case.evidence)
    if receipt.ok and twice is None:
        receipt = Receipt(ok=False, why="the final state of some events was not read", hint=_READ)
    figures = Figures(
        method="how often each event that was sent is visible, from its last request; exact",
        receipts={"watch": receipt},
        files=(f"watch/{WATCHER}.parquet",),
    )
    return _once(case, sent, twice or 0, figures)


class _Sent(NamedTuple):
    """Acknowledged writes of one kind: how many, and how many of them were sent once more with their key and answered."""

    of: str
    what: str
    n: int
    again: int


def _again(rows: Table) -> int:
    """The acknowledged writes that arrived once more, by the status of the answer."""
    status = rows.ints["again"]
    arrived = (status >= _ARRIVED.start) & (status < _ARRIVED.stop) & rows.words["outcome"].equals("accepted")
    return int(arrived.sum())


def _once(case: Case, sent: _Sent, twice: int, figures: Figures, *, some: str = "", refused: int = 0) -> Measure:
    """The measure of writes of one kind that are there `twice`, or although `refused`: a PASS needs some that were sent twice with one key."""
    outcome = Outcome.FAIL if twice or refused else Outcome.PASS
    summary = (
        f"{twice} of {sent.n} acknowledged {sent.what} are there twice, expected none{some}; "
        f"{sent.again} were sent twice with one key"
    )
    outcome, reason = settled(outcome, because(outcome, summary), figures.receipts)
    if outcome is Outcome.PASS and not sent.n:
        outcome = Outcome.INCONCLUSIVE
        reason = because(outcome, summary, "let the ledger write, then run again", kind=ReasonKind.NO_RECORD)
    elif outcome is Outcome.PASS and sent.again < LEAST_AGAIN * sent.n:
        outcome = Outcome.INCONCLUSIVE
        why = f"{summary}, expected {LEAST_AGAIN * 100:g} % of them at least"
        reason = because(outcome, why, _REPEAT, kind=ReasonKind.NO_RECORD)
    return measure(
        case,
        "writes lost, doubled or changed",
        outcome,
        reason,
        scope={"of": sent.of},
        figures=replace(figures, value=float(twice + refused), scaled_limit=0.0, n=sent.n),
    )


def _some(writes: Writes) -> str:
    """The first three."""
    names = ", ".join(writes.names(3))
    return f": {names}{'…' if len(writes) > 3 else ''}" if names else ""


def _account(case: Case, result: AccountResult) -> Measure:
    bad = {"lost": result.lost, "counted twice": result.twice, "with other values": result.wrong}
    total, outcome = sum(bad.values()), Outcome.INCONCLUSIVE
    counts = ", ".join(f"{n} {text}" for text, n in bad.items() if n) or "all there once"
    summary = f"{result.name}: of {result.judged} acknowledged writes that were read back {counts}"
    differs = unaccounted(case.plan, case.evidence).get(result.name, "")
    excusable = not result.twice and not result.wrong and may_be_excused(case)
    if total and excusable:
        summary += ", which a disaster may have taken: the target declares no quorum"
        reason = because(
            outcome, summary, "declare the durability of the target, then run again", kind=ReasonKind.NO_MEANS
        )
    elif not total and (result.unread or not result.judged):
        summary += f", but {result.unread} items could not be read" if result.unread else ", but none was read back"
        reason = because(outcome, summary, _READ, kind=ReasonKind.NO_RECORD)
    elif not total and differs:
        reason = because(outcome, f"{summary}, but {differs}", HINT, kind=ReasonKind.NO_RECORD)
    else:
        outcome = Outcome.FAIL if total else Outcome.PASS
        reason = because(outcome, summary)
    return measure(
        case,
        "writes lost, doubled or changed",
        outcome,
        reason,
        scope={"of": result.name},
        figures=Figures(
            value=float(total),
            scaled_limit=0.0,
            n=result.judged,
            method="what journeys wrote against what was read back after the load; exact",
            receipts=_unread(result) if total else {},
            files=("load/",),
        ),
    )


def _unread(result: AccountResult) -> dict[str, Receipt]:
    """What a number of bad writes lacks where items were not read: it is then the least that there are."""
    why = f"{result.unread} items of {result.name} could not be read back"
    return {"watch": Receipt(ok=False, why=why, hint=_READ)} if result.unread else {}


def _files(_case: Case) -> Iterable[str]:
    yield from ("watch/ledger-", f"watch/{WATCHER}.", "history/watch.", "load/")


SPEC: Final = Spec(
    figure=Figure.COPIES,
    judge=copies,
    limit=None,
    unit="",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY, Phase.RUN}),
    evidence=_files,
    judges=frozenset(
        {Harm.WRITES_TWICE, Harm.WRITES_REFUSED, Harm.JOURNEYS_LOST, Harm.JOURNEYS_TWICE, Harm.JOURNEYS_WRONG}
    ),
    needs=lambda _objective: (
        Need(key="ledger", why="copies are found by a write ledger"),
        BACK,
    ),
)
