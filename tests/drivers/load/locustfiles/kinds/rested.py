"""`rest()` of the quick client: an answer that is no JSON fails, and so does an assertion."""

from locust import FastHttpUser, constant, task
from locust.exception import StopUser


class Rested(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def orders(self):
        with self.rest("POST", "/rested/order", json={"item": 1}):
            pass
        with self.rest("GET", "/rested/page") as answer:
            assert answer.js["ok"] is True
        with self.rest("GET", "/rested/html"):
            pass
        with self.rest("GET", "/rested/wrong") as answer:
            assert answer.js["path"] == "elsewhere", "another path"
        with self.rest("GET", "/rested/broken"):
            pass
        raise StopUser
