"""Conditions of sentences on the objects of a cluster: `image tag other than latest and user id other than 0`.

The fields that a sentence may name are listed here once; `harness.drivers.check.state` reads each of them from an object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.errors import UsageError


class StateObject(StrEnum):
    """The kinds of objects that a sentence may check, one by one."""

    CONTAINER = "container"
    """A container, or init container, of a Deployment, StatefulSet, DaemonSet, CronJob, Job, or of a pod without a controller."""
    WORKLOAD = "workload"
    """The Deployments, StatefulSets and DaemonSets of a namespace whose pods have the same `app` label and component."""


class Comparison(StrEnum):
    """How a field is compared with the value in the sentence."""

    AT_LEAST = "at least"
    AT_MOST = "at most"
    OTHER_THAN = "other than"
    EQUAL = "equal to"
    STATED = "stated"
    """The field is stated by the object; the condition has no value."""


STATE_FIELDS: Final[Mapping[StateObject, Mapping[str, str]]] = {
    StateObject.CONTAINER: {
        "run-as-non-root": "`runAsNonRoot` of its security context, else of the pod's: true or false",
        "user id": "`runAsUser` of its security context, else of the pod's",
        "image tag": "the tag of its image; an image that is named by its digest alone has that digest",
        "resources": "CPU and memory, as request and as limit; it is stated where all four are",
        "liveness period": "seconds between two liveness probes",
        "readiness period": "seconds between two readiness probes",
        "privilege escalation": "`allowPrivilegeEscalation` of its security context: true or false",
    },
    StateObject.WORKLOAD: {
        "ready replicas": "pods that are ready",
        "ready share": "ready pods in percent of the declared ones; 100 % if none is declared",
        "nodes": "nodes that its ready pods run on",
        "resources": "CPU and memory, as request and as limit, of each of its containers; it is stated where all are",
        "liveness period": "seconds between two liveness probes of the container that is probed most often",
        "readiness period": "seconds between two readiness probes of the container that is probed most often",
        "bypass switches": "settings that switch authentication off: variables (those of `envFrom` too) and arguments by their name, unless they are set to an off value; also of Jobs and CronJobs",
    },
}
"""The fields of each kind of object with descriptions; an object that does not state a field never meets a condition on it."""

_VALUE: Final = r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}(?: (?:s|%))?"


_FIELD: Final = "|".join(
    sorted({re.escape(name) for known in STATE_FIELDS.values() for name in known}, key=len, reverse=True)
)
_HOW: Final = "|".join(how.value for how in Comparison if how is not Comparison.STATED)
_CONDITION: Final = rf"(?:{_FIELD}) (?:stated|(?:{_HOW}) {_VALUE})"
CONDITIONS_PATTERN: Final = rf"{_CONDITION}(?:, {_CONDITION})*(?: and {_CONDITION})?"
"""Regular expression of the conditions in a sentence, without groups."""
_ONE: Final = re.compile(rf"(?P<field>{_FIELD}) (?:stated|(?P<how>{_HOW}) (?P<value>{_VALUE}))")


@dataclass(frozen=True, kw_only=True, slots=True)
class StateCondition:
    """One field compared with a value.

    Attributes:
        field: its name.
        how: the comparison.
        value: as the sentence writes it, with its unit; empty for `stated`.
    """

    field: str
    how: Comparison
    value: str = ""

    def __str__(self) -> str:
        return f"{self.field} {self.how.value} {self.value}".rstrip()

    def holds(self, stated: str | None) -> bool:
        """Whether a field with this text meets the condition; None is a field that the object does not state."""
        if stated is None:
            return False
        if self.how is Comparison.STATED:
            return True
        if self.how is Comparison.OTHER_THAN:
            return stated != self.value
        if self.how is Comparison.EQUAL:
            return stated == self.value
        number, limit = _number(stated), _number(self.value)
        if number is None or limit is None:
            return False
        return number >= limit if self.how is Comparison.AT_LEAST else number <= limit


def conditions_of(of: StateObject, text: str) -> tuple[StateCondition, ...]:
    """The conditions of a sentence.

    Args:
        of: the kind of objects in the sentence.
        text: like `image tag other than latest and user id other than 0`.

    Raises:
        UsageError: it is not a list of conditions, the object has no such field, or a number is expected and there is none.
    """
    if re.fullmatch(CONDITIONS_PATTERN, text) is None:
        raise UsageError(
            f"{text!r} is not a list of conditions",
            hint="write them like `image tag other than latest and user id other than 0`",
        )
    found = [
        StateCondition(field=one["field"], how=Comparison(one["how"] or "stated"), value=one["value"] or "")
        for one in _ONE.finditer(text)
    ]
    for condition in found:
        if condition.field not in STATE_FIELDS[of]:
            known = ", ".join(STATE_FIELDS[of])
            raise UsageError(f"a {of.value} has no field `{condition.field}`", hint=f"its fields are: {known}")
        numeric = condition.how in (Comparison.AT_LEAST, Comparison.AT_MOST)
        if numeric and _number(condition.value) is None:
            raise UsageError(
                f"`{condition.value}` is not a number", where=str(condition), hint="write it like `at most 10 s`"
            )
    return tuple(found)


def _number(text: str) -> float | None:
    """The number at the beginning of a value, ignoring its unit; None if there is none."""
    found = re.match(r"[0-9]+(?:\.[0-9]+)?(?= |$)", text)
    return float(found[0]) if found else None
