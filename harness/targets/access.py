"""Declares the Kubernetes API permissions of code, next to the code that needs them.

Permissions are written as in `kubectl auth can-i list deployments.apps`: `access("list pods", "get pods/log", "patch nodes")`.
Discovery and `/version`, which every authenticated user may read by default, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.targets.files.target import Target

EVERYWHERE: Final = "*"
"""All namespaces at once; also for objects without a namespace, such as nodes."""
LOCK: Final = "@lock"
"""The namespace of the database's lock."""
_OF_THE_CLUSTER: Final = frozenset(
    {"nodes", "namespaces", "persistentvolumes", "clusterroles", "clusterrolebindings", "storageclasses"}
    | {"customresourcedefinitions", "priorityclasses", "ingressclasses", "runtimeclasses"}
)
"""Resources without a namespace."""
VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
"""Every verb that an access may name, in the order in which Roles list them."""
_WORDS: Final = re.compile(
    r"(?P<verbs>[a-z,]+) (?P<plural>[a-z][a-z0-9]*)(?:\.(?P<group>[a-z0-9.-]+))?(?:/(?P<below>[a-z][a-z0-9]*))?(?P<everywhere> -A)?"
)

_Known = TypeVar("_Known", bound=Callable[..., Any])


@dataclass(frozen=True, order=True, slots=True)
class Access:
    """One verb on one resource.

    Attributes:
        group: API group; empty for the core group.
        resource: resource, such as `pods` or `pods/log`.
        verb: verb, one of `VERBS`.
        at: name of a namespace, `EVERYWHERE`, `LOCK`, or empty for each of the target's namespaces.
        name: the only object that is accessed; empty: any object.
    """

    group: str
    resource: str
    verb: str
    at: str = ""
    name: str = ""

    def __str__(self) -> str:
        plural, slash, below = self.resource.partition("/")
        named = f"{plural}{'.' if self.group else ''}{self.group}{slash}{below}"
        named += f" {self.name}" if self.name else ""
        return f"{self.verb} {named}{' -A' if self.at == EVERYWHERE else f' -n {self.at}' if self.at else ''}"


def access(*words: str, at: str = "", name: str = "") -> tuple[Access, ...]:
    """Accesses from words such as `list,watch pods`, `patch deployments.apps`, `create pods/eviction`, `list pods -A`.

    Args:
        words: texts of verbs, separated by commas, and a resource.
        at: value of `Access.at`; objects without a namespace are `EVERYWHERE`.
        name: value of `Access.name`.

    Raises:
        UsageError: the words are not an access.
    """
    found: list[Access] = []
    for each in words:
        parts = _WORDS.fullmatch(each)
        verbs = parts["verbs"].split(",") if parts else []
        if parts is None or not {*verbs} <= {*VERBS}:
            raise UsageError(
                f"`{each}` is not an access", hint="write verbs and a resource: `get,list deployments.apps`"
            )
        resource = f"{parts['plural']}/{parts['below']}" if parts["below"] else parts["plural"]
        where = EVERYWHERE if parts["everywhere"] or parts["plural"] in _OF_THE_CLUSTER else at
        found += [Access(parts["group"] or "", resource, verb, where, name) for verb in verbs]
    return tuple(found)


AccessBy = Callable[..., Sequence[Access]]
"""Returns accesses for the target and the parameters of a demand."""


def accesses(*fixed: Access, by: AccessBy | None = None) -> Callable[[_Known], _Known]:
    """Declare the Kubernetes API permissions that a function needs.

    Args:
        fixed: permissions that do not depend on the target and the parameters.
        by: function that returns the permissions that depend on the target and the parameters.
    """

    def declare(function: _Known) -> _Known:
        setattr(function, "accesses", (fixed, by))  # noqa: B010 - of a function
        return function

    return declare


def accesses_of(function: object, target: Target, params: object = None) -> tuple[Access, ...] | None:
    """The permissions that a function declares; None if it declares none."""
    declared = getattr(function, "accesses", None)
    if declared is None:
        return None
    fixed, by = declared
    return (*fixed, *(by(target, params or {}) if by else ()))


def of_missing_add_on(asked: Iterable[Access], target: Target) -> Access | None:
    """The first access that creates an object of an add-on missing in `kubernetes.api_groups` of the target file.

    Kubernetes' own groups have no dot or end with `.k8s.io`, which its API conventions reserve.
    """
    installed = target.kubernetes.api_groups if target.kubernetes else ()
    created = (one for one in asked if one.verb == "create" and "." in one.group and not one.group.endswith(".k8s.io"))
    return next((one for one in sorted(created) if one.group not in installed), None)


def resource_of(version: str, kind: str) -> str:
    """The resource of a kind by Kubernetes' naming rule: `apps/v1`, `Deployment` becomes `deployments.apps`."""
    name = kind.lower()
    if name.endswith("endpoints"):
        plural = name
    elif name.endswith(("s", "x", "ch", "sh")):
        plural = f"{name}es"
    else:
        plural = f"{name[:-1]}ies" if name.endswith("y") and name[-2:-1] not in "aeiou" else f"{name}s"
    group = version.rpartition("/")[0]
    return f"{plural}.{group}" if group else plural


def placed(asked: Iterable[Access], target: Target) -> tuple[Access, ...]:
    """The accesses without duplicates, with the namespaces of a target by name."""
    from harness.targets.kubernetes import namespaces_of

    lock = target.database.leader.namespace if target.database and target.database.leader else ""
    found: set[Access] = set()
    for one in asked:
        where = {LOCK: (lock,), "": namespaces_of(target)}.get(one.at, (one.at,))
        found |= {replace(one, at=namespace) for namespace in where if namespace}
    everywhere = {(one.group, one.resource, one.verb) for one in found if one.at == EVERYWHERE and not one.name}
    return tuple(
        sorted(one for one in found if one.at == EVERYWHERE or (one.group, one.resource, one.verb) not in everywhere)
    )
