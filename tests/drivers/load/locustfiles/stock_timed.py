"""Users who give up a request by themselves after a while."""

from gevent import Timeout
from locust import HttpUser, constant, task


class Impatient(HttpUser):
    """Goes on in silence, notices it, and lets an exception of its own be raised."""

    wait_time = constant(0.05)

    @task
    def silent(self) -> None:
        """The block is left as if it had ended."""
        with Timeout(0.1, False):  # noqa: FBT003 - as gevent's documentation writes it
            self.client.get("/silent")

    @task
    def noticed(self) -> None:
        """The time-out is caught."""
        try:
            with Timeout(0.1):
                self.client.get("/noticed")
        except Timeout:
            pass


class Slow(Exception):
    """An exception of the file's own."""


class Own(HttpUser):
    """Has an exception of its own raised, and catches it."""

    wait_time = constant(0.05)
    asked = False

    @task
    def own(self) -> None:
        """Once."""
        if self.asked:
            return
        self.asked = True
        try:
            with Timeout(0.1, Slow("later")):
                self.client.get("/own")
        except Slow:
            pass
