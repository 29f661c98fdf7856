"""The types of `verdict.json`; its JSON Schema is made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from harness.report.document.load_records import DoorRecord, Journeys, TrafficRecord, UnjudgedRecord, WindowRecord
from harness.report.document.parts import Counts, Number, Record, RequirementRecord
from harness.report.document.records import (
    ExperimentRecord,
    HarmRecord,
    LedgerRecord,
    MachineRecord,
    PipelineRecord,
    ReleaseRecord,
    SteadyEnd,
    WatcherRecord,
)
from harness.report.document.statements import AttestationRecord, WaiverRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Document(Record):
    """The verdict of one run. Times are seconds unless the name states another unit; figures have 6 significant digits.

    The same evidence gives the same bytes.
    """

    schema: Annotated[
        Literal[2], Field(description="Version of this format; it changes with each incompatible change.")
    ]
    run_id: Annotated[str, Field(description="Name of the run's directory.")]
    decision: Annotated[
        Literal["GO", "NO-GO", "INCONCLUSIVE", "PARTIAL"],
        Field(
            description="GO: every gating requirement passed or is waived, and no harm was measured outside of the requirements. NO-GO: at least one gating requirement failed. "
            "INCONCLUSIVE: the evidence does not decide. PARTIAL: a filter left scenarios out, so nothing is decided."
        ),
    ]
    profile: Annotated[str, Field(description="Profile names, joined by `+`.")]
    environment: Annotated[str, Field(description="Environment of the target: sandbox, staging or production.")]
    target: Annotated[str, Field(description="Name of the target.")]
    time_scale: Annotated[Number, Field(description="Divisor of the scaled lengths of time in `times`.", gt=0)]
    stands_in: Annotated[bool, Field(description="Whether the sandbox simulated the environment.")]
    release: Annotated[str, Field(description="Release under test.")]
    release_receipt: Annotated[
        ReleaseRecord | None,
        Field(description="Whether the release under test served the requests; null: not recorded."),
    ]
    headline: Annotated[str, Field(description="The decision on one line.")]
    reasons: Annotated[
        tuple[str, ...], Field(description="The reasons of the decision, worst first; empty on GO without waivers.")
    ]
    counts: Annotated[Counts, Field(description="Number of requirements by verdict.")]
    score: Annotated[
        Number,
        Field(
            description="Share of the gating requirements that passed; for trends only, the decision does not use it.",
            ge=0,
            le=1,
        ),
    ]
    requirements: Annotated[tuple[RequirementRecord, ...], Field(description="Every requirement of the profiles.")]
    experiments: Annotated[
        tuple[ExperimentRecord, ...],
        Field(description="Every attempt at every planned experiment; the last attempt of a name counts."),
    ]
    windows: Annotated[tuple[WindowRecord, ...], Field(description="Every window of the load, in order of time.")]
    unjudged: Annotated[tuple[UnjudgedRecord, ...], Field(description="Parts of the load that no claim judges.")]
    unjudged_seconds: Annotated[Number, Field(description="Total length of the parts in `unjudged`, s.", ge=0)]
    journeys: Annotated[
        tuple[Journeys, ...], Field(description="Users' journeys with a failed or slow request, by traffic.")
    ]
    doors: Annotated[tuple[DoorRecord, ...], Field(description="Uptime of each region's own entry, outside of faults.")]
    traffic: Annotated[tuple[TrafficRecord, ...], Field(description="Every window of traffic, and each of its routes.")]
    steady_end: Annotated[
        SteadyEnd | None, Field(description="Whether the target was steady at the end; null: not recorded.")
    ]
    machine: Annotated[
        MachineRecord | None,
        Field(
            description="The machine that the target shares with the harness; null: the target runs on another machine."
        ),
    ]
    unjudged_harm: Annotated[
        tuple[HarmRecord, ...],
        Field(description="Measured harm that no claim judges; any harm prevents GO. Empty: no such harm."),
    ]
    ledger: Annotated[
        LedgerRecord | None,
        Field(description="Every write of the run and what was read back at the end; null: no write was attempted."),
    ]
    pipeline: Annotated[
        PipelineRecord | None,
        Field(description="Every event of the run; null: no event was sent and no query was recorded."),
    ]
    watchers: Annotated[
        tuple[WatcherRecord, ...],
        Field(
            description="The record of each watcher, from its rows; for `alerts`, which has no rows, from its receipt."
        ),
    ]
    waivers: Annotated[
        tuple[WaiverRecord, ...], Field(description="Waivers: verdicts other than PASS, and harm, that people accept.")
    ]
    attestations: Annotated[
        tuple[AttestationRecord, ...], Field(description="Attestations: requirements for which people vouch.")
    ]
    shadowed: Annotated[
        tuple[str, ...],
        Field(description="Files of the project that replace a file of the same name in the package."),
    ]
    inputs: Annotated[
        Mapping[str, str],
        Field(
            description="SHA-256 of every feature, experiment, loadtest and catalogue file that was used, by its path below `inputs/`."
        ),
    ]
    deselected: Annotated[tuple[str, ...], Field(description="Scenarios that a filter left out, as `file:line: name`.")]
    missing_evidence: Annotated[
        tuple[str, ...], Field(description="Evidence files that are missing, incomplete or edited, as `file: why`.")
    ]


@cache
def adapter() -> TypeAdapter[Document]:
    """Converts a document into plain values and makes the JSON Schema."""
    return TypeAdapter(Document)


class _Untitled(GenerateJsonSchema):
    """Leave out the titles of fields in the JSON Schema."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - as the base class calls it
        """Leave out the titles of types in the JSON Schema."""
        return False


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `verdict.json`, published as `docs/verdict.schema.json`."""
    return schema_of(adapter(), "verdict.json", "urn:readiness-harness:verdict:2")


def schema_of(made_from: TypeAdapter[Any], file: str, name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a type.

    Args:
        made_from: adapter of the type.
        file: file that has such a document.
        name: id of the schema.
    """
    made = made_from.json_schema(mode="validation", schema_generator=_Untitled)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": name, **made, "title": file}
    head["description"] = " ".join(str(head["description"]).split())
    return head
