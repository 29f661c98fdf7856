"""Base class of the users of all models.

The users run journeys, and each request is recorded.
"""

from __future__ import annotations

from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

from locust import FastHttpUser, events, tag

from harness.locust.client.connection import kept_connections
from harness.locust.journey import Journey, Terms
from harness.locust.process.options import add_options
from harness.locust.remote.fleet import install

if TYPE_CHECKING:
    from harness.locust.process.worker import LocustWorker

_events: Any = events  # Locust's hooks have no types
_events.init_command_line_parser.add_listener(add_options)
_events.init.add_listener(install)


class JourneyUser(FastHttpUser):
    """Base class of users; implement `journey`.

    Attributes:
        model: model of arrivals, `open` or `closed`; every figure names the model.
        timeout_s: timeout of an exchange in s; a longer exchange fails as `timeout`.
        kept_idle_s: seconds for which the connection of an ended journey is kept for another journey; use less than the
            idle timeout of the target. 0: every journey opens a new connection.
        fresh_in: one journey in this number opens a new connection in any case. 1: every journey.
    """

    abstract = True
    model: ClassVar[str]
    timeout_s: ClassVar[float] = 10.0
    kept_idle_s: ClassVar[float] = 1.0
    fresh_in: ClassVar[int] = 10

    _numbers: ClassVar[Any] = count(1)

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Copy the tags of `journey` to the task of the class, so that `-T` finds them."""
        super().__init_subclass__(**arguments)
        if tags := getattr(cls.journey, "locust_tag_set", None):
            cls.tasks = [tag(*tags)(lambda user: user.arrive())]

    def journey(self, journey: Journey) -> None:
        """The actions of one user, from arrival to departure."""
        raise NotImplementedError

    def arrive(self) -> None:
        """Start the journeys that are due; Locust calls this as a task."""
        raise NotImplementedError

    def travel(self, due_ns: int, seed: tuple[int, ...], number: int) -> None:
        """Run one journey from its arrival to its last request."""
        journey = Journey(self._terms, due_ns, (*seed, number))
        try:
            self.journey(journey)
        except BaseException as error:
            # the plugin's seam: a project's journey may do anything, leaving the process included
            if self._terms.worker.sends_away(error):
                raise
            if not journey.failed:
                self._terms.worker.broke(error)
            if isinstance(error, Exception):
                raise
            raise RuntimeError(f"a journey ended by {error!r}") from error  # the process is not its to end
        finally:
            journey.leave()

    @cached_property
    def _terms(self) -> Terms:
        worker: LocustWorker = self.environment.open_loop
        return Terms(
            worker=worker,
            name=type(self).__name__.lower(),
            host=str(self.host),  # FastHttpUser refuses to be made without one
            deadlines=worker.deadlines(self.timeout_s),
            connections=kept_connections(idle_s=self.kept_idle_s, fresh_in=self.fresh_in),
            closed=self.model == "closed",
        )

    def report(self, travelled: Any) -> None:
        """Report a journey that raised an error because of a mistake in its locustfile: Locust lists it with its exceptions."""
        self.environment.events.user_error.fire(
            user_instance=self, exception=travelled.exception, tb=travelled.exc_info[2]
        )
