"""`saved-interval`: the longest time between two saved states of the database, as its schedules and the settings of its archive say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from harness.drivers.check.backups.stores import list_store, store_of
from harness.drivers.check.claim import When, claim
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, HarnessError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import Access, access, accesses
from harness.targets.files.cron import longest_s
from harness.targets.files.saved import IntervalVariable, SavedBy, ScheduledJob
from harness.targets.kubernetes import Cluster
from harness.targets.stores.listing import AHEAD_NS, newest, recognised
from harness.targets.stores.resources import date_ns, time_ns
from harness.units import NS_PER_S

_ARCHIVER: Final = (
    "SELECT current_setting('archive_mode'), pg_is_in_recovery(), (SELECT setting::int FROM pg_settings WHERE name = 'archive_timeout'), "
    "coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL), extract(epoch FROM now() - last_archived_time)::float, "
    "last_archived_wal, CASE WHEN pg_is_in_recovery() THEN last_archived_wal ELSE pg_walfile_name(pg_current_wal_lsn()) END, "
    "(SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'), "
    "CASE WHEN coalesce(current_setting('archive_library', true), '') = '' THEN current_setting('archive_command') END FROM pg_stat_archiver"
)
_KEEPS_NOTHING: Final = re.compile(r"\s*(:|exit\s+0|((/usr)?/bin/)?true)\s*;?\s*", re.IGNORECASE)
"""Commands that PostgreSQL's manual names to switch an archive off, and others that succeed and do nothing."""
_SKIPS: Final = "/controller/manager wal-archive"
"""CloudNativePG's command, which also succeeds where the Cluster has no backup. Source: pkg/management/postgres/archiver/archiver.go."""
_SEGMENT: Final = re.compile("[0-9A-F]{24}")
"""The name of a segment; a history of a timeline, a backup's label and a part of a segment have others."""
_MISSED: Final = 2.0
"""Intervals since the last saved state after which one was left out."""
_SUBJECT: Final = "longest interval between two saved states"


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedEvery:
    """What a setting says.

    Attributes:
        by: the setting, in words.
        interval_s: time between two saved states, infinite if nothing limits it; None: it is not known.
        off: why nothing is saved; empty: something is.
        doubt: why the setting may not be what is done; empty: nothing speaks against it.
    """

    by: str
    interval_s: float | None = None
    off: str = ""
    doubt: str = ""

    def __str__(self) -> str:
        if self.off or self.interval_s is None:
            return f"{self.by}: {self.off or self.doubt}"
        return f"{_said(self.interval_s)} by {self.by}"


def _accesses(target: Target, _params: Mapping[str, str]) -> Sequence[Access]:
    found: list[Access] = []
    for one in target.database.saved if target.database is not None else ():
        if one.cron_job is not None:
            found += access("get cronjobs.batch", at=one.cron_job.namespace, name=one.cron_job.name)
        if one.variable is not None:
            kind = f"get {one.variable.kind.lower()}s.apps"
            found += access(kind, at=one.variable.namespace, name=one.variable.workload)
    return found


