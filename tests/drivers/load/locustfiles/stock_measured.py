"""Users who speak no HTTP and measure what they do, as Locust recommends it: their service answers at first, and then hangs."""

from typing import Any
from urllib.request import ProxyHandler, build_opener

import gevent
from locust import User, constant, task


class Clerk(User):
    """One order that hangs, some that are given up, and an `on_stop` that goes well."""

    wait_time = constant(0.05)
    done = False

    def measure(self, name: str) -> Any:
        """A request of this name."""
        return self.environment.events.request.measure("grpc", name)

    def hang(self, name: str) -> None:
        """It has no answer."""
        with self.measure(name):
            gevent.sleep(600)

    def fired(self) -> None:
        """Reported by hand, as before `measure` came."""
        error = None
        try:
            gevent.sleep(600)
        except Exception as raised:
            error = raised
            raise
        finally:
            self.environment.events.request.fire(request_type="grpc", name="fired", response_time=5.0, exception=error)

    @task
    def order(self) -> None:
        """Once; then it hangs."""
        with self.measure("order"):
            pass
        with gevent.Timeout(0.1, False):  # noqa: FBT003 - as gevent's documentation writes it
            self.hang("given up")
        with gevent.Timeout(0.1, False):  # noqa: FBT003
            self.fired()
        gevent.spawn(self.hang, "spawned")
        gevent.sleep(0.1)
        build_opener(ProxyHandler({})).open(f"{self.host}/so-far").read()
        self.hang("hanging")

    def on_stop(self) -> None:
        """Locust calls it when it has killed the user."""
        with self.measure("sign-out"):
            gevent.sleep(0.01)
