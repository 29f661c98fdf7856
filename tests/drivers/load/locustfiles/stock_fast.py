"""A locustfile as people have them: a fast client, tasks in sequence, a shape of users."""

from locust import FastHttpUser, LoadTestShape, SequentialTaskSet, constant, task


class Steps(LoadTestShape):
    """Two users, then four."""

    def tick(self) -> tuple[int, float]:
        """Users and how many come a second."""
        return (2 if self.get_run_time() < 1 else 4), 10  # type: ignore[no-untyped-call]


class Reader(FastHttpUser):
    """Reads a list, then an item, then the list again."""

    wait_time = constant(0.05)

    @task
    class InOrder(SequentialTaskSet):
        """One after the other."""

        @task
        def items(self) -> None:
            """The list."""
            self.client.get("/items")

        @task
        def item(self) -> None:
            """One of them."""
            self.client.get("/items/1", name="/items/[id]")
