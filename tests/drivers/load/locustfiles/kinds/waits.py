"""Pauses that are drawn, and a `wait_time` of the file's own."""

import random

from locust import HttpUser, between, task
from locust.exception import StopUser


class Base(HttpUser):
    abstract = True
    path = ""

    def on_start(self):
        self.left = 5

    @task
    def page(self):
        self.client.get(self.path)
        self.left -= 1
        if not self.left:
            raise StopUser


class Between(Base):
    wait_time = between(0.01, 0.05)
    path = "/waits/between"


class Own(Base):
    path = "/waits/own"

    def wait_time(self):
        return random.expovariate(50)
