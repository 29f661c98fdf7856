"""CycloneDX as JSON: what an image is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import ReportSection, json_of, section_of, shown, words
from harness.drivers.ingest.formats.provenance import Provenance
from harness.errors import DriverError

_READ: Final = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
"""Versions of the format; what is used of it is the same in all."""
_DIGEST: Final = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
"""What some writers give as the version of an image: `sha256:…`, which is not a release."""
_MARKS: Final = (":development", ":isDevRequirement", "cdx:maven:package:test")
"""How the names of properties end that mark, with `true`, what only developers need: of npm, Composer, Maven and Gradle."""
_OF_ALL: Final = "gitlab:dependency_scanning:category"
"""Of a component and those in it, or in `metadata` of all that do not say it themselves."""
_GROUPED: Final = (":poetry:group", ":pyproject:group", ":pipenv:category", ":maven:component_scope", _OF_ALL)
"""How the name of the property ends that says which group of requirements a component is of."""
_SHIPPED: Final = frozenset({"", "main", "default", "production", "prod", "compile", "runtime", "provided", "system"})
_DEVELOPERS: Final = frozenset({"dev", "develop", "development", "dev-packages", "test", "tests", "lint"})
"""Groups that run with the product, and those of developers; of others the document does not say it."""
_WORDS: Final = frozenset({"dev", "devel", "develop", "developer", "development", "test", "tests", "testing"})
_NAME: Final = re.compile(r"[A-Za-z_ -]+")
"""A value that may be the name of a group: no path, version or package URL."""
_PLACES: Final = frozenset({"file", "path", "dir", "directory", "url", "uri", "id", "src", "source"})
"""Words of the names of properties whose value is a place or a package of any name."""
_NO: Final = frozenset({"", "false", "no", "0"})


class _Property(ReportSection):
    name: str = ""
    value: str = ""


class _Component(ReportSection):
    name: str = Field(min_length=1)
    version: str = ""
    scope: Literal["required", "optional", "excluded"] = "required"
    properties: tuple[_Property, ...] = Field(default=(), strict=False)
    components: tuple[_Component, ...] = Field(default=(), strict=False)


class _Metadata(ReportSection):
    timestamp: str = ""
    component: _Component | None = None
    properties: tuple[_Property, ...] = Field(default=(), strict=False)


class _Bill(ReportSection):
    bom_format: Literal["CycloneDX"] = Field(alias="bomFormat")
    spec_version: str = Field(alias="specVersion")
    metadata: _Metadata = _Metadata()
    components: tuple[_Component, ...] = Field(default=(), strict=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class BillOfMaterials:
    """One document.

    Attributes:
        of: the image or program that it describes; empty where it does not say.
        components: how many, those inside others included.
        development: `name version` of those that only developers need.
        undecided: of those that may be such: of scope optional, as cdxgen writes developers' ones, of a group of another name, or with
            another property that speaks of development or tests.
        origin: the version of what it describes is the release, unless it is a digest; the property `commit` of its metadata the commit.
    """

    of: str
    components: int
    development: tuple[str, ...]
    undecided: tuple[str, ...]
    origin: Provenance


def bill_of_materials(body: bytes, where: str) -> BillOfMaterials:
    """Read a document.

    Raises:
        DriverError: it is not CycloneDX JSON of a version that is read.
    """
    value = json_of(body, where)
    bill = section_of(_Bill, value, where, kind="a CycloneDX document")
    if bill.spec_version not in _READ:
        raise DriverError(
            f"is CycloneDX {shown(bill.spec_version)}; {_READ[0]} to {_READ[-1]} are read",
            where=f"{where}: specVersion",
            hint="let the tool write one of these versions",
        )
    subject, stamp = bill.metadata.component, bill.metadata.timestamp
    inside = subject.components if subject else ()
    of_all = tuple(one for one in bill.metadata.properties if one.name == _OF_ALL)
    every = list(_every((*inside, *bill.components), of_all))
    commit = next((one.value for one in bill.metadata.properties if one.name.rpartition(":")[2] == "commit"), "")
    version = subject.version if subject else ""
    return BillOfMaterials(
        of=shown(subject.name) if subject else "",
        components=len(every),
        development=tuple(_label(one) for one in every if _is_development(one)),
        undecided=tuple(_label(one) for one in every if _is_development(one) is None),
        origin=Provenance(
            release="" if _DIGEST.fullmatch(version) else version,
            commit=commit,
            made=Moment.of(stamp, f"{where}: metadata.timestamp") if stamp else None,
        ),
    )


def _every(components: tuple[_Component, ...], of_all: tuple[_Property, ...]) -> Iterator[_Component]:
    """Each component and those in it, with the group of all where it has none of its own."""
    for component in components:
        own = tuple(one for one in component.properties if one.name == _OF_ALL)
        yield component if own else component.model_copy(update={"properties": (*component.properties, *of_all)})
        yield from _every(component.components, own or of_all)


def _label(component: _Component) -> str:
    return shown(f"{component.name} {component.version}".strip())


def _is_development(component: _Component) -> bool | None:
    """Whether it is there for developers: excluded from what runs, or marked by the writer; None where that is not said."""
    marked = any(one.name.endswith(_MARKS) and one.value == "true" for one in component.properties)
    groups = {one.value.strip().lower() for one in component.properties if one.name.endswith(_GROUPED)}
    if marked or component.scope == "excluded" or (groups and groups <= _DEVELOPERS):
        return True
    if any(_may_mark(one) for one in component.properties if not one.name.endswith(_GROUPED)):
        return None
    if groups & _SHIPPED:
        return False
    return None if groups or component.scope == "optional" else False


def _may_mark(one: _Property) -> bool:
    """Whether a property that is not known says, in its name or as its value, that something is for development or tests."""
    named, value = {*words(one.name)}, one.value.strip()
    if named & _PLACES or value.lower() in _NO:
        return False
    return bool(named & _WORDS) or (_NAME.fullmatch(value) is not None and bool({*words(value)} & _WORDS))
