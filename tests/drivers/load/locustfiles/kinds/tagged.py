"""Tags: of the tasks that a run chooses by them, none else is run."""

from locust import HttpUser, constant, tag, task
from locust.exception import StopUser


class Tagged(HttpUser):
    wait_time = constant(0.01)

    @tag("smoke")
    @task
    def page(self):
        for _ in range(3):
            self.client.get("/tagged/page")
        raise StopUser

    @tag("smoke", "slow")
    @task(10)
    def report(self):
        self.client.get("/tagged/report")

    @task(10)
    def drop(self):
        self.client.delete("/tagged/everything")
