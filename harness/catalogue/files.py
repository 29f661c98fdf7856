"""The schema of a catalogue file: requirements by section, profiles, and contradictions of the documents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.catalogue.contradictions import Relation
from harness.model import EvidenceKind, Gate
from harness.validation import NOT_BLANK, REQUIREMENT_ID, matching

Text = Annotated[str, Field(min_length=1, pattern=NOT_BLANK)]
RequirementId = Annotated[str, Field(pattern=REQUIREMENT_ID)]
PartName = Annotated[str, matching(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "a name in small letters and digits, with hyphens")]
Environment = Literal["sandbox", "staging", "production"]

EVERYWHERE: tuple[Environment, ...] = ("sandbox", "staging", "production")


class _Entry(BaseModel):
    """An entry that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RequirementEntry(_Entry):
    """One requirement. Without `environments` it gates everywhere."""

    id: RequirementId
    title: Text
    criterion: Text
    kinds: Annotated[tuple[EvidenceKind, ...], Field(min_length=1)]
    gate: Gate
    environments: Annotated[tuple[Environment, ...], Field(min_length=1)] = EVERYWHERE
    falsified_by: str = ""
    owner: str = ""
    says: str = ""
    needs: tuple[PartName, ...] = ()


class SectionEntry(_Entry):
    """Requirements that come from one section of one document."""

    source: Text
    requirements: tuple[RequirementEntry, ...]


class PartEntry(_Entry):
    """A component that a platform may not have."""

    name: PartName
    title: Text
    brings: Text
    stage: Annotated[int, Field(ge=2, strict=True)]


class StatedValueEntry(_Entry):
    """One value in a document."""

    what: Text
    value: Annotated[float, Field(strict=True)] | Text | tuple[Text, ...]
    document: Text
    section: Text
    quotes: Annotated[tuple[Text, ...], Field(min_length=1)]
    reckoned: str = ""
    inferred: str = ""


class ContradictionEntry(_Entry):
    """Two values in the documents between which the relation does not hold."""

    id: Annotated[int, Field(strict=True)]
    finding: Text
    left: StatedValueEntry
    relation: Relation
    right: StatedValueEntry


class InterpretationEntry(_Entry):
    """The interpretation of a vague sentence."""

    id: Annotated[str, matching(r"I[0-9]+", "an id like `I1`")]
    subject: Text
    reading: Text
    why: Text


class DeviationEntry(_Entry):
    """An intended difference between the shipped platform and a document."""

    id: Annotated[str, matching(r"V[0-9]+", "an id like `V1`")]
    name: Text
    document_says: Text
    shipped: Text
    requirements: Annotated[tuple[RequirementId, ...], Field(min_length=1)]


InPart = Annotated[
    dict[RequirementId, Annotated[tuple[Text, ...], Field(min_length=1)]], Field(min_length=1, max_length=1)
]
"""A requirement that a profile gates only on some kinds of experiments of its criterion: `ID: [kind, …]`."""


class TableRowEntry(_Entry):
    """One row of a document's table; `requirements` are ids or patterns of ids, such as `AT-SEC-*`."""

    title: Text
    said: str = ""
    requirements: Annotated[tuple[Text, ...], Field(min_length=1)]


class TableEntry(_Entry):
    """A table that a document prints or asks for."""

    title: Text
    source: Text
    rows: Annotated[tuple[TableRowEntry, ...], Field(min_length=1)]


class CatalogueFile(_Entry):
    """One YAML file; every part may be missing."""

    profile: Text | None = None
    title: str = ""
    readings: tuple[Text, ...] = ()
    remarks: tuple[Text, ...] = ()
    sections: tuple[SectionEntry, ...] = ()
    parts: tuple[PartEntry, ...] = ()
    profiles: dict[Text, Annotated[tuple[RequirementId | InPart, ...], Field(min_length=1)]] = {}
    contradictions: tuple[ContradictionEntry, ...] = ()
    interpretations: tuple[InterpretationEntry, ...] = ()
    deviations: tuple[DeviationEntry, ...] = ()
    tables: tuple[TableEntry, ...] = ()
