"""Steps that are measured as one request."""

import time

from locust import User, constant, task
from locust.exception import StopUser


class Measurer(User):
    wait_time = constant(0.01)
    rounds = 3

    @task
    def steps(self):
        measure = self.environment.events.request.measure
        with measure("STEPS", "sign in"):
            time.sleep(0.01)
        self.rounds -= 1
        if not self.rounds:
            raise StopUser
        with measure("STEPS", "failing"):
            raise RuntimeError("a step failed")
