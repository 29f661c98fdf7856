"""Compares what was restored with what was served before and after the backup was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.drills.checksums import DatabaseSums, TableSum
from harness.drivers.facts import FactReading
from harness.targets.queries import HEARTBEAT
from harness.words import some

_OTHERS: Final = "; it is of an extension, which may have another version, or unlogged"


def compared(
    before: DatabaseSums, after: DatabaseSums, later: Mapping[str, tuple[int, int]], restored: DatabaseSums
) -> Sequence[FactReading]:
    """One fact of each table and sequence that is not equal or not known, and one of all others.

    Args:
        before: what was served right before the backup was made.
        after: the same right after it.
        later: `writes` of each table after the restore, which show a change that was undone meanwhile.
        restored: what was restored.
    """
    if before.encoding != restored.encoding:
        return [_fact("encoding", before.encoding, restored.encoding, ok=None)]
    names = sorted({*before.tables, *after.tables, *restored.tables})
    facts = list[FactReading]()
    for name in names:
        first, last, copy = (one.tables.get(name) for one in (before, after, restored))
        facts += _table(name, first, last, copy, later.get(name))
    facts += [
        fact
        for name in sorted({*before.sequences, *after.sequences})
        for fact in _sequence(name, before, after, restored)
    ]
    others = [name for name in names if not any(fact.subject == f"table {name}" for fact in facts)]
    rows = sum(restored.tables[name].rows or 0 for name in others)
    summary = f"{len(others)} of {len(names)}, with {rows} rows"
    return [*facts, _fact("tables with equal row count and checksum", f"{len(names)}", summary, ok=bool(rows) or None)]


def _table(
    name: str, before: TableSum | None, after: TableSum | None, restored: TableSum | None, later: tuple[int, int] | None
) -> Iterator[FactReading]:
    subject = f"table {name}"
    if before is None or after is None:
        if before is not None or after is not None:
            yield _fact(subject, "not made or dropped while the backup was made", "made or dropped meanwhile", ok=None)
        else:
            may = restored is not None and restored.partial
            said = f"{restored}{_OTHERS * may}"
            yield _fact(subject, "no such table, as in the database that serves", said, ok=None if may else False)
        return
    if restored is None:
        yield _fact(subject, str(before), "the table is missing", ok=False)
        return
    if differ := _columns(before, restored):
        may = before.partial and restored.partial
        ok = None if before.columns != after.columns or may else False
        yield _fact(subject, f"the columns of what serves; {len(before.columns)}", f"{differ}{_OTHERS * may}", ok=ok)
        return
    unread = next((one for one in (before, after, restored) if one.content is None), None)
    if unread is not None:
        yield _fact(subject, "read, before and after", str(unread), ok=None)
    elif not (_in_parts(before, after, restored) or _beats_on(name, before, after, restored)):
        changed = before.content != after.content or later != before.writes
        why = (
            "; it was written to meanwhile"
            if changed
            else "; a backup may leave out its rows"
            if before.partial
            else ""
        )
        yield _fact(subject, str(before), f"{restored}{why}", ok=None if why else False)


def _columns(before: TableSum, restored: TableSum) -> str:
    """The columns that a copy lacks, and those that it has instead; empty: it has the same ones."""
    lacks, has = (
        [one for one in mine.columns if one not in other.columns]
        for mine, other in ((before, restored), (restored, before))
    )
    return "; ".join(f"{what} {some(columns)}" for what, columns in (("without", lacks), ("with", has)) if columns)


def _beats_on(name: str, before: TableSum, after: TableSum, restored: TableSum) -> bool:
    """Whether the table is the harness's own, whose one row was written over during the backup, and the copy has that row.

    A table of this name that was not written to is compared as any other.
    """
    one_row = before.rows == after.rows == restored.rows == 1
    return name.rpartition(".")[2] == HEARTBEAT and one_row and before.content != after.content


def _in_parts(before: TableSum, after: TableSum, restored: TableSum) -> bool:
    """Whether each part of a copy is as it was before or as it was after.

    Where rows are in parts by all of their columns, the copy also has no fewer rows than the one and no more than the other: else a row that was
    changed meanwhile and is lost would be as after in its old part, and as before in its new one. By its primary key a row stays in its part.
    """
    fewest, most = sorted((before.rows or 0, after.rows or 0))
    if not before.keys and not fewest <= (restored.rows or 0) <= most:
        return False
    parts = {*before.parts, *after.parts, *restored.parts}
    return all(restored.parts.get(part) in (before.parts.get(part), after.parts.get(part)) for part in parts)


def _sequence(name: str, before: DatabaseSums, after: DatabaseSums, restored: DatabaseSums) -> Iterator[FactReading]:
    """A sequence that is missing, or that would give numbers once more. A restored one may be ahead: the log has it in steps."""
    subject = f"sequence {name}"
    if name not in before.sequences or name not in after.sequences:
        yield _fact(subject, "not made or dropped while the backup was made", "made or dropped meanwhile", ok=None)
        return
    if name not in restored.sequences:
        yield _fact(subject, "restored", "the sequence is missing", ok=False)
        return
    first, last, found = (one.sequences[name] for one in (before, after, restored))
    unread = next((one.why for one in (first, last, found) if one.why), "")
    if first.next is None or last.next is None or found.next is None:
        yield _fact(subject, "read, before and after", f"not read: {unread}", ok=None)
    elif found.next < first.next:
        known = first.next == last.next and not first.anew
        yield _fact(
            subject, f"{abs(first.next)} or beyond is next", f"{abs(found.next)} is next", ok=False if known else None
        )


def _fact(subject: str, expected: str, observed: str, *, ok: bool | None) -> FactReading:
    return FactReading(subject=subject, expected=expected, observed=observed, ok=ok)
