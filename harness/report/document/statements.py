"""Parts of `verdict.json` that come from people: attestations and waivers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from harness.report.document.parts import Count, Record


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementRecord(Record):
    """Fields of every statement, including statements that do not count in this run."""

    by: Annotated[str, Field(description="Name of the person.")]
    reason: Annotated[str, Field(description="Subject of the review, or reason for the waiver, in one sentence.")]
    link: Annotated[str, Field(description="Link to the review or the agreement.")]
    date: Annotated[str, Field(description="Day of the statement, `2026-05-01`.")]
    expires: Annotated[str, Field(description="Last day on which the statement is valid.")]
    release: Annotated[str, Field(description="The release that the statement covers.")]
    file: Annotated[str, Field(description="File of the statement; a copy is below `inputs/` of the run.")]
    void: Annotated[str, Field(description="Why the statement does not count in this run; empty: it counts.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class AttestationRecord(StatementRecord):
    """An attestation: a person vouches for a requirement of the profiles."""

    vouches: Annotated[str, Field(description="Id of the requirement.")]
    role: Annotated[str, Field(description="Role of the person.")]
    age_days: Annotated[Count, Field(description="Days from the date of the statement to the run.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class WaiverRecord(StatementRecord):
    """A waiver: a person accepts that a requirement does not pass, or a harm."""

    waives: Annotated[str, Field(description="Id of the requirement, or a harm such as `writes-lost`.")]
    accepts: Annotated[str, Field(description="The accepted result, in words: `the bound 300 ms`.")]
