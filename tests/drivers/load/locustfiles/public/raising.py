"""Tasks that raise after their request: it is reported once, whatever becomes of the task."""

from locust import HttpUser, constant, task


class Raiser(HttpUser):
    """Asserts what it got."""

    wait_time = constant(0.02)

    @task
    def no_json(self) -> None:
        """The answer is a page."""
        self.client.get("/raising/html").json()

    @task
    def status(self) -> None:
        """The failure is raised."""
        self.client.get("/raising/broken").raise_for_status()

    @task
    def lookup(self) -> None:
        """A mistake of the file."""
        self.client.get("/raising/page").headers["no such header"]
