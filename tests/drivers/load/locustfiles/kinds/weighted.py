"""Tasks that are drawn by weight, from a seed: one user, so that the draws are the same each time."""

import random

from locust import HttpUser, constant, task
from locust.exception import StopUser


class Drawn(HttpUser):
    wait_time = constant(0.005)
    fixed_count = 1

    def on_start(self):
        random.seed(7)
        self.left = 40

    def count(self):
        self.left -= 1
        if not self.left:
            raise StopUser

    @task(6)
    def read(self):
        self.client.get("/weighted/read")
        self.count()

    @task(3)
    def search(self):
        self.client.get("/weighted/search", params={"q": random.choice("ab")})
        self.count()

    @task
    def buy(self):
        self.client.post("/weighted/broken", json={})
        self.count()
