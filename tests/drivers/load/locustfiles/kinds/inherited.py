"""A base class with tasks, a mixin, and tasks as functions in a dictionary."""

from locust import HttpUser, constant, task
from locust.exception import StopUser


class SignsIn:
    def on_start(self):
        self.left = 3
        self.client.post("/inherited/login", json={})


class Base(SignsIn, HttpUser):
    abstract = True
    wait_time = constant(0.01)

    def over(self):
        self.left -= 1
        if not self.left:
            raise StopUser


class Reader(Base):
    @task
    def read(self):
        self.client.get("/inherited/read")
        self.over()


def write(user):
    user.client.post("/inherited/write", json={})
    user.over()


class Writer(Base):
    tasks = {write: 3}
