"""Users of Locust's own with tags."""

from __future__ import annotations

from locust import HttpUser, constant, tag, task


class Tagged(HttpUser):
    """Reads, and drops everything."""

    wait_time = constant(0.05)

    @tag("smoke")
    @task
    def page(self) -> None:
        """Harmless."""
        self.client.get("/page", name="page")

    @tag("destructive")
    @task
    def drop(self) -> None:
        """Not for every run."""
        self.client.delete("/everything", name="drop")
