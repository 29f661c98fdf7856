"""The copy of a Terraform plan that a run keeps: what is judged, and no value that may be a secret.

`terraform show -json` writes sensitive values in plain text and marks them beside (`sensitive_values`, `before_sensitive`,
`after_sensitive`). A run directory is handed on. So a marked value is left out, one without marks too, and every section that has none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from harness.drivers.ingest.formats.plain import json_of

HIDDEN: Final = "(sensitive value)"
"""In place of a value, as Terraform itself shows one."""
NOTE: Final = "readiness"
"""The key of the copy that says what it is."""
_PLAN: Final = ("format_version", "terraform_version", "timestamp", "errored", "complete", "applyable")
_RESOURCE: Final = (
    "address",
    "previous_address",
    "module_address",
    "mode",
    "type",
    "name",
    "index",
    "deposed",
    "provider_name",
    "schema_version",
    "action_reason",
)
_CHANGE: Final = ("actions", "after_unknown", "before_sensitive", "after_sensitive", "replace_paths")

_Json = Mapping[str, Any]


def redacted_plan(body: bytes, where: str) -> bytes:
    """A plan that reads as the same changes, with the hash of the one that was read.

    Raises:
        DriverError: it is not JSON.
    """
    plan = _mapping(json_of(body, where))
    copy: dict[str, Any] = {key: plan[key] for key in _PLAN if key in plan}
    changes: dict[str, Callable[[_Json], Any]] = {"resource_changes": _changed, "resource_drift": _changed}
    copy |= {key: _each(plan[key], one) for key, one in changes.items() if key in plan}
    named: dict[str, Callable[[_Json], Any]] = {"output_changes": _change, "variables": _variable}
    copy |= {key: _by_name(plan[key], one) for key, one in named.items() if key in plan}
    if "planned_values" in plan:
        copy["planned_values"] = _values(_mapping(plan["planned_values"]))
    if "prior_state" in plan:
        copy["prior_state"] = {"values": _values(_mapping(_mapping(plan["prior_state"]).get("values")))}
    note = {
        "copy": "redacted: without sensitive values, values of variables, and sections that mark none",
        "sha256_of_the_plan": hashlib.sha256(body).hexdigest(),
        "left_out": sorted(plan.keys() - copy.keys()),
    }
    return json.dumps({NOTE: note, **copy}, indent=1).encode()


def _values(state: _Json) -> dict[str, Any]:
    """Outputs and modules, of what is planned or of what was there before."""
    copy: dict[str, Any] = {}
    if "outputs" in state:
        copy["outputs"] = _by_name(state["outputs"], _output)
    if "root_module" in state:
        copy["root_module"] = _module(_mapping(state["root_module"]))
    return copy


def _module(module: _Json) -> dict[str, Any]:
    copy: dict[str, Any] = {"address": module["address"]} if "address" in module else {}
    parts: dict[str, Callable[[_Json], Any]] = {"resources": _resource, "child_modules": _module}
    return copy | {key: _each(module[key], one) for key, one in parts.items() if key in module}


def _resource(resource: _Json) -> dict[str, Any]:
    copy = _only(resource, (*_RESOURCE, "sensitive_values"))
    return copy | _hidden_in(resource, {"values": resource.get("sensitive_values")})


def _changed(resource: _Json) -> dict[str, Any]:
    change = {"change": _change(_mapping(resource["change"]))} if "change" in resource else {}
    return _only(resource, _RESOURCE) | change


def _change(change: _Json) -> dict[str, Any]:
    marks = {"before": change.get("before_sensitive"), "after": change.get("after_sensitive")}
    imported = {"importing": {"id": HIDDEN}} if isinstance(change.get("importing"), Mapping) else {}
    return _only(change, _CHANGE) | imported | _hidden_in(change, marks)


def _output(output: _Json) -> dict[str, Any]:
    return _only(output, ("sensitive", "type")) | _hidden_in(output, {"value": output.get("sensitive")})


def _variable(variable: _Json) -> dict[str, Any]:
    """No mark is beside it, and one that is not marked where it is declared may be the password of a resource."""
    return _hidden_in(variable, {"value": True})


def _hidden_in(section: _Json, marks: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _hidden(section[key], of_key) for key, of_key in marks.items() if key in section}


def _hidden(value: Any, marks: Any) -> Any:
    """A value without what its marks name; where they are of another shape, or not there, without all."""
    if value is None or marks is False or marks in ({}, []):
        return value
    if isinstance(value, Mapping) and isinstance(marks, Mapping):
        return {key: _hidden(item, marks.get(key, False)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(marks, list) and len(value) == len(marks):
        return [_hidden(item, of_item) for item, of_item in zip(value, marks, strict=True)]
    return HIDDEN


def _each(found: Any, of: Callable[[_Json], Any]) -> list[Any]:
    return [of(_mapping(one)) for one in found] if isinstance(found, list) else []


def _by_name(found: Any, of: Callable[[_Json], Any]) -> dict[str, Any]:
    return {name: of(_mapping(one)) for name, one in _mapping(found).items()}


def _only(section: _Json, keys: Iterable[str]) -> dict[str, Any]:
    return {key: section[key] for key in keys if key in section}


def _mapping(value: Any) -> _Json:
    return value if isinstance(value, Mapping) else {}
