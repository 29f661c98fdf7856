"""The ledger account: recorded writes compared with the writes read back, source by source.

Source: the set checkers of Jepsen (`checker.clj`: `set`, `set-full`), which derive lost, recovered, never read, unexpected and duplicated writes from
attempts, acknowledgements and the final read. Client and sequence number of a write are packed into one integer, so that a million writes are
compared with numpy in a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from harness.errors import UsageError
from harness.model import Experiment, FinalRead, Ledger, Table
from harness.model.records.evidence import DATABASE, ENTRY
from harness.model.records.items import OUTCOMES
from harness.model.records.table import Bools, Ints, distinct

AUTHORITIES: Final = (DATABASE, ENTRY)
"""The sources of which one must have been read, the best one first; other sources may be replicas."""
COPY_NS: Final = 11_000_000_000
"""An entry may answer from a replica: what it lacks for no longer than this, in ns, and then has, is lag. The final reads wait as long."""
_SEQUENCE_BITS: Final = 40
_CLIENT_BITS: Final = 22


@dataclass(frozen=True, kw_only=True, slots=True)
class Writes:
    """Writes of the ledger, ordered by client and number.

    Attributes:
        client: number of each write's client.
        sequence: number of each write in its client.
        at_ns: time at which each write completed.
    """

    client: Ints
    sequence: Ints
    at_ns: Ints

    def __len__(self) -> int:
        return len(self.at_ns)

    def where(self, mask: Bools) -> Self:
        """The writes where the mask is true."""
        return type(self)(client=self.client[mask], sequence=self.sequence[mask], at_ns=self.at_ns[mask])

    def during(self, attempt: Experiment) -> Self:
        """The writes that completed while an attempt was observed."""
        return self.where((self.at_ns >= attempt.observed_from_ns) & (self.at_ns < attempt.observed_until_ns))

    def among(self, others: Self) -> Bools:
        """A mask of the writes that are also in `others`, which belong to the same ledger."""
        low = min((int(own.client.min()) for own in (self, others) if len(own)), default=0)
        own, found = (_packed(each.client - low, each.sequence) for each in (self, others))
        return _in(own, found)

    def names(self, most: int) -> list[str]:
        """Names of the first `most` writes, for a message."""
        pairs = zip(self.client[:most].tolist(), self.sequence[:most].tolist(), strict=True)
        return [f"client {client} number {number}" for client, number in pairs]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The ledger after the last final read of each source.

    Attributes:
        attempted: number of recorded writes.
        acknowledged: the acknowledged writes.
        lost: acknowledged writes that are missing or have another value at the end, in any source that was read.
        wrong: writes that were read with another value in at least one source; acknowledged writes among them are also lost.
        missing: lost writes, by source.
        lagging: missing writes that were acknowledged too shortly before the read to count as lost, by region.
        unsure: writes of unknown outcome that were not found with any value; they count neither as lost nor as kept.
        recovered: writes of unknown outcome that were found.
        unexpected: refused writes that were found.
        twice: writes with more than one row in one read.
        trouble: why the ledger is incomplete; empty if it is complete.
        unanswered: the sources that did not give all of their rows.
        authority: the source that decides: the database, or the entry if no database was read; empty: neither was read.
        searched: whether a complete read of the authority covered every write; if not, missing writes count neither as lost nor as kept.
        unread: acknowledged writes not found by an incomplete read of the authority, which may have them; empty if `searched`.
        absent: acknowledged writes present at the end, and missing or with another value in an earlier complete read of the authority.
    """

    attempted: int
    acknowledged: Writes
    lost: Writes
    wrong: Writes
    missing: Mapping[str, Writes]
    lagging: Mapping[str, Writes]
    unsure: Writes
    recovered: Writes
    unexpected: Writes
    twice: Writes
    trouble: str
    unanswered: tuple[str, ...]
    unread: Writes
    absent: Writes
    authority: str = ""
    searched: bool = False

    @property
    def gone(self) -> Writes:
        """The lost writes that are missing in the authority, or have another value there."""
        return self.missing.get(self.authority, self.lost.where(np.zeros(len(self.lost), dtype=np.bool_)))

    @property
    def changed(self) -> Writes:
        """Writes that were not acknowledged and are present with a value that was never written."""
        return self.wrong.where(~self.wrong.among(self.lost))

    def counted(self, writes: Writes) -> int | None:
        """The number of these writes; None if it is 0 and the search was incomplete."""
        return len(writes) if self.searched or len(writes) else None

    def left(self, writes: Writes) -> int | None:
        """The number of these absent writes; None if the search was incomplete."""
        return len(writes) if self.searched else None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """The last final read of one source: keys found intact, changed and more than once (sorted)."""

    name: str
    read: FinalRead
    rows: int
    intact: Ints
    wrong: Ints
    twice: Ints

    @property
    def is_complete(self) -> bool:
        """Whether the read is complete, so that a missing write is lost and not merely unread."""
        return self.read.complete and self.read.rows == self.rows

    def lacks(self, keys: Ints, at_ns: Ints, lag_ns: int) -> tuple[Bools, Bools]:
        """Acknowledged writes that are lost in this source, and those that may only lag.

        A write is lost if it was read back with another value, or is missing from a complete read that began after it; for a region, that
        began later than the lag that the target may have.
        """
        gone = ~_in(keys, self.intact) if self.is_complete else np.zeros(len(keys), dtype=np.bool_)
        wrong, due_ns = _in(keys, self.wrong), at_ns + (0 if self.name == DATABASE else lag_ns)
        lost = wrong | (gone & (due_ns < self.read.at_ns))
        return lost, gone & ~lost & (at_ns < self.read.at_ns)


