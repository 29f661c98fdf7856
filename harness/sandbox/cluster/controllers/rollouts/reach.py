"""How the controller, which is no pod, reaches a Service by the name that a manifest gives it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from harness.sandbox.cluster.controllers.view import SERVICE
from harness.sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from harness.sandbox.cluster.store import Store

_IN_CLUSTER: Final = re.compile(r"(?P<name>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)(?:\.svc(?:\.cluster\.local)?)?")


def reached(store: Store, address: str) -> str:
    """The URL as the host reaches it: there is no DNS in the sandbox, so the name of a Service becomes its cluster IP."""
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
