"""Names that Locust makes from what was asked: parameters, redirects, whole addresses, several methods of one path."""

from locust import HttpUser, constant, task


class Paths(HttpUser):
    """Gives no name but in two places."""

    wait_time = constant(0.02)

    @task
    def parameters(self) -> None:
        """The query is part of the name, quoted."""
        self.client.get("/paths/find", params={"kind": "a b", "page": 2})
        self.client.get("/paths/find?kind=c")

    @task
    def methods(self) -> None:
        """Four methods of one path."""
        self.client.get("/paths/cart")
        self.client.post("/paths/cart", json={"item": 1})
        self.client.put("/paths/cart", json={"item": 2})
        self.client.delete("/paths/cart")

    @task
    def moved(self) -> None:
        """The name is of what was asked first."""
        self.client.get("/paths/moved")

    @task
    def whole_address(self) -> None:
        """Named by its path."""
        self.client.get(f"{self.client.base_url}/paths/whole")

    @task
    def grouped(self) -> None:
        """One name for many paths, by `name` and by `rename_request`."""
        for item in range(2):
            self.client.get(f"/paths/items/{item}", name="/paths/items/[id]")
            with self.client.rename_request("/paths/pages/[n]"):
                self.client.get(f"/paths/pages/{item}")

    @task
    def broken(self) -> None:
        """A failure is named like a success."""
        self.client.get("/paths/broken", params={"at": 1})
