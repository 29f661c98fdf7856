"""Recognises the objects that the harness itself creates in a cluster, which are not part of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.targets.kubernetes import labels_of

if TYPE_CHECKING:
    from harness.targets.kubernetes import Object

MADE_BY: Final = "app.kubernetes.io/managed-by"
OWN: Final = {MADE_BY: "readiness"}
"""The labels of every object that the harness creates."""


def is_own(obj: Object) -> bool:
    """Whether the harness created an object."""
    return OWN.items() <= labels_of(obj).items()
