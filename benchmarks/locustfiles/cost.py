"""One request, and gone: as a user of ours, and as one of Locust's own that is recorded; `load_cost.py` picks one by name.

SIGUSR1 ends recording where `--samples` is given, and the next one begins it anew, in further files. SIGUSR2 ends and begins sending trace ids.
"""

from __future__ import annotations

import signal
from itertools import count
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, events, task

from harness.locust import ClosedLoopUser, Journey, OpenLoopUser
from harness.locust.process.worker import LocustWorker, history_put
from harness.model.records.traces import TraceIds

_events: Any = events  # Locust's hooks have no types


def trace_by_turns(worker: LocustWorker) -> None:
    """End or begin sending trace ids."""
    worker.traces = None if worker.traces else TraceIds.of("20260131T000000Z-shop-1.0.0", "everyday", 1)


def record_by_turns(environment: Any, **_: Any) -> None:
    """Let a signal end and begin recording."""
    worker: LocustWorker = environment.open_loop
    gevent.signal_handler(signal.SIGUSR2, trace_by_turns, worker)
    samples = worker.options.samples
    if samples is None:
        return
    put, turns = history_put(), count(1)

    def turn() -> None:
        worker.recorder.close()
        number = next(turns)
        if number % 2:
            worker.record(worker.options, None, None)
        else:
            worker.record(worker.options, samples.with_name(f"{samples.name}-{number}"), put)

    gevent.signal_handler(signal.SIGUSR1, turn)


_events.test_start.add_listener(record_by_turns)


class Ours(OpenLoopUser):
    """A journey of one request, the dearest there is: what a journey costs falls on one request."""

    def journey(self, journey: Journey) -> None:
        """Content is checked."""
        journey.get("/", name="home", status=200, expect={"ok": True})


class OursOfFour(OpenLoopUser):
    """A journey of four requests."""

    def journey(self, journey: Journey) -> None:
        """Content is checked."""
        for _ in range(4):
            journey.get("/", name="home", status=200, expect={"ok": True})


class OursClosed(ClosedLoopUser):
    """A user who never thinks, as Locust's own."""

    think_s: ClassVar[float] = 0.0

    def journey(self, journey: Journey) -> None:
        """Content is checked."""
        journey.get("/", name="home", status=200, expect={"ok": True})


class Stock(FastHttpUser):
    """Locust's faster user in a file that the harness records: asks again as soon as it is answered."""

    @task
    def home(self) -> None:
        """One request."""
        self.client.get("/", name="home")
