"""Objects of Kubernetes in a report, as `kubectl get -o yaml` or `-o json` writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from harness.drivers.ingest.chaos.experiment import AGAIN, ChaosFile
from harness.drivers.ingest.formats.plain import ReportSection, section_of, shown
from harness.errors import DriverError


class ObjectMetadata(ReportSection):
    """The metadata of an object, as far as they are used."""

    name: str
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    created: str | None = Field(default=None, alias="creationTimestamp")
    deleted: str | None = Field(default=None, alias="deletionTimestamp")

    def label(self, name: str) -> str:
        """The value of a label; empty if it is not there."""
        return (self.labels or {}).get(name, "")

    def annotation(self, name: str) -> str:
        """The value of an annotation; empty if it is not there."""
        return (self.annotations or {}).get(name, "")


class _Typed(ReportSection):
    """Which object it is."""

    api: str = Field(alias="apiVersion")
    kind: str
    metadata: ObjectMetadata


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportedObject:
    """One object.

    Attributes:
        path: of its file. kind: of the object. metadata: of the object. data: all of it.
    """

    path: Path
    kind: str
    metadata: ObjectMetadata
    data: Mapping[str, Any]

    @property
    def where(self) -> str:
        """Its place in messages."""
        return f"{self.path}: {self.label}"

    @property
    def label(self) -> str:
        """`PodChaos shop/lose-one`."""
        place = f"{self.metadata.namespace}/" if self.metadata.namespace else ""
        return shown(f"{self.kind} {place}{self.metadata.name}")


def objects_of(files: Sequence[ChaosFile], api: str, kinds: Sequence[str]) -> list[ReportedObject]:
    """Every object of the files, also those in lists.

    Args:
        files: of the report.
        api: group and version of the objects.
        kinds: that are read.

    Raises:
        DriverError: one is of another kind, group or version, or is there twice.
    """
    found: dict[str, ReportedObject] = {}
    for file in files:
        for data, where in _each(file):
            one = section_of(_Typed, data, where, kind="an object of Kubernetes")
            if one.api != api or one.kind not in kinds:
                what = f"has the kind `{shown(one.kind)}` of `{shown(one.api)}`, which is not read"
                raise DriverError(what, where=where, hint=f"read are, of `{api}`: {', '.join(kinds)}")
            made = ReportedObject(path=file.path, kind=one.kind, metadata=one.metadata, data=data)
            if other := found.get(made.label):
                what = f"{made.label} is there twice, the other in {other.path.name}"
                raise DriverError(what, where=str(file.path), hint="name the files of one moment, after the end")
            found[made.label] = made
    return [*found.values()]


def _each(file: ChaosFile) -> Iterator[tuple[Any, str]]:
    for document in file.documents:
        kind = document.get("kind") if isinstance(document, dict) else None
        items = document.get("items") if isinstance(document, dict) else None
        if items is None and kind is not None and not str(kind).endswith("List"):
            yield document, str(file.path)
        elif isinstance(items, list) and isinstance(kind, str) and kind.endswith("List"):
            for number, item in enumerate(items):
                yield item, f"{file.path}: items[{number}]"
        else:
            what = "is not an object of Kubernetes or a list of them, with `apiVersion` and `kind`"
            raise DriverError(what, where=str(file.path), hint=f"write it by `kubectl get … -o yaml`; {AGAIN}")
