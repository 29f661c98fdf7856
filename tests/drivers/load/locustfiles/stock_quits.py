"""A file that ends its load when too many requests fail, as an example of Locust does."""

from typing import Any

import gevent
from locust import HttpUser, constant, events, task


def watch(environment: Any) -> None:
    """Ask each tenth of a second."""
    while environment.runner.stats.total.fail_ratio < 0.2:
        gevent.sleep(0.1)
    environment.process_exit_code = 3
    environment.runner.quit()


@events.init.add_listener  # type: ignore[untyped-decorator]
def on_init(environment: Any, **_: Any) -> None:
    """Beside the users."""
    gevent.spawn(watch, environment)


class Reader(HttpUser):
    """Reads."""

    wait_time = constant(0.05)

    @task
    def page(self) -> None:
        """A page."""
        self.client.get("/page")
