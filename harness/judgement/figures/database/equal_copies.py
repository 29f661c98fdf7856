"""Equal copies: time from the end of a network partition until every database member has the same rows.

Compared are all writes of the ledger that were acknowledged, or shown by any member, before the partition ended. Each member is read
separately. The partition is proven if the separated member lacked writes that were acknowledged during the partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from harness.judgement.figures.recovery.phases import of_each_attempt
from harness.judgement.figures.spec import Need, until_spec
from harness.judgement.measures import Case, inconclusive
from harness.judgement.receipts.faults.attempts import known_until_ns
from harness.judgement.receipts.faults.fault import claimed_fault_receipt
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.watch import watch_receipt
from harness.judgement.shapes.until import Effect, too_short, until
from harness.model import (
    COPIES,
    LEDGER_COPIES,
    Evidence,
    Experiment,
    Figure,
    Measure,
    Receipt,
    Table,
)
from harness.model.records.table import Bools, Ints, distinct
from harness.units import NS_PER_S

NAME: Final = Figure.EQUAL_COPIES.value
METHOD: Final = "rows of the ledger, read from each member twice a second; the measured time is late by at most the time between two reads"
_NEVER: Final = np.iinfo(np.int64).max
_NUMBER_BITS: Final = 32
_AGAIN: Final = "make the experiment separate a standby while the ledger writes, then run again"
_FILES: Final = ("watch/copies.parquet", "watch/ledger-copies.parquet", "watch/ledger-writes.parquet")


@dataclass(frozen=True, kw_only=True, slots=True)
class _ShownRows:
    """The writes that one member shows.

    Attributes:
        writes: numbers of the writes, in ascending order.
        first_ns: time at which each write was first shown.
        last_ns: time at which each write last changed.
        rows: number of rows of each write; 0 if the member no longer shows the write, -1 if it shows another value.
    """

    writes: Ints
    first_ns: Ints
    last_ns: Ints
    rows: Ints

    def of(self, writes: Ints) -> tuple[Ints, Ints, Ints]:
        """First time, last change and number of rows of each given write.

        A write that is not shown has never, never and 0.
        """
        if not len(self.writes):
            never = np.full(len(writes), _NEVER, dtype=np.int64)
            return never, never, np.zeros(len(writes), dtype=np.int64)
        at = np.minimum(np.searchsorted(self.writes, writes), len(self.writes) - 1)
        known = self.writes[at] == writes
        first, last = (np.where(known, column[at], _NEVER) for column in (self.first_ns, self.last_ns))
        return first, last, np.where(known, self.rows[at], 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _CopiesCompared:
    """The comparison of the copies of all writes that existed when a partition ended.

    Attributes:
        writes: number of the writes.
        seconds: time from the end of the partition until all copies were equal; None: the copies were never equal.
        before_s: time from the end of the partition to the last read at which the copies were not equal yet.
        lacking: by member, the number of writes that the member lacks, or shows with another value or another number of rows.
        some: names of the first writes that differ.
    """

    writes: int
    seconds: float | None
    lacking: Mapping[str, int]
    some: str = ""
    before_s: float = 0.0


def equal_copies(case: Case) -> Iterable[Measure]:
    """One measure per experiment that separated a member from the others."""
    nothing = ("{experiment}: the end of the partition was not recorded", _AGAIN)
    return of_each_attempt(
        case,
        NAME,
        partial(_of_attempt, case),
        add="add an experiment that separates a member of the database",
        nothing=nothing,
    )


def _of_attempt(case: Case, attempt: Experiment, scope: Mapping[str, str]) -> Iterable[Measure]:
    """The measure of one attempt; none if the end of the partition was not recorded."""
    shown, healed_ns = _shown(case.evidence, known_until_ns(case.evidence, attempt)), attempt.fault.undone_ns
    if healed_ns is not None and len(shown) < 2:
        why = f"{attempt.name}: the ledger's rows were read from {len(shown)} members, expected at least 2"
        yield inconclusive(
            case, NAME, why, "make sure that the watcher `copies` can read every member, then run again", scope=scope
        )
    elif healed_ns is not None:
        yield until(case, _equal(case, attempt, healed_ns, shown, scope))


def _shown(evidence: Evidence, until_ns: int) -> Mapping[str, _ShownRows]:
    """What each member that was read shows at a moment."""
    rows, reads = (evidence.tables.get(schema.name, Table.empty(schema)) for schema in (LEDGER_COPIES, COPIES))
    until = rows.where(rows.ints["seen_ns"] <= until_ns)
    return {member: _of(until.where(until.words["place"].equals(member))) for member in reads.words["member"].present}


def _of(rows: Table) -> _ShownRows:
    writes, seen_ns = _packed(rows), rows.ints["seen_ns"]
    order = np.lexsort((seen_ns, writes))
    writes, seen_ns = writes[order], seen_ns[order]
    begins = np.concatenate([[True], writes[1:] != writes[:-1]])[: len(writes)]
    ends = np.concatenate([writes[1:] != writes[:-1], [True]])[: len(writes)]
    copies = np.where(rows.words["state"].equals("wrong"), -1, rows.ints["copies"])[order]
    return _ShownRows(writes=writes[begins], first_ns=seen_ns[begins], last_ns=seen_ns[ends], rows=copies[ends])


def _packed(rows: Table) -> Ints:
    """Client and number of each write in one integer."""
    return np.asarray((rows.ints["by"] << _NUMBER_BITS) | rows.ints["id"], dtype=np.int64)


def _equal(
    case: Case, attempt: Experiment, healed_ns: int, shown: Mapping[str, _ShownRows], scope: Mapping[str, str]
) -> Effect:
    """The effect: the time from the end of the partition until all members show the same rows."""
    limit, evidence = case.scaled.in_unit("s"), case.evidence
    watched_ns = known_until_ns(evidence, attempt)
    found = _compared(evidence, healed_ns, shown)
    fault = claimed_fault_receipt(case.plan, evidence, attempt, case.objective)
    span = (attempt.fault.sent_ns or healed_ns, min(watched_ns, healed_ns + round(limit * NS_PER_S)))
    return Effect(
        low=None if found.seconds is None else found.before_s,
        high=found.seconds,
        watched=(watched_ns - healed_ns) / NS_PER_S,
        names={
            "attempt": attempt.name,
            "writes": found.writes,
            "copies": len(shown),
            "lacking": " and ".join(f"{member} in {n}" for member, n in found.lacking.items()),
            "some": found.some,
        },
        scope=scope,
        receipts={
            "fault": _parted(evidence, attempt, healed_ns, shown) if fault.ok else fault,
            "watch": _watch(evidence, tuple(shown), span, healed_ns, limit),
            "restore": restore_receipt(evidence, attempt),
        },
        needs=("fault", "watch"),
        method=METHOD,
        files=(*attempt.files, *_FILES),
        n=found.writes,
        short=too_short(case, attempt),
    )


def _compared(evidence: Evidence, healed_ns: int, shown: Mapping[str, _ShownRows]) -> _CopiesCompared:
    """Compare the copies of all writes that were acknowledged, or shown by any member, before the partition ended."""
    there = [each.writes[each.first_ns < healed_ns] for each in shown.values()]
    writes = distinct(np.concatenate([_acknowledged(evidence, 0, healed_ns), *there]))
    columns = {member: each.of(writes) for member, each in shown.items()}
    rows = np.stack([rows for _, _, rows in columns.values()])
    most = rows.max(axis=0, initial=0)
    equal: Bools = np.asarray((rows == most).all(axis=0) & (most > 0), dtype=np.bool_)
    if equal.all():
        lasts = {member: int(last.max(initial=healed_ns)) for member, (_, last, _) in columns.items()}
        member = max(lasts, key=lambda one: lasts[one])
        seconds, before_s = (
            (ns - healed_ns) / NS_PER_S for ns in (lasts[member], _read_before(evidence, member, lasts[member]))
        )
        return _CopiesCompared(writes=len(writes), seconds=seconds, before_s=max(before_s, 0.0), lacking={})
    lacking = {member: int(((own != most) | (own <= 0)).sum()) for member, (_, _, own) in columns.items()}
    names = [f"client {w >> _NUMBER_BITS} number {w & (1 << _NUMBER_BITS) - 1}" for w in writes[~equal][:3].tolist()]
    some = ", ".join(names) + ("…" if int((~equal).sum()) > len(names) else "")
    return _CopiesCompared(writes=len(writes), seconds=None, lacking={m: n for m, n in lacking.items() if n}, some=some)


def _read_before(evidence: Evidence, member: str, seen_ns: int) -> int:
    """When the last read of a member before the read at `seen_ns` was sent, in ns; `seen_ns` itself if there is no earlier read."""
    reads = evidence.tables.get(COPIES.name, Table.empty(COPIES))
    answered = reads.where(reads.words["member"].equals(member) & reads.words["error"].missing)
    sent_ns = np.sort(answered.ints["at_ns"][answered.ints["at_ns"] <= seen_ns])
    return int(sent_ns[-2]) if len(sent_ns) > 1 else seen_ns


def _acknowledged(evidence: Evidence, from_ns: int, until_ns: int) -> Ints:
    """The writes that were acknowledged in [from, until), in ascending order."""
    rows = evidence.ledger.writes.between("accepted_ns", from_ns, until_ns)
    return distinct(_packed(rows.where(rows.words["outcome"].equals("accepted"))))


def _parted(evidence: Evidence, attempt: Experiment, healed_ns: int, shown: Mapping[str, _ShownRows]) -> Receipt:
    """Whether a member that was hit was read during the partition and lacked writes that were acknowledged since the fault was sent."""
    reads = evidence.tables.get(COPIES.name, Table.empty(COPIES))
    seen: dict[str, int] = {}
    for member in sorted({hit.name for hit in attempt.fault.hit} & set(shown)):
        own = reads.where(reads.words["member"].equals(member) & reads.words["error"].missing)
        asked_ns = own.between("at_ns", attempt.fault.sent_ns or healed_ns, healed_ns).ints["at_ns"]
        since_ns = attempt.fault.sent_ns or healed_ns
        written = _acknowledged(evidence, since_ns, int(asked_ns.max(initial=since_ns)))
        first_ns, _, _ = shown[member].of(written)
        seen[member] = int((first_ns >= healed_ns).sum())
    if not any(seen.values()):
        what = " and ".join(seen) or "no member that was hit"
        why = f"{what} was read without an acknowledged write during the partition, expected at least one missing write"
        return Receipt(ok=None, why=f"{attempt.name}: {why}", hint=_AGAIN, files=(*attempt.files, *_FILES))
    what = ", ".join(f"{member} lacked {n} acknowledged writes" for member, n in seen.items())
    return Receipt(ok=True, why=f"{attempt.name}: {what} during the partition", files=(*attempt.files, *_FILES))


def _watch(
    evidence: Evidence, members: tuple[str, ...], span: tuple[int, int], healed_ns: int, limit_s: float
) -> Receipt:
    """Whether every member was read without a gap from the fault to the limit; a separated member need not answer during the partition."""
    reads = evidence.tables.get(COPIES.name, Table.empty(COPIES))
    reads = reads.where(reads.words["error"].missing | (reads.ints["at_ns"] < healed_ns))
    receipts = [
        watch_receipt(
            evidence,
            "copies",
            reads.where(reads.words["member"].equals(member)).ints["at_ns"],
            span,
            limit_s=limit_s,
        )
        for member in members
    ]
    return next((receipt for receipt in receipts if receipt.ok is not True), receipts[0])


SPEC: Final = until_spec(
    Figure.EQUAL_COPIES,
    equal_copies,
    ("watch/copies.", "watch/ledger-", "history/watch.", "history/chaos-"),
    Need(
        key="copies_read",
        why="the rows of every copy are compared",
        hint="add `copies: true` to `ledger:`, and `database:` with `members`, in the target file",
        lacks="`ledger: {copies: true}` with `database.members`",
    ),
)
