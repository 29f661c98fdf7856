"""A closed model: a fixed number of users, each of whom waits for the answers."""

from __future__ import annotations

from itertools import count
from typing import ClassVar

import gevent
from gevent.event import Event
from locust import task

from harness import clock
from harness.locust.process.worker import LocustWorker
from harness.locust.schedule.arrivals import random_of
from harness.locust.travel import JourneyUser


class ClosedLoopUser(JourneyUser):
    """One user who runs a journey, thinks, and repeats; implement `journey`.

    `-u N` makes N users. Use this model if users are few and known, such as the clerks of one office. A closed model
    sends less to a slow target, just when it matters: twelve users meet a stall with twelve requests, and not with
    hundreds. Each request is due when it is sent, so no request is late, and every figure says `closed`.

    Attributes:
        think_s: seconds between two journeys of a user, if `--think` sets none.
    """

    abstract = True
    model: ClassVar[str] = "closed"
    think_s: ClassVar[float] = 1.0

    def on_start(self) -> None:
        """Wait for a random part of the think time, so that users who start together do not act in step."""
        self._worker: LocustWorker = self.environment.open_loop
        options = self._worker.options
        self._number = next(self._numbers)
        self._seed = (options.seed, options.worker, self._number)
        self._think_s = self.think_s if options.think_s is None else options.think_s
        self._journeys = count(1)
        gevent.sleep(self._think_s * random_of(*self._seed, "arrival").random())

    def wait_time(self) -> float:
        """Seconds of think time before the next journey."""
        return self._think_s

    @task
    def arrive(self) -> None:
        """Run one journey and wait for its end.

        At the end of the run the journey is drained like a journey of an open model.
        """
        over = Event()
        self._worker.spawn(self._travel, over, broken=self.report)
        over.wait()

    def _travel(self, over: Event) -> None:
        try:
            self.travel(clock.now_ns(), self._seed, next(self._journeys))
        finally:
            over.set()
