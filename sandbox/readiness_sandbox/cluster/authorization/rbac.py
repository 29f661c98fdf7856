"""Role-based access control: what the roles that are bound to a user allow, and the message of a refusal.

Source: Kubernetes, *Using RBAC Authorization*. A rule allows a request that matches one each of its verbs, groups and resources, and its names if it
has any. A ClusterRoleBinding counts everywhere, a RoleBinding in its namespace. A role that is missing allows nothing.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.authorization.attributes import Attributes
from readiness_sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from readiness_sandbox.cluster.authorization.accounts import User
    from readiness_sandbox.cluster.statuses import Object
    from readiness_sandbox.cluster.store import Store

GROUP: Final = "rbac.authorization.k8s.io"
ROLE, CLUSTER_ROLE, BINDING, CLUSTER_BINDING = (
    kinds.by_name(name) for name in ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
)
Rule = dict[str, Any]
_OF_ALL: Final[Sequence[Rule]] = (
    {"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"]},
    {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"]},
    {
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    },
    {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
)
"""What Kubernetes' own roles `system:discovery`, `system:public-info-viewer` and `system:basic-user` allow every user that is known."""


class Authorizer:
    """Decides by the roles and bindings in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, user: User, asked: Attributes) -> bool:
        """Whether a user may do that."""
        return user.is_master or any(_matches(rule, asked) for rule in self.rules(user, asked.namespace))

    def rules(self, user: User, namespace: str) -> Iterator[Rule]:
        """The rules that count for a user in a namespace; empty: in the whole cluster."""
        yield from _OF_ALL
        for binding in self._store.list(CLUSTER_BINDING):
            if _names(binding, user, ""):
                yield from self._role(binding, "")
        for binding in self._store.list(BINDING, namespace) if namespace else ():
            if _names(binding, user, namespace):
                yield from self._role(binding, namespace)

    def _role(self, binding: Object, namespace: str) -> Sequence[Rule]:
        reference = binding["roleRef"]
        of_cluster = reference["kind"] == "ClusterRole"
        try:
            found = self._store.get(
                CLUSTER_ROLE if of_cluster else ROLE, None if of_cluster else namespace, reference["name"]
            )
        except StatusError:
            return ()
        rules: Sequence[Rule] = found.get("rules") or ()
        return rules

    def require(self, user: User, asked: Attributes) -> None:
        """Raises StatusError 403 when a user may not do that."""
        if not self.allows(user, asked):
            raise forbidden(user, asked)

    def require_no_more(self, user: User, obj: Object, asked: Attributes) -> None:
        """Raises StatusError 403 when a role would allow more than the user who writes it may do.

        Of a binding the rules of its role count. A binding to a role that is missing is left to a master.
        """
        if user.is_master:
            return
        namespace = asked.namespace if obj["kind"] in ("Role", "RoleBinding") else ""
        binds = obj["kind"] in ("RoleBinding", "ClusterRoleBinding")
        rules = self._role(obj, namespace) if binds else obj.get("rules") or ()
        if binds and not rules:
            raise forbidden(user, asked, "the role is missing, or has no rules")
        for one in itertools.chain.from_iterable(_asked_by(rule, namespace) for rule in rules):
            if not self.allows(user, one):
                raise forbidden(user, asked, "attempting to grant RBAC permissions not currently held")


def forbidden(user: User, asked: Attributes, why: str = "") -> StatusError:
    """403, in the words of Kubernetes."""
    if not asked.resource:
        return StatusError(403, "Forbidden", f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"')
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    named = f'{qualified} "{asked.name}"' if asked.name else qualified
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    what = f'cannot {asked.verb} resource "{asked.what}" in API group "{asked.group}" {where}'
    details = {"name": asked.name, "group": asked.group, "kind": asked.resource}
    message = f'{named} is forbidden: User "{user.name}" {what}{f": {why}" if why else ""}'
    return StatusError(403, "Forbidden", message, {key: value for key, value in details.items() if value})


def _names(binding: Object, user: User, namespace: str) -> bool:
    """Whether a binding names a user."""
    for subject in binding.get("subjects") or ():
        match subject["kind"]:
            case "User" if subject["name"] == user.name:
                return True
            case "Group" if subject["name"] in user.groups:
                return True
            case "ServiceAccount":
                place = subject.get("namespace") or namespace
                if user.name == f"system:serviceaccount:{place}:{subject['name']}":
                    return True
    return False


def _matches(rule: Rule, asked: Attributes) -> bool:
    if not _one(rule.get("verbs"), asked.verb):
        return False
    if not asked.resource:
        return any(_covers(pattern, asked.path) for pattern in rule.get("nonResourceURLs") or ())
    below = f"*/{asked.subresource}" if asked.subresource else asked.what
    names = rule.get("resourceNames") or ()
    return (
        _one(rule.get("apiGroups"), asked.group)
        and (_one(rule.get("resources"), asked.what) or below in (rule.get("resources") or ()))
        and (not names or (bool(asked.name) and asked.name in names))
    )


def _one(allowed: Sequence[str] | None, asked: str) -> bool:
    return asked in (allowed or ()) or "*" in (allowed or ())


def _covers(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def _asked_by(rule: Rule, namespace: str) -> Iterator[Attributes]:
    """Everything that a rule allows, one by one; a star is asked for as such."""
    for verb, path in itertools.product(rule.get("verbs") or (), rule.get("nonResourceURLs") or ()):
        yield Attributes(verb=verb, path=path)
    parts = (
        rule.get("verbs") or (),
        rule.get("apiGroups") or (),
        rule.get("resources") or (),
        rule.get("resourceNames") or ("",),
    )
    for verb, group, what, name in itertools.product(*parts):
        resource, _, subresource = what.partition("/")
        yield Attributes(
            verb=verb, group=group, resource=resource, subresource=subresource, namespace=namespace, name=name
        )
