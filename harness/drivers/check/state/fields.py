"""Reads the fields of containers and workloads that no path leads to; their nouns are in `nouns.yaml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from harness.drivers.check.state.objects import BYPASS_SWITCHES, ContainerState, Source, WorkloadState
from harness.targets.cluster.workloads import all_containers, running_containers
from harness.targets.kubernetes import Object, has_condition

_DEFAULT_PERIOD_S: Final = 10
"""Kubernetes' default period of a probe, in s."""
_OFF: Final = frozenset({"", "0", "false", "no", "off", "none", "never"})
_SWITCHES_OFF: Final = re.compile(
    r"(?:^|[_.-])(?:skip|bypass|disable|disabled|no|without|insecure|allow[_.-]?anonymous)(?:[_.-]\w+)*?[_.-]?auth"
    r"|auth\w*(?:[_.-]\w+)*?[_.-](?:skip|bypass|disabled?|off|insecure)(?:$|[_.-])"
    r"|^auth_?mode_?none$|(?:^|[_.-])allow[_.-]?anonymous(?:$|[_.-])",
    re.IGNORECASE,
)
"""Names of settings that switch authentication off: SKIP_AUTH, AUTH_BYPASS, DISABLE_TOKEN_AUTH, allow-anonymous."""
_AUTH_SWITCH: Final = re.compile(
    r"(?:^|[_.-])(?:auth|authentication)(?:[_.-](?:enabled|required|mode|check))?$|(?:^|[_.-])(?:require|enable|check)[_.-]?auth\w*$",
    re.IGNORECASE,
)
"""Names of settings that require authentication: they are a bypass if they are off."""


class FieldUnknown(Exception):
    """The value of a field is in an object that cannot be read; the message names the object."""


def image_tag(image: str) -> str | None:
    """The tag of an image, or its digest if it has no tag; None if it has neither."""
    named, _, digest = image.partition("@")
    _, _, last = named.rpartition("/")  # a port of the registry is no tag
    _, _, tag = last.partition(":")
    return tag or digest or None


def _resources(containers: Iterator[Object]) -> str | None:
    """The quantities of all containers; None if a container lacks one."""
    stated = []
    for container in containers:
        resources = container.get("resources") or {}
        amounts = [
            (resources.get(bound) or {}).get(resource)
            for bound in ("requests", "limits")
            for resource in ("cpu", "memory")
        ]
        if None in amounts:
            return None
        stated.append("/".join(map(str, amounts)))
    return ", ".join(stated) or None


def _period(probe: str, container: Object) -> int | None:
    found = container.get(probe)
    return None if found is None else int(found.get("periodSeconds") or _DEFAULT_PERIOD_S)


def _workload_period(probe: str) -> Callable[[WorkloadState], str | None]:
    """The longest period in s among controllers, each with its most frequently probed container."""

    def read(state: WorkloadState) -> str | None:
        each = [[_period(probe, container) for container in pod["containers"]] for pod in state.templates]
        best = [min((period for period in periods if period is not None), default=None) for periods in each]
        known = [period for period in best if period is not None]
        return f"{max(known)} s" if len(known) == len(best) and known else None

    return read


def _ready(state: WorkloadState) -> list[Object]:
    return [pod for pod in state.pods if has_condition(pod, "Ready")]


def _share(state: WorkloadState) -> str:
    """The share of declared pods that are ready; 100 % if none is declared."""
    declared = state.declared
    return f"{100 * min(len(_ready(state)), declared) / declared:.4g} %" if declared else "100 %"


def _nodes(state: WorkloadState) -> str:
    return str(len({pod["spec"].get("nodeName") for pod in _ready(state)}))


def bypass_switches(pod: Object, source: Source = lambda _kind, _name: None) -> list[str]:
    """Names of settings in a pod specification that switch authentication off.

    Args:
        pod: the specification.
        source: function that returns keys and values of a ConfigMap or a Secret by kind and name; None if it does not exist.

    Raises:
        FieldUnknown: a container takes keys from an object that does not exist and is not optional.
    """
    found = []
    for container in all_containers(pod):
        settings = [*variables_of(container, source).items()]
        for word in (*(container.get("command") or []), *(container.get("args") or [])):
            flag, separator, value = str(word).lstrip("-").partition("=")
            if str(word).startswith("-"):
                settings.append((flag, value if separator else "true"))
        found += [name for name, value in settings if _bypasses(name, value)]
    return found


def variables_of(container: Object, source: Source) -> dict[str, str | None]:
    """The variables of a container; `env` takes precedence over `envFrom`. A value of None could not be read.

    Raises:
        FieldUnknown: it takes keys from an object that does not exist and is not optional.
    """
    found: dict[str, str | None] = {}
    for row in container.get("envFrom") or []:
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if reference := row.get(key):
                values = source(kind, str(reference["name"]))
                if values is None and not reference.get("optional"):
                    raise FieldUnknown(f"{kind} {reference['name']} of envFrom does not exist")
                found |= {f"{row.get('prefix') or ''}{name}": value for name, value in (values or {}).items()}
    for row in container.get("env") or []:
        elsewhere = row.get("valueFrom") or {}
        if reference := elsewhere.get("configMapKeyRef"):
            values = source("ConfigMap", str(reference["name"])) or {}
            if reference["key"] in values:
                found[str(row["name"])] = values[reference["key"]]
            elif not reference.get("optional"):
                raise FieldUnknown(f"ConfigMap {reference['name']} has no key {reference['key']}")
        else:  # the API server leaves an empty value out
            found[str(row["name"])] = None if elsewhere else row.get("value") or ""
    return found


def _bypasses(name: str, value: str | None) -> bool:
    """Whether a setting switches authentication off; if its value is unknown, its name decides."""
    off = value is not None and value.strip().lower() in _OFF
    if _SWITCHES_OFF.search(name):
        return not off
    return bool(_AUTH_SWITCH.search(name)) and off and value != ""


def _switches(state: WorkloadState) -> str:
    names = [name for pod in state.templates for name in bypass_switches(pod, state.source)]
    return f"{len(names)} ({', '.join(names)})" if names else "0"


CONTAINER_FIELDS: Final[Mapping[str, Callable[[ContainerState], str | None]]] = {
    "image tag": lambda state: image_tag(str(state.container.get("image", ""))),
    "resources": lambda state: _resources(iter([state.container])),
}
WORKLOAD_FIELDS: Final[Mapping[str, Callable[[WorkloadState], str | None]]] = {
    "ready replicas": lambda state: str(len(_ready(state))),
    "ready share": _share,
    "nodes": _nodes,
    "resources": lambda state: _resources(one for pod in state.templates for one in running_containers(pod)),
    "liveness period": _workload_period("livenessProbe"),
    "readiness period": _workload_period("readinessProbe"),
    BYPASS_SWITCHES: _switches,
}
"""Functions that read each field as a text, beginning with the number if it is one; None if the object does not state it."""
