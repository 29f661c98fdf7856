"""Secrets in the volumes of a running pod: written anew when they change, as a kubelet does, though sooner than its minute."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from harness import clock
from readiness_sandbox.cluster.kubelet import environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from readiness_sandbox.cluster.kubelet.environment import Lookup
    from readiness_sandbox.cluster.store import Object

EVERY_S = 1.0


def _secrets_of(pod: Object) -> tuple[str, ...]:
    """Names of the Secrets in a pod's volumes."""
    volumes = pod["spec"].get("volumes") or ()
    return tuple(volume["secret"]["secretName"] for volume in volumes if "secret" in volume)


def _versions(names: tuple[str, ...], lookup: Lookup) -> Mapping[str, str]:
    found = ((name, lookup("Secret", name)) for name in names)
    return {name: secret["metadata"]["resourceVersion"] for name, secret in found if secret is not None}


async def kept_fresh(pod: Object, root: Path, lookup: Lookup) -> None:
    """Follow the Secrets of a pod's volumes until cancelled; a pod without any has nothing to follow.

    Args:
        pod: the pod.
        root: directory of its volumes.
        lookup: finds Secrets of its namespace.
    """
    names = _secrets_of(pod)
    before = _versions(names, lookup)
    while names:
        await clock.asleep(EVERY_S)
        now = _versions(names, lookup)
        if now != before:
            with suppress(environment.ConfigError, OSError):  # as it was, until it can be written
                environment.refresh(pod, root, lookup)
                before = now
