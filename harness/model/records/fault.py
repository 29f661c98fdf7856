"""Breaking things: what must be undone, and what was observed to be broken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """An entry of the undo log: written and fsynced before an action changes anything, struck when it is undone.

    Attributes:
        id: unique.
        target: name of the target, for people.
        experiment: which experiment.
        action: what is about to be done, for people.
        undo: what undoes it: `{"do": "uncordon", "node": "us-east-1a"}`.
        written: wall clock.
        platform: what the undo acts on: address and authority of the API server, or the entry.
        module: the Python module that defines the undo.
        version: of this format.
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
"""Characters that Kubernetes makes names of."""
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

A hash has ten characters, or fewer where its number is small.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """One object that the fault hit, read from the target.

    Attributes:
        kind: `pod`, `node` or `process`.
        name, namespace, uid, address, region, workload: identify the object; empty if unknown.
        controller: the kind of a pod's owner, like `ReplicaSet`; empty if unknown.
        owner: the workload of a pod by its owner, not by its labels; empty if unknown.
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
        """Whether it is a pod of the workload of that name, by its owner, else by its label, else by its name."""
        if self.kind != "pod" or self.namespace != namespace:
            return False
        if known := self.owner or self.workload:
            return known == workload
        behind = _BEHIND.get(self.controller, _GENERATED)
        return re.fullmatch(f"{re.escape(workload)}-(?:{behind})", self.name) is not None

    @property
    def is_of_its_node(self) -> bool:
        """Whether it is a pod that is not moved to another node: a pod of a DaemonSet, or a static pod."""
        return self.controller in {"DaemonSet", "Node"}


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultWindow:
    """When a fault was active, in ns of CLOCK_MONOTONIC; None: not observed.

    Attributes:
        experiment: by name.
        domain: pod, node, zone, database, region, service, process, host, external, network, or `none` for the null run.
        sent_ns: the first action was sent.
        confirmed_ns: a reading of the target showed the fault.
        undone_ns: the undo was sent (for a fault kept by `hold`: the end of `hold`); None if the fault needs no undo.
        gone_ns: a reading of the target no longer showed the fault.
        restarted_ns: the file's own action restarted what the fault had stopped, as part of the measurement (`restarted_by`).
        held: whether the fault was still active at the end of `hold`; None: not asked.
        gone_by: the probe in the file that confirms the end of the fault; empty if none is named or recorded.
        stays: the same probe if its last reading did not confirm the end of the fault; else empty.
        hit: what the fault hit. inferred: whether this follows only from what ended, since a foreign action does not report hits.
        decisions_read: whether pods that an autoscaler ended could be left out of the hits.
        why: explanation if something is missing.
    """

    experiment: str
    domain: str
    sent_ns: int | None = None
    confirmed_ns: int | None = None
    undone_ns: int | None = None
    gone_ns: int | None = None
    restarted_ns: int | None = None
    held: bool | None = None
    gone_by: str = ""
    stays: str = ""
    hit: tuple[Hit, ...] = field(default_factory=tuple)
    inferred: bool = False
    decisions_read: bool = True
    why: str = ""
