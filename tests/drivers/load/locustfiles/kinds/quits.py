"""A file that ends its own load, as soon as enough has failed."""

import time

from locust import HttpUser, constant, events, task
from locust.exception import StopUser


@events.quitting.add_listener
def exit_code(environment, **_):
    environment.process_exit_code = 1 if environment.stats.total.fail_ratio > 0.1 else 0


class Quitter(HttpUser):
    wait_time = constant(0.01)
    fixed_count = 1
    sent = 0

    @task
    def page(self):
        self.client.get("/quits/page")
        self.client.get("/quits/broken")
        self.sent += 1
        if self.sent == 5:
            time.sleep(1.5)
            self.environment.runner.quit()
            raise StopUser
