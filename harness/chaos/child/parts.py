"""Tracks the part of an experiment that its process executes, by events of Chaos Toolkit.

Controls do not show the part: if a file has `controls`, Chaos Toolkit does not call the controls of the settings at the
method and the rollbacks. A continuous hypothesis is checked repeatedly in a separate thread, at the same time as the
method.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chaoslib.run import RunEventHandler

if TYPE_CHECKING:
    from harness.chaos.confirmation.stock_calls import StockCall

METHOD = "method"
ROLLBACK = "rollback"
HYPOTHESIS = "hypothesis"


class _OfThread(threading.local):
    """State of the calling thread: whether it checks the hypothesis continuously; its activity, its start, and its call.

    An activity that was refused has not begun. One has a call if it is an action of chaostoolkit-kubernetes.
    """

    asks_continuously = False
    activity: object = None
    started_ns = 0
    refused = False
    call: StockCall | None = None


THREAD = _OfThread()


class PartHandler(RunEventHandler):  # type: ignore[misc]
    """Reports the begin of each part, and the end of the rollbacks.

    Args:
        begins: called with the name of the part, in the thread of the experiment.
        rolled_back: called after the rollbacks, with the journal so far.
    """

    def __init__(self, begins: Callable[[str], None], rolled_back: Callable[[dict[str, Any]], None]) -> None:
        self._begins = begins
        self._rolled_back = rolled_back

    def start_hypothesis_before(self, experiment: Any) -> None:  # noqa: ARG002 - the base class's
        """Report that the hypothesis is checked before the method."""
        self._begins(HYPOTHESIS)

    def start_hypothesis_after(self, experiment: Any) -> None:  # noqa: ARG002 - the base class's
        """Report that the hypothesis is checked after the method."""
        self._begins(HYPOTHESIS)

    def start_continuous_hypothesis(self, frequency: Any) -> None:  # noqa: ARG002 - the base class's
        """Report that this thread checks the hypothesis while the method runs in another thread."""
        THREAD.asks_continuously = True

    def start_method(self, experiment: Any) -> None:  # noqa: ARG002 - the base class's
        """Report that the method begins."""
        self._begins(METHOD)

    def start_rollbacks(self, experiment: Any) -> None:  # noqa: ARG002 - the base class's
        """Report that the rollbacks begin."""
        self._begins(ROLLBACK)

    def rollbacks_completed(self, experiment: Any, journal: Any) -> None:  # noqa: ARG002 - the base class's
        """Report that the rollbacks have ended."""
        self._rolled_back(journal)
