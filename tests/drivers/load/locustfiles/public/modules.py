"""Users with weights, a fixed number of one class, nested task sets and a dictionary of tasks."""

from locust import FastHttpUser, HttpUser, TaskSet, constant, task


def look(user: HttpUser) -> None:
    """A task that is a function."""
    user.client.get("/modules/look")


def buy(user: HttpUser) -> None:
    """Another."""
    user.client.post("/modules/look", json={})


class Weighted(HttpUser):
    """Three looks for a purchase."""

    wait_time = constant(0.02)
    weight = 3
    tasks = {look: 3, buy: 1}  # type: ignore[assignment]


class Admin(FastHttpUser):
    """One of a fixed number, in task sets within each other."""

    wait_time = constant(0.02)
    fixed_count = 1

    @task
    class Menu(TaskSet):
        """The outer."""

        @task
        class Report(TaskSet):
            """The inner."""

            @task
            def report(self) -> None:
                """And out."""
                self.client.get("/modules/report")
                self.interrupt(reschedule=False)  # type: ignore[no-untyped-call]

        @task
        def leave(self) -> None:
            """All the way."""
            self.interrupt()  # type: ignore[no-untyped-call]
