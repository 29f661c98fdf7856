"""A client of the file's own, which reports by the event; no HTTP."""

import time

from locust import User, constant, task
from locust.exception import StopUser


class QueueClient:
    def __init__(self, environment):
        self.environment = environment

    def call(self, name, error=None):
        began, start = time.perf_counter(), time.time()
        time.sleep(0.01)
        self.environment.events.request.fire(
            request_type="queue",
            name=name,
            start_time=start,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=17,
            exception=error,
            context={},
        )


class Queue(User):
    wait_time = constant(0.01)

    def __init__(self, environment):
        super().__init__(environment)
        self.queue = QueueClient(environment)

    @task
    def send(self):
        for number in range(5):
            self.queue.call("publish", OSError("queue is full") if number == 3 else None)
        self.queue.call("subscribe")
        raise StopUser
