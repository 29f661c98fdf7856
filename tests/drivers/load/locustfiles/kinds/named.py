"""Groups: one name for many addresses, in each of the ways that there are."""

from locust import HttpUser, constant, task
from locust.exception import StopUser


class Named(HttpUser):
    wait_time = constant(0.01)

    @task
    def groups(self):
        for item in range(3):
            self.client.get(f"/items/{item}", name="/items/[id]")
            self.client.get("/items", params={"page": item}, name="/items?page")
            with self.client.rename_request("/pages/[n]"):
                self.client.get(f"/pages/{item}")
                self.client.post(f"/pages/{item}/broken", json={})
        self.client.request_name = "the rest"
        self.client.get("/somewhere")
        self.client.get("/else")
        self.client.request_name = None
        self.client.get("/nameless", params={"a": "b c"})
        raise StopUser
