"""Users who keep the response of `catch_response` in place of a `with`: some leave it later, most never do."""

from typing import Any

from locust import FastHttpUser, HttpUser, constant, task


def ask(client: Any, path: str, time: int) -> None:
    """Left by a `with` of its own after another request, never left, and judged without one; more are not asked for."""
    if time > 3:
        return
    response = client.get(f"/{path}", name=f"{path} {time}", catch_response=True)
    if time == 1:
        client.get(f"/{path}", name=f"{path} between")
        with response:
            response.failure("sold out")
    elif time == 3:
        response.failure("sold out")


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
