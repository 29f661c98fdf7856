"""Kubernetes API permissions that a rollout needs, by the kind of its objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness.drivers.rollout.objects import ArgoRollout, PlainDeployment, SwitchedService
from harness.targets.access import Access, access

_BY_KIND: Final[Mapping[str, tuple[Access, ...]]] = {
    ArgoRollout.KIND: access(
        "get,patch rollouts.argoproj.io",
        "patch rollouts.argoproj.io/status",
        "get,patch deployments.apps",
        "list replicasets.apps",
        "list analysisruns.argoproj.io",
    ),
    PlainDeployment.KIND: access("get,patch deployments.apps", "list replicasets.apps"),
    SwitchedService.KIND: access("list,patch services", "list pods", "get endpoints"),
}


def rollout_access(kind: str, namespaces: Sequence[str]) -> list[Access]:
    """The Kubernetes API permissions for a rollout of one kind of objects, its rollback and its triggers.

    Args:
        kind: `Rollout`, `Deployment` or `Service`.
        namespaces: namespaces of the objects; empty: every namespace of the target.
    """
    own = (*_BY_KIND[kind], *access("list pods", "list pods.metrics.k8s.io"))
    return [replace(one, at=place) for one in own for place in namespaces or ("",)]
