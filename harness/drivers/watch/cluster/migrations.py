"""Watcher of the Jobs that migrate the database: when each of them began."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar

from harness import clock
from harness.drivers.manifests import DeclaredObject, declared
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.errors import ConfigurationError
from harness.evidence.histories.history import History
from harness.targets.access import Access, access
from harness.targets.files.changes import JOB_REPORTED_S, MigrationSettings
from harness.targets.files.target import Target
from harness.targets.kubernetes import Object
from harness.units import NS_PER_S


class MigrationFollower:
    """Follows the Jobs of a namespace; records `migration.begun` for each Job that migrates and was not there at first.

    The name of a Job may be followed by a dash and what a tool has made of it.
    """

    def __init__(
        self, recorder: WatchRecorder, history: History, name: str, migration: MigrationSettings, backup: str
    ) -> None:
        """Record the Jobs that migrate, which need a backup of the name `backup`, and not those that migrate back."""
        self._recorder = recorder
        self._history = history
        self._name = name
        self._migration = migration
        self._backup = backup
        self._begun = 0
        self._known: set[str] | None = None
        self._lost_ns: int | None = None

    def trouble(self, why: str) -> None:
        """Note that the stream was interrupted: a Job that is in the next list may have begun since now."""
        self._recorder.trouble(self._name, why)
        self._lost_ns = self._lost_ns or clock.now_ns()

    def listed(self, objects: Sequence[Object]) -> None:
        """Process a list of all Jobs; those in the first list began before the run."""
        if self._known is None:
            self._known = {one["metadata"]["uid"] for one in objects}
        for one in objects:
            self.changed("ADDED", one)
        self._lost_ns = None

    def changed(self, event: str, obj: Object) -> None:
        """Record a Job that is new."""
        name, uid = obj["metadata"]["name"], obj["metadata"]["uid"]
        if self._known is None or event == "DELETED" or uid in self._known or not self._migrates(name):
            return
        self._known.add(uid)
        now_ns = clock.now_ns()
        since_ns = min(now_ns, self._lost_ns or now_ns) - round(JOB_REPORTED_S * NS_PER_S)
        subject, said = f"{obj['metadata']['namespace']}/{name}", {"since_ns": since_ns, "backup": self._backup}
        self._history.put("migration.begun", subject, at_ns=now_ns, number=self._begun, **said)
        self._begun += 1

    def _migrates(self, name: str) -> bool:
        """Whether a Job migrates; one name may begin as the other one does."""
        of = [one for one in (self._migration.up, self._migration.down) if f"{name}-".startswith(f"{one}-")]
        return max(of, key=len, default="") == self._migration.up


class MigrationsWatcher(Watcher):
    """Watches the Jobs in the namespace of the migration."""

    name: ClassVar[str] = "migrations"
    file: ClassVar[str] = "history/migrations.ndjson"

    def needs(self, target: Target) -> bool:
        """Whether the target has the keys `kubernetes`, `migration` and `before_migrations` of some backups."""
        return target.kubernetes is not None and target.migration is not None and bool(target.migration_backup)

    def accesses(self, target: Target) -> Sequence[Access]:
        """Permission for the stream."""
        return access("list,watch jobs.batch", at=_namespace(target))

    def per_s(self, rates: Rates) -> float:  # noqa: ARG002 - the base class's
        """0, since the cluster reports changes without probes."""
        return 0.0

    def begin(self, here: Watching) -> None:
        """Start the stream."""
        if here.target.kubernetes is None or here.target.migration is None:
            return
        migration, backup = here.target.migration, here.target.migration_backup
        history = here.recorder.history(self.name)
        follower = MigrationFollower(here.recorder, history, self.name, migration, backup)
        path = f"/apis/batch/v1/namespaces/{_namespace(here.target)}/jobs"
        here.follow(self.name, here.target.kubernetes.context, path, follower)


def _namespace(target: Target) -> str:
    """The namespace of the Job that migrates: that in its manifests, else that of the target."""
    if target.kubernetes is None or target.migration is None:
        return ""
    candidate = target.rollout.candidate if target.rollout is not None else ""
    path = target.beside(target.migration.manifests.replace("{candidate}", candidate))
    found = list[DeclaredObject]()
    with suppress(ConfigurationError):  # the check that runs the Job says what is wrong with its manifests
        found = [one for one in declared([path]) if (one.kind, one.name) == ("Job", target.migration.up)]
    return next((one.namespace for one in found if one.namespace), target.kubernetes.namespace)
