"""A file with options of its own, read from variables as the documentation of Locust names them."""

from typing import Any

from locust import HttpUser, constant, events, task


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add(parser: Any) -> None:
    """One that must be given."""
    parser.add_argument("--tenant", env_var="LOCUST_TENANT", default="none")
    parser.add_argument("-k", "--apikey", type=str, env_var="LOCUST_APIKEY", required=True)


class Reader(HttpUser):
    """Reads what is its tenant's."""

    host = "http://tenants.example.test"
    wait_time = constant(0.05)

    @task
    def page(self) -> None:
        """Named as said."""
        said = self.environment.parsed_options
        self.client.get(f"/{said.tenant}/{said.apikey}")
