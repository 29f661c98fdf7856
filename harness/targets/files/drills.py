"""The section `drills` of a target file: how a backup is made, and restored into a scratch database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from harness.targets.files.reference import Reference
from harness.targets.files.values import Expression, Name, TargetSection, Word, Words, quantity
from harness.validation import matching

MOMENT: Final = "{time}"
"""In `until`: the moment, as RFC 3339 in UTC: `2026-11-29T00:44:00+00:00`."""
ClusterName = Annotated[
    str, matching(r"[a-z]([a-z0-9-]{0,48}[a-z0-9])?", "the name of a Cluster: at most 50 small letters, digits and `-`")
]


class DrillCommand(TargetSection):
    """A command on this machine; what it prints is not read.

    Attributes:
        command: the command.
    """

    command: Words


class CloudNativePgDrill(TargetSection):
    """A drill by the resources of CloudNativePG: a `Backup` of a `Cluster`, and a new `Cluster` that recovers from it.

    Attributes:
        namespace: namespace of all of them.
        cluster: the Cluster that serves; the new one has its image, storage and settings of PostgreSQL.
        scratch_cluster: name of the new Cluster; there is none of this name before.
        backup: `new` makes a Backup, whose content is then known; `newest` takes the newest one that is completed.
        method: how the Backup is made.
        plugin: name of the plugin that makes it.
        keep: whether the Backup that was made stays.
    """

    namespace: Name
    cluster: ClusterName
    scratch_cluster: ClusterName
    backup: Literal["new", "newest"] = "new"
    method: Literal["barmanObjectStore", "volumeSnapshot", "plugin"] = "barmanObjectStore"
    plugin: str = ""
    keep: bool = False

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.scratch_cluster == self.cluster:
            raise ValueError("a `scratch_cluster` other than `cluster`, which serves")
        if bool(self.plugin) is not (self.method == "plugin"):
            raise ValueError("`method: plugin` and `plugin` together, or neither")
        return self


class RestoreDrill(TargetSection):
    """One drill of `database.dsn`, by commands or by the resources of a product.

    Attributes:
        make: makes a new backup, whose content is then known; None: only the time of a restore is judged.
        restore: restores the newest backup into the scratch database, which does not exist before; None: only `until` does.
        until: restores the database into the scratch database as it was at the moment `{time}`; None: nothing does.
        scratch: DSN of the scratch database, which answers when the restore is done.
        remove: removes the scratch database, and ends a restore that still runs; it may be repeated.
        cloudnative_pg: resources of CloudNativePG that take the place of `make`, `restore` and `remove`.
        within_s: time for each step, and for the checksums of all tables, in s.
    """

    make: DrillCommand | None = None
    restore: DrillCommand | None = None
    until: DrillCommand | None = None
    scratch: Reference
    remove: DrillCommand | None = None
    cloudnative_pg: CloudNativePgDrill | None = Field(default=None, alias="cloudnative-pg")
    within_s: Annotated[float, quantity("time", "10 min"), Field(gt=0)] = Field(default=600.0, alias="within")

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        commands = [self.make, self.restore, self.until, self.remove]
        if self.cloudnative_pg is not None and any(commands):
            raise ValueError("commands or `cloudnative-pg`, not both")
        if self.cloudnative_pg is None and self.restore is None and self.until is None:
            raise ValueError("one of `restore` and `until`, or both; or `cloudnative-pg`")
        if self.cloudnative_pg is None and self.remove is None:
            raise ValueError("`remove`, which removes the scratch database; or `cloudnative-pg`")
        if self.until is not None and not any(MOMENT in word for word in self.until.command):
            raise ValueError(f"`until` with `{MOMENT}` in its command, which is the moment to restore to")
        return self

    @property
    def restores(self) -> bool:
        """Whether the drill restores the newest backup."""
        return self.restore is not None or self.cloudnative_pg is not None

    @property
    def makes(self) -> bool:
        """Whether the drill makes a backup."""
        return self.make is not None or (self.cloudnative_pg is not None and self.cloudnative_pg.backup == "new")


def wrong_drills(drills: Mapping[str, RestoreDrill], *, in_cluster: bool) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Drills by resources of a target that names no cluster: place in the file, what is wrong, and the hint."""
    for name, drill in drills.items():
        if drill.cloudnative_pg is not None and not in_cluster:
            where = ("drills", name, "cloudnative-pg")
            yield where, "the target names no cluster", "write `kubernetes: {context: NAME, namespace: NAME}`"


def _one_group(value: str) -> str:
    if (n := re.compile(value).groups) != 1:
        raise ValueError(f"a regular expression with one group in parentheses; this one has {n}")
    return value


class DatabaseRestore(TargetSection):
    """How the platform restores its database when every member is gone with its volume: one of `cronjob` and `command`.

    Attributes:
        cronjob: CronJob in the namespace of the lock, from whose template a Job is made.
        command: a command on this machine, which ends when the database is restored; it may be repeated.
        restored_from: a regular expression with one group: what the log of the Job, or the output of the command, says that it restores.
        within_s: time for it, in s.
    """

    cronjob: str = ""
    command: tuple[Word, ...] = ()
    restored_from: Annotated[Expression, AfterValidator(_one_group)] | None = None
    within_s: Annotated[float, quantity("time", "10 min"), Field(gt=0)] = Field(default=600.0, alias="within")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.cronjob) == bool(self.command):
            raise ValueError("exactly one of `cronjob`, `command`")
        return self
