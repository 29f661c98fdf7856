"""Containers: since when their liveness is probed, and commands in them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from harness import clock
from harness.chaos import probes
from harness.errors import TargetUnreachable
from harness.targets.cluster.commands import run_in_pod


@pytest.mark.parametrize(("ago_s", "more_s", "begun"), [(-1.0, 0.2, False), (-1.0, 10.0, True), (3.0, 0.2, True)])
def test_liveness_is_probed_after_its_initial_delay(pocket: Any, ago_s: float, more_s: float, *, begun: bool) -> None:
    """1 s after the container was started, for which it waits; one that was not yet, or has no such probe, is told from it."""
    pod = pocket.get("Pod", "us-east-1", "track-service-1")
    [container] = pod["spec"]["containers"]

    def now(state: dict[str, Any], more_s: float, **probe: Any) -> bool:
        spec = {**pod["spec"], "containers": [{**container, **({"livenessProbe": probe} if probe else {})}]}
        one = {"name": container["name"], "image": "i", "imageID": "i", "ready": True, "restartCount": 0}
        status = {**pod["status"], "containerStatuses": [{**one, "state": state}]}
        pocket.change("Pod", "us-east-1", "track-service-1", spec=spec, status=status)
        return probes.liveness_begun("app=track-service", "us-east-1", more_s=more_s)

    at = (clock.wall() - timedelta(seconds=ago_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
    probe = {"initialDelaySeconds": 1, "tcpSocket": {"port": 80}}
    assert now({"running": {"startedAt": at}}, more_s, **probe) is begun
    assert not now({"waiting": {"reason": "ContainerCreating"}}, 0.2, **probe)
    assert now({"waiting": {"reason": "ContainerCreating"}}, 0.2)


def test_what_cannot_be_run_says_where(pocket: Any) -> None:
    """No such pod; a command that does not end in time."""
    with pytest.raises(TargetUnreachable, match="`true` in us-east-1/nobody was refused"):
        run_in_pod(pocket.target, "us-east-1", "nobody", ["true"])
    with pytest.raises(TargetUnreachable, match=r"did not end within 0\.3 s"):
        run_in_pod(pocket.target, "us-east-1", "track-service-1", ["sleep", "5"], within_s=0.3)
