"""Records of faults: their undo, and their observed effect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """An entry of the undo log, on disk before an action changes anything, and deleted after the undo.

    Attributes:
        id: unique id.
        target: name of the target, for people.
        experiment: name of the experiment.
        action: description of the action, for people.
        undo: undo of the action: `{"do": "uncordon", "node": "us-east-1a"}`.
        written: wall-clock time of writing.
        platform: platform of the undo: address and authority of the API server, or the entry.
        module: Python module that defines the undo.
        version: version of this format.
    """

    id: str
    target: str
    experiment: str
    action: str
    undo: Mapping[str, Any]
    written: str
    platform: str
    module: str = ""
    version: int = 1


_HASH: Final = "[bcdfghjklmnpqrstvwxz2456789]"
"""Characters in generated Kubernetes names."""
_NUMBERED: Final = "[0-9]+"
_GENERATED: Final = f"{_HASH}{{5}}"
_OF_A_TEMPLATE: Final = f"{_HASH}{{6,10}}-{_GENERATED}"
_BEHIND: Final = {
    "StatefulSet": _NUMBERED,
    "ReplicaSet": f"{_OF_A_TEMPLATE}|{_GENERATED}",
    "DaemonSet": _GENERATED,
    "": f"{_NUMBERED}|{_OF_A_TEMPLATE}|{_GENERATED}",
}
"""The suffix of a pod's name after its workload's name, by controller: a number, or five characters with or without a hash.

A hash has up to ten characters.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """One object that a fault hit.

    Attributes:
        kind: `pod`, `node` or `process`.
        name, namespace, uid, address, region, workload: identity of the object; empty if unknown.
        controller: kind of a pod's owner, such as `ReplicaSet`; empty if unknown.
        owner: workload of a pod by its owner, not by its labels; empty if unknown.
    """

    kind: str
    name: str
    namespace: str = ""
    uid: str = ""
    address: str = ""
    region: str = ""
    workload: str = ""
    controller: str = ""
    owner: str = ""

    def is_of(self, namespace: str, workload: str) -> bool:
        """Whether it is a pod of the given workload, by its owner, else by its label, else by its name."""
        if self.kind != "pod" or self.namespace != namespace:
            return False
        if known := self.owner or self.workload:
            return known == workload
        behind = _BEHIND.get(self.controller, _GENERATED)
        return re.fullmatch(f"{re.escape(workload)}-(?:{behind})", self.name) is not None

    @property
    def is_of_its_node(self) -> bool:
        """Whether it is a pod that is not moved to another node, of a DaemonSet or a static pod."""
        return self.controller in {"DaemonSet", "Node"}


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultWindow:
    """Times of a fault in ns of CLOCK_MONOTONIC; None: not observed.

    Attributes:
        experiment: name of the experiment.
        domain: pod, node, zone, database, region, members, service, cache, process, host, external, network, or `none` without a fault.
        sent_ns: time at which the first action was sent.
        confirmed_ns: time at which a probe showed the fault.
        undone_ns: time at which the undo was sent (for `hold` its end); None if the fault needs no undo.
        gone_ns: time at which a probe no longer showed the fault.
        restarted_ns: time at which the file's action `restarted_by` restarted the stopped parts, as part of the
            measurement.
        restored_ns: time at which this action ended and said what was restored.
        restored_from: what it said, such as the name of a backup; empty: it said nothing.
        held: whether the fault was still active at the end of `hold`; None: not asked.
        gone_by: probe that confirms the end of the fault; empty: none is named or recorded.
        stays: this probe if its last run did not confirm the end of the fault; else empty.
        hit: hit objects.
        inferred: whether the hits are known only from ended objects, since a foreign action does not report hits.
        decisions_read: whether pods that an autoscaler ended could be left out of the hits.
        why: reason if something is missing.
    """

    experiment: str
    domain: str
    sent_ns: int | None = None
    confirmed_ns: int | None = None
    undone_ns: int | None = None
    gone_ns: int | None = None
    restarted_ns: int | None = None
    restored_ns: int | None = None
    restored_from: str = ""
    held: bool | None = None
    gone_by: str = ""
    stays: str = ""
    hit: tuple[Hit, ...] = field(default_factory=tuple)
    inferred: bool = False
    decisions_read: bool = True
    why: str = ""
