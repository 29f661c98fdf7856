"""Columns of server-side tables, and the cells that many kinds have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import clock
from readiness_sandbox.cluster.durations import human
from readiness_sandbox.cluster.selectors import Selector
from readiness_sandbox.cluster.timestamps import passed_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from readiness_sandbox.cluster.statuses import Object

NONE = "<none>"
UNKNOWN = "<unknown>"


@dataclass(frozen=True, slots=True)
class Column:
    """How one cell of a kind's row is called and computed.

    Priority 1 shows with `-o wide` only.
    """

    name: str
    cell: Callable[[Object], Any]
    type: str = "string"
    priority: int = 0

    @property
    def definition(self) -> Object:
        """The TableColumnDefinition."""
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": "",
            "priority": self.priority,
        }


def field_of(obj: Any, path: str, default: Any = None) -> Any:
    """The field at a path such as `status.phase`, or the default."""
    for step in path.split("."):
        obj = obj.get(step) if isinstance(obj, dict) else None
    return default if obj is None else obj


def text(path: str, default: str = NONE) -> Callable[[Object], Any]:
    """A cell with a field as it is."""
    return lambda obj: field_of(obj, path) or default


def number(path: str) -> Callable[[Object], Any]:
    """A cell with a field that is 0 where it is left out."""
    return lambda obj: field_of(obj, path, 0)


def since(timestamp: str | None) -> str:
    """The time since then as `kubectl` prints it."""
    if not timestamp:
        return UNKNOWN
    return human(passed_s(timestamp, clock.wall()))


def _age(obj: Object) -> str:
    return since(obj["metadata"].get("creationTimestamp"))


def selector(path: str) -> Callable[[Object], str]:
    """A cell with a label selector."""
    return lambda obj: str(Selector.of(field_of(obj, path))) or NONE


def containers(field: str, template: str = "spec.template") -> Callable[[Object], str]:
    """A cell with a field of each container of a pod template."""
    return lambda obj: ",".join(each.get(field, "") for each in field_of(obj, f"{template}.spec.containers", []))


def fraction(of: str, total: str) -> Callable[[Object], str]:
    """A cell with two counts: `2/3`."""
    return lambda obj: f"{field_of(obj, of, 0)}/{field_of(obj, total, 0)}"


NAME = Column("Name", text("metadata.name"))
AGE = Column("Age", _age)
WORKLOAD = (
    Column("Containers", containers("name"), priority=1),
    Column("Images", containers("image"), priority=1),
)
SELECTOR = Column("Selector", selector("spec.selector"), priority=1)
DEFAULT = (NAME, Column("Created At", text("metadata.creationTimestamp"), "date"))
