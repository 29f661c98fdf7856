"""Users whose check of an answer raises: on an answer that is no JSON, and to leave their task."""

from typing import Any

from locust import FastHttpUser, HttpUser, constant, task
from locust.exception import RescheduleTask


def ask(client: Any, path: str, time: int) -> None:
    """The first three answers must be JSON; the fourth is left without being read; more are not asked for."""
    if time > 4:
        return
    with client.get(f"/{path}", name=path, catch_response=True) as response:
        if time == 4:
            raise RescheduleTask
        if not response.json()["ok"]:
            response.failure("not ok")


class Http(HttpUser):
    """By Requests."""

    wait_time = constant(0.05)
    asked = 0

    @task
    def ask(self) -> None:
        """Once more."""
        self.asked += 1
        ask(self.client, "http", self.asked)


class Fast(FastHttpUser):
    """By geventhttpclient."""

    wait_time = constant(0.05)
    asked = 0

    @task
    def ask(self) -> None:
        """Once more."""
        self.asked += 1
        ask(self.client, "fast", self.asked)
