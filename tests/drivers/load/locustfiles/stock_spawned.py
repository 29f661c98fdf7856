"""Users whose requests run in greenlets of their own, as Locust's documentation has it under "Concurrency"."""

import gevent
from gevent.pool import Pool
from locust import FastHttpUser, HttpUser, constant, task


class Http(HttpUser):
    """Asks for several pages at once, and for one in the background."""

    wait_time = constant(0.05)

    def on_start(self) -> None:
        """A poller that the user does not wait for."""
        gevent.spawn(self.client.get, "/poll")

    @task
    def page(self) -> None:
        """All at once."""
        pool = Pool()
        for path in ("/items", "/orders"):
            pool.spawn(self.client.get, path)
        pool.join()


class Fast(FastHttpUser):
    """The same by geventhttpclient."""

    wait_time = constant(0.05)

    @task
    def page(self) -> None:
        """All at once."""
        pool = Pool()
        pool.spawn(self.client.get, "/items")
        pool.spawn(self.client.get, "/stock")
        pool.join()
