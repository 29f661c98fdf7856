"""The same call for several objects at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST: Final = 8
"""Requests to one API server at the same time; its client keeps ten connections."""
T = TypeVar("T")
R = TypeVar("R")


def at_once(call: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """What a call returns for each item, in their order.

    One after the other, each request of a rollout's objects would wait for the one before: so the objects begin together, and their
    states are of nearly the same moment.

    Raises:
        Exception: of the first item whose call raised, once all have ended.
    """
    with ThreadPoolExecutor(MOST) as pool:
        return list(pool.map(call, items))
