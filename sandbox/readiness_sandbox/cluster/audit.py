"""Who asked what: one event a request, as `kube-apiserver --audit-log-path` writes them at the level Metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster.authorization.attributes import Attributes
from readiness_sandbox.cluster.calls import PATH

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import HTTPConnection

LARGEST: Final = 32 << 20
"""Bytes of a log; a longer one becomes `audit.log.1`, and another begins."""

Event = dict[str, Any]


def event(request: HTTPConnection, code: int, *, method: str) -> Event | None:
    """The event of a request; None where its path is of no resource, as of discovery.

    Args:
        request: what was asked.
        code: how it was answered.
        method: of HTTP.
    """
    path, found = request.url.path, PATH.fullmatch(request.url.path.rstrip("/"))
    if not found:
        return None
    asked = Attributes.of(request, method)
    reference = {
        "apiGroup": asked.group,
        "apiVersion": found["version"],
        "resource": asked.resource,
        "subresource": asked.subresource,
        "namespace": asked.namespace,
        "name": asked.name,
    }
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "stage": "ResponseComplete",
        "requestURI": path,
        "verb": asked.verb,
        "userAgent": request.headers.get("user-agent", ""),
        "objectRef": {key: value for key, value in reference.items() if value},
        "responseStatus": {"code": code},
    }


class AuditLog:
    """Appends events to a file, a line each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def __call__(self, one: Event) -> None:
        """Write an event."""
        if self._file.tell() > LARGEST:
            self._file.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file = self._path.open("a", encoding="utf-8", buffering=1)
        self._file.write(json.dumps(one) + "\n")
