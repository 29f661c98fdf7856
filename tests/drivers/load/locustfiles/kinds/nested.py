"""Sets of tasks within each other, and the ways out of them."""

from locust import HttpUser, TaskSet, constant, task
from locust.exception import StopUser


class Site(HttpUser):
    wait_time = constant(0.01)

    def on_start(self):
        self.rounds = 2

    @task
    class Menu(TaskSet):
        @task
        class Reports(TaskSet):
            def on_start(self):
                self.client.get("/nested/reports")

            @task
            def report(self):
                self.client.get("/nested/report")
                self.user.rounds -= 1
                if not self.user.rounds:
                    raise StopUser
                self.interrupt(reschedule=False)

            def on_stop(self):
                self.client.get("/nested/left")
