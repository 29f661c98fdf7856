"""Users who keep a pace: what an answer takes is a part of their pause."""

from locust import FastHttpUser, HttpUser, constant_pacing, constant_throughput, task


class Reader(FastHttpUser):
    """So many tasks a second."""

    wait_time = constant_throughput(10)

    @task
    def page(self) -> None:
        """A page."""
        self.client.get("/paced/page")


class Reporter(HttpUser):
    """A task each tenth of a second."""

    wait_time = constant_pacing(0.1)

    @task
    def report(self) -> None:
        """Longer than its pace."""
        self.client.get("/paced/slow")