def account_of(ledger: Ledger, lag_ns: int = 0) -> Account:
    """Compare the recorded writes of the ledger with its final reads.

    Args:
        ledger: the writes and the reads of the run.
        lag_ns: allowed replication lag of a region in ns; younger missing writes do not count as lost.

    Raises:
        UsageError: a client or sequence number is out of range.
    """
    clients = np.concatenate([ledger.writes.ints["by"], ledger.final.ints["by"]])
    low = int(clients.min()) if len(clients) else 0
    keys = _keys(ledger.writes, low)
    sources = [_source(name, read, ledger.final, low) for name, read in _last_reads(ledger).items()]
    order = np.argsort(keys, kind="stable")
    keys, rows = keys[order], ledger.writes.ints
    every = Writes(client=rows["by"][order], sequence=rows["id"][order], at_ns=rows["accepted_ns"][order])
    ok, refused, unknown = (ledger.writes.words["outcome"].equals(word)[order] for word in OUTCOMES)
    lacked = {source.name: source.lacks(keys, every.at_ns, lag_ns) for source in sources}
    lost = {name: ok & gone for name, (gone, _) in lacked.items()}
    lagging = {name: own for name, (_, young) in lacked.items() if len(own := every.where(ok & young))}
    wrong, twice = (_anywhere(keys, [getattr(s, what) for s in sources]) for what in ("wrong", "twice"))
    authority = next((source for name in AUTHORITIES for source in sources if source.name == name), None)
    there = _in(keys, authority.intact if authority else keys[:0])
    searched = bool(len(keys)) and authority is not None and authority.is_complete
    before = [_source(read.source, read, ledger.final, low) for read in _earlier_reads(ledger, authority)]
    absent = [source.lacks(keys, every.at_ns, max(lag_ns, COPY_NS))[0] for source in before]
    return Account(
        attempted=len(keys),
        acknowledged=every.where(ok),
        lost=every.where(np.logical_or.reduce([np.zeros_like(ok), *lost.values()])),
        wrong=every.where(wrong),
        missing={name: every.where(mask) for name, mask in lost.items()},
        lagging=lagging,
        unsure=every.where(unknown & ~there & ~wrong),
        recovered=every.where(unknown & there),
        unexpected=every.where(refused & there),
        twice=every.where(twice),
        trouble=next(iter((*_troubles(ledger, keys, every.where(ok), sources), *_lags(lagging))), ""),
        unanswered=tuple(source.name for source in sources if not source.read.complete),
        unread=every.where(ok & ~there & (not searched)),
        absent=every.where(ok & there & np.logical_or.reduce([np.zeros_like(ok), *absent])),
        authority=authority.name if authority else "",
        searched=searched,
    )


def found_by(ledger: Ledger, read: FinalRead, writes: Writes) -> Bools:
    """A mask of the writes that an earlier read found."""
    rows = ledger.final.where(
        ledger.final.words["place"].equals(read.source) & (ledger.final.ints["round"] == read.round)
    )
    found = Writes(client=rows.ints["by"], sequence=rows.ints["id"], at_ns=rows.ints["seen_ns"])
    return writes.among(_sorted(found))


def _sorted(writes: Writes) -> Writes:
    order = np.lexsort((writes.sequence, writes.client))
    return Writes(client=writes.client[order], sequence=writes.sequence[order], at_ns=writes.at_ns[order])


def _lags(lagging: Mapping[str, Writes]) -> Iterable[str]:
    for source, writes in lagging.items():
        yield f"{len(writes)} writes are missing in {source}, which was read so soon after them that its replica may lag"


