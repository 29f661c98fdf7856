"""A locustfile as people have them: nothing of it is ours."""

from locust import HttpUser, TaskSet, between, task


class Browsing(TaskSet):
    """A nested set of tasks, which is left again."""

    @task
    def page(self) -> None:
        """One page, grouped under one name."""
        self.client.get("/pages/7", name="/pages/[n]")

    @task
    def leave(self) -> None:
        """Back to the user's own tasks."""
        self.interrupt()  # type: ignore[no-untyped-call]


class Shopper(HttpUser):
    """Signs in, browses, and holds answers against what they should be."""

    wait_time = between(0.01, 0.05)
    tasks = [Browsing]  # noqa: RUF012 - as Locust's documentation writes it

    def on_start(self) -> None:
        """Sign in."""
        self.client.post("/login", json={"name": "a"})

    @task(3)
    def stock(self) -> None:
        """An answer with status 200 that is wrong all the same."""
        with self.client.get("/stock", catch_response=True) as response:
            if response.json().get("left") == 0:
                response.failure("sold out")

    @task(3)
    def missing(self) -> None:
        """A status 404 that is right."""
        with self.client.get("/missing", catch_response=True) as response:
            if response.status_code == 404:
                response.success()

    @task(3)
    def broken(self) -> None:
        """A status 500, and a task that ends with its error."""
        self.client.get("/broken").raise_for_status()
