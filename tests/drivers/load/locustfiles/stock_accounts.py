"""Users who each take an account when they begin, of which there are too few."""

from locust import HttpUser, constant, task

ACCOUNTS = ["ada", "bob"]


class Member(HttpUser):
    """Signs in with an account of its own."""

    wait_time = constant(0.05)

    def on_start(self) -> None:
        """The last users find none."""
        self.client.post("/login", json={"user": ACCOUNTS.pop()}, name="login")

    @task
    def page(self) -> None:
        """Those who are in."""
        self.client.get("/page")