def _keys(rows: Table, low: int) -> Ints:
    """Client and sequence number packed into one integer; clients are numbered from `low`."""
    client, sequence = rows.ints["by"] - low, rows.ints["id"]
    for numbers, bits in ((client, _CLIENT_BITS), (sequence, _SEQUENCE_BITS)):
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= 1 << bits):
            raise UsageError("the ledger contains client or sequence numbers out of range")
    return _packed(client, sequence)


def _packed(client: Ints, sequence: Ints) -> Ints:
    return (client << _SEQUENCE_BITS) | sequence


def _in(keys: Ints, found: Ints) -> Bools:
    """A mask of the keys that are in `found`, which is sorted."""
    if not len(found):
        return np.zeros(len(keys), dtype=np.bool_)
    at = np.minimum(np.searchsorted(found, keys), len(found) - 1)
    return np.asarray(found[at] == keys, dtype=np.bool_)


def _anywhere(keys: Ints, found: Iterable[Ints]) -> Bools:
    masks = [np.zeros(len(keys), dtype=np.bool_), *(_in(keys, own) for own in found)]
    return np.asarray(np.logical_or.reduce(masks), dtype=np.bool_)


def _last_reads(ledger: Ledger) -> dict[str, FinalRead]:
    """The deciding read of each source: the one of the highest round; authorities first."""
    last: dict[str, FinalRead] = {}
    rank = {name: place for place, name in enumerate(AUTHORITIES)}
    for read in sorted(
        ledger.final_reads, key=lambda read: (rank.get(read.source, len(rank)), read.source, read.round)
    ):
        last[read.source] = read
    return last


def _earlier_reads(ledger: Ledger, authority: _Source | None) -> Iterable[FinalRead]:
    """The reads of the authority before the one that decides."""
    if authority is not None:
        yield from (one for one in ledger.final_reads if one.source == authority.name and one is not authority.read)


def _source(name: str, read: FinalRead, final: Table, low: int) -> _Source:
    own = final.where(final.words["place"].equals(name) & (final.ints["round"] == read.round))
    keys, intact = _keys(own, low), own.words["state"].equals("found")
    ordered, wrong = np.sort(keys), distinct(keys[~intact])
    found = distinct(ordered)
    return _Source(
        name=name,
        read=read,
        rows=len(own),
        intact=found[~_in(found, wrong)],
        wrong=wrong,
        twice=distinct(ordered[1:][ordered[1:] == ordered[:-1]]),
    )


def _troubles(ledger: Ledger, keys: Ints, acknowledged: Writes, sources: list[_Source]) -> Iterable[str]:
    read = {source.name for source in sources}
    if not len(keys):
        yield "no write was recorded"
    elif read.isdisjoint(AUTHORITIES):
        yield "the ledger was read back neither from the database nor through the entry"
    elif lone := [name for name in ledger.final.words["place"].present if name not in read]:
        yield f"rows were read through {', '.join(lone)}, and no read through it was recorded"
    else:
        yield from (trouble for source in sources for trouble in _read_troubles(source, acknowledged))
        yield from _record_troubles(keys, sources)


def _read_troubles(source: _Source, acknowledged: Writes) -> Iterable[str]:
    read, of = source.read, "" if source.name == DATABASE else f" through {source.name}"
    if not read.complete:
        yield f"the final ledger read{of} did not complete ({read.why or 'no cause recorded'})"
    if read.rows != source.rows:
        yield f"{source.rows} rows of the last read{of} were recorded, expected {read.rows}"
    if unread := int((acknowledged.at_ns >= read.at_ns).sum()):
        yield f"{unread} writes were acknowledged after the start of the last ledger read{of}"


def _record_troubles(keys: Ints, sources: list[_Source]) -> Iterable[str]:
    """Gaps and duplicates in the record of writes; each client numbers its writes 0, 1, 2…."""
    numbers = distinct(keys)
    if again := len(keys) - len(numbers):
        yield f"{again} sequence numbers occur twice in the record of writes"
    clients, counts = np.unique(numbers >> _SEQUENCE_BITS, return_counts=True)
    last = numbers[np.cumsum(counts) - 1] - (clients << _SEQUENCE_BITS)
    if gaps := int((last + 1 - counts).sum()):
        yield f"{gaps} sequence numbers are missing in the record of writes"
    strange = [found[~_in(found, numbers)] for source in sources for found in (source.intact, source.wrong)]
    if strays := len(distinct(np.concatenate(strange))):
        yield f"the last read found {strays} rows that are missing in the record of writes"
