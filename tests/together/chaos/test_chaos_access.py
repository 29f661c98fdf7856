"""What actions and probes ask of the Kubernetes API is what they declare: the API server's audit events say so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from harness.chaos import actions, probes
from harness.drivers.chaos.rights import access_of_file
from harness.errors import ConfigurationError
from harness.targets.access import EVERYWHERE, Access, access, accesses_of, placed

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.targets import Target

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


def beyond(asked: list[dict[str, Any]], declared: tuple[Access, ...], target: Target) -> list[str]:
    """Requests that no declared access allows."""
    allowed = set(placed(declared, target))
    found = []
    for event in asked:
        of = event["objectRef"]
        below = f"/{of['subresource']}" if "subresource" in of else ""
        group, resource = of.get("apiGroup", ""), of["resource"] + below
        places = (of.get("namespace", EVERYWHERE), EVERYWHERE)
        if not any(Access(group, resource, event["verb"], place) in allowed for place in places):
            found.append(f"{event['verb']} {event['requestURI']}")
    return found


def declared_by(*functions: Callable[..., Any], target: Target) -> tuple[Access, ...]:
    """Everything that functions declare; each must declare something."""
    found = [accesses_of(function, target) for function in functions]
    assert None not in found
    return tuple(one for own in found for one in own or ())


def pod_loss() -> list[Callable[..., Any]]:
    """Kill, confirm, wait."""
    actions.kill_pods("app=track-service", "us-east-1", qty=1)
    assert probes.hit_pods_gone(within_s=30)
    probes.workloads_ready(within_s=0.2)
    probes.members_streaming(within_s=0.2)
    return [actions.kill_pods, probes.hit_pods_gone, probes.workloads_ready, probes.members_streaming]


def node_loss() -> list[Callable[..., Any]]:
    """Cut power, confirm, give it back."""
    actions.power_off_node("topology.kubernetes.io/region=us-east-1")
    assert probes.hit_nodes_not_ready(within_s=30)
    actions.power_on_nodes()
    assert probes.nodes_ready(within_s=30)
    return [actions.power_off_node, probes.hit_nodes_not_ready, actions.power_on_nodes, probes.nodes_ready]


def primary_loss() -> list[Callable[..., Any]]:
    """Kill the leader, confirm, lead from home again."""
    actions.kill_leader()
    assert probes.leader_changed(within_s=30)
    actions.uncordon_nodes()
    actions.lead_from_home(within_s=30)
    return [actions.kill_leader, probes.leader_changed, actions.uncordon_nodes, actions.lead_from_home]


def service_loss() -> list[Callable[..., Any]]:
    """Scale to none, and back."""
    actions.take_service("track-service")
    actions.give_services_back()
    return [actions.take_service, actions.give_services_back]


def injected() -> list[Callable[..., Any]]:
    """Answers that fail, and no more."""
    actions.fail_answers(10)
    actions.end_faults()
    return [actions.fail_answers, actions.end_faults]


def partition() -> list[Callable[..., Any]]:
    """Part a standby, confirm, join it again."""
    actions.partition_member()
    assert probes.member_parted(within_s=30)
    actions.end_faults()
    assert probes.members_streaming(within_s=30)
    return [actions.partition_member, probes.member_parted, actions.end_faults, probes.members_streaming]


def containers() -> list[Callable[..., Any]]:
    """Change one, confirm, wait for a restart, restore."""
    actions.run_in_containers("app=track-service", "us-east-1", command="touch down", undo="rm -f down")
    assert probes.command_succeeds_in_hit_pods("test -e down", within_s=30)
    probes.hit_containers_restarted(within_s=0.2)
    actions.restore_containers()
    used: list[Callable[..., Any]] = [
        actions.run_in_containers,
        probes.command_succeeds_in_hit_pods,
        probes.hit_containers_restarted,
    ]
    return [*used, actions.restore_containers]


@pytest.mark.parametrize("run", [pod_loss, node_loss, primary_loss, service_loss, injected, partition, containers])
def test_nothing_is_asked_that_is_not_declared(pocket: Any, run: Callable[[], list[Callable[..., Any]]]) -> None:
    """And without what it writes declared, the comparison would fail: it can."""
    pocket.define()
    functions = run()
    declared = declared_by(*functions, target=pocket.target)
    assert len(pocket.asked) > 1
    assert beyond(pocket.asked, declared, pocket.target) == []
    reads = tuple(one for one in declared if one.verb in {"get", "list"} and one.resource != "pods/exec")
    assert beyond(pocket.asked, reads, pocket.target) != []


def test_every_function_for_experiments_declares() -> None:
    """Also `hold`, which asks nothing."""
    names = [getattr(module, name) for module in (actions, probes) for name in module.__all__]
    assert [one.__name__ for one in names if getattr(one, "accesses", None) is None] == []


@pytest.mark.parametrize("file", sorted(EXPERIMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_of_our_own_experiments_everything_is_known(file: Path) -> None:
    """Of each activity."""
    assert access_of_file(file).unknown == ()


_ONE_ACTION: Final = """\
title: one action on pods
description: what a file asks
method:
  - type: action
    name: act
    provider: {type: python, module: chaosk8s.pod.actions, FUNCTION}
"""


def test_a_file_that_was_changed_is_asked_again(tmp_path: Path) -> None:
    """Of one path, both times."""
    file, asked = tmp_path / "pods.yaml", []
    for function in ("func: delete_pods", "func: exec_in_pods, arguments: {cmd: ls}"):
        file.write_text(_ONE_ACTION.replace("FUNCTION", function), encoding="utf-8")
        asked.append([str(one) for one in access_of_file(file).known])
    assert asked == [["list pods", "delete pods"], ["list pods", "get pods/exec", "create pods/exec"]]


def test_a_file_that_is_gone_is_a_users_mistake(tmp_path: Path) -> None:
    """With its name, and no traceback."""
    with pytest.raises(ConfigurationError, match=r"gone\.yaml"):
        access_of_file(tmp_path / "gone.yaml")


def test_words_are_kubectls() -> None:
    """As `kubectl auth can-i` takes them."""
    assert [str(one) for one in access("get,list deployments.apps", "get pods/log", "patch nodes")] == [
        "get deployments.apps",
        "list deployments.apps",
        "get pods/log",
        "patch nodes -A",
    ]
