"""Ends this process early: on a signal, or when something that it needs has failed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

import gevent


def lasting(run: Callable[[], object]) -> None:
    """Let it run beside all else; should it fail, the process ends, with its error as the last word.

    gevent would print a traceback and go on: load that nobody records, or that outlives who started it.
    """
    gevent.spawn(run).link_exception(lambda greenlet: fail(greenlet.exception))


def fail(error: object) -> None:
    """End the process at once, with this as its last word; files stay without their end."""
    sys.exit(f"the load generator cannot go on: {error}")


def interruptible() -> None:
    """Take SIGINT: Python would raise KeyboardInterrupt in whichever journey happens to run, and lose its request."""
    gevent.signal_handler(signal.SIGINT, _interrupt)


def _interrupt() -> None:
    """Let the main greenlet be interrupted, wherever it waits, and nobody else."""
    hub: Any = gevent.get_hub()
    hub.handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
