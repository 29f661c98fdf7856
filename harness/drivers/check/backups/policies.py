"""The retention rules of products: `spec.backup.retentionPolicy` of a CloudNativePG Cluster, `spec.template.ttl` of a Velero Schedule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from harness.drivers.facts import FactReading
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.access import Access, access
from harness.targets.cluster.patience import patiently
from harness.targets.files.backups import BackupResources, BackupStore
from harness.targets.kubernetes import Cluster
from harness.targets.stores.resources import CLOUDNATIVE_PG, VELERO

if TYPE_CHECKING:
    from harness.targets.kubernetes import Object

_DAY_S: Final = 86400
_RULE: Final = "retention rule"
_POLICY: Final = re.compile(r"([1-9]\d{0,5})([dwm])")
_UNITS: Final = {"d": 1, "w": 7, "m": 31}
"""Days of a unit. Source: barman, `retention_policies.py`: a month is 31 days."""
_GO: Final = re.compile(r"(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)")
_GO_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def policy_access(store: BackupStore) -> tuple[Access, ...]:
    """The permissions that reading the rule needs."""
    resources = store.resources
    if resources is None or resources.kind not in {CLOUDNATIVE_PG, VELERO}:
        return ()
    owner = "clusters.postgresql.cnpg.io" if resources.kind == CLOUDNATIVE_PG else "schedules.velero.io"
    return access(f"get {owner}", at=resources.namespace)


def policy_fact(target: Target, resources: BackupResources, keep_s: float) -> FactReading:
    """The rule by which a product removes backups, against a time in s.

    Raises:
        DriverError: it cannot be read.
    """
    expected = f"{keep_s / _DAY_S:g} d"
    if resources.kind == CLOUDNATIVE_PG:
        days_s, said = _of_cluster(_owner(target, resources, "postgresql.cnpg.io/v1", "clusters"))
    elif resources.kind == VELERO:
        days_s, said = _of_schedule(_owner(target, resources, "velero.io/v1", "schedules"))
    else:
        days_s, said = None, "snapshots have no rule; see which are kept and removed during a run"
    ok = None if days_s is None else days_s == keep_s
    return FactReading(subject=_RULE, expected=expected, observed=said, ok=ok)


def go_seconds(text: str) -> float | None:
    """A duration as Go writes it, such as `720h0m0s`, in s; None: another text."""
    parts = _GO.findall(text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        return None
    return sum(float(number) * _GO_S[unit] for number, unit in parts)


def _owner(target: Target, resources: BackupResources, version: str, plural: str) -> Object:
    cluster = Cluster.of(target)
    found = patiently(partial(cluster.custom, version, plural, resources.namespace, resources.of))
    if found is None:
        hint = "correct `namespace` and `of` of `resources`"
        where = f"{plural} {resources.namespace}/{resources.of}"
        raise DriverError("there is none of this name", where=where, hint=hint)
    return found


def _of_cluster(cluster: Object) -> tuple[float | None, str]:
    """The rule of a Cluster in s, and its words; None: it does not decide; below 0: there is none."""
    spec: Mapping[str, Any] = cluster["spec"]
    backup: Mapping[str, Any] = spec.get("backup") or {}
    policy = str(backup.get("retentionPolicy") or "")
    if parts := _POLICY.fullmatch(policy):
        if backup.get("volumeSnapshot"):
            return None, f"retentionPolicy {policy} is not for `volumeSnapshot`, whose backups the Cluster may make"
        if not backup.get("barmanObjectStore"):
            return None, f"retentionPolicy {policy} is for `barmanObjectStore`, which the Cluster does not have"
        days = int(parts[1]) * _UNITS[parts[2]]
        return float(days * _DAY_S), f"{days} d (retentionPolicy {policy})"
    if policy:
        return None, f"retentionPolicy {policy} is not known"
    if spec.get("plugins"):
        return None, "the Cluster has plugins, which have rules of their own"
    return -1.0, "the Cluster has no retentionPolicy, so nothing is removed"


def _of_schedule(schedule: Object) -> tuple[float | None, str]:
    """The rule of a Schedule, in the same form."""
    text = str((schedule["spec"].get("template") or {}).get("ttl") or "")
    ttl_s = go_seconds(text) if text else None
    if ttl_s is None or not ttl_s:
        return None, f"ttl {text} is not known" if text and ttl_s is None else "no ttl: the default of Velero's server"
    return ttl_s, f"{ttl_s / _DAY_S:g} d (ttl {text})"
