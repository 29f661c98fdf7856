"""A host in each class: that of the target takes the place of both."""

from locust import FastHttpUser, HttpUser, constant, task
from locust.exception import StopUser


class Auth(HttpUser):
    host = "http://auth.example.test"
    wait_time = constant(0.01)

    @task
    def sign_in(self):
        self.client.post("/auth/login", json={"user": "u"})
        raise StopUser


class Api(FastHttpUser):
    host = "http://api.example.test/v2"
    wait_time = constant(0.01)

    @task
    def ask(self):
        self.client.get("/api/items")
        raise StopUser
