"""The quick client: methods of one path, `rest`, parameters, a status that is an error."""

from locust import FastHttpUser, constant, task


class Fast(FastHttpUser):
    """Some requests as public files send them."""

    wait_time = constant(0.02)

    @task
    def cart(self) -> None:
        """Two methods of one path."""
        self.client.get("/fast/cart")
        self.client.post("/fast/cart", json={"item": 1})

    @task
    def rested(self) -> None:
        """JSON is checked, and what is none fails."""
        with self.rest("POST", "/fast/order", json={"item": 1}) as answer:
            assert answer.js["ok"], "not ok"
        with self.rest("GET", "/fast/html"):
            pass

    @task
    def asserted(self) -> None:
        """An assertion in a `rest` fails its request."""
        with self.rest("GET", "/fast/wrong") as answer:
            assert answer.js["path"] == "elsewhere", "another path"

    @task
    def errors(self) -> None:
        """A status from 400 on, and one that is caught."""
        self.client.get("/fast/broken")
        with self.client.get("/fast/missing", catch_response=True) as answer:
            answer.success()
