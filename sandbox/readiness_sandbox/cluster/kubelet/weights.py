"""CPU weights: what a container gets of processors that are all in use, by its requests, as Kubernetes has it.

The kernel shares the processors among sessions, and a container leads one. A step of `nice` is a factor of 1.25 (sched(7)), and weights are
proportional to requests (https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/), so that requests become steps. A container
that asks for a processor comes right after the control plane and the network, which go first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from readiness_sandbox.cluster.quantities import milli

if TYPE_CHECKING:
    from readiness_sandbox.cluster.store import Object

_OF_ONE_CORE: Final = -4
_LEAST: Final = 9
"""Of 50m and less, and of no request: with less than that, probes would fail that do not fail on nodes that have processors left."""
_STEP: Final = 1.25


def nice_of(container: Object) -> int:
    """The `nice` of the session of a container, by its CPU request, which is its limit where it has only that."""
    resources = container.get("resources") or {}
    limit = (resources.get("limits") or {}).get("cpu", 0)
    requested = milli((resources.get("requests") or {}).get("cpu", limit))
    if requested <= 0:
        return _LEAST
    return max(_OF_ONE_CORE, min(_LEAST, round(_OF_ONE_CORE + math.log(1000 / requested, _STEP))))
