"""Users who leave as they begin, and one whose task ends it."""

from itertools import count

from locust import HttpUser, constant, task
from locust.exception import StopUser

NUMBERS = count(1)


class Leaver(HttpUser):
    wait_time = constant(0.01)

    def on_start(self):
        self.client.get("/gone/hello")
        if next(NUMBERS) % 2:
            raise StopUser

    @task
    def page(self):
        self.client.get("/gone/page")
        raise StopUser
