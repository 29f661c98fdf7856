"""Reads and writes objects of any collection of the Kubernetes API, named like `apps/v1` and `deployments`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from harness.errors import ConfigurationError
from harness.targets.cluster.calls import MERGE_PATCH, ApiCalls

_CORE: Final = {
    "configmaps": "namespaced_config_map",
    "namespaces": "namespace",
    "nodes": "node",
    "persistentvolumeclaims": "namespaced_persistent_volume_claim",
    "pods": "namespaced_pod",
    "secrets": "namespaced_secret",
    "services": "namespaced_service",
}
"""The collections of the core group that are supported, each with its name in the official client."""


class Ref(NamedTuple):
    """One object of the API.

    Attributes:
        version: version of its group, like `apps/v1`; `v1` for the core group.
        plural: name of its collection, like `deployments`.
        name: name of the object.
        namespace: its namespace; empty for an object without one.
    """

    version: str
    plural: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.plural} {self.namespace}{'/' if self.namespace else ''}{self.name}"


class Objects(ApiCalls):
    """The objects of one cluster, by collection.

    A collection of the core group that is not supported raises ConfigurationError; for other errors see `ApiCalls`.
    """

    def read(self, ref: Ref) -> Mapping[str, Any] | None:
        """The object; None if it does not exist."""
        method, args = self._method("read", "get", ref)
        return self._call(method, *args)

    def listed(self, collection: Ref, label_selector: str = "") -> list[Mapping[str, Any]]:
        """The objects of a namespace, or of a collection without namespaces; the name is ignored."""
        method, args = self._method("list", "list", collection._replace(name=""))
        return self._items(method, *args, **({"label_selector": label_selector} if label_selector else {}))

    def create(self, ref: Ref, body: Mapping[str, Any]) -> None:
        """Create the object."""
        method, args = self._method("create", "create", ref._replace(name=""))
        self._create(method, *args, body)

    def merge(self, ref: Ref, patch: Mapping[str, Any]) -> None:
        """Change the object by a merge patch; a missing object is ignored."""
        method, args = self._method("patch", "patch", ref)
        self._call(method, *args, patch, _content_type=MERGE_PATCH)

    def delete(self, ref: Ref, uid: str = "") -> None:
        """Delete the object with the objects that it owns, with `uid` only this one; a missing object is no error."""
        method, args = self._method("delete", "delete", ref)
        only = {"body": {"preconditions": {"uid": uid}}} if uid else {}
        self._call(method, *args, propagation_policy="Background", **only)

    def _method(self, of_core: str, verb: str, ref: Ref) -> tuple[Callable[..., Any], list[str]]:
        """The client's method, and its first arguments."""
        group, _, number = ref.version.rpartition("/")
        place = [ref.namespace] if ref.namespace else []
        if group:
            scope = "namespaced" if place else "cluster"
            method = getattr(self._custom, f"{verb}_{scope}_custom_object")
            return method, [group, number, *place, ref.plural, *filter(None, [ref.name])]
        if ref.plural not in _CORE:
            raise ConfigurationError(
                f"`{ref.plural}` of the core group cannot be put back",
                where=self.url,
                hint=f"supported are {', '.join(_CORE)}",
            )
        return getattr(self._core, f"{of_core}_{_CORE[ref.plural]}"), [*filter(None, [ref.name]), *place]
