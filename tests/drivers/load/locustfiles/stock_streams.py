"""Answers that are read bit by bit: each task once."""

from contextlib import suppress
from typing import Any

from locust import FastHttpUser, HttpUser, constant, task


class Once(HttpUser):
    """Reads with Requests."""

    wait_time = constant(0.5)

    def on_start(self) -> None:
        """In a `with`, without one, its headers only, up to a word, one that ends early, and one that never ends."""
        with self.client.get("/a", name="caught", stream=True, catch_response=True) as answer:
            self.read(answer)
        self.read(self.client.get("/a", name="by itself", stream=True))
        self.client.get("/a", name="headers", stream=True).close()
        with self.client.get("/a", name="own time", stream=True, catch_response=True) as answer:
            self.read(answer)
            answer.request_meta["response_time"] = 7.0
        for name in ("short", "short by itself"):
            with suppress(OSError), self.client.get("/short", name="short", stream=True, catch_response=True) as answer:
                self.read(answer)
            with suppress(OSError):
                self.read(self.client.get("/short", name=name, stream=True))

    def read(self, answer: Any) -> None:
        """All of it."""
        for _ in answer.iter_lines():
            pass

    @task
    def endless(self) -> None:
        """Being read when the load ends."""
        with self.client.get("/endless", name="endless", stream=True, catch_response=True) as answer:
            self.read(answer)


class FastOnce(FastHttpUser):
    """Reads with the quick client."""

    wait_time = constant(0.5)

    def on_start(self) -> None:
        """In a `with`, and as lines."""
        with self.client.get("/a", name="fast caught", stream=True, catch_response=True) as answer:
            while answer._response.read(4096):
                pass
        for _ in self.client.iter_lines("/a", name="fast lines"):
            pass

    @task
    def idle(self) -> None:
        """Nothing more."""
