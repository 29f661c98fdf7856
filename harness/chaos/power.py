"""Cuts the power of nodes by a command of the target file, or drains nodes whose power cannot be cut."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from harness import clock
from harness.chaos.confirmation.hits import name_of
from harness.chaos.database import cordon_all
from harness.chaos.session import ChaosSession
from harness.errors import DriverError, FaultNotInjected
from harness.targets.files.parts import Power
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster, Object
from harness.targets.undo import undoable

COMMAND_S: Final = 300.0
"""Timeout in s of a command that cuts or restores the power of a node."""
DRAIN_S: Final = 120.0
"""Seconds for which disruption budgets may refuse the eviction of a node's pods."""
_POLL_S: Final = 1.0
_MIRROR: Final = "kubernetes.io/config.mirror"
"""Annotation of a static pod, which only its kubelet can end."""


def _command_on(_cluster: Cluster | None, _target: Target, *, node: str, command: Sequence[str]) -> None:  # noqa: ARG001 - for people
    _run(command)


@undoable("power-on-by-command", undo=_command_on)
def command_off(command: Sequence[str]) -> None:
    """Cut the power of a node by a command of the target file that runs on this machine."""
    _run(command)


def stop_by_command(here: ChaosSession, power: Power, nodes: Sequence[Object]) -> None:
    """Cut the power of these nodes; the undo log has every undo before the first node loses its power.

    Raises:
        DriverError: a command failed.
        FaultNotInjected: a node has no value for a placeholder.
    """
    for node in nodes:
        here.intend(command_off, f"power off {name_of(node)}", node=name_of(node), command=_filled(power.start, node))
    for node in nodes:
        command_off(_filled(power.stop, node))


def is_drained_with(pod: Object) -> bool:
    """Whether a pod is evicted when its node is drained; pods of DaemonSets and static pods are not."""
    meta = pod["metadata"]
    owners = {owner.get("kind") for owner in meta.get("ownerReferences") or ()}
    return "DaemonSet" not in owners and _MIRROR not in (meta.get("annotations") or {})


def drain(here: ChaosSession, nodes: Sequence[Object]) -> None:
    """Cordon these nodes and evict their pods, as far as disruption budgets allow.

    Raises:
        FaultNotInjected: the eviction of a pod was refused for too long.
    """
    names = {name_of(node) for node in nodes}
    cordon_all(here, nodes)
    pods = [pod for pod in here.cluster.pods() if pod.get("spec", {}).get("nodeName") in names and is_drained_with(pod)]
    left = [(pod["metadata"]["namespace"], name_of(pod)) for pod in pods]
    for _ in clock.Deadline.after(DRAIN_S).ticks(_POLL_S):
        left = [(namespace, name) for namespace, name in left if not here.cluster.evict_pod(namespace, name)]
        if not left:
            return
    refused = ", ".join(f"{namespace}/{name}" for namespace, name in left)
    raise FaultNotInjected(f"a disruption budget refused the eviction of {refused} for {DRAIN_S:g} s")


def _filled(command: Sequence[str], node: Object) -> list[str]:
    """A command for a node: its placeholders filled in."""
    identity = str(node.get("spec", {}).get("providerID") or "")
    words: Mapping[str, str] = {
        "{node}": name_of(node),
        "{provider_id}": identity,
        "{instance}": identity.rpartition("/")[2],
    }
    filled = list(command)
    for placeholder, word in words.items():
        if not word and any(placeholder in each for each in filled):
            raise FaultNotInjected(f"node {name_of(node)} has no `spec.providerID` for {placeholder}")
        filled = [each.replace(placeholder, word) for each in filled]
    return filled


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=COMMAND_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DriverError(
            f"`{command[0]}` could not be run: {error}", hint="correct `power` in the target file"
        ) from error
    if done.returncode:
        words = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-300:]
        raise DriverError(f"`{' '.join(command)}` ended with exit code {done.returncode}: {words}")
