"""Events as clients of queues report them, each once: headers that are no mapping, values that are no numbers."""

from types import SimpleNamespace
from typing import Any

from locust import User, constant, task


class Clerk(User):
    """Reports each event once, then does nothing."""

    wait_time = constant(1)

    def report(self, name: str, **said: Any) -> None:
        """One event."""
        self.environment.events.request.fire(request_type="QUEUE", name=name, **said)

    def on_start(self) -> None:
        """The last four cannot be recorded."""
        whole: dict[str, Any] = {"response_time": 5.0, "response_length": 1}
        self.report("pairs", **whole, response=SimpleNamespace(headers=[("a", b"1")]), exception=ValueError("refused"))
        self.report("method", response=SimpleNamespace(headers=self.idle))
        self.report("bytes", **whole, response=SimpleNamespace(headers={"x-served-pod": b"track-1"}))
        self.report("since boot", **whole, start_time=12.5)  # as of `perf_counter`
        self.report("text", response_time=5.0, response_length="x")
        for ms in ("nan", "inf", "-5"):
            self.report("no length of time", response_time=float(ms), response_length=1)

    @task
    def idle(self) -> None:
        """Nothing is sent any more."""
