"""Answers that are read bit by bit, as of a model that writes."""

import time

from locust import HttpUser, constant, task
from locust.exception import StopUser


class Asker(HttpUser):
    wait_time = constant(0.01)

    @task
    def ask(self):
        began, first = time.perf_counter(), None
        with self.client.post("/streamed/ask", json={"q": "?"}, stream=True, catch_response=True) as answer:
            for _ in answer.iter_lines():
                first = first or (time.perf_counter() - began) * 1000
            if first is None:
                answer.failure("nothing came")
        self.environment.events.request.fire(
            request_type="TTFT", name="first token", response_time=first, response_length=0, exception=None
        )
        self.client.get("/streamed/ask", stream=True).close()
        raise StopUser
