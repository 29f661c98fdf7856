"""Archives of a database's rows, in the section `database` of a target file: how old rows are moved into one, and read back."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.targets.files.configuration import INTO
from harness.targets.files.drills import DrillCommand
from harness.targets.files.values import TargetSection, Word, quantity
from harness.validation import matching


class RecordArchive(TargetSection):
    """The archive of the old rows of a table.

    Attributes:
        table: the table, with its schema unless that is `public`; it has a primary key.
        column: column with the time from which the age of a row counts: a timestamp, in UTC where it has no zone, or a date.
        older_s: age from which the rows are archived, in s.
        archive: the platform's own procedure, which moves rows out of the table and ends when they can be read back.
        read: writes the archived records into the directory `{directory}`, as files of JSON objects, one in a line.
        within_s: time for each command, and for each reading of the table, in s.
    """

    table: Annotated[
        str, matching(r"([a-z_][a-z0-9_]*\.)?[a-z_][a-z0-9_]*", "the name of a table, with its schema if any")
    ]
    column: Word
    older_s: Annotated[float, quantity("time", "90 d")] = Field(alias="older")
    archive: DrillCommand
    read: DrillCommand
    within_s: Annotated[float, quantity("time", "10 min", above="0 s")] = Field(default=600.0, alias="within")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not any(INTO in word for word in self.read.command):
            raise ValueError(f"`read` with `{INTO}` in its command, which is where the records are written")
        return self
