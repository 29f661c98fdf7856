"""A time of its own for the first bit of an answer, and one for the whole set by the file."""

import time

from locust import HttpUser, constant, task


class Asker(HttpUser):
    """Reports two events for each question."""

    wait_time = constant(0.02)

    @task
    def ask(self) -> None:
        """The file knows the time of the whole answer."""
        fire, began, first = self.environment.events.request.fire, time.perf_counter(), 0.0
        with self.client.get("/first_token/ask", stream=True, catch_response=True) as answer:
            for _ in answer.iter_lines():
                first = first or (time.perf_counter() - began) * 1000
            answer.request_meta["response_time"] = (time.perf_counter() - began) * 1000
        fire(request_type="METRIC", name="first_token ttft", response_time=first, response_length=0, exception=None)
