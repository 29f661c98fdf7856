"""What clients may ask for in place of objects: the tables that `kubectl get` prints, and metadata alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster.cells import DEFAULT
from readiness_sandbox.cluster.printers import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.statuses import Object


def table(kind: Kind, objects: Iterable[Object], metadata: Object, *, include: str = "Metadata") -> Object:
    """A Table of these objects, with the metadata of their list.

    `include` is the query parameter includeObject: None, Metadata or Object.
    """
    columns = kind.custom.columns if kind.custom else COLUMNS.get(kind.kind, DEFAULT)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [column.definition for column in columns],
        "rows": [{"cells": [column.cell(obj) for column in columns], **_included(obj, include)} for obj in objects],
    }


def _included(obj: Object, include: str) -> Object:
    if include == "None":
        return {}
    if include == "Object":
        return {"object": obj}
    return {"object": partial(obj)}


def partial(obj: Object) -> Object:
    """The metadata of an object alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
