"""Duplicates: every acknowledged write is present exactly once, and no refused write is present, in ledger, pipeline and journeys.

Some acknowledged writes are sent a second time with the same key. Without them no duplicate could occur, so the requirement is INCONCLUSIVE. It is
also INCONCLUSIVE if users send writes on a route without an account, since these writes are never sent twice. A refused write of the ledger
that is present counts as a duplicate: the platform refused it for certain, and a client that sends it again has it twice. `loss` judges missing
rows and `pipelines` missing events. For journeys, missing items and counters with a wrong total count here too, as no other figure reads them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from harness.judgement.figures.ledger.journey_writes import journey_accounts, may_be_excused
from harness.judgement.figures.ledger.loss import BACK, ledger_receipt
from harness.judgement.figures.ledger.pipelines import WATCHER, pipeline_receipt, pipeline_result
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.ledger.account import Writes
from harness.judgement.ledger.accounts import ARRIVED, AccountResult
from harness.judgement.ledger.excuses import account_in
from harness.judgement.measures import Case
from harness.judgement.receipts.records.accounted import HINT, unaccounted, unrecorded_writes
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.model import (
    Figure,
    Measure,
    Phase,
    ReasonKind,
    Receipt,
    Table,
)
from harness.model.judged.harm import Harm

LEAST_AGAIN: Final = 0.02
"""Least share of the acknowledged writes that must have been sent twice; the watcher sends one in ten twice."""
LEAST_OF_USERS: Final = 10
"""Least number of acknowledged writes of an account that must have been sent twice; journeys send them while their traffic warms up."""
_REPEAT: Final = "run again with this version of the harness, which sends every tenth acknowledged write a second time with the same key"
_ONCE: Final = (
    "send these writes with `once=True`, account for them with `journey.wrote`, "
    f"and let the traffic warm up until {LEAST_OF_USERS} of them are sent; then run again"
)
_DECLARE: Final = "declare the durability of the target, then run again"
_NAME: Final = "writes lost, doubled or changed"
_READ: Final = "see load/ in the run directory for the errors of these reads, correct their cause, then run again"


def copies(case: Case) -> Iterable[Measure]:
    """One measure for the ledger, one for a watched pipeline, one per account of the journeys, and one for writes without an account."""
    yield _ledger(case)
    events = pipeline_result(case.plan, case.evidence)
    if events is not None:
        yield _events(case, events.twice)
    for result in journey_accounts(case.plan, case.evidence):
        yield _account(case, result)
    if others := unrecorded_writes(case.plan, case.evidence):
        yield _unrecorded(case, others)


class _Sent(NamedTuple):
    """Acknowledged writes of one kind: their number, how many were repeated with their key and answered, and how they were read back."""

    of: str
    what: str
    n: int
    again: int
    watch: Receipt
    method: str
    files: tuple[str, ...]


def _ledger(case: Case) -> Measure:
    account, ledger = account_in(case.plan, case.evidence), case.evidence.ledger
    twice, refused = account.twice, account.unexpected
    sent = _Sent(
        of="ledger",
        what="writes of the ledger",
        n=len(account.acknowledged),
        again=_again(ledger.writes),
        watch=ledger_receipt(case.evidence, account),
        method="number of rows of each acknowledged write in the last read of each source",
        files=ledger.files,
    )
    some = _some(twice)
    if len(refused):
        some += f"; {len(refused)} writes that were refused are present, expected none{_some(refused)}"
    return _once(case, sent, len(twice), some=some, refused=len(refused))


def _events(case: Case, twice: int | None) -> Measure:
    """The measure of the pipeline's events; it needs the final state of the events, as otherwise a duplicate may be overlooked."""
    events, receipt = case.evidence.pipeline, pipeline_receipt(case.evidence)
    if receipt.ok and twice is None:
        receipt = Receipt(ok=False, why="the final state of some events is unknown", hint=_READ)
    sent = _Sent(
        of="pipeline",
        what="events",
        n=int(events.words["outcome"].equals("accepted").sum()),
        again=_again(events),
        watch=receipt,
        method="number of times that each event is visible in the last request for it",
        files=(f"watch/{WATCHER}.parquet",),
    )
    return _once(case, sent, twice or 0)


