"""How the controller, which is no pod, reaches a Service by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from readiness_sandbox.cluster.controllers.view import SERVICE
from readiness_sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from readiness_sandbox.cluster.store import Store

_IN_CLUSTER: Final = re.compile(r"(?P<name>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)(?:\.svc(?:\.cluster\.local)?)?")


def reached(store: Store, address: str) -> str:
    """The URL with the name of a Service replaced by its cluster IP.

    The host has no DNS of the sandbox.
    """
    parts = urlsplit(address)
    match = _IN_CLUSTER.fullmatch(parts.hostname or "")
    if match is None:
        return address
    try:
        service = store.get(SERVICE, match["namespace"], match["name"])
    except StatusError:
        return address
    host = service["spec"].get("clusterIP") or parts.hostname
    return urlunsplit(parts._replace(netloc=f"{host}:{parts.port or 80}"))
