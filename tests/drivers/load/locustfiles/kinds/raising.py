"""Tasks that raise after their request, which is reported all the same."""

from locust import HttpUser, constant, task
from locust.exception import StopUser


class Raiser(HttpUser):
    wait_time = constant(0.01)
    rounds = 5

    @task
    def raises(self):
        self.rounds -= 1
        if not self.rounds:
            raise StopUser
        self.client.get("/raising/html").json()
