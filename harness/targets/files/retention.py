"""How long rows of a table are kept, in the section `database` of a target file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.targets.files.values import TargetSection, Word, quantity


class TableRetention(TargetSection):
    """How long the rows of a table are kept.

    Attributes:
        keep_s: time after which a row is to go, in s; `forever`: none goes by its age.
        column: column with the time from which it counts: a timestamp, in UTC where it has no zone, or a date.
    """

    keep_s: Literal["forever"] | Annotated[float, quantity("time", "30 d", above="0 s")] = Field(alias="keep")
    column: Word | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.keep_s == "forever") is not (self.column is None):
            raise ValueError("`column` with the time of a row, together with a time in `keep`")
        return self
