"""The rules for roles and bindings, in the words of Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness_sandbox.cluster.names import Cause
    from readiness_sandbox.cluster.statuses import Object

_API_GROUP = "rbac.authorization.k8s.io"
_SUBJECTS = ("ServiceAccount", "User", "Group")


def role(obj: Object) -> Iterator[Cause]:
    """A Role or a ClusterRole."""
    of_namespace = obj["kind"] == "Role"
    for i, rule in enumerate(obj.get("rules") or ()):
        path = f"rules[{i}]"
        if not rule.get("verbs"):
            yield f"{path}.verbs", "Required value: verbs must contain at least one value"
        if rule.get("nonResourceURLs"):
            if of_namespace:
                why = "Invalid value: namespaced rules cannot apply to non-resource URLs"
                yield f"{path}.nonResourceURLs", why
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                yield (
                    f"{path}.nonResourceURLs",
                    "Invalid value: rules cannot apply to both regular resources and non-resource URLs",
                )
            continue
        if not rule.get("apiGroups"):
            yield f"{path}.apiGroups", "Required value: resource rules must supply at least one api group"
        if not rule.get("resources"):
            yield f"{path}.resources", "Required value: resource rules must supply at least one resource"


def binding(obj: Object) -> Iterator[Cause]:
    """A RoleBinding or a ClusterRoleBinding."""
    reference, kinds = (
        obj.get("roleRef") or {},
        ("Role", "ClusterRole") if obj["kind"] == "RoleBinding" else ("ClusterRole",),
    )
    if reference.get("apiGroup") != _API_GROUP:
        yield (
            "roleRef.apiGroup",
            f'Unsupported value: "{reference.get("apiGroup", "")}": supported values: "{_API_GROUP}"',
        )
    if reference.get("kind") not in kinds:
        listed = ", ".join(f'"{kind}"' for kind in kinds)
        yield "roleRef.kind", f'Unsupported value: "{reference.get("kind", "")}": supported values: {listed}'
    for i, subject in enumerate(obj.get("subjects") or ()):
        if subject["kind"] not in _SUBJECTS:
            listed = ", ".join(f'"{kind}"' for kind in _SUBJECTS)
            yield f"subjects[{i}].kind", f'Unsupported value: "{subject["kind"]}": supported values: {listed}'
        if subject["kind"] == "ServiceAccount" and not subject.get("namespace") and obj["kind"] == "ClusterRoleBinding":
            yield f"subjects[{i}].namespace", "Required value"


def binding_change(old: Object, new: Object) -> Iterator[Cause]:
    """A binding keeps its role."""
    if old["roleRef"] != new["roleRef"]:
        yield "roleRef", "Invalid value: cannot change roleRef"
