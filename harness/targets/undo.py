"""Undo what was left broken: by the intents on disk, newest first, each as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from harness import clock
from harness.clock import Deadline
from harness.errors import HarnessError, TargetUnreachable
from harness.model import Intent
from harness.targets.intents import pending_intents, strike_intent
from harness.targets.kubernetes import Cluster
from harness.targets.target import Target

POWER_ANNOTATION: Final = "sandbox.readiness/power"
RECOVER_S: Final = 30.0
"""How long `recover` tries to reach a target that does not answer."""

Undo = Mapping[str, Any]


def uncordon(node: str) -> Undo:
    """The undo of a cordon."""
    return {"do": "uncordon", "node": node}


def power_on(node: str) -> Undo:
    """The undo of a power loss."""
    return {"do": "power-on", "node": node}


def scale(namespace: str, deployment: str, replicas: int) -> Undo:
    """The undo of a scaling."""
    return {"do": "scale", "namespace": namespace, "deployment": deployment, "replicas": replicas}


def delete_pod(namespace: str, pod: str) -> Undo:
    """The undo of a pod that the harness made."""
    return {"do": "delete", "namespace": namespace, "pod": pod}


_UNDO: Final[Mapping[str, Callable[[Cluster, Undo], None]]] = {
    "uncordon": lambda cluster, undo: cluster.patch_node(undo["node"], {"spec": {"unschedulable": None}}),
    "power-on": lambda cluster, undo: cluster.patch_node(
        undo["node"], {"metadata": {"annotations": {POWER_ANNOTATION: None}}}
    ),
    "scale": lambda cluster, undo: cluster.scale(undo["namespace"], undo["deployment"], undo["replicas"]),
    "delete": lambda cluster, undo: cluster.delete_pod(undo["namespace"], undo["pod"], grace_s=0),
}
"""All are safe to do twice: each sets a state, and what is gone needs no undo."""


def apply_undo(cluster: Cluster, undo: Undo) -> None:
    """Do what an intent says undoes it.

    Raises:
        HarnessError: this version does not know how.
        TargetUnreachable: the target did not answer.
    """
    do = _UNDO.get(str(undo.get("do")))
    if do is None:
        raise HarnessError(
            f"no way is known to undo {dict(undo)}", mend="undo it by hand, then delete the intent's file"
        )
    do(cluster, undo)


def undo_intent(cluster: Cluster, intent: Intent) -> None:
    """Undo one intent and strike it off."""
    apply_undo(cluster, intent.undo)
    strike_intent(intent)


def recover(target: Target, *, within_s: float = RECOVER_S) -> list[str]:
    """Undo every pending intent on the target, newest first; returns what was undone, one line each.

    Called twice, or after half of it, it comes to the same.

    Raises:
        TargetUnreachable: the target did not answer within `within_s`; what is left stays on disk.
        HarnessError: an intent that this version cannot undo; those before it are undone.
    """
    intents = pending_intents(target.name)
    if not intents:
        return []
    cluster = Cluster.of(target)
    deadline = Deadline.after(within_s)
    return [_undo_in_time(cluster, intent, deadline) for intent in intents]


def _undo_in_time(cluster: Cluster, intent: Intent, deadline: Deadline) -> str:
    while True:
        try:
            undo_intent(cluster, intent)
        except TargetUnreachable:
            if deadline.over:
                raise
            clock.sleep(min(0.5, deadline.left_s))
        else:
            words = " ".join(str(value) for value in intent.undo.values())
            return f"{words} (after: {intent.action}, {intent.written})"
