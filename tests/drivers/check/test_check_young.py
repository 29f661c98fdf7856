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


def left(target: Target, *readings: PodReading) -> list[str]:
    """The pods whose readings count."""
    return [one.subject for one in without_unknown_young(target, readings)]


def test_a_new_pod_that_is_not_known_yet_is_left_out(target: Target) -> None:
    """Made 8 s ago, beside another of its workload; 10 s ago, it should be known."""
    assert left(target, read(pod("old", 60)), read(pod("new", 8), lacks=True)) == ["old"]
    assert left(target, read(pod("old", 60)), read(pod("ten", 10), lacks=True)) == ["old", "ten"]


def test_a_workload_of_which_no_pod_is_known_is_not_left_out(target: Target) -> None:
    """All of its pods are new, as just after a rollout; another workload's pod is known."""
    new = [read(pod("a", 3), lacks=True), read(pod("b", 3), lacks=True)]
    assert left(target, *new, read(pod("c", 60, "other"))) == ["a", "b", "c"]


def test_what_is_known_of_a_new_pod_counts(target: Target) -> None:
    """Its share of the limit, too."""
    assert left(target, read(pod("old", 60)), read(pod("new", 1), ok=False)) == ["old", "new"]


@pytest.mark.parametrize(
    ("age_s", "condition", "starts"),
    [
        (5, {"ready": False}, "starting"),
        (5, {"ready": True}, "there"),
        (5, {"ready": False, "restarts": 1}, "there"),
        (61, {"ready": False}, "there"),
    ],
)
def test_a_pod_starts_until_it_is_ready_or_a_minute_old(age_s: float, condition: dict[str, Any], starts: str) -> None:
    """One that was restarted has counted requests before."""
    assert is_starting(pod("a", age_s, **condition)) is (starts == "starting")


@pytest.mark.parametrize(("age_s", "starts"), [(5, "starting"), (61, "there")])
def test_a_pod_without_an_address_is_on_no_node_yet(age_s: float, starts: str) -> None:
    """It has no condition either."""
    made = pod("a", age_s)
    assert is_starting({**made, "status": {"phase": "Pending"}}) is (starts == "starting")
