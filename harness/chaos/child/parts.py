"""Tracks the part of an experiment that its process executes, by events of Chaos Toolkit's run.

Its controls do not say that: where a file has `controls` of its own, Chaos Toolkit leaves those of the settings out at the method and at the rollbacks.
And a hypothesis that is asked continuously begins again and again in a thread of its own, beside the method.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from chaoslib.run import RunEventHandler

METHOD = "method"
ROLLBACK = "rollback"
HYPOTHESIS = "hypothesis"


class _OfThread(threading.local):
    """State of the calling thread: whether it checks the hypothesis continuously, and when its activity started."""

    asks_continuously = False
    started_ns = 0


THREAD = _OfThread()


class PartHandler(RunEventHandler):  # type: ignore[misc]
    """Reports which part begins, and the end of the rollbacks.

    Args:
        begins: called with the part, in the thread of the experiment.
        rolled_back: called after the rollbacks, with the journal so far.
    """

    def __init__(self, begins: Callable[[str], None], rolled_back: Callable[[dict[str, Any]], None]) -> None:
        self._begins = begins
        self._rolled_back = rolled_back

    def start_hypothesis_before(self, experiment: Any) -> None:  # noqa: ARG002 - the base class's
        """The hypothesis is asked before the method."""
        self._begins(HYPOTHESIS)

    def start_hypothesis_after(self, experiment: Any) -> None:  # noqa: ARG002 - the base class's
        """The hypothesis is asked after the method."""
        self._begins(HYPOTHESIS)

    def start_continuous_hypothesis(self, frequency: Any) -> None:  # noqa: ARG002 - the base class's
        """This thread asks the hypothesis for as long as the method runs in another one."""
        THREAD.asks_continuously = True

    def start_method(self, experiment: Any) -> None:  # noqa: ARG002 - the base class's
        """The method begins."""
        self._begins(METHOD)

    def start_rollbacks(self, experiment: Any) -> None:  # noqa: ARG002 - the base class's
        """The rollbacks begin."""
        self._begins(ROLLBACK)

    def rollbacks_completed(self, experiment: Any, journal: Any) -> None:  # noqa: ARG002 - the base class's
        """The rollbacks are over."""
        self._rolled_back(journal)
