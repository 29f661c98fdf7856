"""Users of the open model: Locust users that start journeys on schedule."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import ClassVar, Final

from locust import task

from harness import clock
from harness.locust.process.worker import Due, LocustWorker
from harness.locust.schedule.arrivals import due_times, random_of
from harness.locust.schedule.shapes import FULL_RATE
from harness.locust.travel import JourneyUser
from harness.model import RateCurve

_IDLE_S: Final = 0.2
"""Seconds between two checks of a user without the schedule whether the schedule is free."""


class OpenLoopUser(JourneyUser):
    """Journeys that start when they are due; implement `journey`.

    A *Locust* user is not a person: each journey in progress is a person, and the number of journeys is not limited.
    The first user of a process runs its schedule, and further users change nothing. With a `LoadTestShape` each user
    has separate arrivals, and a hundred users offer the full rate. Several classes share the rate in proportion to
    `weight` times `journeys_per_s`.

    Attributes:
        journeys_per_s: journeys per second if no option sets the rate.
    """

    abstract = True
    model: ClassVar[str] = "open"
    journeys_per_s: ClassVar[float] = 1.0

    def on_start(self) -> None:
        """Set up the user. No journey starts here: Locust runs the first task right after this."""
        self._worker: LocustWorker = self.environment.open_loop
        self._number = next(self._numbers) if self.environment.shape_class else 1
        self._seed = (self._worker.options.seed, self._worker.options.worker, self._number)
        self._stream = self._own_stream() if self.environment.shape_class else None
        self._journeys = count(1)
        self._kinds = self._offered_kinds()
        self._personas: dict[str, OpenLoopUser] = {type(self).__name__.lower(): self}

    def on_stop(self) -> None:
        """Release the schedule, so that another user can continue it."""
        self._worker.put_down(self)

    def total_per_s(self) -> float:
        """Journeys per second of all classes together, if no option sets the rate."""
        return sum(_share(kind) for kind in self._offered_kinds())

    def wait_time(self) -> float:
        """Start every journey of the schedule when it is due, and return a pause in s at the end.

        The journeys start here and not in a task, since Locust's work between two tasks would cost half as much again.
        The schedule is absolute, so a late start does not shift later journeys. The user does not wait for journeys to
        end. Locust can end a user that waits here.
        """
        while stream := self._stream or self._worker.carried_by(self):
            if (due := next(stream, None)) is None:
                break
            due_ns, name = due
            self._worker.alarm.sleep_until(due_ns)
            number = next(self._journeys)
            persona = self._persona(name, number)
            self._worker.spawn(persona.travel, due_ns, self._seed, number, broken=persona.report)
        return _IDLE_S

    @task
    def arrive(self) -> None:
        """Do nothing: Locust's task carries tags and weight, and journeys start in `wait_time`."""

    def _own_stream(self) -> Iterator[Due]:
        """The arrivals of this user from now on: a hundredth of the rate."""
        options = self._worker.options
        random = random_of(*self._seed, "arrivals")
        dues = due_times(
            begin_ns=clock.now_ns(),
            curve=RateCurve.flat((options.rate or self.journeys_per_s) / FULL_RATE),
            arrivals=options.arrivals,
            random=random,
            part=random.random() - 0.5,  # constant streams do not march in step
        )
        return ((due_ns, "") for due_ns in dues)

    def _persona(self, name: str, number: int) -> OpenLoopUser:
        """The user of the class that takes this journey: the named class, or one drawn by its share.

        The user of another class is created when it is first needed.
        """
        kinds = self._kinds
        if self._stream is not None or (len(kinds) <= 1 and not name):
            return self
        if name:
            kind = next((kind for kind in kinds if kind.__name__.lower() == name), type(self))
        else:
            (kind,) = random_of(*self._seed, number, "class").choices(kinds, weights=[_share(kind) for kind in kinds])
        key = kind.__name__.lower()
        if key not in self._personas:
            self._personas[key] = kind(self.environment)
        return self._personas[key]

    def _offered_kinds(self) -> list[type[OpenLoopUser]]:
        """The classes of this run that still have a task, after `-T`."""
        return [kind for kind in self.environment.user_classes if issubclass(kind, OpenLoopUser) and kind.tasks]


def _share(kind: type[OpenLoopUser]) -> float:
    return float(kind.weight * kind.journeys_per_s)
