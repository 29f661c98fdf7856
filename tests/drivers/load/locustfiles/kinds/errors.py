"""What goes wrong below HTTP, and statuses that are errors."""

from locust import FastHttpUser, HttpUser, constant, task
from locust.exception import StopUser


class Unlucky(HttpUser):
    wait_time = constant(0.01)

    @task
    def errors(self):
        self.client.get("/errors/missing")
        self.client.get("/errors/broken")
        self.client.get("/errors/close")
        self.client.get("/errors/slow", timeout=0.3)
        self.client.get("http://127.0.0.1:9/errors/refused", name="/errors/refused")
        raise StopUser


class Quick(FastHttpUser):
    wait_time = constant(0.01)
    network_timeout = 0.3

    @task
    def errors(self):
        self.client.get("/errors/quick/close")
        self.client.get("/errors/quick/slow")
        self.client.get("/errors/quick/broken")
        raise StopUser
