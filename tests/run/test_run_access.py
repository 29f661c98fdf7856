"""The rights that a plan takes, as Roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.run.plan.access import account_name, roles
from harness.targets import load_target
from harness.targets.access import EVERYWHERE, access, placed
from harness.targets.safety.lease import lease_access

if TYPE_CHECKING:
    from pathlib import Path


def test_roles_are_by_namespace() -> None:
    """One ClusterRole, a Role in each namespace, each bound to the account; resources with the same verbs share a rule."""
    asked = [
        *access("list,watch nodes"),
        *access("list pods", "list services", at="shop"),
        *access("create pods/eviction", at="shop"),
        *access("patch deployments.apps", at="shop"),
    ]
    account, cluster, cluster_binding, own, binding = roles(asked, "Shop EU", ("jobs", "nightly"))["items"]
    assert (account["kind"], account["metadata"]) == ("ServiceAccount", {"name": "nightly", "namespace": "jobs"})
    subjects = [{"kind": "ServiceAccount", "namespace": "jobs", "name": "nightly"}]
    for role, bound in ((cluster, cluster_binding), (own, binding)):
        assert (bound["kind"], bound["metadata"]) == (f"{role['kind']}Binding", role["metadata"])
        assert bound["subjects"] == subjects
        assert bound["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": role["kind"],
            "name": "readiness-shop-eu",
        }
    assert asked[0].at == EVERYWHERE
    assert (cluster["kind"], cluster["metadata"]) == ("ClusterRole", {"name": "readiness-shop-eu"})
    assert cluster["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}]
    assert (own["kind"], own["metadata"]["namespace"]) == ("Role", "shop")
    assert own["rules"] == [
        {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]},
    ]


def test_the_lease_is_the_only_object_of_its_kind_that_is_changed(tmp_path: Path) -> None:
    """Any name may be created, as Kubernetes cannot restrict that verb; `lease: none` asks for nothing."""
    file = tmp_path / "target.yaml"
    said = (
        "name: a\nenvironment: staging\nentry: https://a.test\nkubernetes: {context: c, namespace: shop, lease: %s}\n"
    )
    file.write_text(said % "{name: one-run}")
    asked = lease_access(load_target(file))
    assert [str(one) for one in asked] == [
        "create leases.coordination.k8s.io -n shop",
        "get leases.coordination.k8s.io one-run -n shop",
        "patch leases.coordination.k8s.io one-run -n shop",
    ]
    role = roles(placed(asked, load_target(file)), "a", ("shop", "a"))["items"][1]
    assert role["rules"] == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": ["one-run"],
            "verbs": ["get", "patch"],
        },
    ]
    file.write_text(said % "none")
    assert lease_access(load_target(file)) == ()
    assert roles([], "a", ("shop", "a"))["items"] == []


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("shop", "readiness-shop"),
        ("Shop_EU", "readiness-shop-eu"),
        ("a._b", "readiness-a-b"),
        ("v1..2-", "readiness-v1-2"),
    ],
)
def test_the_account_has_a_name_that_kubernetes_takes(target: str, name: str) -> None:
    """Whatever the target is called."""
    assert account_name(target) == name
