"""`catch_response`: a 404 that is right, a 200 that is wrong, and what raises in between."""

from locust import HttpUser, constant, task
from locust.exception import RescheduleTask, ResponseError


class Caught(HttpUser):
    """Judges answers by itself."""

    wait_time = constant(0.02)

    @task
    def right(self) -> None:
        """A status that is wanted."""
        with self.client.get("/caught/missing", catch_response=True) as answer:
            answer.success()

    @task
    def wrong(self) -> None:
        """A text that is not."""
        with self.client.get("/caught/text", catch_response=True) as answer:
            answer.failure("got 200, wanted 404")

    @task
    def as_exception(self) -> None:
        """Given as an exception, or raised as one."""
        with self.client.get("/caught/given", catch_response=True) as answer:
            answer.failure(RuntimeError("bad"))
        with self.client.get("/caught/raised", catch_response=True):
            message = "raised"
            raise ResponseError(message)

    @task
    def status(self) -> None:
        """Left to the status."""
        with self.client.get("/caught/broken", catch_response=True):
            pass

    @task
    def again(self) -> None:
        """The task is given up after its request was reported."""
        self.client.get("/caught/again")
        raise RescheduleTask
