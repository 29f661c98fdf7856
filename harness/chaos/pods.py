"""Actions that kill pods. The cluster replaces them by itself, so no undo is needed."""

from __future__ import annotations

from harness.chaos.confirmation.hits import HITS, Hits, first_ready, name_of, pod_hits, remembered
from harness.chaos.session import session
from harness.targets.access import access, accesses


@accesses(*access("list,delete pods"), *HITS)
def kill_pods(label_selector: str, ns: str, qty: int = 1) -> Hits:
    """Kill ready pods without grace, the first `qty` by name.

    Args:
        label_selector: which pods, like `app=track-service`.
        ns: their namespace.
        qty: number of pods.

    Raises:
        FaultNotInjected: fewer ready pods than that match.
    """
    here = session()
    chosen = first_ready(here, label_selector, ns, qty, "killed")
    hits = pod_hits(here, chosen)
    here.destructive(hits)
    for pod in chosen:
        here.cluster.delete_pod(ns, name_of(pod), grace_s=0)
    return remembered(here, hits)
