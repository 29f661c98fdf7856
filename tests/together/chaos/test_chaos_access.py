"""What actions and probes ask of the Kubernetes API is what they declare: the API server's audit events say so."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import chaosk8s
import pytest

from harness.chaos import actions, probes
from harness.chaos.confirmation import stock
from harness.chaos.session import PRESENT
from harness.drivers.chaos.rights import access_of_file
from harness.drivers.chaos.rights import of_package as asked_by
from harness.errors import ConfigurationError
from harness.targets.access import EVERYWHERE, Access, accesses_of, placed
from harness.targets.cluster.chaosk8s import FUNCTIONS
from tests.builders.stock_actions import perform

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


def node_loss() -> list[Callable[..., Any]]:
    """Cut power, confirm, give it back."""
    actions.power_off_node("topology.kubernetes.io/region=us-east-1")
    assert probes.hit_nodes_not_ready(within_s=30)
    actions.power_on_nodes()
    assert probes.nodes_ready(within_s=30)
    return [actions.power_off_node, probes.hit_nodes_not_ready, actions.power_on_nodes, probes.nodes_ready]


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


@pytest.mark.parametrize("run", [node_loss, injected, partition])
def test_nothing_is_asked_that_is_not_declared(pocket: Any, run: Callable[[], list[Callable[..., Any]]]) -> None:
    """And without what it writes declared, the comparison would fail: it can."""
    pocket.define()
    functions = run()
    declared = declared_by(*functions, target=pocket.target)
    assert len(pocket.asked) > 1
    assert beyond(pocket.asked, declared, pocket.target) == []
    reads = tuple(one for one in declared if one.verb in {"get", "list"} and one.resource != "pods/exec")
    assert beyond(pocket.asked, reads, pocket.target) != []


TRACKS: Final[dict[str, Any]] = {"label_selector": "app=track-service", "ns": "us-east-1"}
NODE: Final = {"name": "us-east-1a"}
SERVICE: Final[dict[str, Any]] = {"name": "track-service", "ns": "us-east-1"}
OF: Final = ("chaos-mesh.org", "v1alpha1")
PARTED: Final[dict[str, Any]] = {"group": OF[0], "version": OF[1], "plural": "networkchaos", "ns": "us-east-1"}
ONE, OTHER = ({"mode": "all", "selector": {"pods": {"us-east-1": [f"track-service-{n}"]}}} for n in (1, 2))
BODY: Final[dict[str, Any]] = {
    "apiVersion": "/".join(OF),
    "kind": "NetworkChaos",
    "metadata": {"name": "parted"},
    "spec": {"action": "partition", **ONE, "target": OTHER},
}


@pytest.mark.parametrize(
    ("place", "arguments"),
    [
        ("pod.actions.terminate_pods", {**TRACKS, "grace_period": 0}),
        ("deployment.actions.scale_deployment", {**SERVICE, "replicas": 0}),
        ("deployment.actions.delete_deployment", SERVICE),
        ("node.actions.cordon_node", NODE),
        ("node.actions.drain_nodes", NODE),
        ("networking.actions.deny_all_egress", {"ns": "us-east-1"}),
        ("crd.actions.create_custom_object", {**PARTED, "resource": BODY}),
    ],
)
def test_a_stock_action_with_its_record_and_its_undo_asks_what_is_declared(
    pocket: Any, place: str, arguments: dict[str, Any]
) -> None:
    """Of the function, of what the control reads and of what it puts back; without what it writes declared the comparison would fail."""
    pocket.define()
    for number in (1, 2):
        meta = pocket.get("Pod", "us-east-1", f"track-service-{number}")["metadata"]
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "t", "uid": "u", "controller": True}
        pocket.change("Pod", "us-east-1", f"track-service-{number}", metadata={**meta, "ownerReferences": [owner]})
    perform(place, **arguments)
    stock.put_back()
    module, _, name = f"chaosk8s.{place}".rpartition(".")
    declared = asked_by({"provider": {"type": "python", "module": module, "func": name, "arguments": arguments}})
    assert declared is not None
    assert beyond(pocket.asked, (*declared, *PRESENT), pocket.target) == []
    reads = tuple(one for one in declared if one.verb in {"get", "list"})
    assert beyond(pocket.asked, (*reads, *PRESENT), pocket.target) != []


def test_every_function_of_the_package_is_known_or_fails_everywhere() -> None:
    """Another version may add some: what they do would not be recorded. Those that are left out raise on every cluster.

    The probes of `chaosk8s.probes` are old names of others.
    """
    modules = [one.name for one in pkgutil.walk_packages(chaosk8s.__path__, "chaosk8s.")]
    exported = {
        f"{module.removeprefix('chaosk8s.')}.{name}"
        for module in modules
        if module.rpartition(".")[2] in ("actions", "probes") and module != "chaosk8s.probes"
        for name in import_module(module).__all__
    }
    failing = {"apply_from_json", "apply_from_yaml", "replace_custom_object", "replace_cluster_custom_object"}
    assert {*FUNCTIONS} - exported <= {"pod.actions.delete_pods", "pod.probes.all_pods_healthy"}
    assert exported - {*FUNCTIONS} == {f"crd.actions.{name}" for name in failing}


def test_an_object_whose_collection_a_variable_names_is_not_known() -> None:
    """Until the file is run nobody can tell what it asks."""
    provider = {"type": "python", "module": "chaosk8s.crd.actions", "func": "create_custom_object"}
    assert asked_by({"provider": {**provider, "arguments": {**PARTED, "plural": "${plural}"}}}) is None
    assert asked_by({"provider": {**provider, "arguments": PARTED}}) is not None


def test_of_our_own_experiments_everything_is_known(subtests: pytest.Subtests) -> None:
    """Of each activity."""
    for file in sorted(EXPERIMENTS.glob("*.yaml")):
        with subtests.test(file.stem):
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
    recorded = ["list nodes -A", "list pods", "get endpoints -n @lock"]
    assert asked == [
        ["list pods", "delete pods", *recorded],
        ["list pods", "get pods/exec", "create pods/exec", *recorded],
    ]


def test_a_file_that_is_gone_is_a_users_mistake(tmp_path: Path) -> None:
    """With its name, and no traceback."""
    with pytest.raises(ConfigurationError, match=r"gone\.yaml"):
        access_of_file(tmp_path / "gone.yaml")
