"""What saves states of a database, in the section `database` of a target file: the archive of its log, or a schedule."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from harness.targets.files.cron import longest_s
from harness.targets.files.values import Name, TargetSection, Word, quantity


def _cron(value: str) -> str:
    longest_s(value)
    return value


CronSchedule = Annotated[Word, AfterValidator(_cron)]


class ScheduledJob(TargetSection):
    """A CronJob in the Kubernetes API."""

    namespace: Name
    name: Name


class IntervalVariable(TargetSection):
    """A variable of a workload that has the seconds between two saved states.

    Attributes:
        namespace, kind, workload: the workload.
        name: the variable, which the template of its pods has with a value.
    """

    namespace: Name
    kind: Literal["Deployment", "StatefulSet", "DaemonSet"] = "Deployment"
    workload: Name
    name: Word


class SavedBy(TargetSection):
    """One thing that saves states of the database from which a restore after a disaster brings it back.

    Attributes:
        archive: PostgreSQL's own archiver, by `archive_timeout` of the server.
        cron_job: CronJob, by its schedule.
        variable: variable of a workload with the seconds.
        schedule: schedule of a program elsewhere, as `0 * * * *`.
        every_s: time between two saved states of a program elsewhere, in s; None: another key says it.
        kept_in: name in `backups` of the place in which the saved states lie; empty: they are not read.
    """

    archive: Literal[True] | None = None
    cron_job: ScheduledJob | None = None
    variable: IntervalVariable | None = None
    schedule: CronSchedule = ""
    every_s: Annotated[float, quantity("time", "5 min", above="0 s")] | None = Field(default=None, alias="every")
    kept_in: str = ""

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        said = (self.archive, self.cron_job, self.variable, self.schedule, self.every_s)
        if sum(map(bool, said)) != 1:
            raise ValueError("one of `archive: true`, `cron_job`, `variable`, `schedule` and `every`")
        if not (self.kept_in or self.archive or self.cron_job):
            raise ValueError("`kept_in: NAME` of `backups`, since what a program saves is only known where it lies")
        return self
