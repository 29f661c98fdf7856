"""Users who speak no HTTP, as for gRPC, a queue or a database: what they did is reported by Locust's event."""

from locust import User, constant, task


class Clerk(User):
    """Reports steps that went well, and some that failed."""

    wait_time = constant(0.01)

    def report(self, name: str, error: Exception | None) -> None:
        """One request of 5 ms, without a response."""
        self.environment.events.request.fire(
            request_type="TRANSACTION", name=name, response_time=5.0, response_length=0, exception=error
        )

    @task
    def order(self) -> None:
        """It went well."""
        self.report("order", None)

    @task
    def cancel(self) -> None:
        """It failed."""
        self.report("cancel", RuntimeError("no such order"))
