"""Commands in containers: what they change is put right again, by the experiment or by recovery."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from harness import clock
from harness.chaos import actions, probes
from harness.chaos.session import session
from harness.errors import FaultNotInjected, TargetUnreachable
from harness.targets.cluster.commands import run_in_pod
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import recover

if TYPE_CHECKING:
    from pathlib import Path

DOWN: dict[str, Any] = {
    "label_selector": "app=track-service",
    "ns": "us-east-1",
    "command": "touch down",
    "undo": "rm down",
}


def test_a_command_changes_the_first_pods_by_name_and_is_undone(pocket: Any, tmp_path: Path) -> None:
    """Two of three; its undo is on disk meanwhile, and struck afterwards."""
    hits = actions.run_in_containers(**DOWN, qty=2)
    assert [hit["name"] for hit in hits["hit"]] == ["track-service-1", "track-service-2"]
    assert probes.command_succeeds_in_hit_pods("test -e down", within_s=30)
    assert sorted(path.parent.name for path in tmp_path.rglob("down")) == ["track-service-1", "track-service-2"]
    assert len(pending_intents(session().platform)) == 2
    assert probes.workloads_ready(within_s=30)  # the pods stay, and are counted
    assert sorted(actions.restore_containers()) == ["track-service-1", "track-service-2"]
    assert not list(tmp_path.rglob("down"))
    assert not pending_intents(session().platform)


def test_recovery_puts_a_container_right_and_leaves_a_pod_that_came_since(pocket: Any, tmp_path: Path) -> None:
    """The undo is of the pod that was hit, by its uid."""
    actions.run_in_containers(**DOWN)
    left = recover(pocket.target, session().platform)
    assert not left.left
    assert not list(tmp_path.rglob("down"))
    actions.run_in_containers(**DOWN)
    session().cluster.delete_pod("us-east-1", "track-service-1", grace_s=0)
    assert not recover(pocket.target, session().platform).left
    assert [path.parent.name for path in tmp_path.rglob("down")] == ["track-service-1"]


def test_a_command_that_fails_is_no_fault(pocket: Any) -> None:
    """Its code and what it said last; a probe of what it changed says no."""
    with pytest.raises(FaultNotInjected, match="ended with 3 in us-east-1/track-service-1: cannot"):
        actions.run_in_containers("app=track-service", "us-east-1", command="echo cannot >&2; exit 3", undo="true")
    with pytest.raises(FaultNotInjected, match="0 ready pods match app=nobody in us-east-1, expected 1 to be hit"):
        actions.run_in_containers("app=nobody", "us-east-1", command="true", undo="true")
    actions.run_in_containers("app=track-service", "us-east-1", command="true", undo="true")
    with pytest.raises(FaultNotInjected, match="track-service-1 did not run `test -e down` with exit code 0 after 0"):
        probes.command_succeeds_in_hit_pods("test -e down", within_s=0.2)


def test_a_restart_is_one_more_than_before_the_fault(pocket: Any) -> None:
    """It had been started again twice before; a third time counts."""
    pod = pocket.get("Pod", "us-east-1", "track-service-1")

    def restarted(times: int) -> None:
        one = {"name": "c", "image": "i", "imageID": "i", "ready": True, "restartCount": times}
        pocket.change("Pod", "us-east-1", "track-service-1", status={**pod["status"], "containerStatuses": [one]})

    restarted(2)
    actions.run_in_containers("app=track-service", "us-east-1", command="true", undo="true")
    assert not probes.hit_containers_restarted(within_s=0.2)
    restarted(3)
    assert probes.hit_containers_restarted(within_s=30)


@pytest.mark.parametrize(("ago_s", "more_s", "begun"), [(-1.0, 0.2, False), (-1.0, 10.0, True), (3.0, 0.2, True)])
def test_liveness_is_probed_after_its_initial_delay(pocket: Any, ago_s: float, more_s: float, *, begun: bool) -> None:
    """1 s after the container was started, for which it waits; one that was not yet, or has no such probe, is told from it."""
    pod = pocket.get("Pod", "us-east-1", "track-service-1")
    [container] = pod["spec"]["containers"]

    def now(state: dict[str, Any], more_s: float, **probe: Any) -> bool:
        spec = {**pod["spec"], "containers": [{**container, **({"livenessProbe": probe} if probe else {})}]}
        one = {
            "name": container["name"],
            "image": "i",
            "imageID": "i",
            "ready": True,
            "restartCount": 0,
            "state": state,
        }
        pocket.change(
            "Pod", "us-east-1", "track-service-1", spec=spec, status={**pod["status"], "containerStatuses": [one]}
        )
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


def test_a_pod_that_is_over_has_nothing_to_be_put_right(pocket: Any) -> None:
    """As one that was evicted: its object stays, and no command runs in it any more."""
    actions.run_in_containers("app=track-service", "us-east-1", command="true", undo="exit 3")
    pod = pocket.get("Pod", "us-east-1", "track-service-1")
    pocket.change("Pod", "us-east-1", "track-service-1", status={**pod["status"], "phase": "Failed"})
    assert not recover(pocket.target, session().platform).left
