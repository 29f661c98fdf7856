"""`export-of-person`: checks that the export of a person holds every record that names the person, and nothing of others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from harness import clock
from harness.drivers.check.claim import When, claim
from harness.drivers.check.export.held import leaves, leftover, objects_at, paired, values_of
from harness.drivers.check.export.records import PersonRecord, is_named, records_of
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.planted.calls import CallMaker, require_allowed
from harness.drivers.check.sql.asking import database_in
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.files.audit import ExportedTable, ExportSettings
from harness.targets.files.reference import Reference

_EXPORT: Final = RequiredKey("export", "a person is exported")
_SIGN_IN: Final = RequiredKey("sign_in", "the person signs in and is exported")
_SHOWN: Final = 3
_WITHIN_S: Final = 20.0
_SETTLED_S: Final = 2.0
"""Time in which nothing changes once the records are settled: some platforms write once a second."""


@claim(
    "the export of a person contains every record that names the person and nothing of others",
    needs=(_EXPORT, DATABASE, _SIGN_IN, within("export.tables", "the export is held against the tables")),
    when=When.AFTER_TRAFFIC,
    seconds=5.0,
    again=False,
)
def export_of_person(target: Target, params: Mapping[str, str]) -> FactProbe:  # noqa: ARG001 - the sentence has no slots
    """Every table of the database is searched for a planted person, before and after its export; each record that was there both times is held by an object of the export of its own."""
    settings = target.export
    if settings is None:
        hint = "write `export: {call: {call: GET /users/{person}/export}, person: …, others: […], tables: {…}}`"
        raise ConfigurationError("names no export", where=f"{target.file}: export", hint=hint)
    require_allowed(target, settings.plant, settings.person)

    def probe() -> Sequence[FactReading]:
        return list(_facts(target, settings))

    return probe


def _facts(target: Target, settings: ExportSettings) -> Iterator[FactReading]:
    dsn = settings.dsn or database_in(target).dsn
    names = (settings.person, *settings.known_as)
    maker = CallMaker(target=target, name=settings.person)
    for one in maker.send(settings.plant):
        if not 200 <= one.answer.status < 300:
            yield FactReading(subject=str(one), expected="status 2xx", observed=one.got, ok=None)
    if settings.call.by == "user":
        maker.token()  # a sign-in may make a record of its own
    before = _planted(settings, dsn, names)
    export = _exported(maker, settings)
    after = records_of(dsn, names, settings.people)
    others = {name: records_of(dsn, [name], settings.people) for name in settings.others}
    lasting = [one for one in before if one in after]
    passing = [one for one in (*before, *after) if one not in lasting]
    yield from _of_others(export, others)
    yield from _undeclared(lasting, settings)
    for table, place in settings.tables.items():
        mine = [one for one in lasting if one.table == table]
        rest = [one for one in passing if one.table == table]
        foreign = [one for records in others.values() for one in records if one.table == table]
        yield from _of_table(table, place, objects_at(export, place.at), (mine, rest, foreign))


def _planted(settings: ExportSettings, dsn: Reference, names: Sequence[str]) -> list[PersonRecord]:
    """The person's records, once every declared table has one and none changes: some are written a while after the request that makes them."""
    found: list[PersonRecord] = []
    for _ in clock.Deadline.after(_WITHIN_S).ticks(_SETTLED_S):
        before, found = found, records_of(dsn, names, settings.people)
        if found == before and {one.table for one in found} >= {*settings.tables}:
            break
    return found


def _exported(maker: CallMaker, settings: ExportSettings) -> Any:
    """The export.

    Raises:
        DriverError: it was not answered with 200 and JSON.
    """
    call = settings.call.model_copy(update={"call": settings.call.call.replace("{person}", settings.person)})
    sent = maker.send([call], whole=True)[0]
    if sent.answer.status != 200:
        raise DriverError(f"the export got {sent.got}, expected status 200", where=call.call, hint="see `export.call`")
    try:
        return json.loads(sent.answer.body.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise DriverError("the export is not JSON", where=call.call, hint="see `export.call`") from error


def _of_others(export: Any, others: Mapping[str, Sequence[PersonRecord]]) -> Iterator[FactReading]:
    """That the export names no other person; a person without records proves nothing."""
    for name, records in others.items():
        named = is_named(export, [name])
        said = (
            "named"
            if named
            else "not named"
            if records
            else "not named, but has no record either, which proves nothing"
        )
        ok = False if named else True if records else None
        yield FactReading(subject=f"{name} in the export", expected="not named", observed=said, ok=ok, sure=named)


def _undeclared(records: Sequence[PersonRecord], settings: ExportSettings) -> Iterator[FactReading]:
    """Tables with records of the person of which the target file does not say where the export has them."""
    counts: dict[str, int] = defaultdict(int)
    for one in records:
        counts[one.table] += one.table not in settings.tables
    for table, n in counts.items():
        if n:
            said = f"{n} records name the person"
            expected = "named in `export.tables`, with its key in the export"
            yield FactReading(subject=f"table {table}", expected=expected, observed=said, ok=None)


def _of_table(
    table: str,
    place: ExportedTable,
    objects: list[Any] | None,
    records: tuple[Sequence[PersonRecord], Sequence[PersonRecord], Sequence[PersonRecord]],
) -> Iterator[FactReading]:
    """The facts of one table.

    Args:
        table: its name.
        place: where the export has it.
        objects: what is there; None: nothing.
        records: of the person, lasting and passing, and of others.
    """
    mine, passing, foreign = records
    expected = f"each with an object of its own at `{place.at}`"
    subject = f"records of the person in {table}"
    if not mine:
        said = "none, so that nothing is known of the export of this table"
        yield FactReading(subject=subject, expected="at least 1", observed=said, ok=None)
        return
    if objects is None:
        said = f"{len(mine)}, and the export has no `{place.at}`"
        yield FactReading(subject=subject, expected=expected, observed=said, ok=False)
        return
    values = [leaves(one) for one in objects]
    found = paired([values_of(one, place.without) for one in mine], values)
    missing = [one for at, one in enumerate(mine) if at not in found]
    said = f"{len(mine)}, of which {len(missing)} are not in the export{_keys(missing)}" if missing else f"{len(mine)}"
    yield FactReading(subject=subject, expected=expected, observed=said, ok=not missing)
    rest = leftover(objects, found.values())
    strange = leftover(
        rest, paired([values_of(one, place.without) for one in passing], [leaves(one) for one in rest]).values()
    )
    if strange:
        wants = [want for one in foreign if (want := values_of(one, place.without))]
        theirs = paired(wants, [leaves(one) for one in strange])
        subject = f"objects at `{place.at}` that are no record of the person"
        said = f"{len(strange)}, of which {len(theirs)} are records of others" if theirs else f"{len(strange)}"
        yield FactReading(subject=subject, expected="none", observed=said, ok=False if theirs else None)


def _keys(missing: Sequence[PersonRecord]) -> str:
    """The first of them, by the names of their columns only: their values are a person's."""
    columns = sorted({column for one in missing[:_SHOWN] for column in one.values})
    return f" (columns {', '.join(columns)})" if columns else ""
