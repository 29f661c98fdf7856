"""Redirects: followed by both clients, and one that is not."""

from locust import FastHttpUser, HttpUser, constant, task
from locust.exception import StopUser


class Led(HttpUser):
    wait_time = constant(0.01)

    @task
    def moved(self):
        self.client.get("/redirects/moved")
        self.client.post("/redirects/moved", json={})
        self.client.get("/redirects/moved", allow_redirects=False, name="/redirects/stays")
        raise StopUser


class LedFast(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def moved(self):
        self.client.get("/redirects/fast/moved")
        raise StopUser
