"""Tasks from a module beside the file, and users from a CSV that each of them takes one line of."""

import csv
from pathlib import Path

from beside_tasks import Browse
from locust import HttpUser, constant

ACCOUNTS = list(csv.reader(Path(__file__).with_name("accounts.csv").open()))


class Customer(HttpUser):
    wait_time = constant(0.01)
    tasks = [Browse]

    def on_start(self):
        name, password = ACCOUNTS.pop()
        self.client.post("/login", json={"name": name, "password": password}, name=f"/login/{name}")
