"""Retries requests while the target's API server does not answer, for example during an upgrade."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from harness.clock import Deadline
from harness.errors import TargetUnreachable

SILENT_S: Final = 20.0
"""Seconds for which an API server may give no answer or refuse requests before an error is raised."""
_AGAIN_S: Final = 0.5

R = TypeVar("R")


def patiently(ask: Callable[[], R], meanwhile: Callable[[], object] = lambda: None, within_s: float = SILENT_S) -> R:
    """Make a call and return its result; repeat it if the API server failed, since the outcome is then unknown.

    Args:
        ask: call whose repetition has no further effect.
        meanwhile: called after each failed attempt; an error that it raises ends the attempts.
        within_s: time in s after which no attempt begins.

    Raises:
        TargetUnreachable: the error of the last attempt.
    """
    failed = TargetUnreachable("")
    for _ in Deadline.after(within_s).ticks(_AGAIN_S):
        try:
            return ask()
        except TargetUnreachable as error:
            failed = error
        meanwhile()
    raise failed
