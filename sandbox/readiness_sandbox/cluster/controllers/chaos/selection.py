"""Which pods a chaos resource hits; pure but for the choice that `random` makes. After Chaos Mesh's selector and mode."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from readiness_sandbox.cluster.store import Object


def selected(chaos: Object, pods: Sequence[Object]) -> list[Object]:
    """The pods that the selector means; without namespaces those of the resource's own."""
    selector = chaos["spec"]["selector"]
    own = chaos["metadata"]["namespace"]
    return [pod for pod in pods if _matches(selector, pod, own)]


def chosen(spec: Object, pods: Sequence[Object], random: Random) -> list[Object]:
    """Those of them that the mode takes."""
    mode, value = spec["mode"], int(spec.get("value") or 0)
    match mode:
        case "one":
            count = min(1, len(pods))
        case "fixed":
            count = min(value, len(pods))
        case "fixed-percent":
            count = math.floor(len(pods) * min(value, 100) / 100)
        case "random-max-percent":
            count = math.floor(len(pods) * random.randint(0, min(value, 100)) / 100)
        case _:
            return list(pods)
    return random.sample(list(pods), count)


def _matches(selector: Object, pod: Object, own: str) -> bool:
    meta = pod["metadata"]
    if meta.get("deletionTimestamp"):
        return False
    if named := selector.get("pods"):
        return meta["name"] in named.get(meta["namespace"], ())
    phases, nodes = selector.get("podPhaseSelectors"), selector.get("nodes")
    return (
        meta["namespace"] in (selector.get("namespaces") or [own])
        and _has(meta.get("labels"), selector.get("labelSelectors"))
        and _has(meta.get("annotations"), selector.get("annotationSelectors"))
        and (not phases or (pod.get("status") or {}).get("phase") in phases)
        and (not nodes or pod["spec"].get("nodeName") in nodes)
    )


def _has(present: Object | None, desired: Object | None) -> bool:
    return all((present or {}).get(name) == value for name, value in (desired or {}).items())
