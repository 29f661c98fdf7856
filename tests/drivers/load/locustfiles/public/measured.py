"""Steps that are measured as one request, and a listener that reports more."""

import time
from typing import Any

from locust import HttpUser, constant, events, task


@events.request.add_listener  # type: ignore[untyped-decorator]
def also(request_type: str, name: str, **said: Any) -> None:
    """A second event for each page."""
    if name == "/measured/page":
        events.request.fire(  # type: ignore[no-untyped-call]
            request_type="PART", name="measured part", response_time=1.0, response_length=0, exception=None
        )


class Measurer(HttpUser):
    """Of which one step raises."""

    wait_time = constant(0.02)

    @task
    def steps(self) -> None:
        """As one request."""
        with self.environment.events.request.measure("STEPS", "measured steps"):
            time.sleep(0.002)
        with self.environment.events.request.measure("STEPS", "measured failing"):
            message = "a step failed"
            raise RuntimeError(message)

    @task
    def page(self) -> None:
        """Heard by the listener, also where it is streamed."""
        self.client.get("/measured/page")
        self.client.get("/measured/page", stream=True).close()
