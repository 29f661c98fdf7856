"""Requests that are sent again while the target's API server is silent, as it is while a control plane is upgraded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from harness.clock import Deadline
from harness.errors import TargetUnreachable

SILENT_S: Final = 20.0
"""So long an API server may be silent, or refuse what it is asked, before that is raised."""
_AGAIN_S: Final = 0.5

R = TypeVar("R")


def patiently(ask: Callable[[], R], meanwhile: Callable[[], object] = lambda: None, within_s: float = SILENT_S) -> R:
    """What a call returns, which is made again where the API server did not do as asked: its fate is not known then.

    Args:
        ask: the call; made twice it comes to the same.
        meanwhile: called after each attempt that failed; what it raises ends them.
        within_s: no attempt begins later than this.

    Raises:
        TargetUnreachable: of the last attempt.
    """
    failed = TargetUnreachable("")
    for _ in Deadline.after(within_s).ticks(_AGAIN_S):
        try:
            return ask()
        except TargetUnreachable as error:
            failed = error
        meanwhile()
    raise failed
