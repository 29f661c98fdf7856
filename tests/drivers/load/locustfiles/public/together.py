"""Several requests of one user at once, in greenlets of the file's own."""

from gevent.pool import Group
from locust import HttpUser, constant, task


class Page(HttpUser):
    """Loads what belongs to a page side by side."""

    wait_time = constant(0.02)

    @task
    def page(self) -> None:
        """Three parts, two of them of one path."""
        group = Group()
        group.spawn(self.client.get, "/together/part", params={"n": 1})
        group.spawn(self.client.get, "/together/part", params={"n": 2})
        group.spawn(self.client.post, "/together/part", json={})
        group.join()
