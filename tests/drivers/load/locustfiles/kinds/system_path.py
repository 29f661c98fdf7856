"""A directory that the file itself adds to the path of modules."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "library"))

from locust import HttpUser, constant, task
from locust.exception import StopUser
from shop_paths import CATALOGUE


class Reader(HttpUser):
    wait_time = constant(0.01)

    @task
    def read(self):
        for path in CATALOGUE:
            self.client.get(path)
        raise StopUser
