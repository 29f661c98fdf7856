"""The permissions that a plan needs in the cluster, as a ServiceAccount with Roles and bindings for `kubectl apply`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from harness.drivers.chaos.restore import RESTORED
from harness.errors import ConfigurationError
from harness.run.acts.registry import drivers
from harness.targets.access import EVERYWHERE, VERBS, Access, accesses_of, placed
from harness.targets.cluster.service_account import is_pod, service_account
from harness.targets.safety.lease import lease_access

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.model import Plan
    from harness.run.acts.driver import Library
    from harness.targets import Target

RBAC: Final = "rbac.authorization.k8s.io/v1"


def planned_access(plan: Plan, library: Library, target: Target) -> tuple[tuple[Access, ...], tuple[str, ...]]:
    """The Kubernetes permissions that a run of the plan needs, and the parts of the plan that may need more; each once.

    An act may need more if its permissions depend on a file that cannot be read, such as manifests that the sandbox has not written yet.
    No permissions are needed if the target names no cluster.
    """
    from harness.drivers.check.release import read_release
    from harness.drivers.watch.registry import watchers

    unknown = list(_undeclared(plan, library))
    if target.kubernetes is None:
        return (), tuple(dict.fromkeys(unknown))
    asked = [one for watcher in watchers() if watcher.needs(target) for one in watcher.accesses(target)]
    for act in plan.acts:
        try:
            asked += drivers()[act.kind].accesses(plan.demand[act.demand], library, target)
        except ConfigurationError as error:
            unknown.append(f"{act.name}: {error.where}: {error.what}")
    if plan.live:
        asked += [*RESTORED, *lease_access(target)]
        asked += (accesses_of(read_release, target) or ()) if target.release.images else ()
    return placed(asked, target), tuple(dict.fromkeys(unknown))


def _undeclared(plan: Plan, library: Library) -> Iterator[str]:
    """The parts of the plan that do not declare their permissions."""
    for act in plan.acts:
        yield from drivers()[act.kind].undeclared(plan.demand[act.demand], library)


def roles(asked: Iterable[Access], name: str, account: tuple[str, str]) -> dict[str, Any]:
    """A List for `kubectl apply`: a ServiceAccount, one ClusterRole, one Role in each namespace, and their bindings to the account.

    Args:
        asked: permissions, as `planned_access` returns them; if there are none, the List is empty.
        name: name of the target, after which the roles are named.
        account: namespace and name of the ServiceAccount.
    """
    by_place: dict[str, list[Access]] = {}
    for one in asked:
        by_place.setdefault(one.at, []).append(one)
    named = account_name(name)
    subject = {"kind": "ServiceAccount", "namespace": account[0], "name": account[1]}
    who = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account[1], "namespace": account[0]}}
    items: list[dict[str, Any]] = [who] if by_place else []
    for place, own in sorted(by_place.items()):
        everywhere = place == EVERYWHERE
        metadata = {"name": named} if everywhere else {"name": named, "namespace": place}
        kind = "ClusterRole" if everywhere else "Role"
        reference = {"apiGroup": RBAC.partition("/")[0], "kind": kind, "name": named}
        items += [
            {"apiVersion": RBAC, "kind": kind, "metadata": metadata, "rules": _rules(own)},
            {
                "apiVersion": RBAC,
                "kind": f"{kind}Binding",
                "metadata": dict(metadata),
                "roleRef": reference,
                "subjects": [dict(subject)],
            },
        ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def account_name(target: str) -> str:
    """The name of the roles of a target, and of the ServiceAccount that has them: `readiness-shop`."""
    return f"readiness-{re.sub('[^a-z0-9]+', '-', target.lower()).strip('-')}"


def _account(target: Target) -> tuple[str, str]:
    """Namespace and name of the ServiceAccount for a target: that of this pod if the run uses it, else one of its own."""
    if target.kubernetes is None:
        return "default", account_name(target.name)
    if not target.kubernetes.context and is_pod():
        own = service_account(f"{target.file}: kubernetes")
        return own.namespace, own.name or account_name(target.name)
    return target.kubernetes.namespace, account_name(target.name)


def access_document(plan: Plan, library: Library, target: Target) -> dict[str, Any]:
    """The permissions as JSON data: `roles`, a List, and `undeclared`, the parts of the plan that may need more."""
    asked, unknown = planned_access(plan, library, target)
    return {"roles": roles(asked, target.name, _account(target)), "undeclared": list(unknown)}


def _rules(asked: Sequence[Access]) -> list[dict[str, Any]]:
    """One rule for all resources of a group that have the same verbs."""
    verbs: dict[tuple[str, str, str], set[str]] = {}
    for one in asked:
        verbs.setdefault((one.group, one.resource, one.name), set()).add(one.verb)
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, resource, name), own in sorted(verbs.items()):
        alike.setdefault((group, name, tuple(sorted(own, key=VERBS.index))), []).append(resource)
    return [
        {
            "apiGroups": [group],
            "resources": resources,
            **({"resourceNames": [name]} if name else {}),
            "verbs": list(own),
        }
        for (group, name, own), resources in alike.items()
    ]
