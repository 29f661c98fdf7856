"""A sign-in as the user begins, a token in every later request, a sign-out in `on_stop`."""

from locust import HttpUser, constant, task


class Member(HttpUser):
    wait_time = constant(0.01)

    def on_start(self):
        self.left = 4
        answer = self.client.post("/login", json={"user": "u"}, name="login")
        self.client.headers["Authorization"] = f"Bearer {answer.json()['path']}"

    def on_stop(self):
        self.client.post("/logout", json={}, name="logout")

    @task
    def me(self):
        self.client.get("/me")
        self.left -= 1
        if not self.left:
            self.stop()
