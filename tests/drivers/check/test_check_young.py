"""What is not known of a pod that was made a moment ago convicts no platform; what is known of it does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from harness import clock
from harness.drivers.check.workloads.young import PodReading, is_starting, without_unknown_young
from harness.drivers.facts import FactReading
from tests.builders.full_target import full_target, loaded

if TYPE_CHECKING:
    from pathlib import Path

    from harness.targets import Target


def pod(name: str, age_s: float, app: str = "api", *, ready: bool = True, restarts: int = 0) -> dict[str, Any]:
    """A pod that was made so long ago."""
    made = (clock.wall() - timedelta(seconds=age_s)).isoformat()
    meta = {"name": name, "namespace": "north", "labels": {"app": app}, "creationTimestamp": made}
    conditions = [{"type": "Ready", "status": str(ready)}]
    status = {
        "podIP": "127.9.1.7",
        "conditions": conditions,
        "containerStatuses": [{"name": "main", "restartCount": restarts}],
    }
    return {"metadata": meta, "spec": {"containers": [{"name": "main"}]}, "status": status}


def read(one: dict[str, Any], *, lacks: bool = False, ok: bool | None = True) -> PodReading:
    """What was read of it; what lacks is not as expected."""
    seen = FactReading(subject=one["metadata"]["name"], expected="", observed="", ok=False if lacks else ok)
    return PodReading(one, seen, lacks)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """One whose Prometheus scrapes 15 times as often: a new pod is known within 9 s."""
    return loaded(tmp_path, full_target(tmp_path)).model_copy(update={"scrape_scale": 15.0})


def test_a_new_pod_that_is_not_known_yet_is_left_out(target: Target, subtests: pytest.Subtests) -> None:
    """Beside another of its workload, until it should be known; what is known of it counts, and so does a workload of which no pod is known."""
    old, new = read(pod("old", 60)), [read(pod("a", 3), lacks=True), read(pod("b", 3), lacks=True)]
    for case, readings, counts in [
        ("8 s old", [old, read(pod("new", 8), lacks=True)], ["old"]),
        ("10 s old", [old, read(pod("new", 10), lacks=True)], ["old", "new"]),
        ("all are new", [*new, read(pod("c", 60, "other"))], ["a", "b", "c"]),
        ("known", [old, read(pod("new", 1), ok=False)], ["old", "new"]),
    ]:
        with subtests.test(case):
            assert [one.subject for one in without_unknown_young(target, readings)] == counts


def test_a_pod_starts_until_it_is_ready_or_a_minute_old(subtests: pytest.Subtests) -> None:
    """One that was restarted has counted requests before; one without an address is on no node yet, and has no condition either."""
    pending = {"status": {"phase": "Pending"}}
    for made, starts in [
        (pod("a", 5, ready=False), True),
        (pod("a", 5), False),
        (pod("a", 5, ready=False, restarts=1), False),
        (pod("a", 61, ready=False), False),
        ({**pod("a", 5), **pending}, True),
        ({**pod("a", 61), **pending}, False),
    ]:
        with subtests.test(made=made):
            assert is_starting(made) is starts
