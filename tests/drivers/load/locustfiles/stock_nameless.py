"""Requests without a name of which every second one hangs."""

from locust import HttpUser, constant, task


class Seeker(HttpUser):
    """Gives parameters."""

    wait_time = constant(0.05)

    @task
    def find(self) -> None:
        """Named by Locust."""
        self.client.get("/find", params={"kind": "a b"})
