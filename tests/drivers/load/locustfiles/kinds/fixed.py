"""So many of each class: `fixed_count`, and a weight for the rest."""

from locust import HttpUser, constant, task
from locust.exception import StopUser


class Admin(HttpUser):
    wait_time = constant(0.01)
    fixed_count = 1

    @task
    def admin(self):
        self.client.get("/fixed/admin")
        raise StopUser


class Reader(HttpUser):
    wait_time = constant(0.01)
    weight = 1

    @task
    def read(self):
        self.client.get("/fixed/read")
        raise StopUser
