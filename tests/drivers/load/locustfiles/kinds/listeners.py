"""Listeners of the test: what is sent before the users come and after they have left, and what each request adds."""

import requests
from locust import HttpUser, constant, events, task
from locust.exception import StopUser


def report(environment, name):
    environment.events.request.fire(
        request_type="SETUP", name=name, response_time=3.0, response_length=0, exception=None, context={}
    )


@events.test_start.add_listener
def seed(environment, **_):
    requests.post(f"{environment.host}/seed", json={}, timeout=5)
    report(environment, "seed")


@events.test_stop.add_listener
def sweep(environment, **_):
    requests.post(f"{environment.host}/sweep", json={}, timeout=5)


@events.request.add_listener
def audit(request_type, name, exception, **_):
    if name == "/listeners/broken":
        events.request.fire(
            request_type="AUDIT",
            name=f"seen {exception is not None}",
            response_time=1.0,
            response_length=0,
            exception=None,
        )


class Visitor(HttpUser):
    wait_time = constant(0.01)

    @task
    def visit(self):
        self.client.get("/listeners/page")
        self.client.get("/listeners/broken")
        raise StopUser
