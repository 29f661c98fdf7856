"""Actions that kill pods. They need no undo, since the cluster replaces killed pods."""

from __future__ import annotations

from harness.chaos.confirmation.hits import HITS, Hits, first_ready, name_of, pod_hits, remembered
from harness.chaos.session import session
from harness.targets.access import access, accesses


@accesses(*access("list,delete pods"), *HITS)
def kill_pods(label_selector: str, ns: str, qty: int = 1) -> Hits:
    """Kill the first `qty` ready pods by name, without grace period.

    Args:
        label_selector: label selector of the pods, like `app=track-service`.
        ns: namespace of the pods.
        qty: number of pods.

    Raises:
        FaultNotInjected: fewer than `qty` ready pods match.
    """
    here = session()
    chosen = first_ready(here, label_selector, ns, qty, "killed")
    hits = pod_hits(here, chosen)
    here.destructive(hits)
    for pod in chosen:
        here.cluster.delete_pod(ns, name_of(pod), grace_s=0)
    return remembered(here, hits)
