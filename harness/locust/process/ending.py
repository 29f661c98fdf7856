"""Ends this process early: on a signal, or when a part that it needs has failed."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import gevent

from harness.model.planned.plan import ENDED

_PACKAGES: Final = ("locust", "gevent")
_SHAPE: Final = "shape_worker"
"""Name of Locust's function that evaluates a `LoadTestShape` and ends the load when the shape ends."""


def lasting(run: Callable[[], object]) -> None:
    """Run a greenlet in the background; if it fails, the process ends with its error.

    gevent would only print a traceback. The load would then continue without a record, or after the end of its parent.
    """
    gevent.spawn(run).link_exception(lambda greenlet: fail(greenlet.exception))


def fail(error: object) -> None:
    """End the process immediately with this message; files get no end record."""
    sys.exit(f"the load generator cannot continue: {error}")


class EarlyEnd:
    """Ends the load on an interrupt, and reports if the locustfile ends the load earlier."""

    def __init__(self) -> None:
        self._interrupted = False

    def install(self, environment: Any) -> None:
        """Handle SIGINT in the main greenlet.

        Otherwise Python would raise KeyboardInterrupt in any running journey, and the request of the journey would be
        lost.
        """
        gevent.signal_handler(signal.SIGINT, self._interrupt)
        environment.events.test_stopping.add_listener(self._stops)

    def _interrupt(self) -> None:
        """Deliver an interrupt to the main greenlet only, wherever it waits."""
        self._interrupted = True
        hub: Any = gevent.get_hub()
        hub.handle_system_error(KeyboardInterrupt, KeyboardInterrupt())

    def _stops(self, environment: Any, **_: Any) -> None:
        """Log the reason if the locustfile stops the users."""
        if not self._interrupted and (by := _stopped_by(environment)):
            sys.stderr.write(f"{ENDED}{by}\n")
            sys.stderr.flush()


def _stopped_by(environment: Any) -> str:
    """The line of the locustfile that ended the load; empty if Locust ended it itself."""
    frames = traceback.extract_stack()
    if any(frame.name == _SHAPE for frame in frames):
        return f"its LoadTestShape was over after {environment.shape_class.get_run_time():.0f} s, since `tick` returned None"
    total = environment.stats.total
    failed = f"{total.num_failures} of {total.num_requests} requests had failed"
    own = _own(frames)
    return f"`{own[-1].line}`{_place(own)}; {failed}" if own else ""


def place_of(error: BaseException) -> str:
    """The line of a project file that raised the error, as ` at loadtests/shop.py:11`; empty if there is none."""
    return _place(_own(traceback.extract_tb(error.__traceback__)))


def _own(frames: traceback.StackSummary) -> list[traceback.FrameSummary]:
    ours = Path(__file__).parents[2]
    return [frame for frame in frames if _is_of_project(Path(frame.filename), ours)]


def _place(own: list[traceback.FrameSummary]) -> str:
    if not own:
        return ""
    file = Path(own[-1].filename)
    return f" at {file.parent.name}/{file.name}:{own[-1].lineno}"


def _is_of_project(file: Path, ours: Path) -> bool:
    inside = file.is_relative_to(ours) or file.is_relative_to(sys.base_prefix) or "site-packages" in file.parts
    return file.is_file() and not inside and file.parent.name not in _PACKAGES
