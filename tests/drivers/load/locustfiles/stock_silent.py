"""Users of whom half wait for something that never comes; the others send by a greenlet of their own, or report themselves."""

import itertools

import gevent
from gevent.event import Event
from locust import HttpUser, User, constant, task

NUMBERS = itertools.count()


class Waiting(HttpUser):
    """Every second one never gets to its task."""

    wait_time = constant(0.1)

    def on_start(self) -> None:
        """As where an account is missing."""
        if next(NUMBERS) % 2:
            Event().wait()

    @task
    def page(self) -> None:
        """Sent by a greenlet of its own."""
        gevent.spawn(self.client.get, "/page").join()


class Rpc(User):
    """Reports from a greenlet of its own."""

    wait_time = constant(0.1)

    @task
    def call(self) -> None:
        """One event."""
        fire = self.environment.events.request.fire
        gevent.spawn(fire, request_type="RPC", name="call", response_time=1.0, response_length=0, exception=None).join()
