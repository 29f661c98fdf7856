"""The reviews by which a client asks for its own name and rights; nothing of them is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster.authorization.attributes import Attributes
from readiness_sandbox.cluster.statuses import bad_request

if TYPE_CHECKING:
    from readiness_sandbox.cluster.authorization.accounts import User
    from readiness_sandbox.cluster.authorization.rbac import Authorizer
    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.statuses import Object

GROUPS: Final = ("authorization.k8s.io", "authentication.k8s.io")


def reviewed(authorizer: Authorizer, user: User, kind: Kind, body: Any) -> Object:
    """The review with its status. Raises StatusError 400 when the body is not a review."""
    if not isinstance(body, dict) or not isinstance(spec := body.get("spec") or {}, dict):
        raise bad_request(f"the body must be a {kind.kind}")
    answer = {"SelfSubjectAccessReview": _access, "SelfSubjectRulesReview": _rules, "SelfSubjectReview": _self}[
        kind.kind
    ]
    status = answer(authorizer, user, spec)
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}, "spec": spec, "status": status}


def _access(authorizer: Authorizer, user: User, spec: Object) -> Object:
    of_resource, of_path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if not all(isinstance(one, dict | None) for one in (of_resource, of_path)) or bool(of_resource) is bool(of_path):
        raise bad_request("spec: exactly one of nonResourceAttributes or resourceAttributes must be specified")
    if of_path:
        asked = Attributes(verb=str(of_path.get("verb", "")), path=str(of_path.get("path", "")))
    else:
        words = ("verb", "group", "resource", "subresource", "namespace", "name")
        asked = Attributes(**{word: str((of_resource or {}).get(word) or "") for word in words})
    allowed = authorizer.allows(user, asked)
    return (
        {"allowed": allowed} if allowed else {"allowed": False, "reason": "no role that is bound to the user allows it"}
    )


def _rules(authorizer: Authorizer, user: User, spec: Object) -> Object:
    namespace = str(spec.get("namespace") or "")
    if not namespace:
        raise bad_request("no namespace on request")
    rules = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}] if user.is_master else []
    rules += authorizer.rules(user, namespace)
    return {
        "resourceRules": [rule for rule in rules if rule.get("resources")],
        "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": False,
    }


def _self(_authorizer: Authorizer, user: User, _spec: Object) -> Object:
    info: Object = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = {name: list(values) for name, values in user.extra}
    return {"userInfo": info}
