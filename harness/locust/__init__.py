"""Public façade for locustfiles: users who arrive on a schedule.

Journeys start on schedule, however slow the answers are.

    from harness.locust import Journey, OpenLoopUser

    class Visitor(OpenLoopUser):
        def journey(self, journey: Journey) -> None:
            journey.get("/", name="home")
            journey.think(2.0)
            journey.get("/tracks/7", name="read-track", expect={"id": 7})

`locust -f FILE --rate 25` then starts 25 journeys per second. This is an open model: a slow answer delays no other
journey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.locust.answer import Answer
    from harness.locust.closed import ClosedLoopUser
    from harness.locust.journey import Journey
    from harness.locust.process.target import target_entry
    from harness.locust.schedule.shapes import Shape
    from harness.locust.users import OpenLoopUser

__all__ = ["Answer", "ClosedLoopUser", "Journey", "OpenLoopUser", "Shape", "target_entry"]

_HOME = {
    "Answer": "harness.locust.answer",
    "ClosedLoopUser": "harness.locust.closed",
    "Journey": "harness.locust.journey",
    "OpenLoopUser": "harness.locust.users",
    "Shape": "harness.locust.schedule.shapes",
    "target_entry": "harness.locust.process.target",
}


def __getattr__(name: str) -> Any:
    """Load the name when it is asked for.

    Importing Locust patches sockets, and a schedule can be read without it.
    """
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
