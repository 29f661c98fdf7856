"""Ends this process early: on a signal, or when something that it needs has failed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

import gevent


def lasting(run: Callable[[], object]) -> None:
    """Run a greenlet beside all else.

    Should it fail, the process ends, with its error as the last word.
    gevent would print a traceback and go on: load that is not recorded, or that outlives the process that started it.
    """
    gevent.spawn(run).link_exception(lambda greenlet: fail(greenlet.exception))


def fail(error: object) -> None:
    """End the process at once, with this as its last word; files stay without their end."""
    sys.exit(f"the load generator cannot go on: {error}")


def interruptible() -> None:
    """Handle SIGINT in the main greenlet.

    Python would raise KeyboardInterrupt in whichever journey happens to run, and lose its request.
    """
    gevent.signal_handler(signal.SIGINT, _interrupt)


def _interrupt() -> None:
    """Deliver an interrupt to the main greenlet only, wherever it waits."""
    hub: Any = gevent.get_hub()
    hub.handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
