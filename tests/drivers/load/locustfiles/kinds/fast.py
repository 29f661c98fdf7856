"""The quick client: methods, parameters, a status that is an error."""

from locust import FastHttpUser, constant, task
from locust.exception import StopUser


class Fast(FastHttpUser):
    wait_time = constant(0.01)

    @task
    def everything(self):
        self.client.get("/fast/page")
        self.client.post("/fast/page", json={"a": 1})
        self.client.put("/fast/page", json={"a": 2})
        self.client.patch("/fast/page", json={"a": 3})
        self.client.delete("/fast/page")
        self.client.get("/fast/broken")
        self.client.get("/fast/missing")
        with self.client.get("/fast/missing", name="/fast/wanted", catch_response=True) as answer:
            answer.success()
        raise StopUser
