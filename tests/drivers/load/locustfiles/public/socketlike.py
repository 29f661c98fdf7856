"""A connection that is written to and that pushes: what is pushed was asked by nobody."""

import time
from typing import Any

from locust import User, constant, task


class Feed(User):
    """Sends, and hears three messages for each."""

    wait_time = constant(0.02)

    def heard(self, **said: Any) -> None:
        """One message."""
        self.environment.events.request.fire(response_length=8, exception=None, context=self.context(), **said)

    @task
    def ask(self) -> None:
        """The answer took a while; the pushed ones have one name and two kinds."""
        began = time.perf_counter()
        time.sleep(0.01)
        self.heard(request_type="WSS", name="socketlike feed", response_time=(time.perf_counter() - began) * 1000)
        for _ in range(3):
            self.heard(request_type="WSR", name="socketlike feed", response_time=None)
