"""Two classes of users, of which one has forgotten its `@task`."""

from locust import HttpUser, constant, task


class Reader(HttpUser):
    """Reads."""

    wait_time = constant(0.05)

    @task
    def read(self) -> None:
        """The list."""
        self.client.get("/items")


class Buyer(HttpUser):
    """Would order."""

    wait_time = constant(0.05)

    def buy(self) -> None:
        """No task."""
        self.client.post("/orders", json={"item": 1})
