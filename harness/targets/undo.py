"""Undo what was left broken: by the intents on disk, newest first, each as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from harness import clock
from harness.clock import Deadline
from harness.errors import HarnessError, TargetUnreachable
from harness.model import Intent
from harness.targets.database import switch_back
from harness.targets.intents import pending_intents, strike_intent
from harness.targets.kubernetes import Cluster
from harness.targets.target import Target

RECOVER_S: Final = 30.0
"""How long `recover` tries to reach a target that does not answer."""
SWITCH_BACK_S: Final = 60.0
"""How long the database may take to lead from the primary region again."""
POWER_ANNOTATION: Final = "sandbox.readiness/power"

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


def lead_from(region: str) -> Undo:
    """The undo of what takes the leader of the database from its region."""
    return {"do": "switch-back", "region": region}


def _uncordon(cluster: Cluster, _target: Target, undo: Undo) -> None:
    cluster.patch_node(undo["node"], {"spec": {"unschedulable": None}})


def _power_on(cluster: Cluster, _target: Target, undo: Undo) -> None:
    cluster.patch_node(undo["node"], {"metadata": {"annotations": {POWER_ANNOTATION: None}}})


def _scale(cluster: Cluster, _target: Target, undo: Undo) -> None:
    cluster.scale(undo["namespace"], undo["deployment"], undo["replicas"])


def _delete(cluster: Cluster, _target: Target, undo: Undo) -> None:
    cluster.delete_pod(undo["namespace"], undo["pod"], grace_s=0)


def _switch_back(cluster: Cluster, target: Target, _undo: Undo) -> None:
    switch_back(cluster, target, within_s=SWITCH_BACK_S)


_UNDO: Final[Mapping[str, Callable[[Cluster, Target, Undo], None]]] = {
    "uncordon": _uncordon,
    "power-on": _power_on,
    "scale": _scale,
    "delete": _delete,
    "switch-back": _switch_back,
}
"""All are safe to do twice: each sets a state, and what is gone needs no undo."""


def undo_intent(cluster: Cluster, target: Target, intent: Intent) -> None:
    """Undo one intent and strike it off.

    Raises:
        HarnessError: this version does not know how, or it did not work; the intent stays.
    """
    do = _UNDO.get(str(intent.undo.get("do")))
    if do is None:
        raise HarnessError(
            f"no way is known to undo {dict(intent.undo)}", hint="undo it by hand, then delete the intent's file"
        )
    do(cluster, target, intent.undo)
    strike_intent(intent)


def recover(target: Target, *, within_s: float = RECOVER_S) -> list[str]:
    """Undo every pending intent on the target, newest first; returns what was undone, one line each.

    Called twice, or after half of it, it comes to the same.

    Raises:
        TargetUnreachable: the target did not answer within `within_s`; what is left stays on disk.
        HarnessError: an intent that could not be undone; those before it are.
    """
    intents = pending_intents(target.name)
    if not intents:
        return []
    cluster = Cluster.of(target)
    deadline = Deadline.after(within_s)
    return [_undo_in_time(cluster, target, intent, deadline) for intent in intents]


def _undo_in_time(cluster: Cluster, target: Target, intent: Intent, deadline: Deadline) -> str:
    while True:
        try:
            undo_intent(cluster, target, intent)
        except TargetUnreachable:
            if deadline.over:
                raise
            clock.sleep(min(0.5, deadline.left_s))
        else:
            words = " ".join(str(value) for value in intent.undo.values())
            return f"{words} (after: {intent.action}, {intent.written})"
