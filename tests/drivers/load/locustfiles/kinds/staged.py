"""Stages: a `LoadTestShape` says how many users there are."""

from locust import HttpUser, LoadTestShape, constant, task
from locust.exception import StopUser


class Stages(LoadTestShape):
    stages = [{"until": 1, "users": 1}, {"until": 600, "users": 3}]

    def tick(self):
        now = self.get_run_time()
        for stage in self.stages:
            if now < stage["until"]:
                return stage["users"], 10
        return None


class Staged(HttpUser):
    wait_time = constant(0.05)
    rounds = 40

    @task
    def page(self):
        self.client.get("/staged/page")
        self.rounds -= 1
        if not self.rounds:
            raise StopUser
