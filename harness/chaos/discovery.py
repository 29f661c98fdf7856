"""Lists the actions and probes of this package for `chaos discover --no-install readiness-harness`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType, NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from chaoslib.discovery.discover import (
    discover_activities,
    initialize_discovery_result,
    portable_type_name,
)

import harness
from harness.chaos import actions, probes

_ALIKE: Final[Mapping[object, type]] = {Sequence: list, Mapping: dict}
"""The types that Chaos Toolkit has a name for, by those that functions declare."""
_MODULES: Final[tuple[tuple[str, ModuleType], ...]] = (("action", actions), ("probe", probes))


def discovered() -> dict[str, Any]:
    """The activities in the form of Chaos Toolkit: name, module, description, arguments with types and defaults, result."""
    found: dict[str, Any] = initialize_discovery_result("readiness-harness", harness.__version__, "readiness")
    for kind, module in _MODULES:
        for activity in discover_activities(module.__name__, kind):
            hints = get_type_hints(getattr(module, activity["name"]))  # Chaos Toolkit reads no annotation that is text
            arguments = [{**one, "type": _type_name(hints[one["name"]])} for one in activity["arguments"]]
            returned = _type_name(hints["return"])
            found["activities"].append({**activity, "arguments": arguments, "return_type": returned})
    return found


def _type_name(hint: object) -> str:
    """The name of a type in Chaos Toolkit: `list` for `Sequence[str]`, `number` for `float | None`."""
    hint = next((one for one in get_args(hint) if one is not NoneType), hint) if isinstance(hint, UnionType) else hint
    origin = get_origin(hint) or hint
    return str(portable_type_name(_ALIKE.get(origin, origin)))
