"""Tasks in sequence with a sign-in when they begin, and one that leaves them."""

from locust import HttpUser, SequentialTaskSet, constant, tag, task


class Checkout(SequentialTaskSet):
    """Sign in, look, order."""

    def on_start(self) -> None:
        """Each time that it begins."""
        self.client.post("/sequence/login", json={"user": "u"}, name="/sequence/login")

    @tag("read")
    @task
    def cart(self) -> None:
        """Of several methods."""
        self.client.get("/sequence/cart")

    @tag("write")
    @task
    def order(self) -> None:
        """The same path."""
        self.client.post("/sequence/cart", json={})

    @task
    def done(self) -> None:
        """And again."""
        self.interrupt()  # type: ignore[no-untyped-call]


class Buyer(HttpUser):
    """Does nothing else."""

    wait_time = constant(0.02)
    tasks = [Checkout]

    def on_stop(self) -> None:
        """The last request."""
        self.client.post("/sequence/logout")
