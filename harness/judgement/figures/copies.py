"""Duplicates: every acknowledged write is present exactly once, and no refused one is, of the ledger, of the pipeline and of journeys.

Of the ledger and the pipeline, some acknowledged writes were sent once more with their key: without these nothing could be there twice, and the
row is INCONCLUSIVE. Duplicates count here, and refused writes of the ledger that are there: such a write was refused for certain (nothing was
sent, or a client error), and whoever sends it again, as told, has it twice. Missing rows belong to `loss`, missing events to `pipelines`. For journeys both count, as no other figure reads
their writes back: created items that are missing or differ, and counters that grew by less or by more than was acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from harness.judgement.account import Writes
from harness.judgement.accounts import AccountResult
from harness.judgement.excuses import account_in
from harness.judgement.figures.journey_writes import journey_accounts, may_be_excused
from harness.judgement.figures.loss import BACK, ledger_receipt
from harness.judgement.figures.pipelines import WATCHER, pipeline_receipt, pipeline_result
from harness.judgement.figures.spec import Basis, Need, Spec
from harness.judgement.measures import Case
from harness.judgement.receipts.accounted import HINT, unaccounted
from harness.judgement.shapes.every import Gap, Things, every_one
from harness.model import (
    Figure,
    Measure,
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
_DECLARE: Final = "declare the durability of the target, then run again"
_NAME: Final = "writes lost, doubled or changed"
_READ: Final = "find out why what journeys wrote was not read back, then run again"


def copies(case: Case) -> Iterable[Measure]:
    """One measure of the ledger, one of the pipeline if it was watched, and one of each account of the journeys."""
    yield _ledger(case)
    events = pipeline_result(case.plan, case.evidence)
    if events is not None:
        yield _events(case, events.twice)
    for result in journey_accounts(case.plan, case.evidence):
        yield _account(case, result)


class _Sent(NamedTuple):
    """Acknowledged writes of one kind: how many, and how many of them were sent once more with their key and answered; how they were read."""

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
        method="rows of each acknowledged write in the last read of each source; exact",
        files=ledger.files,
    )
    some = _some(twice)
    if len(refused):
        some += f"; {len(refused)} that were refused are there, expected none{_some(refused)}"
    return _once(case, sent, len(twice), some=some, refused=len(refused))


def _events(case: Case, twice: int | None) -> Measure:
    """Of the pipeline; what is not known to be there twice is not known to be there once."""
    events, receipt = case.evidence.pipeline, pipeline_receipt(case.evidence)
    if receipt.ok and twice is None:
        receipt = Receipt(ok=False, why="the final state of some events was not read", hint=_READ)
    sent = _Sent(
        of="pipeline",
        what="events",
        n=int(events.words["outcome"].equals("accepted").sum()),
        again=_again(events),
        watch=receipt,
        method="how often each event that was sent is visible, from its last request; exact",
        files=(f"watch/{WATCHER}.parquet",),
    )
    return _once(case, sent, twice or 0)


def _again(rows: Table) -> int:
    """The acknowledged writes that arrived once more, by the status of the answer."""
    status = rows.ints["again"]
    arrived = (status >= _ARRIVED.start) & (status < _ARRIVED.stop) & rows.words["outcome"].equals("accepted")
    return int(arrived.sum())


def _once(case: Case, sent: _Sent, twice: int, *, some: str = "", refused: int = 0) -> Measure:
    """The measure of writes of one kind that are there `twice`, or although `refused`: a PASS needs some that were sent twice with one key."""
    few = f", expected {LEAST_AGAIN * 100:g} % of them at least" if sent.again < LEAST_AGAIN * sent.n else ""
    text = (
        f"{twice} of {sent.n} acknowledged {sent.what} are there twice, expected none{some}; "
        f"{sent.again} were sent twice with one key"
    )
    found = Things(
        bad=twice + refused,
        n=sent.n,
        text=text,
        scope={"of": sent.of},
        receipts={"watch": sent.watch},
        gaps=(Gap(few, _REPEAT),),
        none=Gap("", "let the ledger write, then run again"),
        method=sent.method,
        files=sent.files,
    )
    return every_one(case, found, _NAME)


def _some(writes: Writes) -> str:
    """The first three."""
    names = ", ".join(writes.names(3))
    return f": {names}{'…' if len(writes) > 3 else ''}" if names else ""


def _account(case: Case, result: AccountResult) -> Measure:
    bad = {"lost": result.lost, "counted twice": result.twice, "with other values": result.wrong}
    counts = ", ".join(f"{n} {text}" for text, n in bad.items() if n) or "all there once"
    taken = ", which a disaster may have taken: the target declares no quorum"
    differs = unaccounted(case.plan, case.evidence).get(result.name, "")
    excusable = not result.twice and not result.wrong and may_be_excused(case)
    found = Things(
        bad=sum(bad.values()),
        n=result.judged,
        text=f"{result.name}: of {result.judged} acknowledged writes that were read back {counts}",
        scope={"of": result.name},
        receipts=_unread(result) if sum(bad.values()) else {},
        gaps=(
            Gap(f", but {result.unread} items could not be read" if result.unread else "", _READ),
            Gap(f", but {differs}" if differs and result.judged else "", HINT),
        ),
        none=Gap(", but none was read back", _READ),
        excuse=Gap(taken if excusable else "", _DECLARE, ReasonKind.NO_MEANS),
        method="what journeys wrote against what was read back after the load; exact",
        files=("load/",),
    )
    return every_one(case, found, _NAME)


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
