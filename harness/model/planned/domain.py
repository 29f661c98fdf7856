"""Fault domains: the parts that fail together, with the properties for planning, receipts and excuses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

ENTRY: Final = "entry"
"""Name of the part of a target that users reach: its reads, writes and shares of answers."""
WORKLOADS: Final = "workloads"
NODES: Final = "nodes"
DATABASE: Final = "database"
PARTS: Final = (ENTRY, WORKLOADS, NODES, DATABASE)
"""The parts of a target that a fault can disturb and that must be restored afterwards."""
CACHE: Final = "cache"
"""Domain of a fault that takes a primary of a cache."""
CONTAINER: Final = "container"
"""Domain of a fault after which a container is started again where it is."""


def part_of(part: str, name: str) -> str:
    """The name of one thing of a part, such as `workloads/api-gateway`; it has the thing and the part in common with others."""
    return f"{part}/{name}"


def thing_of(part: str) -> str:
    """The name of the thing that `part_of` named; empty for a complete part."""
    return part.partition("/")[2]


def common(touches: Collection[str], others: Collection[str]) -> bool:
    """Whether two steps of a run touch a part in common: the same one, or one that is a thing of the other."""
    return any(
        one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
        for one in touches
        for other in others
    )


class PartsState(NamedTuple):
    """State of parts of the target after a fault.

    Attributes:
        ok: whether all parts are restored.
        why: reason if they are not.
        missing: names of nodes, workloads and members that are not restored.
    """

    ok: bool
    why: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Domain:
    """One fault domain.

    Attributes:
        name: name in experiment files and plans.
        single_fault: whether it is a single fault of the requirement documents.
        disaster: whether a requirement may excuse the loss of the newest acknowledged writes.
        every_copy: whether its faults take every copy of the database, so that no durability keeps the newest acknowledged writes.
        hits: whether its faults hit pods or nodes by name, which the fault receipt must show.
        must: text on the required observation of the hit objects; empty if the confirming probe is enough.
        order: position in the run, ascending; the least disturbing experiments run first.
        touches: parts of the target that its faults disturb.
    """

    name: str
    single_fault: bool = False
    disaster: bool = False
    every_copy: bool = False
    hits: bool = False
    must: str = ""
    order: int
    touches: tuple[str, ...] = PARTS


_POD: Final = "pod's uid was observed to go"
_NODE: Final = "node was observed to go"

NO_FAULT: Final = Domain(name="none", order=0, touches=())
"""The domain of an experiment without a fault."""
UNKNOWN: Final = Domain(name="unknown", order=99)
"""The domain of an experiment file that names no domain."""

DOMAINS: Final = {
    domain.name: domain
    for domain in (
        Domain(name="pod", single_fault=True, hits=True, must=_POD, order=1, touches=(ENTRY, WORKLOADS)),
        Domain(name="node", single_fault=True, hits=True, must=_NODE, order=4),
        Domain(name="zone", hits=True, must=_NODE, order=5),
        Domain(name="database", single_fault=True, disaster=True, hits=True, must=_POD, order=6),
        Domain(name="region", disaster=True, hits=True, must=_NODE, order=7),
        Domain(name="members", disaster=True, every_copy=True, hits=True, must=_POD, order=8),
        Domain(name="service", hits=True, must=_POD, order=2, touches=(ENTRY, WORKLOADS)),
        Domain(name=CACHE, order=2, touches=(ENTRY, WORKLOADS)),
        Domain(name=CONTAINER, order=1, touches=(WORKLOADS,)),
        Domain(name="process", order=1, touches=(ENTRY,)),
        Domain(name="host", order=4),
        Domain(name="external", order=2, touches=(ENTRY,)),
        Domain(name="network", order=3, touches=(ENTRY, WORKLOADS, DATABASE)),
        NO_FAULT,
    )
}
"""Every domain that an experiment file may name, in the order of messages."""


def domain_of(name: str) -> Domain:
    """The domain with the given name; `UNKNOWN` for an unknown name."""
    return DOMAINS.get(name, UNKNOWN)


class KnownExperiments(dict[str, str]):
    """Domain of each experiment, by experiment name.

    Attributes:
        by_name: experiments that run only if a sentence names them; `every experiment of domain …` does not include them.
    """

    def __init__(self, domains: Mapping[str, str], by_name: Collection[str] = ()) -> None:
        super().__init__(domains)
        self.by_name = frozenset(by_name)


def only_by_name(experiments: Mapping[str, str]) -> frozenset[str]:
    """The experiments that run only if a sentence names them; empty for a plain mapping."""
    return experiments.by_name if isinstance(experiments, KnownExperiments) else frozenset()
