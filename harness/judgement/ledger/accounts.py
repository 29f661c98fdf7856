"""Journey accounts: the writes of journeys, compared with the items read back after the load.

Traffics that declare the same account share it, and each reads it back at its end. The last read of an item in which it was absent counts; if it was
never absent, its last read. Writes to a counter after that read are not judged. Some writes were sent a second time with their key: an answer
that names another item, or the growth of a counter, shows that the second request wrote as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.model import JOURNEY_REPEATS, AccountPlan, Table
from harness.model.planned.plan import MOST_READ_BACK
from harness.model.records.table import Bools, Ints

_DONE: Final = range(200, 400)
"""Statuses of a second request that was answered as if it had been the first."""
ARRIVED: Final = range(200, 500)
"""Statuses which show that a repeated write arrived: it was done, was done already, or was refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountResult:
    """One account after its items were read back.

    Attributes:
        name: name of the account.
        written: number of acknowledged writes.
        judged: number of acknowledged writes whose item was read back.
        lost: number of acknowledged writes that are missing or not counted.
        twice: number of writes counted more often than sent, or written again by the second request with their key.
        again: number of acknowledged writes sent a second time with their key whose second answer shows its effect.
        wrong: number of items read with other values than written.
        unread: number of items that were not read, or whose read got no answer.
    """

    name: str
    written: int
    judged: int
    lost: int
    twice: int
    again: int
    wrong: int
    unread: int

    @property
    def kept(self) -> bool:
        """Whether every judged write is present exactly once."""
        return not (self.lost or self.twice or self.wrong)


def account_results(
    accounts: Iterable[AccountPlan], writes: Table, reads: Table, repeats: Table | None = None
) -> tuple[AccountResult, ...]:
    """One result per account, in the order of the plan; traffics that declare the same account share it."""
    every = Table.empty(JOURNEY_REPEATS) if repeats is None else repeats
    return tuple(
        _result(account, *(_of(rows, account.name) for rows in (writes, reads, every)))
        for account in dict.fromkeys(accounts)
    )


def _of(rows: Table, account: str) -> Table:
    return rows.where(rows.words["item"].equals(account))


def _decisive(reads: Table) -> Table:
    """The read of each item that counts, by id: the last read in which it was absent, as a later read does not undo a loss, else its last read."""
    absent = reads.words["state"].equals("absent")
    order = np.lexsort((reads.ints["seen_ns"], absent, reads.ints["id"]))
    ids = reads.ints["id"][order]
    return reads.at(order[np.append(ids[1:] != ids[:-1], True)[: len(ids)]])


def _before_its_read(writes: Table, reads: Table) -> Bools:
    """Whether each write was sent before its item's decisive read, or its item was never read."""
    ids, seen = reads.ints["id"], reads.ints["seen_ns"]
    known = np.isin(writes.ints["id"], ids)
    before = np.ones(len(writes), dtype=np.bool_)
    before[known] = writes.ints["made_ns"][known] <= seen[np.searchsorted(ids, writes.ints["id"][known])]
    return before


def _result(account: AccountPlan, every: Table, all_reads: Table, repeats: Table) -> AccountResult:
    reads = _decisive(all_reads)
    writes = every.where(_before_its_read(every, reads))
    ok = writes.words["outcome"].equals("accepted")
    found, absent = (reads.words["state"].equals(state) for state in ("found", "absent"))
    judged = np.isin(writes.ints["id"], reads.ints["id"][found | absent])
    items = np.unique(writes.ints["id"][ok])
    asked = int(np.isin(items, reads.ints["id"]).sum())
    never = max(min(len(items), MOST_READ_BACK) - asked, 0)
    lost, twice, wrong = (_counted if account.counts else _compared)(writes, reads, ok, found)
    again, copied = _repeated(account, every, repeats)
    return AccountResult(
        name=account.name,
        written=int(every.words["outcome"].equals("accepted").sum()),
        judged=int((ok & judged).sum()),
        lost=lost,
        twice=twice + copied,
        again=again,
        wrong=wrong,
        unread=int((~found & ~absent).sum()) + never,
    )


def _repeated(account: AccountPlan, writes: Table, repeats: Table) -> tuple[int, int]:
    """How many acknowledged writes were repeated with an answer that tells what it did, and how many repetitions wrote another item."""
    ok = writes.words["outcome"].equals("accepted") & np.isin(writes.ints["made_ns"], repeats.ints["first_ns"])
    first = {*zip(writes.ints["by"][ok].tolist(), writes.ints["made_ns"][ok].tolist(), strict=True)}
    known = [pair in first for pair in zip(repeats.ints["by"].tolist(), repeats.ints["first_ns"].tolist(), strict=True)]
    status, named = repeats.ints["status"], repeats.ints["answered_id"]
    done = (status >= _DONE.start) & (status < _DONE.stop)
    other = done & (named >= 0) & (named != repeats.ints["id"])
    tells = (status >= ARRIVED.start) & (status < ARRIVED.stop) & (bool(account.counts) | ~done | (named >= 0))
    return int((tells & np.array(known, dtype=np.bool_)).sum()), int(other.sum())


def _compared(writes: Table, reads: Table, ok: Bools, found: Bools) -> tuple[int, int, int]:
    """Compare items: a missing item is lost, an item with another digest is wrong."""
    ids, values = writes.ints["id"][ok], writes.ints["digest"][ok]
    absent = reads.words["state"].equals("absent")
    lost = int(np.isin(ids, reads.ints["id"][absent]).sum())
    read = dict(zip(reads.ints["id"][found].tolist(), reads.ints["digest"][found].tolist(), strict=True))
    wrong = sum(
        1 for item, value in zip(ids.tolist(), values.tolist(), strict=True) if item in read and read[item] != value
    )
    return lost, 0, wrong


def _counted(writes: Table, reads: Table, ok: Bools, found: Bools) -> tuple[int, int, int]:
    """Compare counters: each acknowledged write adds one, and no counter exceeds what was sent.

    The value of a counter before the run's first acknowledged write is one below the lowest value in any answer. Since then it must
    have grown by at least the number of acknowledged writes, and at most by that of acknowledged and unknown writes.
    """
    unknown = writes.words["outcome"].equals("unknown")
    items, index = np.unique(writes.ints["id"][ok], return_inverse=True)
    acknowledged = np.bincount(index, minlength=len(items))
    least = np.full(len(items), np.iinfo(np.int64).max)
    np.minimum.at(least, index, writes.ints["digest"][ok])
    unsure = _occurrences(items, writes.ints["id"][unknown])
    read, value = reads.ints["id"][found], reads.ints["digest"][found]
    known = np.isin(read, items)
    at, value = np.searchsorted(items, read[known]), value[known]
    grown = value - (least[at] - 1)
    lost = np.maximum(acknowledged[at] - grown, 0)
    twice = np.maximum(grown - acknowledged[at] - unsure[at], 0)
    gone = acknowledged[np.isin(items, reads.ints["id"][reads.words["state"].equals("absent")])]
    return int(lost.sum() + gone.sum()), int(twice.sum()), 0


def _occurrences(items: Ints, ids: Ints) -> Ints:
    """How often each of `items`, which are sorted, occurs in the ids."""
    ordered = np.sort(ids)
    return np.asarray(
        np.searchsorted(ordered, items, side="right") - np.searchsorted(ordered, items, side="left"), dtype=np.int64
    )
