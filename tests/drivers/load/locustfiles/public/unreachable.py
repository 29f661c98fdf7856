"""Requests that never get an answer: a port where nobody listens, a server that hangs up, a time that is over."""

from locust import FastHttpUser, HttpUser, constant, task


class Lost(HttpUser):
    """With Requests."""

    wait_time = constant(0.02)

    @task
    def nobody(self) -> None:
        """Refused; named like what had been answered."""
        self.client.get("http://127.0.0.1:9/unreachable/port", params={"a": 1})

    @task
    def closed(self) -> None:
        """The connection ends."""
        self.client.get("/unreachable/close", params={"a": 1})

    @task
    def late(self) -> None:
        """The time-out of the request."""
        self.client.get("/unreachable/slow", timeout=0.05)


class FastLost(FastHttpUser):
    """With the quick client."""

    wait_time = constant(0.02)
    network_timeout = 0.05

    @task
    def closed(self) -> None:
        """The connection ends."""
        self.client.post("/unreachable/close", json={})

    @task
    def late(self) -> None:
        """The time-out of its class."""
        self.client.get("/unreachable/slow")
