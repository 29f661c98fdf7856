"""One request, and again: Locust's own two users, without anything of the harness, which would record them; `load_cost.py` picks one by name."""

from __future__ import annotations

import os

from locust import FastHttpUser, HttpUser, constant_throughput, task


class Fast(FastHttpUser):
    """Locust's faster user: asks again as soon as it is answered."""

    @task
    def home(self) -> None:
        """One request."""
        self.client.get("/", name="home")


class FastPaced(Fast):
    """The same at a rate, so many requests a second of each user."""

    wait_time = constant_throughput(float(os.environ.get("COST_EACH_PER_S", "40")))


class Requests(HttpUser):
    """Locust's usual user."""

    @task
    def home(self) -> None:
        """One request."""
        self.client.get("/", name="home")
