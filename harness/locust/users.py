"""A stream of arriving journeys, as a Locust user."""

from __future__ import annotations

import uuid
from itertools import count
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, events, task

from harness import clock
from harness.locust.arrivals import due_times, random_of
from harness.locust.journey import Journey
from harness.locust.options import add_options
from harness.locust.shapes import FULL_RATE
from harness.locust.worker import Worker

_events: Any = events  # Locust's hooks have no types
_events.init_command_line_parser.add_listener(add_options)
_events.init.add_listener(Worker.install)


class OpenLoopUser(FastHttpUser):
    """One Poisson stream of journeys; implement `journey`.

    One *Locust* user is a stream, not a person: the persons are the journeys in progress, and there is no limit to
    them. `-u N` splits the rate into N streams; under a shape there are as many as it takes.

    Attributes:
        journeys_per_s: the rate where `--rate` says none.
        timeout_s: an exchange that takes longer is given up as `timeout`.
    """

    abstract = True
    journeys_per_s: ClassVar[float] = 1.0
    timeout_s: ClassVar[float] = 10.0

    _numbers: ClassVar[Any] = count(1)
    _keys: ClassVar[str] = uuid.uuid4().hex  # of this process, so that no write looks like one of another run repeated

    def journey(self, journey: Journey) -> None:
        """What one user does."""
        raise NotImplementedError

    def on_start(self) -> None:
        """Begin the schedule; nobody is due at once, though Locust runs the first task before the first wait."""
        self._worker: Worker = self.environment.open_loop
        self._number = next(self._numbers)
        options = self._worker.options
        streams = FULL_RATE if self.environment.shape_class else self.environment.parsed_options.num_users or 1
        self._seed = (options.seed, options.worker, self._number)
        self._due_times = due_times(
            start_ns=clock.now_ns(),
            per_s=(options.rate or self.journeys_per_s) / streams,
            arrivals=options.arrivals,
            random=random_of(*self._seed, "arrivals"),
        )
        self._journeys = count(1)
        gevent.sleep(self.wait_time())

    def wait_time(self) -> float:
        """Seconds until the next journey is due; the schedule is absolute, so being late never shifts it."""
        self._due_ns = next(self._due_times)
        return max(0.0, (self._due_ns - clock.now_ns()) / clock.NS_PER_S)

    @task
    def arrive(self) -> None:
        """Let the journey that is due begin; never waits for it."""
        self._worker.spawn(self._travel, self._due_ns, next(self._journeys)).link_exception(self._report)

    def _report(self, travelled: Any) -> None:
        """A journey broke by a mistake in its file: Locust shows it among its exceptions."""
        self.environment.events.user_error.fire(
            user_instance=self, exception=travelled.exception, tb=travelled.exc_info[2]
        )

    def _travel(self, due_ns: int, number: int) -> None:
        journey = Journey(
            self._worker,
            name=type(self).__name__.lower(),
            key=f"{self._keys}-{self._number}-{number}",
            due_ns=due_ns,
            host=str(self.host),  # FastHttpUser refuses to be made without one
            timeout_s=self.timeout_s,
            random=random_of(*self._seed, number),
        )
        try:
            self.journey(journey)
        finally:
            journey.leave()
