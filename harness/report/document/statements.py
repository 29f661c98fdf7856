"""The parts of `verdict.json` that people said: attestations and waivers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from harness.report.document.parts import Count, Record


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementRecord(Record):
    """What every statement has, also one that does not count in this run."""

    by: Annotated[str, Field(description="Who.")]
    reason: Annotated[str, Field(description="What was reviewed or why, in a sentence.")]
    link: Annotated[str, Field(description="Where that is, or was agreed.")]
    date: Annotated[str, Field(description="Day of the statement, `2026-05-01`.")]
    expires: Annotated[str, Field(description="Its last day.")]
    release: Annotated[str, Field(description="The release that it is for.")]
    file: Annotated[str, Field(description="The file; a copy is below `inputs/` of the run.")]
    void: Annotated[str, Field(description="Why it does not count in this run; empty: it does.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class AttestationRecord(StatementRecord):
    """A person who vouches for a requirement of the profiles."""

    vouches: Annotated[str, Field(description="The requirement by id.")]
    role: Annotated[str, Field(description="As what.")]
    age_days: Annotated[Count, Field(description="Days from its date to the run.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class WaiverRecord(StatementRecord):
    """What a person accepts."""

    waives: Annotated[str, Field(description="The requirement by id, or a harm such as `writes-lost`.")]
    accepts: Annotated[str, Field(description="What is accepted, in words: `the bound 300 ms`.")]
