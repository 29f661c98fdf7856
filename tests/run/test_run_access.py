"""The rights that a plan takes, as Roles."""

from __future__ import annotations

from harness.run.plan.access import roles
from harness.targets.access import EVERYWHERE, access


def test_roles_are_by_namespace() -> None:
    """One ClusterRole, a Role in each namespace; resources with the same verbs share a rule."""
    asked = [
        *access("list,watch nodes"),
        *access("list pods", "list services", at="shop"),
        *access("create pods/eviction", at="shop"),
        *access("patch deployments.apps", at="shop"),
    ]
    cluster, own = roles(asked, "Shop EU")["items"]
    assert asked[0].at == EVERYWHERE
    assert (cluster["kind"], cluster["metadata"]) == ("ClusterRole", {"name": "readiness-shop-eu"})
    assert cluster["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}]
    assert (own["kind"], own["metadata"]["namespace"]) == ("Role", "shop")
    assert own["rules"] == [
        {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]},
    ]
