"""`archived-records`: old rows are moved into the archive by the platform's own procedure, read back, and held against what they were.

The harness reads the rows right before the procedure and sees which have left the table afterwards: these were archived. A row that was
changed in between is archived as changed: where the server has counted as many changes as records differ, the difference decides nothing,
unless the archive lacks a column of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from harness.drivers.check.archives.records import RecordsReadBack, RecordsSeen, RecordTable, table_of
from harness.drivers.check.backups.configuration import EQUAL
from harness.drivers.check.claim import When, claim
from harness.drivers.check.drills.directories import filled_directory
from harness.drivers.check.drills.restored import primary_of
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.sql.asking import database_in
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.commands import CommandEnded, CommandHangs, run_command
from harness.targets.files.archives import RecordArchive
from harness.words import some

_ARCHIVE: Final = within("database.archives.{archive}", "old rows are archived and read back")
_CHECK: Final = "check archived-records"
_ARCHIVED: Final = "archived records"


@claim(
    EQUAL,
    "every archived record of <archive:name> reads back with the checksum it had before",
    example="every archived record of orders reads back with the checksum it had before, 0 differences",
    needs=(DATABASE, _ARCHIVE),
    when=When.AFTER_TRAFFIC,
    seconds=3.0,
    touches=("workloads",),
    consent="archive-drill",
    again=False,
)
def archived_records(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The old rows of a table are read; the platform's procedure archives them; those that have left are read back and compared, column by column, by the checksums of their values."""
    name = params["archive"]
    found = database_in(target).archives
    if name not in found:
        hint = f"write `database: {{archives: {{{name}: {{table: TABLE, column: COLUMN, older: 90 d, archive: {{command: [WORDS]}}, read: {{command: [WORDS]}}}}}}}}`"
        raise ConfigurationError(f"has no archive `{name}`", where=f"{target.file}: database.archives", hint=hint)
    return lambda: list(_drilled(target, found[name], name))


def _drilled(target: Target, archive: RecordArchive, name: str) -> Iterator[FactReading]:
    """Do the drill.

    Raises:
        DriverError: the database that serves is a standby, the table cannot be read, or the procedure was not completed.
        TargetUnreachable: the database that serves does not answer.
    """
    table = table_of(primary_of(target), archive)
    before = table.due()
    if before.digests:
        run_command(archive.archive.command, archive.within_s)
    there = table.there(before.digests) if before.digests else ()
    left = {key: digest for key, digest in before.digests.items() if key not in there}
    observed = f"{len(left)}, of {len(before.digests)} of that age"
    expected = f"1 or more, older than {archive.older_s:g} s"
    yield _fact(f"records that left {archive.table}", expected, observed, ok=True if left else None)
    if not left:
        return
    try:
        what = f"read archived records of {name} on this machine"
        with filled_directory(target, archive.read.command, archive.within_s, check=_CHECK, what=what) as directory:
            back = table.read_back(directory, left)
    except (CommandEnded, CommandHangs) as error:
        ok = None if isinstance(error, CommandHangs) else False
        yield _fact(_ARCHIVED, "read back", f"`{error.where}` {error.what}", ok=ok)
        return
    yield from _compared(table, before, left, back)


def _compared(
    table: RecordTable, before: RecordsSeen, left: Mapping[int, bytes], back: RecordsReadBack
) -> Iterator[FactReading]:
    """The facts of what was read back, and one of those that are equal."""
    lost = left.keys() - back.digests.keys()
    other = {key: found for key, found in back.digests.items() if left[key] not in found}
    several = sum(1 for key, found in back.digests.items() if key not in other and len(found) > 1)
    if lost:
        why = f"lines that were not read: {back.unread}" if back.unread else ""
        yield _difference(f"{_ARCHIVED} that are not in the archive", f"{len(lost)}", why)
    if other:
        updated, columns = back.updated - before.updated, _differing(table, left, other)
        may_be = updated >= len(other) and not back.lacking.intersection(columns)
        why = f"rows that were changed meanwhile: {updated}" if may_be else ""
        named = [f"{one} (not in the archive)" if one in back.lacking else one for one in columns]
        yield _difference(f"{_ARCHIVED} that differ", f"{len(other)}, in {some(named)}", why)
    if several:
        said = f"{several}, one version of each equal: the others may be of an earlier archive"
        yield _fact(f"{_ARCHIVED} in several versions", "0", said, ok=None)
    if back.unread:
        said = f"{back.unread} of {back.lines}, the first in {back.first_unread}"
        yield _fact(f"lines that are no row of {table.archive.table}, as JSON", "0", said, ok=None)
    if back.digests and back.lacking and not other:  # nothing shows whether a value of these columns would be archived
        said = f"without {some(sorted(back.lacking))}, which was NULL in each record"
        yield _fact("columns in the archive", f"all {len(table.columns)}", said, ok=None)
    equal = len(back.digests) - len(other) - several
    yield _fact(f"{_ARCHIVED} that are equal", f"{len(left)}", f"{equal}", ok=bool(equal) or None)


def _differing(table: RecordTable, left: Mapping[int, bytes], other: Mapping[int, set[bytes]]) -> list[str]:
    """The columns in which records differ, as the table has them."""
    found = {one for key, digests in other.items() for digest in digests for one in table.differing(left[key], digest)}
    return [one for one in table.columns if one in found]


def _difference(subject: str, said: str, why: str) -> FactReading:
    """A difference: it fails, unless something may explain it."""
    return _fact(subject, "0", f"{said}; {why}" if why else said, ok=None if why else False)


def _fact(subject: str, expected: str, observed: str, *, ok: bool | None) -> FactReading:
    return FactReading(subject=subject, expected=expected, observed=observed, ok=ok)
