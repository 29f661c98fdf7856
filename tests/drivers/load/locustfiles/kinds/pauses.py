"""Waits inside a task: gevent's own, and `time.sleep`, which Locust makes one of gevent's."""

import time

import gevent
from locust import HttpUser, constant, task
from locust.exception import StopUser


class Thinker(HttpUser):
    wait_time = constant(0)

    @task
    def shop(self):
        self.client.get("/pauses/list")
        gevent.sleep(0.2)
        self.client.get("/pauses/item")
        time.sleep(0.2)
        self.client.post("/pauses/order", json={"item": 1})
        raise StopUser
