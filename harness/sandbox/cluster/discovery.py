"""What a client reads to learn what is served: version and the legacy discovery documents."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any

from harness.sandbox.cluster import kinds
from harness.sandbox.cluster.statuses import no_such_path

if TYPE_CHECKING:
    from harness.sandbox.cluster.kinds import Kind
    from harness.sandbox.cluster.statuses import Object

OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""Zero bytes of this type are a valid, empty document: kubectl then leaves validation to the server."""

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
    "status": ("", "", "", ("get", "patch", "update")),
    "scale": ("autoscaling", "v1", "Scale", ("get", "patch", "update")),
    "log": ("", "", "", ("get",)),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
}
"""Group, version, kind (empty: those of the resource itself) and verbs of what is served below an object."""


def document(path: str, address: str) -> Object:
    """The discovery document of `/api`, `/apis`, `/api/v1`, `/apis/{group}` or `/apis/{group}/{version}`.

    Raises:
        StatusError: 404 for a group or version that is not served.
    """
    match path.strip("/").split("/"):
        case ["api"]:
            addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}
        case ["apis"]:
            groups = [_group(version) for version in kinds.groups() if "/" in version]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["api", version] if version in kinds.groups():
            return _resources(version)
        case ["apis", name]:
            for version in kinds.groups():
                if version.startswith(f"{name}/"):
                    return {"kind": "APIGroup", "apiVersion": "v1", **_group(version)}
        case ["apis", name, version] if f"{name}/{version}" in kinds.groups():
            return _resources(f"{name}/{version}")
    raise no_such_path()


def _group(api_version: str) -> Object:
    name, version = api_version.split("/")
    served = {"groupVersion": api_version, "version": version}
    return {"name": name, "versions": [served], "preferredVersion": served}


def _resources(api_version: str) -> Object:
    rows = [entry for kind in kinds.groups()[api_version] for entry in _entries(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": rows}


def _entries(kind: Kind) -> list[Object]:
    main: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kinds.VERBS),
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
