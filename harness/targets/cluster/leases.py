"""Leases of `coordination.k8s.io/v1`: what a record states, and how it is read, created and changed without overwriting another writer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from harness.errors import ConfigurationError
from harness.targets.cluster.bodies import status_message
from harness.targets.cluster.own import OWN, is_own
from harness.targets.kubernetes import Cluster, annotations_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.targets.kubernetes import Object

_GROUP, _VERSION, _PLURAL = "coordination.k8s.io", "v1", "leases"
RESOURCE: Final = f"{_PLURAL}.{_GROUP}"
_CONFLICT: Final = 409
DURATION_S: Final = 60
"""Seconds for which a Lease that is not renewed is not taken; longer than the usual outage of an API server during an upgrade."""
WHO: Final = "readiness/holder"
"""Annotation: the holder in words."""
UNDO_LOG: Final = "readiness/undo-log"
"""Annotation: where the undo log of a run is that may have changed the platform; missing once all is undone."""
STATE: Final = "readiness/state"
"""Annotation: the id of the state directory with this undo log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseRecord:
    """What a Lease states.

    Attributes:
        version: resource version of the object.
        holder: identity of the holder; empty: the Lease is free.
        who: the holder in words; the identity where the holder wrote none.
        acquired: when the holder took it, by the holder's clock.
        renewed: when the holder renewed it last, by the holder's clock; only a change of it says anything here.
        duration_s: seconds after which a Lease that is not renewed may be taken; `DURATION_S` where it states none.
        transitions: how often the holder changed.
        undo_log: where a run that may have changed the platform has its undo log; empty: there is no such run.
        state: id of the state directory of that run.
        own: whether the harness made the object.
    """

    version: str
    holder: str
    who: str
    acquired: str
    renewed: str
    duration_s: int
    transitions: int
    undo_log: str
    state: str
    own: bool

    @classmethod
    def of(cls, obj: Object) -> Self:
        """The record of an object; fields that are missing are empty."""
        spec, notes = obj.get("spec") or {}, annotations_of(obj)
        holder = str(spec.get("holderIdentity") or "")
        return cls(
            version=str(obj["metadata"].get("resourceVersion", "")),
            holder=holder,
            who=notes.get(WHO) or holder,
            acquired=str(spec.get("acquireTime") or ""),
            renewed=str(spec.get("renewTime") or ""),
            duration_s=int(spec.get("leaseDurationSeconds") or DURATION_S),
            transitions=int(spec.get("leaseTransitions") or 0),
            undo_log=notes.get(UNDO_LOG, ""),
            state=notes.get(STATE, ""),
            own=is_own(obj),
        )


class Leases(Cluster):
    """The Leases of one cluster."""

    def lease(self, namespace: str, name: str) -> LeaseRecord | None:
        """One Lease; None if it does not exist."""
        found = self.custom(f"{_GROUP}/{_VERSION}", _PLURAL, namespace, name)
        return LeaseRecord.of(found) if found is not None else None

    def create_lease(
        self, namespace: str, name: str, spec: Mapping[str, Any], notes: Mapping[str, str], **how: str
    ) -> LeaseRecord | None:
        """Create a Lease with these annotations; None if it exists already. `how` are further parameters of the request.

        Raises:
            ConfigurationError: its namespace does not exist, or the API server serves no Leases.
        """
        meta = {"name": name, "labels": dict(OWN), "annotations": dict(notes)}
        body = {"apiVersion": f"{_GROUP}/{_VERSION}", "kind": "Lease", "metadata": meta, "spec": dict(spec)}
        create = self._custom.create_namespaced_custom_object
        status, text = self._answer(create, _GROUP, _VERSION, namespace, _PLURAL, body, **how)
        if status == _CONFLICT:
            return None
        made = self._read(status, text)
        if made is None:
            raise ConfigurationError(
                f"the Lease {namespace}/{name} cannot be created: the API server answered 404 {status_message(text)}",
                where=self.url,
                hint="create the namespace, or name another one in the target file: `kubernetes: {lease: {namespace: …}}`",
            )
        return LeaseRecord.of(made)

    def change_lease(
        self,
        namespace: str,
        name: str,
        version: str,
        spec: Mapping[str, Any],
        notes: Mapping[str, str | None],
        **how: str,
    ) -> LeaseRecord | None:
        """Change a Lease that still has this resource version; None if it was changed or deleted meanwhile.

        Args:
            namespace: its namespace.
            name: its name.
            version: resource version that was read.
            spec: fields of `spec` with their new values.
            notes: annotations with their new values; None removes one.
            how: further parameters of the request, such as `dry_run="All"`.
        """
        body = {"metadata": {"resourceVersion": version, "annotations": dict(notes)}, "spec": dict(spec)}
        patch = self._custom.patch_namespaced_custom_object
        how["_content_type"] = "application/merge-patch+json"
        status, text = self._answer(patch, _GROUP, _VERSION, namespace, _PLURAL, name, body, **how)
        changed = None if status == _CONFLICT else self._read(status, text)
        return LeaseRecord.of(changed) if changed is not None else None
