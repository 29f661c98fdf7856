"""What is made of an object, made anew only where that object has changed: a controller comes round each second, and most objects rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Made = TypeVar("_Made")


class Remembered(Generic[_Made]):
    """One value of each object, with the versions that it was made of."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[object, _Made]] = {}

    def of(self, uid: str, versions: object, make: Callable[[], _Made]) -> _Made:
        """The value of an object as of these versions; what `make` raises is raised each time."""
        known = self._known.get(uid)
        if known is None or known[0] != versions:
            known = self._known[uid] = (versions, make())
        return known[1]
