"""What an Ingress may not say."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster import names, pod_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness_sandbox.cluster.names import Cause
    from readiness_sandbox.cluster.statuses import Object

_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_WRONG_WITHIN: Final = ("//", "/./", "/../", "%2f", "%2F")
_WRONG_AT_END: Final = ("/..", "/.")


def ingress(obj: Object) -> Iterator[Cause]:
    """Rules with hosts, paths and backends, a default backend, and TLS."""
    spec = obj["spec"]
    if not spec.get("rules") and "defaultBackend" not in spec:
        yield "spec", "Invalid value: null: either `defaultBackend` or `rules` must be specified"
    if "defaultBackend" in spec:
        yield from _backend(spec["defaultBackend"], "spec.defaultBackend")
    for i, rule in enumerate(spec.get("rules") or ()):
        yield from _rule(rule, f"spec.rules[{i}]")
    for i, each in enumerate(spec.get("tls") or ()):
        for j, host in enumerate(each.get("hosts") or ()):
            yield from _host(f"spec.tls[{i}].hosts[{j}]", host)
    if name := spec.get("ingressClassName"):
        yield from names.name("spec.ingressClassName", name)


def _rule(rule: Object, path: str) -> Iterator[Cause]:
    if host := rule.get("host"):
        yield from _host(f"{path}.host", host)
    if "http" not in rule:
        return
    if not rule["http"]["paths"]:
        yield f"{path}.http.paths", "Required value"
    for i, each in enumerate(rule["http"]["paths"]):
        here = f"{path}.http.paths[{i}]"
        yield from _path(each, here)
        yield from _backend(each["backend"], f"{here}.backend")


def _host(path: str, host: str) -> Iterator[Cause]:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        yield from ((path, why.replace('"wildcard.', '"*.')) for _, why in names.name(path, _without_wildcard(host)))
    else:
        yield path, f'Invalid value: "{host}": must be a DNS name, not an IP address'


def _without_wildcard(host: str) -> str:
    return f"wildcard.{host[2:]}" if host.startswith("*.") else host


def _path(rule: Object, at: str) -> Iterator[Cause]:
    kind, path = rule["pathType"], rule.get("path") or ""
    yield from pod_rules.choice(f"{at}.pathType", kind, _PATH_TYPES)
    exact = kind in ("Exact", "Prefix")
    if (exact or path) and not path.startswith("/"):
        yield f"{at}.path", f'Invalid value: "{names.shown(path)}": must be an absolute path'
    for wrong in _WRONG_WITHIN if exact else ():
        if wrong in path:
            yield f"{at}.path", f"Invalid value: \"{names.shown(path)}\": must not contain '{wrong}'"
    for wrong in _WRONG_AT_END if exact else ():
        if path.endswith(wrong):
            yield f"{at}.path", f"Invalid value: \"{names.shown(path)}\": cannot end with '{wrong}'"


def _backend(backend: Object, path: str) -> Iterator[Cause]:
    service = backend.get("service")
    if service and "resource" in backend:
        yield path, 'Invalid value: "": cannot set both resource and service backends'
    elif service:
        yield from names.name(f"{path}.service.name", service["name"], label=True)
        port = service.get("port") or {}
        if "name" in port and "number" in port:
            yield path, 'Invalid value: "": cannot set both port name & port number'
        elif "number" in port:
            yield from pod_rules.port(f"{path}.service.port.number", port["number"])
        elif "name" in port:
            yield from names.name(f"{path}.service.port.name", port["name"], label=True)
        else:
            yield path, "Required value: port name or number is required"
    elif "resource" not in backend:
        yield path, 'Invalid value: "": resource or service backend is required'
