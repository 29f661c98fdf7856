"""Answers that are read bit by bit, by both clients, in a `with` and without."""

from locust import FastHttpUser, HttpUser, constant, task


class Chat(HttpUser):
    """Reads lines."""

    wait_time = constant(0.02)

    @task
    def in_a_with(self) -> None:
        """Judged when it is read."""
        with self.client.get("/streams/chat", stream=True, catch_response=True) as answer:
            if len([line for line in answer.iter_lines() if line]) < 2:
                answer.failure("short stream")

    @task
    def by_itself(self) -> None:
        """Reported when its headers have come."""
        answer = self.client.get("/streams/lines", stream=True)
        for line in answer.iter_lines():
            if line.startswith(b"three"):
                break

    @task
    def unread(self) -> None:
        """Only its status is asked."""
        answer = self.client.get("/streams/unread", stream=True)
        answer.close()

    @task
    def refused(self) -> None:
        """Its status is an error."""
        self.client.get("/streams/broken", stream=True).close()


class Download(FastHttpUser):
    """Reads pieces."""

    wait_time = constant(0.02)

    @task
    def in_a_with(self) -> None:
        """Until nothing comes."""
        with self.client.get("/streams/file", stream=True, catch_response=True) as answer:
            for _ in answer.iter_content(4):
                pass

    @task
    def by_itself(self) -> None:
        """Lines, as the client offers them."""
        for _ in self.client.iter_lines("/streams/log"):
            pass
