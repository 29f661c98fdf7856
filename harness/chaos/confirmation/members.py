"""Checks whether the members of the database are gone with their volumes."""

from __future__ import annotations

from typing import Final

from harness.chaos.confirmation.hits import hits_of, pods_left
from harness.chaos.confirmation.polling import none_left
from harness.chaos.session import ChaosSession, session
from harness.targets.access import LOCK, access, accesses
from harness.targets.cluster.objects import Objects, Ref
from harness.targets.kubernetes import Cluster, Object

CLAIMS: Final = access("get persistentvolumeclaims", at=LOCK)
CLAIM: Final = Ref("v1", "persistentvolumeclaims", "")


@accesses(*access("get pods", at=LOCK), *CLAIMS)
def members_gone(within_s: float = 30.0) -> bool:
    """Whether every member of the database that this experiment hit is gone, with its claims of volumes.

    Args:
        within_s: maximum wait in s.

    Raises:
        FaultNotInjected: the experiment hit no member, or a member or a claim still existed.
    """
    here = session()
    hits = hits_of(here, "pod")
    return none_left(within_s, lambda: [*pods_left(here, hits), *_claims_left(here)], "still existed")


def claims_of(cluster: Cluster, pod: Object) -> dict[tuple[str, str], str]:
    """The uid of each claim of a pod, by namespace and name."""
    volumes = [volume.get("persistentVolumeClaim") for volume in pod["spec"].get("volumes") or ()]
    refs = [(pod["metadata"]["namespace"], claim["claimName"]) for claim in volumes if claim]
    return {ref: _uid(cluster, ref) for ref in refs}


def _claims_left(here: ChaosSession) -> list[str]:
    return [f"the claim {ref[1]}" for ref, uid in here.claims.items() if _uid(here.cluster, ref) == uid]


def _uid(cluster: Cluster, ref: tuple[str, str]) -> str:
    namespace, name = ref
    found = Objects(cluster.api).read(CLAIM._replace(name=name, namespace=namespace))
    return str(found["metadata"]["uid"]) if found else ""
