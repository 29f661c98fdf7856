"""`fleet.json`: the decision over a fleet as types; its JSON Schema is made from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from harness.model.judged.fleet import CellFault
from harness.model.judged.outcome import DecisionOutcome
from harness.report.document.document import schema_of
from harness.report.document.parts import Count, Record, Seconds

if TYPE_CHECKING:
    from harness.model.judged.fleet import CellResult, FleetDecision, FleetRun, WallTime

_Decision = Literal["GO", "NO-GO", "INCONCLUSIVE"]
_DECIDED: Final[Mapping[DecisionOutcome, _Decision]] = {
    DecisionOutcome.GO: "GO",
    DecisionOutcome.NO_GO: "NO-GO",
    DecisionOutcome.INCONCLUSIVE: "INCONCLUSIVE",
}
_Name = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetRunRecord(Record):
    """What was found for a cell."""

    path: Annotated[str, Field(description="The directory, relative to `fleet.json`.")]
    run: Annotated[str | None, Field(description="Id of the run; null: the run cannot be read.")]
    target: Annotated[str | None, Field(description="Target of the run.")]
    environment: Annotated[str | None, Field(description="Environment of the run.")]
    profile: Annotated[str | None, Field(description="Profile of the run.")]
    release: Annotated[str | None, Field(description="Release of the run.")]
    commit: Annotated[str | None, Field(description="Commit of the release; null: not recorded.")]
    began: Annotated[str | None, Field(description="When the run began, RFC 3339; null: not recorded.")]
    ended: Annotated[str | None, Field(description="When the run ended, RFC 3339; null: not recorded.")]
    decision: Annotated[
        Literal["GO", "NO-GO", "INCONCLUSIVE", "PARTIAL"] | None,
        Field(description="Decision of the run; null: the run is not complete and unchanged."),
    ]
    waived: Annotated[Count, Field(description="Number of its requirements that a waiver covers.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetCellRecord(Record):
    """One declared cell."""

    service: Annotated[_Name, Field(description="Service of the cell.")]
    region: Annotated[_Name, Field(description="Region of the cell.")]
    profile: Annotated[_Name, Field(description="Profile that the run must have.")]
    target: Annotated[_Name, Field(description="Target that the run must have.")]
    release: Annotated[_Name, Field(description="Release that the run must have.")]
    commit: Annotated[str | None, Field(description="Commit that the run must have; null: any.")]
    decision: Annotated[_Decision, Field(description="Outcome of the cell.")]
    fault: Annotated[CellFault | None, Field(description="Why the run does not count; null: the run counts.")]
    why: Annotated[str, Field(description="Cause of the outcome; empty on GO.")]
    runs: Annotated[tuple[FleetRunRecord, ...], Field(description="What was found for the cell.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetTermsRecord(Record):
    """Conditions of every run; null: any."""

    environment: Annotated[str | None, Field(description="Environment that every run must have.")]
    not_before: Annotated[str | None, Field(description="No run may begin earlier, RFC 3339.")]
    max_age_s: Annotated[Seconds | None, Field(description="Maximum seconds since a run began.")]
    deadline: Annotated[str | None, Field(description="Every run must have ended by then, RFC 3339.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetDocument(Record):
    """The decision over a fleet: GO only if every declared cell is GO."""

    schema: Annotated[
        Literal[1], Field(description="Version of this format; it changes with each incompatible change.")
    ]
    fleet: Annotated[_Name, Field(description="Name of the fleet.")]
    decision: Annotated[
        _Decision,
        Field(
            description="GO: every declared cell is GO. NO-GO: a cell is NO-GO. INCONCLUSIVE: another cell is not GO, and none is NO-GO."
        ),
    ]
    headline: Annotated[str, Field(description="The decision on one line.")]
    at: Annotated[str, Field(description="When it was decided, RFC 3339.")]
    judged: Annotated[
        bool,
        Field(description="Whether each run was judged again; false: hashes were verified, the stored verdict counts."),
    ]
    terms: Annotated[FleetTermsRecord, Field(description="Conditions that every run must meet.")]
    counts: Annotated[dict[_Decision, Count], Field(description="Number of cells by outcome.")]
    cells: Annotated[tuple[FleetCellRecord, ...], Field(description="Every declared cell, ordered by name.")]
    undeclared: Annotated[
        tuple[str, ...],
        Field(description="Paths of runs of no declared cell, relative to `fleet.json`; they count for nothing."),
    ]


@cache
def _adapter() -> TypeAdapter[FleetDocument]:
    return TypeAdapter(FleetDocument)


def fleet_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `fleet.json`, published as `docs/fleet.schema.json`."""
    return schema_of(_adapter(), "fleet.json", "urn:readiness-harness:fleet:1")


def fleet_document(decision: FleetDecision, headline: str, beside: str) -> dict[str, Any]:
    """The document as plain values; `docs/fleet.schema.json` describes it.

    Args:
        decision: decision over the fleet.
        headline: the decision on one line.
        beside: directory that paths are relative to.
    """
    terms, outcomes = decision.terms, [cell.outcome.value for cell in decision.cells]
    made = FleetDocument(
        schema=1,
        fleet=decision.name,
        decision=_DECIDED[decision.outcome],
        headline=headline,
        at=decision.at.text,
        judged=decision.judged,
        terms=FleetTermsRecord(
            environment=terms.environment or None,
            not_before=_text(terms.not_before),
            max_age_s=terms.max_age_s,
            deadline=_text(terms.deadline),
        ),
        counts={word: outcomes.count(word) for word in _DECIDED.values()},
        cells=tuple(_cell(cell, beside) for cell in decision.cells),
        undeclared=tuple(os.path.relpath(path, beside) for path in decision.undeclared),
    )
    plain: dict[str, Any] = _adapter().dump_python(made, mode="json")
    return plain


def _text(at: WallTime | None) -> str | None:
    return None if at is None else at.text


def _cell(result: CellResult, beside: str) -> FleetCellRecord:
    cell = result.cell
    return FleetCellRecord(
        service=cell.name.service,
        region=cell.name.region,
        profile=cell.name.profile,
        target=cell.target,
        release=cell.release,
        commit=cell.commit or None,
        decision=_DECIDED[result.outcome],
        fault=result.fault,
        why=result.why,
        runs=tuple(_run(run, beside) for run in result.runs),
    )


def _run(run: FleetRun, beside: str) -> FleetRunRecord:
    return FleetRunRecord(
        path=os.path.relpath(run.path, beside),
        run=run.run or None,
        target=run.target or None,
        environment=run.environment or None,
        profile=run.profile or None,
        release=run.release or None,
        commit=run.commit or None,
        began=_text(run.began),
        ended=_text(run.ended),
        decision=None if run.decision is None else run.decision.value,
        waived=run.waived,
    )
