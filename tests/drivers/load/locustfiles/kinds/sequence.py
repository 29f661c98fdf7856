"""Steps in their order, with one that leaves them."""

from locust import HttpUser, SequentialTaskSet, constant, task
from locust.exception import StopUser


class Checkout(SequentialTaskSet):
    def on_start(self):
        self.client.get("/sequence/home")

    @task
    def cart(self):
        self.client.post("/sequence/cart", json={"item": 1})

    @task(2)
    def look(self):
        self.client.get("/sequence/cart")

    @task
    def order(self):
        self.client.post("/sequence/order", json={"cart": 1})
        self.user.rounds -= 1
        if not self.user.rounds:
            raise StopUser
        self.interrupt()

    def on_stop(self):
        self.client.get("/sequence/bye")


class Buyer(HttpUser):
    wait_time = constant(0.01)
    tasks = [Checkout]

    def on_start(self):
        self.rounds = 2
