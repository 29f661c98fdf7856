"""What a request asks for, in the words of RBAC: a verb on a resource, or on a path that is no resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster.calls import PATH

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OF_A_STREAM: Final = ("exec", "attach", "portforward")
"""Subresources for which a WebSocket's GET counts as `create`, as Kubernetes has it since 1.35."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attributes:
    """One request.

    Attributes:
        verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`; of a path in small letters its method.
        group: API group; empty for core.
        resource: plural name; empty for a path.
        subresource: `log`, `status` and so on; empty for none.
        namespace: empty for an object of the cluster, and for all namespaces.
        name: of the object; empty for a collection.
        path: of the URL, where it is no resource.
    """

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @classmethod
    def of(cls, request: HTTPConnection, method: str) -> Attributes:
        """The attributes of a request that came by this method of HTTP."""
        path = request.url.path
        found = PATH.fullmatch(path.rstrip("/"))
        if not found:
            return cls(verb=method.lower(), path=path)
        name, below, plural, namespace = found["name"], found["subresource"], found["plural"], found["namespace"]
        if plural in {"status", "finalize"} and namespace and not name:
            plural, name, below, namespace = "namespaces", namespace, plural, None
        verb = "create" if below in _OF_A_STREAM else _VERBS.get(method, "get")
        if not name:
            watching = request.query_params.get("watch", "false").lower() not in {"false", "0"}
            verb = {"get": "watch" if watching else "list", "delete": "deletecollection"}.get(verb, verb)
        return cls(
            verb=verb,
            group=found["group"] or "",
            resource=plural,
            subresource=below or "",
            namespace=namespace or (name if plural == "namespaces" and name else "") or "",
            name=name or "",
        )

    @property
    def what(self) -> str:
        """`pods` or `pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource
