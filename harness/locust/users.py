"""Arriving journeys, as a Locust user."""

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
"""How often, in seconds, a user without the schedule checks whether it is free."""


class OpenLoopUser(JourneyUser):
    """Journeys that arrive when they are due; implement `journey`.

    One *Locust* user is no person: the persons are the journeys in progress, and there is no limit to them. The first
    user of a process carries its schedule, and how many more there are changes nothing; under a `LoadTestShape` each
    is a stream of its own, and a hundred of them offer the whole rate. Several classes share the rate in proportion to
    `weight` times `journeys_per_s`.

    Attributes:
        journeys_per_s: the rate where no option says one.
    """

    abstract = True
    model: ClassVar[str] = "open"
    journeys_per_s: ClassVar[float] = 1.0

    def on_start(self) -> None:
        """No journey is due at once, though Locust runs the first task before the first wait."""
        self._worker: LocustWorker = self.environment.open_loop
        self._number = next(self._numbers) if self.environment.shape_class else 1
        self._seed = (self._worker.options.seed, self._worker.options.worker, self._number)
        self._stream = self._own_stream() if self.environment.shape_class else None
        self._journeys = count(1)
        self._kinds = self._offered_kinds()
        self._personas: dict[str, OpenLoopUser] = {type(self).__name__.lower(): self}

    def on_stop(self) -> None:
        """Let another user continue the schedule."""
        self._worker.put_down(self)

    def total_per_s(self) -> float:
        """Journeys per second where no option says: those of all classes together."""
        return sum(_share(kind) for kind in self._offered_kinds())

    def wait_time(self) -> float:
        """Let journeys begin as long as any are due.

        Locust's turns between two tasks would cost half as much again.
        The schedule is absolute, so being late never shifts it; no journey is waited for. Locust ends a user who waits.
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
        """Locust's task, which has a tag and a weight: journeys begin while it waits for the next."""

    def _own_stream(self) -> Iterator[Due]:
        """This user's hundredth of the rate, from now on."""
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
        """The user whose journey it is: as named, or drawn.

        Another class's is made when it is first met.
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