def _again(rows: Table) -> int:
    """The number of acknowledged writes whose repetition reached the platform, by the status of its answer."""
    status = rows.ints["again"]
    arrived = (status >= ARRIVED.start) & (status < ARRIVED.stop) & rows.words["outcome"].equals("accepted")
    return int(arrived.sum())


def _once(case: Case, sent: _Sent, twice: int, *, some: str = "", refused: int = 0) -> Measure:
    """The measure of writes of one kind: `twice` are duplicates, `refused` are present although refused; a PASS needs repeated writes."""
    few = (
        f"a duplicate could hardly occur; expected repetitions of at least {LEAST_AGAIN * 100:g} % of the acknowledged writes"
        if sent.again < LEAST_AGAIN * sent.n
        else ""
    )
    text = (
        f"{twice} of {sent.n} acknowledged {sent.what} are present twice, expected none{some}; "
        f"{sent.again} acknowledged writes were sent a second time with the same key"
    )
    found = Things(
        bad=twice + refused,
        n=sent.n,
        text=text,
        scope={"of": sent.of},
        receipts={"watch": sent.watch},
        gaps=(Gap(few, _REPEAT),),
        none=Gap("", "make sure that the ledger's writes are acknowledged, then run again"),
        method=sent.method,
        files=sent.files,
    )
    return every_one(case, found, _NAME)


def _some(writes: Writes) -> str:
    """The names of the first three writes, as the end of a sentence; empty without writes."""
    names = ", ".join(writes.names(3))
    return f": {names}{'…' if len(writes) > 3 else ''}" if names else ""


def _account(case: Case, result: AccountResult) -> Measure:
    bad = {"lost": result.lost, "doubled": result.twice, "with other values": result.wrong}
    counts = ", ".join(f"{n} {text}" for text, n in bad.items() if n) or "all are present once"
    taken = "a disaster may have destroyed the lost writes, as the target declares no quorum"
    differs = unaccounted(case.plan, case.evidence).get(result.name, "")
    again = f"{result.again} acknowledged writes were sent a second time with the same key"
    few = (
        f"a duplicate could hardly occur; expected at least {LEAST_OF_USERS} writes that are sent a second time"
        if result.again < LEAST_OF_USERS
        else ""
    )
    excusable = not result.twice and not result.wrong and may_be_excused(case)
    found = Things(
        bad=sum(bad.values()),
        n=result.judged,
        text=f"{result.name}: of {result.judged} acknowledged writes with a read-back, {counts}; {again}",
        scope={"of": result.name},
        receipts=_unread(result) if sum(bad.values()) else {},
        gaps=(
            Gap(f"{result.unread} items could not be read" if result.unread else "", _READ),
            Gap(differs if differs and result.judged else "", HINT),
            Gap(few if result.judged else "", _ONCE),
        ),
        none=Gap("no item was read back", _READ),
        excuse=Gap(taken if excusable else "", _DECLARE, ReasonKind.NO_MEANS),
        method="writes of journeys, compared with the values that were read back after the load",
        files=("load/",),
    )
    return every_one(case, found, _NAME)


def _unrecorded(case: Case, routes: Mapping[str, int]) -> Measure:
    """The measure of writes that users send on routes without an account."""
    named = ", ".join(f"{n} of {route}" for route, n in routes.items())
    found = Things(
        bad=0,
        n=sum(routes.values()),
        text=f"writes of users ({named}) have no account and were not sent a second time with the same key",
        scope={"of": "other writes"},
        receipts={},
        gaps=(Gap("a duplicate of these writes could not occur", _ONCE),),
        method="requests of each route that writes, compared with the accounts of journeys",
        files=("load/",),
    )
    return every_one(case, found, _NAME)


def _unread(result: AccountResult) -> dict[str, Receipt]:
    """A receipt that is not ok if items could not be read back: the number of bad writes is then a lower bound."""
    why = f"{result.unread} items of {result.name} could not be read"
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
        Need(key="ledger", why="duplicates are found through the write ledger"),
        BACK,
    ),
)
