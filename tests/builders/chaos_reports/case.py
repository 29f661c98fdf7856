"""One chaos report of known truth, and how it is made from a sound one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.builders.chaos_reports import writers as w
from tests.builders.load_cases import Truth

FAULT = "at least 1 reported fault went in, came out and none of its probes failed, younger than 7 d"
ANALYSIS = "at least 1 reported analysis run ended and none of its metrics failed, younger than 7 d"
AS_OF = date(2025, 2, 21)
"""The day at whose end the reports are judged."""
HOLDS, VIOLATED, BROKEN = Truth.HOLDS, Truth.VIOLATED, Truth.BROKEN
Edits = Mapping[str, Any]
CaseRow = tuple[str, Truth, str, Edits]
"""What is the matter, what is true, the words that the reason must have, and what is changed in a sound report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChaosCase:
    """One report.

    Attributes:
        kind: tool. what: what is the matter with it. files: by name. truth: what is true of the sentence.
        cause: words that the reason must have; empty: any. keys: further keys of the target file.
        origin: what the file beside says besides the commit. sentence: about the report; empty: the usual of the tool.
        of: what the report must be of.
    """

    kind: str
    what: str
    files: Mapping[str, bytes]
    truth: Truth
    cause: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    sentence: str = ""
    of: str = "commit"

    @property
    def then(self) -> str:
        """The sentence."""
        return self.sentence or (ANALYSIS if self.kind == "argo-analysis" else FAULT)


def body_of(name: str, report: Any) -> bytes:
    """A report in the format that the name of its file says."""
    return w.as_json(report) if name.endswith("json") else w.as_yaml(report)


def cases_of(kind: str, name: str, sound: Any, rows: tuple[CaseRow, ...]) -> Iterator[ChaosCase]:
    """The cases of the rows of a table, made from a sound report."""
    for what, truth, cause, edits in rows:
        more = {key: edits[key] for key in ("keys", "origin", "sentence") if key in edits}
        report = w.changed(sound, {key: value for key, value in edits.items() if key not in more})
        yield ChaosCase(kind=kind, what=what, files={name: body_of(name, report)}, truth=truth, cause=cause, **more)
