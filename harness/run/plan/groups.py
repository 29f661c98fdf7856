"""Checks before a run which API groups the plan needs, and which of them the cluster serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.run.acts.registry import drivers
from harness.run.start.means import said_within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.model import Demand
    from harness.run.acts.driver import Library, RequiredGroup
    from harness.targets import Target


def needs_group(demands: Iterable[Demand], library: Library) -> bool:
    """Whether an act of these demands needs an API group that some clusters do not serve."""
    return any(True for _ in _required(demands, library))


def served_groups(target: Target) -> frozenset[str] | None:
    """The API groups that the API server serves now; None: unknown.

    They are unknown for a target without a cluster, for the embedded sandbox, and if the API server does not answer in time.
    """
    if target.kubernetes is None or target.embedded:
        return None
    from harness.targets import kubernetes  # half a second, and only where a cluster is used

    found: list[frozenset[str]] = []

    def ask() -> str:
        try:
            found.append(cluster.groups())
        except HarnessError as error:
            return error.what
        return ""

    try:
        cluster = kubernetes.Cluster.of(target)
    except HarnessError:
        return None  # a kubeconfig that cannot be read: who uses the cluster says so
    said_within({"kubernetes": ask})
    return found[0] if found and found[0] else None


def unserved(demands: Iterable[Demand], library: Library) -> RequiredGroup | None:
    """The first API group that an act of these demands needs and the cluster does not serve; None if all are served or unknown."""
    if library.served is None:
        return None
    return next((one for one in _required(demands, library) if one.name not in library.served), None)


def _required(demands: Iterable[Demand], library: Library) -> Iterator[RequiredGroup]:
    known = drivers()
    for demand in demands:
        if demand.kind in known:
            yield from known[demand.kind].groups(demand, library)
