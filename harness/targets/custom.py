"""Creates temporary objects of other API groups; the undo log has their deletion before they are created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.targets.undo import undoable

if TYPE_CHECKING:
    from harness.targets.files.target import Target
    from harness.targets.kubernetes import Cluster, Object


def _delete(cluster: Cluster, _target: Target, *, version: str, plural: str, namespace: str, name: str) -> None:
    """Delete the object; its effects end with it."""
    cluster.delete_custom(version, plural, namespace, name)


@undoable("delete-custom", undo=_delete, of_a_cluster=True)
def create_custom(cluster: Cluster, version: str, plural: str, namespace: str, body: Object) -> None:
    """Create an object of an API group, given the name of its collection."""
    cluster.create_custom(version, plural, namespace, body)
