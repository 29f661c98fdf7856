"""Runs commands in containers, each with a command that undoes the change, for example to stop a process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from harness.chaos.confirmation.hits import HITS, Hits, first_ready, pod_hits, remembered
from harness.chaos.session import ChaosSession, session
from harness.errors import FaultNotInjected
from harness.model import Hit
from harness.targets.access import access, accesses
from harness.targets.cluster.commands import run_in_pod
from harness.targets.cluster.workloads import restarts_of
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster, is_over
from harness.targets.undo import undoable, undoes

EXEC: Final = access("get,create pods/exec")
"""API permissions needed for a command in a container."""


def _restore(
    cluster: Cluster, target: Target, *, namespace: str, pod: str, uid: str, container: str, command: str
) -> None:
    """Run the undo command if the pod still runs; otherwise the change ended with its containers."""
    there = cluster.pod(namespace, pod)
    if there is None or is_over(there) or there["metadata"]["uid"] != uid:
        return
    _succeed(target, Hit(kind="pod", name=pod, namespace=namespace, uid=uid), command, container)


@undoable("restore-container", undo=_restore, of_a_cluster=True)
def change_container(target: Target, hit: Hit, command: str, container: str) -> None:
    """Run a command in a container of a pod."""
    _succeed(target, hit, command, container)


@accesses(*access("list,get pods"), *EXEC, *HITS)
def run_in_containers(
    label_selector: str, ns: str, *, command: str, undo: str, qty: int = 1, container: str = ""
) -> Hits:
    """Run a shell command in a container of the first `qty` ready pods by name; the undo log has `undo` before.

    Args:
        label_selector: label selector of the pods, like `app=normaldance-frontend`.
        ns: namespace of the pods.
        command: command for `sh -c`.
        undo: command that undoes the change; it may run twice, also in a restarted container.
        qty: number of pods.
        container: name of the container; empty: the only container.

    Raises:
        FaultNotInjected: fewer than `qty` ready pods match, or the command failed.
        TargetUnreachable: the command could not be run.
    """
    here = session()
    chosen = first_ready(here, label_selector, ns, qty, "hit")
    hits = pod_hits(here, chosen)
    here.destructive(hits)
    for pod, hit in zip(chosen, hits, strict=True):
        here.restarts[hit.uid] = restarts_of(pod)
        undoing: Mapping[str, Any] = {"namespace": ns, "pod": hit.name, "uid": hit.uid}
        here.intend(change_container, f"{command} in {ns}/{hit.name}", **undoing, container=container, command=undo)
        change_container(here.target, hit, command, container)
    return remembered(here, hits, stays=True)


@undoes(change_container)
@accesses(*access("get pods"), *EXEC)
def restore_containers() -> list[str]:
    """Undo the commands of `run_in_containers`; returns the names of the pods."""
    return session().undo(change_container)


def succeeds_in(here: ChaosSession, hit: Hit, command: str, container: str) -> bool:
    """Whether a shell command ends with exit code 0 in a container. Raises TargetUnreachable."""
    return run_in_pod(here.target, hit.namespace, hit.name, ["sh", "-c", command], container=container).code == 0


def _succeed(target: Target, hit: Hit, command: str, container: str) -> None:
    done = run_in_pod(target, hit.namespace, hit.name, ["sh", "-c", command], container=container)
    if done.code != 0:
        said = done.output.strip().splitlines()
        raise FaultNotInjected(
            f"`{command}` ended with {done.code} in {hit.namespace}/{hit.name}{': ' if said else ''}{said[-1] if said else ''}"
        )
