"""Attestations and waivers of a requirement as texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model import Attestation, Plan, Verdict, Waiver


def people_of(plan: Plan, verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Label and text of the waiver, then of each attestation; a statement that does not count in this run has its reason."""
    if verdict.waiver is not None:
        yield "Waiver", waiver_text(verdict.waiver)
    for one in plan.attestations:
        if one.vouches == verdict.requirement:
            yield "Attestation", attestation_text(one)


def waiver_text(waiver: Waiver) -> str:
    """A waiver as text: `A. Person accepts the bound 300 ms until 2026-12-24, for release 1.0.0: cache is cold (https://…; …)`."""
    head = f"{waiver.by} accepts {waiver.accepts} until {waiver.expires}, for release {waiver.release or 'any'}"
    return f"{head}: {waiver.reason} ({waiver.link}; {waiver.file}){_void(waiver.void)}"


def attestation_text(one: Attestation) -> str:
    """An attestation as text: `A. Person, security-lead, 12 days ago, until 2026-12-24, for release 1.0.0: reviewed (…)`."""
    age = "today" if one.age_days == 0 else f"{counted(one.age_days, 'day')} ago"
    head = f"{one.by}, {one.role}, {age} ({one.date}), until {one.expires}, for release {one.release or 'any'}"
    return f"{head}: {one.reason} ({one.link}; {one.file}){_void(one.void)}"


def _void(why: str) -> str:
    return f". This statement does not count: {why}" if why else ""
