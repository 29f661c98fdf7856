"""CustomResourceDefinitions.

From such an object to the rows that are served, and back to its status.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from readiness_sandbox import documents
from readiness_sandbox.cluster import deletion
from readiness_sandbox.cluster.custom.columns import columns
from readiness_sandbox.cluster.kinds import Kind
from readiness_sandbox.cluster.statuses import StatusError
from readiness_sandbox.cluster.timestamps import now_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness_sandbox.cluster.cells import Column
    from readiness_sandbox.cluster.statuses import Object
    from readiness_sandbox.cluster.store import Store, WatchEvent

DEFINITION = deletion.DEFINITION
_CONDITIONS = (
    ("NamesAccepted", "NoConflicts", "no conflicts found"),
    ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
)
_TERMINATING = ("Terminating", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
MANIFESTS = Path(__file__).parent / "manifests"


def shipped() -> list[Object]:
    """The definitions that every sandbox has from its start."""
    files = sorted(MANIFESTS.glob("*.yaml"))
    return [each for file in files for each in documents.load_all(file.read_text("utf-8"))]


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomShape:
    """What a definition says of its objects.

    Attributes:
        schema: the structural schema.
        columns: what `kubectl get` prints.
        scale: the paths of the scale subresource: `specReplicasPath`, `statusReplicasPath`, `labelSelectorPath`.
    """

    schema: Object
    columns: Sequence[Column]
    scale: Object


def rows(definition: Object) -> list[Kind]:
    """The row of the stored version, then its views: those of the other served versions."""
    versions = definition["spec"]["versions"]
    main = next(_row(definition["spec"], each, None) for each in versions if each["storage"])
    return [
        main,
        *(_row(definition["spec"], each, main) for each in versions if each["served"] and not each["storage"]),
    ]


def served(definition: Object) -> list[Kind]:
    """Those of the rows that have a path; the stored version may have none."""
    versions = {each["name"]: each["served"] for each in definition["spec"]["versions"]}
    return [row for row in rows(definition) if versions[row.version]]


def _row(spec: Object, version: Object, main: Kind | None) -> Kind:
    names, below = spec["names"], version.get("subresources") or {}
    return Kind(
        kind=names["kind"],
        plural=names["plural"],
        group=spec["group"],
        version=version["name"],
        short=tuple(names.get("shortNames") or ()),
        namespaced=spec["scope"] == "Namespaced",
        subresources=tuple(name for name in ("status", "scale") if name in below),
        categories=tuple(names.get("categories") or ()),
        generation=True,
        returned=False,
        fields=tuple(each["jsonPath"].removeprefix(".") for each in version.get("selectableFields") or ()),
        view_of=main,
        singular_name=names["singular"],
        custom=CustomShape(
            schema=version["schema"]["openAPIV3Schema"],
            columns=columns(version.get("additionalPrinterColumns")),
            scale=below.get("scale") or {},
        ),
    )


class Definitions:
    """Serves the kinds of the stored definitions at once, and reports that in their status; a deleted one goes after its objects."""

    def __init__(self, store: Store) -> None:
        self._store = store
        for each in store.list(DEFINITION):
            store.kinds.define(each["metadata"]["name"], served(each))
        store.subscribe(self._on_event)

    def _on_event(self, event: WatchEvent) -> None:
        if event.kind.custom is not None and event.type == "DELETED" and self._is_ending(event.kind.resource):
            asyncio.get_running_loop().call_soon(self._report, event.kind.resource)
        if event.kind is not DEFINITION:
            return
        name = event.object["metadata"]["name"]
        if event.type == "DELETED":
            self._store.kinds.forget(name)
            return
        self._store.kinds.define(name, served(event.object))
        asyncio.get_running_loop().call_soon(self._report, name)

    def _is_ending(self, name: str) -> bool:
        try:
            return deletion.is_ending(self._store.get(DEFINITION, None, name))
        except StatusError:
            return False

    def _report(self, name: str) -> None:
        with suppress(StatusError):  # deleted meanwhile
            definition = self._store.get(DEFINITION, None, name)
            definition = self._store.update(
                DEFINITION, {**definition, "status": _status(definition)}, subresource="status"
            )
            if deletion.is_ending(definition) and not self._store.count(rows(definition)[0]):
                deletion.release(self._store, DEFINITION, definition, deletion.CLEANUP)


def _status(definition: Object) -> Object:
    """Established, with the names as they were asked for; Terminating while it waits for its objects."""
    spec, old = definition["spec"], definition.get("status") or {}
    stored = next(each["name"] for each in spec["versions"] if each["storage"])
    since = {each["type"]: each["lastTransitionTime"] for each in old.get("conditions") or ()}
    conditions = [*_CONDITIONS, *([_TERMINATING] if deletion.is_ending(definition) else [])]
    return {
        "acceptedNames": spec["names"],
        "conditions": [
            {
                "type": name,
                "status": "True",
                "reason": reason,
                "message": message,
                "lastTransitionTime": since.get(name) or now_text(),
            }
            for name, reason, message in conditions
        ],
        "storedVersions": list(dict.fromkeys([*(old.get("storedVersions") or ()), stored])),
    }
