"""What a client reads to learn what is served: version and the legacy discovery documents."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any

from readiness_sandbox.cluster.statuses import no_such_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from readiness_sandbox.cluster.kinds import Kind, ServedKinds
    from readiness_sandbox.cluster.statuses import Object

OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""Zero bytes of this type are a valid, empty document.

Kubectl then leaves validation to the server.
"""

VERSION: Object = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.0+pocket",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": f"python{sys.version_info.major}.{sys.version_info.minor}",
    "compiler": platform.python_implementation().lower(),
    "platform": f"linux/{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine()) }",
}

SUBRESOURCES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "finalize": ("", "", "", ("update",)),
    "status": ("", "", "", ("get", "patch", "update")),
    "scale": ("autoscaling", "v1", "Scale", ("get", "patch", "update")),
    "log": ("", "", "", ("get",)),
    "exec": ("", "", "PodExecOptions", ("create", "get")),
    "proxy": ("", "", "NodeProxyOptions", ("get",)),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
}
"""Group, version, kind and verbs of a subresource.

Empty are those of the resource itself.
"""


def document(served: ServedKinds, path: str, address: str) -> Object:
    """The discovery document of an API path.

    Served are `/api`, `/apis`, `/api/v1`, `/apis/{group}` and `/apis/{group}/{version}`.

    Raises:
        StatusError: 404 for a group or version that is not served.
    """
    groups = served.groups()
    match path.strip("/").split("/"):
        case ["api"]:
            addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}
        case ["apis"]:
            named = [_group(name, versions) for name, versions in groups.items() if name]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": named}
        case ["api", version] if version in groups[""]:
            return _resources(version, groups[""][version])
        case ["apis", name] if name in groups:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, groups[name])}
        case ["apis", name, version] if version in groups.get(name, ()):
            return _resources(f"{name}/{version}", groups[name][version])
    raise no_such_path()


def _group(name: str, versions: Iterable[str]) -> Object:
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": served, "preferredVersion": served[0]}


def _resources(api_version: str, kinds: Sequence[Kind]) -> Object:
    rows = [entry for kind in kinds for entry in _entries(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": rows}


def _entries(kind: Kind) -> list[Object]:
    main: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short:
        main["shortNames"] = list(kind.short)
    if kind.categories:
        main["categories"] = list(kind.categories)
    return [main, *(_subresource(kind, name) for name in kind.subresources)]


def _subresource(kind: Kind, name: str) -> Object:
    group, version, other, verbs = SUBRESOURCES[name]
    entry: Object = {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": other or kind.kind,
        "verbs": list(verbs),
    }
    return entry | ({"group": group, "version": version} if group else {})
