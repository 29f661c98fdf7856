"""A shape that is over after a second and a half."""

from locust import HttpUser, LoadTestShape, constant, task


class Reader(HttpUser):
    """Reads."""

    wait_time = constant(0.05)

    @task
    def page(self) -> None:
        """A page."""
        self.client.get("/page")


class Brief(LoadTestShape):
    """Two users, then no more."""

    def tick(self) -> tuple[int, float] | None:
        """As the examples of Locust have it."""
        return (2, 2.0) if self.get_run_time() < 1.5 else None  # type: ignore[no-untyped-call]
