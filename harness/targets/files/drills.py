"""The section `drills` of a target file: how a backup is made, and restored into a scratch database."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from harness.targets.files.reference import Reference
from harness.targets.files.values import TargetSection, Word, Words, quantity

MOMENT: Final = "{time}"
"""In `until`: the moment, as RFC 3339 in UTC: `2026-11-29T00:44:00+00:00`."""


class DrillCommand(TargetSection):
    """A command on this machine; what it prints is not read.

    Attributes:
        command: the command.
    """

    command: Words


class RestoreDrill(TargetSection):
    """One drill of `database.dsn`.

    Attributes:
        make: makes a new backup, whose content is then known; None: only the time of a restore is judged.
        restore: restores the newest backup into the scratch database, which does not exist before; None: only `until` does.
        until: restores the database into the scratch database as it was at the moment `{time}`; None: nothing does.
        scratch: DSN of the scratch database, which answers when the restore is done.
        remove: removes the scratch database, and ends a restore that still runs; it may be repeated.
        within_s: time for each command, and for the checksums of all tables, in s.
    """

    make: DrillCommand | None = None
    restore: DrillCommand | None = None
    until: DrillCommand | None = None
    scratch: Reference
    remove: DrillCommand
    within_s: Annotated[float, quantity("time", "10 min"), Field(gt=0)] = Field(default=600.0, alias="within")

    @model_validator(mode="after")
    def _restores(self) -> Self:
        if self.restore is None and self.until is None:
            raise ValueError("one of `restore` and `until`, or both")
        if self.until is not None and not any(MOMENT in word for word in self.until.command):
            raise ValueError(f"`until` with `{MOMENT}` in its command, which is the moment to restore to")
        return self


class DatabaseRestore(TargetSection):
    """How the platform restores its database when every member is gone with its volume: one of `cronjob` and `command`.

    Attributes:
        cronjob: CronJob in the namespace of the lock, from whose template a Job is made.
        command: a command on this machine, which ends when the database is restored; it may be repeated.
        within_s: time for it, in s.
    """

    cronjob: str = ""
    command: tuple[Word, ...] = ()
    within_s: Annotated[float, quantity("time", "10 min"), Field(gt=0)] = Field(default=600.0, alias="within")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.cronjob) == bool(self.command):
            raise ValueError("exactly one of `cronjob`, `command`")
        return self
