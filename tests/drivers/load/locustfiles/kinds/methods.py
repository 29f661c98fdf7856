"""What a request can carry: methods, forms, headers, cookies, parameters."""

from locust import HttpUser, constant, task
from locust.exception import StopUser


class Sender(HttpUser):
    wait_time = constant(0.01)

    @task
    def methods(self):
        self.client.get("/methods/find", params={"kind": "a b", "page": 2}, headers={"X-Trace": "1"})
        self.client.put("/methods/item", json={"a": 1})
        self.client.patch("/methods/item", json={"a": 1})
        self.client.delete("/methods/item")
        self.client.options("/methods/item")
        self.client.get("/methods/item", cookies={"a": "b"})
        self.client.request("REPORT", "/methods/item")
        self.client.post("/methods/item", data="[1, 2]", headers={"Content-Type": "application/json"})
        self.client.get(f"{self.client.base_url}/methods/whole")
        raise StopUser
