"""Users of both of Locust's clients, for a target with a certificate authority of its own that asks for theirs."""

from locust import FastHttpUser, HttpUser, constant, task


class Plain(HttpUser):
    """Of Requests."""

    wait_time = constant(0.05)

    @task
    def page(self) -> None:
        """One page."""
        self.client.get("/", name="plain")


class Fast(FastHttpUser):
    """Of geventhttpclient; it verifies."""

    insecure = False
    wait_time = constant(0.05)

    @task
    def page(self) -> None:
        """One page."""
        self.client.get("/", name="fast")
