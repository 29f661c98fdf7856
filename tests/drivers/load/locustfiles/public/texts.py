"""Clients of other protocols that fire the event by themselves: text for exceptions, nothing for times."""

import time

from locust import User, constant, task


class Rpc(User):
    """Each call reports what its library gave."""

    wait_time = constant(0.02)

    def call(self, name: str, error: object, *, ms: float | None = 4.0) -> None:
        """One event."""
        time.sleep(0.004)
        self.environment.events.request.fire(
            request_type="RPC", name=f"texts {name}", response_time=ms, response_length=0, exception=error, context={}
        )

    @task
    def calls(self) -> None:
        """What counts as a failure is what is true."""
        self.call("empty", "")
        self.call("no", False)
        self.call("none", None)
        self.call("text", "wrong checksum of block 7")
        self.call("number", 17)
        self.call("listed", ["first", "second"])
        self.call("no list", [])
        self.call("exception", ValueError("no such block"))

    @task
    def times(self) -> None:
        """Pushed messages have no response time; a quick one may have one of 0."""
        self.call("pushed", None, ms=None)
        self.call("pushed badly", "gone", ms=None)
        self.call("at once", None, ms=0)
        self.call("whole", None, ms=3)
