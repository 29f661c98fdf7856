"""`migrated-and-back`: migrates the database to a candidate's schema and back by the product's Jobs; tables must be unchanged.

The database stays in use. Its tables are read before the migration, after it, and after migrating back. The undo is on disk before the
migration begins, so that a killed run can be recovered. Migrating back runs only if the migration was applied, or may have been.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from harness.drivers.check.backups.listed import await_first_list
from harness.drivers.check.claim import When, claim
from harness.drivers.check.needs import DATABASE, PODS
from harness.drivers.check.sql.applied import AppliedBefore, missing_versions
from harness.drivers.check.sql.asking import database_in
from harness.drivers.check.sql.tables import InUse, Rows, columns_changed, compared, rows_of_tables
from harness.drivers.check.workloads.jobs import job_in
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model.planned.need import RequiredKey
from harness.targets import Target, platform_of
from harness.targets.access import Access, access, accesses
from harness.targets.cluster.jobs import (
    COMPLETE,
    FAILED,
    JOBS,
    JobRefused,
    JobResult,
    delete_job,
    has_completed,
    run_job,
)
from harness.targets.files.changes import MigrationSettings
from harness.targets.files.reference import Reference
from harness.targets.kubernetes import Cluster, Object
from harness.targets.safety.intents import amend_intent, strike_intent
from harness.targets.undo import undoable
from harness.words import some

CHECK: Final = "migrated-and-back"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Database:
    """The database: its DSN, and what requests change in it during the check."""

    dsn: Reference
    in_use: InUse

    def read(self, like: Mapping[str, Rows] | None = None) -> dict[str, Rows]:
        return rows_of_tables(self.dsn, self.in_use, like)


def _undo(
    cluster: Cluster,
    target: Target,
    *,
    namespace: str,
    up: str,
    down: Object,
    within_s: float,
    applied: Mapping[str, Any] | None = None,
    completed: bool = False,
) -> None:
    """Stop the migration if it is still running, and migrate back if it was applied.

    An older undo log does not contain `applied` and `completed`.

    Raises:
        DriverError: the Job that migrates back did not complete.
    """
    way_back = _WayBack(
        namespace=namespace, up=up, down=down, within_s=within_s, applied=AppliedBefore(**applied or {})
    )
    came = way_back.run(cluster, target, completed=completed or has_completed(cluster, namespace, up))
    if came is not None and came.ended != COMPLETE:
        raise DriverError(
            f"the Job {namespace}/{down['metadata']['name']} {came.words}{came.log}",
            hint="migrate the database back by hand, then run `readiness recover --target FILE`",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _WayBack:
    """How a migration is reverted.

    Attributes:
        namespace, within_s: namespace and timeout of its Jobs.
        up: name of the Job that migrates. down: the Job that migrates back.
        applied: the state before the migration.
    """

    namespace: str
    up: str
    down: Object
    within_s: float
    applied: AppliedBefore

    def run(self, cluster: Cluster, target: Target, *, completed: bool) -> JobResult | None:
        """Stop the migration and migrate back; returns None if migrating back was not run because nothing was applied.

        Args:
            cluster: cluster of the Jobs.
            target: target with the database.
            completed: whether the migration is known to have completed.
        """
        delete_job(cluster, self.namespace, self.up)
        decided = not completed or self.applied.versions  # rows of other tables may be as before though it completed
        if decided and self.applied.unchanged(database_in(target).dsn):
            return None
        came = run_job(cluster, self.namespace, self.down, self.within_s)
        delete_job(cluster, self.namespace, self.down["metadata"]["name"])
        return came


@undoable("migrate-back", undo=_undo, of_a_cluster=True)
def _migrate(cluster: Cluster, namespace: str, up: Object, within_s: float, came: list[JobResult]) -> None:
    came.append(run_job(cluster, namespace, up, within_s))


def _access(target: Target, _params: Mapping[str, str]) -> Sequence[Access]:
    """API permissions in the namespace of the Jobs, if the manifests already exist."""
    settings = target.migration
    known = settings is not None and _manifests(target, settings).exists()
    return access(JOBS, at=_job(target, settings, settings.up)[0] if settings is not None and known else "")


@claim(
    "every table has the checksum it had before the release after the data rollback",
    name="data-rollback",
    about="The data rollback of a release is its migration back, by its own Job: each table is read row by row before the migration to the release's schema and after the way back.",
)
@claim(
    "after the migration forward and back, row count and checksum of every table equal those before",
    needs=(DATABASE, PODS, RequiredKey("migration", "the database is migrated to a candidate's schema and back")),
    when=When.AFTER_TRAFFIC,
    seconds=8.0,
    touches=("database",),
    consent="migration",
)
@accesses(by=_access)
@contextmanager
def migrated_and_back(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """The candidate's own Jobs migrate the live database and take it back; each table is read row by row before, meanwhile and after."""
    settings = target.migration
    if settings is None:
        hint = "write `migration: {manifests: FILE, up: JOB, down: JOB}`"
        raise ConfigurationError("names no migration", where=f"{target.file}: migration", hint=hint)
    in_use = InUse(growing=settings.growing, passing=settings.passing, without=settings.without)
    database = _Database(dsn=database_in(target).dsn, in_use=in_use)
    (namespace, up), (beside, down) = _job(target, settings, settings.up), _job(target, settings, settings.down)
    if namespace != beside:
        raise ConfigurationError(
            f"{settings.up} is in {namespace}, {settings.down} in {beside}",
            where=settings.manifests,
            hint="put both Jobs into one namespace",
        )
    await_first_list(target, params)
    cluster = Cluster.of(target)
    for name in (settings.up, settings.down):
        delete_job(cluster, namespace, name)  # one of others is refused before the undo log names `down`
    before, applied = database.read(), AppliedBefore.read(database.dsn, settings)
    way_back = _WayBack(namespace=namespace, up=settings.up, down=down, within_s=settings.within_s, applied=applied)
    intent = _migrate.intend(
        platform_of(target), f"check {CHECK}", f"migrate by the Job {namespace}/{settings.up}", **asdict(way_back)
    )
    came: list[JobResult] = []
    refused = False
    try:
        _migrate(cluster, namespace, up, settings.within_s, came)
        if came[0].ended == COMPLETE:
            intent = amend_intent(intent, completed=True)  # its Job is gone before the way back
        there, missing = database.read(before), missing_versions(database.dsn, settings)
    except JobRefused:
        refused = True
        strike_intent(intent)  # nothing was begun
        raise
    finally:
        if not refused:
            back = way_back.run(cluster, target, completed=any(one.ended == COMPLETE for one in came))
            # where the API server was silent a Job may still be made: a recovery will see
            if came if back is None else back.ended == COMPLETE:
                strike_intent(intent)
    seen = [_went(settings.up, came[0]), _is_in(before, there), _went_back(settings.down, back)]
    if missing:
        seen.append(_without_tables(missing))
    yield lambda: [*seen, *_as_before(before, database.read(before))]


