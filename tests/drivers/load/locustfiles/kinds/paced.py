"""A pace: what an answer takes is a part of the pause."""

from locust import FastHttpUser, HttpUser, constant_pacing, constant_throughput, task
from locust.exception import StopUser


class Pacer(HttpUser):
    wait_time = constant_pacing(0.1)
    rounds = 4

    @task
    def page(self):
        self.client.get("/paced/pacing")
        self.rounds -= 1
        if not self.rounds:
            raise StopUser


class Throughput(FastHttpUser):
    wait_time = constant_throughput(20)
    rounds = 6

    @task
    def page(self):
        self.client.get("/paced/throughput")
        self.rounds -= 1
        if not self.rounds:
            raise StopUser
