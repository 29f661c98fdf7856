"""An option of the file's own, whose variable is called as the documentation of Locust calls it."""

import os

from locust import HttpUser, constant, events, task
from locust.exception import StopUser

PAGES = int(os.environ.get("SHOP_PAGES", "3"))


@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--tenant", env_var="LOCUST_TENANT", default="none")
    parser.add_argument("--flavour", env_var="SHOP_FLAVOUR", default="plain")


class Tenant(HttpUser):
    wait_time = constant(0.01)

    @task
    def pages(self):
        said = self.environment.parsed_options
        for page in range(PAGES):
            self.client.get(f"/{said.tenant}/{said.flavour}/{page}")
        raise StopUser