def _went(name: str, came: JobResult) -> FactReading:
    """The fact whether a Job completed: a failed Job is a failure, a Job whose end was not read is unknown."""
    ok = {COMPLETE: True, FAILED: False}.get(came.ended)
    return FactReading(subject=f"Job {name}", expected="completed", observed=came.words + came.log, ok=ok)


def _went_back(name: str, back: JobResult | None) -> FactReading:
    if back is not None:
        return _went(name, back)
    seen = "was not run, since nothing of the migration was applied"
    return FactReading(subject=f"Job {name}", expected="completed", observed=seen, ok=None)


def _without_tables(missing: Sequence[str]) -> FactReading:
    """The fact that the tables in which the tool records a migration are not there, though it creates them with the first one."""
    observed = f"no table {some(missing)}: correct `migration.versions`"
    return FactReading(subject="tables of the migration tool", expected="there", observed=observed, ok=None)


def _is_in(before: Mapping[str, Rows], there: Mapping[str, Rows]) -> FactReading:
    """The fact whether the migration changed anything; unknown if no change can be seen."""
    changes = [f"table `{name}` is new" for name in there.keys() - before.keys()]
    changes += [f"table `{name}` is gone" for name in before.keys() - there.keys()]
    for name in sorted(before.keys() & there.keys()):
        columns = columns_changed(before[name].table, there[name].table)
        changes += [f"{change} in `{name}`" for change in columns]
        if not columns and compared(before[name], there[name]).ok is False:
            changes.append(f"rows of `{name}` changed")
    return FactReading(
        subject="the migration",
        expected="changes the schema, or a row",
        observed=some(sorted(changes)) or "nothing changed, so it was not applied",
        ok=bool(changes) or None,
    )


def _as_before(before: Mapping[str, Rows], now: Mapping[str, Rows]) -> list[FactReading]:
    """Facts on the tables: whether all earlier tables exist, whether each is unchanged, and which tables were left over."""
    gone = ", ".join(f"`{name}` is gone" for name in sorted(before.keys() - now.keys()))
    named = FactReading(
        subject="the tables",
        expected=f"those before: {', '.join(f'`{name}`' for name in sorted(before)) or 'none'}",
        observed=gone or "all of them",
        ok=not gone if before else None,
    )
    kept = [named, *(compared(rows, now.get(name)) for name, rows in sorted(before.items()))]
    left = [
        FactReading(
            subject=f"table {name}", expected="does not exist, as before", observed=f"{now[name].count} rows", ok=False
        )
        for name in sorted(now.keys() - before.keys())
    ]
    return [*kept, *left]


def _manifests(target: Target, settings: MigrationSettings) -> Path:
    candidate = target.rollout.candidate if target.rollout is not None else ""
    return target.beside(settings.manifests.replace("{candidate}", candidate))


def _job(target: Target, settings: MigrationSettings, name: str) -> tuple[str, Object]:
    """The namespace and the body of one of the migration's Jobs."""
    namespace, body = job_in(_manifests(target, settings), name)
    own = target.kubernetes.namespace if target.kubernetes is not None else ""
    return namespace or own, body