@accesses(by=_accesses)
@claim(
    "the longest interval between two saved states, by schedule and archive settings, is at most <limit:period>",
    example="the longest interval between two saved states, by schedule and archive settings, is at most 1 h",
    needs=(DATABASE, within("database.saved", "the schedule or the archive that saves the database is named")),
    when=When.AFTER_TRAFFIC,
)
def saved_interval(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The live settings of what saves the database: `archive_timeout` of PostgreSQL, the schedule of a CronJob, a variable of a workload. Of several, the most frequent counts, and its newest saved state must not be older than the limit."""
    saved = database_in(target).saved
    if not saved:
        hint = "write `database: {saved: [{archive: true}]}`"
        raise ConfigurationError("does not say what saves the database", where=f"{target.file}: database", hint=hint)
    said, _, unscaled = params["limit"].partition(" (")
    limit = Quantity.parse(said, scaled=not unscaled).at_scale(target.time_scale)

    def probe() -> Sequence[FactReading]:
        read = [(one, _read(target, one)) for one in saved]
        return list(_facts(target, read, limit))

    return probe


def _facts(target: Target, read: Sequence[tuple[SavedBy, SavedEvery]], limit: Quantity) -> Iterator[FactReading]:
    expected, said = f"at most {limit}", "; ".join(str(one) for _, one in read)
    known = [(made, one) for made, one in read if one.interval_s is not None and not one.off]
    best = min(known, key=lambda pair: pair[1].interval_s or inf, default=None)
    if best is None or (best[1].interval_s or inf) > limit.base:
        unknown = any(one.interval_s is None and not one.off for _, one in read)
        yield FactReading(subject=_SUBJECT, expected=expected, observed=said, ok=None if unknown else False)
        return
    made, one = best
    yield FactReading(subject=_SUBJECT, expected=expected, observed=said, ok=True)
    if one.doubt:
        yield FactReading(subject=one.by, expected="done as it is set", observed=one.doubt, ok=None)
    if made.kept_in:
        yield _newest(target, made.kept_in, limit)


def _newest(target: Target, name: str, limit: Quantity) -> FactReading:
    """The age of the newest saved state; an older one proves nothing, as a database to which nothing is written has nothing to save."""
    subject, expected = f"newest saved state in {name}", f"not older than {limit}"
    store = store_of(target, {"backup": name})
    try:
        listing = list_store(target, store)
    except HarnessError as error:
        return FactReading(subject=subject, expected=expected, observed=str(error), ok=None)
    last = newest(recognised(store, listing.objects))
    if last is None:
        return FactReading(subject=subject, expected=expected, observed="nothing is there", ok=None)
    age_s = (listing.store_ns - last.saved_ns) / NS_PER_S
    if last.early or age_s < -AHEAD_NS / NS_PER_S:
        observed = f"{last.stored.name}: the time is later than the store's clock, so the clocks differ"
        return FactReading(subject=subject, expected=expected, observed=observed, ok=None)
    observed = f"{_said(max(0.0, age_s))} old: {last.stored.name}"
    return FactReading(subject=subject, expected=expected, observed=observed, ok=True if age_s <= limit.base else None)


def _read(target: Target, made: SavedBy) -> SavedEvery:
    """What a setting says now."""
    try:
        if made.archive:
            return _archiver(target, kept=bool(made.kept_in))
        if made.cron_job is not None:
            return _of_job(target, made.cron_job)
        if made.variable is not None:
            return _of_variable(target, made.variable)
    except HarnessError as error:
        return SavedEvery(by="the setting", doubt=str(error))
    if made.schedule:
        return SavedEvery(by=f"the schedule `{made.schedule}`", interval_s=longest_s(made.schedule))
    return SavedEvery(by="`every` of the target file", interval_s=made.every_s)


def _archiver(target: Target, *, kept: bool) -> SavedEvery:
    ((mode, standby, timeout_s, failed, age_s, *segments, command),) = rows_of(database_in(target).dsn, _ARCHIVER)
    by = "archive_timeout of PostgreSQL"
    if mode == "off":
        return SavedEvery(by=by, off="archive_mode is off")
    if command is not None and _KEEPS_NOTHING.fullmatch(command):
        return SavedEvery(by=by, off=f"archive_command is `{command}`, which keeps nothing")
    doubt = "" if age_s is not None else "no segment of the log was archived yet"
    archived, *others = segments
    if age_s is not None and not _SEGMENT.fullmatch(archived):
        doubt = f"{archived} was archived last, so it is not known which segments are"
    elif age_s is not None and age_s > _MISSED * timeout_s and (waiting := _waiting(archived, *others)) > 0:
        doubt = f"{waiting} complete segments of the log are not archived, the last one was {_said(age_s)} ago"
    if standby and mode != "always":
        doubt = "this server is a standby and archives nothing: let `database.dsn` lead to the primary"
    elif standby and age_s is not None and age_s > _MISSED * timeout_s:
        doubt = f"this server is a standby, and archived the last segment {_said(age_s)} ago"
    if command is not None and _SKIPS in command and not kept:
        doubt = "CloudNativePG's archive_command succeeds also where the Cluster has no backup: add `kept_in`"
    if failed:
        doubt = "the archiver failed the last time, see pg_stat_archiver"
    return SavedEvery(by=by, interval_s=float(timeout_s) or inf, doubt=doubt)


def _waiting(archived: str, current: str, segment_size: int) -> int:
    """Number of segments between the one that was archived last and the one that is written."""
    last, now = (
        int(name[8:16], 16) * ((1 << 32) // segment_size) + int(name[16:24], 16) for name in (archived, current)
    )
    return now - last - 1


def _of_job(target: Target, job: ScheduledJob) -> SavedEvery:
    by, cluster = f"the CronJob {job.namespace}/{job.name}", Cluster.of(target)
    found = cluster.read("batch/v1", "CronJob", job.name, job.namespace)
    if found is None:
        return SavedEvery(by=by, off="it does not exist")
    if found["spec"].get("suspend"):
        return SavedEvery(by=by, off="it is suspended")
    schedule = str(found["spec"].get("schedule", ""))
    try:
        interval_s = longest_s(schedule)
    except ValueError:
        return SavedEvery(by=by, doubt=f"its schedule `{schedule}` is unknown here")
    done_ns = time_ns((found.get("status") or {}).get("lastSuccessfulTime"))
    doubt = "no Job of it succeeded yet"
    if done_ns is not None:
        age_s = (date_ns(cluster, cluster.date()) - done_ns) / NS_PER_S
        doubt = f"the last Job of it that succeeded did so {_said(age_s)} ago" if age_s > _MISSED * interval_s else ""
    return SavedEvery(by=f"{by}, `{schedule}`", interval_s=interval_s, doubt=doubt)


def _of_variable(target: Target, variable: IntervalVariable) -> SavedEvery:
    by = f"{variable.name} of {variable.kind} {variable.namespace}/{variable.workload}"
    found = Cluster.of(target).read("apps/v1", variable.kind, variable.workload, variable.namespace)
    if found is None:
        return SavedEvery(by=by, off="the workload does not exist")
    containers = found["spec"]["template"]["spec"]["containers"]
    values = {
        str(entry.get("value"))
        for one in containers
        for entry in one.get("env") or []
        if entry["name"] == variable.name
    }
    try:
        (value,) = values
        if 0 < (interval_s := float(value)) < inf:
            return SavedEvery(by=by, interval_s=interval_s)
    except ValueError:
        pass
    why = f"its value is {' or '.join(sorted(values)) or 'missing'}, a number of seconds was expected"
    return SavedEvery(by=by, doubt=why)


def _said(seconds: float) -> str:
    """A time as text."""
    if seconds == inf:
        return "no limit"
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
