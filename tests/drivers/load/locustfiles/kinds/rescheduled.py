"""Tasks that are given up after a request."""

from locust import HttpUser, constant, task
from locust.exception import RescheduleTask, RescheduleTaskImmediately, StopUser


class Giver(HttpUser):
    wait_time = constant(0.01)
    rounds = 6

    @task
    def page(self):
        self.rounds -= 1
        if not self.rounds:
            raise StopUser
        if self.client.get("/rescheduled/broken").status_code == 500:
            if self.rounds % 2:
                raise RescheduleTask
            raise RescheduleTaskImmediately
        self.client.get("/rescheduled/never")
