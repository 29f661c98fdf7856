"""The columns that a CustomResourceDefinition asks `kubectl get` to print."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster.cells import AGE, NAME, Column, since

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from readiness_sandbox.cluster.statuses import Object

_STEP: Final = re.compile(
    r"""\.(?P<field>(?:[^.\[\\]|\\.)+)
      | \[\?\(\s*@\.(?P<key>[\w./-]+)\s*==\s*["'](?P<equal>[^"']*)["']\s*\)\]
      | \[(?P<index>-?\d+|\*)\]
      | \[["'](?P<quoted>[^"']*)["']\]""",
    re.VERBOSE,
)
"""A step of a JSON path as kubectl knows them.

A field, a choice among the elements of a list, an element, a quoted field.
"""


def columns(printed: Iterable[Object] | None) -> tuple[Column, ...]:
    """Name, then the `additionalPrinterColumns`; without any: name and age."""
    if not printed:
        return NAME, AGE
    return (
        NAME,
        *(_column(each, steps) for each in printed if (steps := json_path(each["jsonPath"])) is not None),
    )


def json_path(text: str) -> Sequence[re.Match[str]] | None:
    """The steps of a path such as `.status.conditions[?(@.type=="Ready")].status`.

    None when it cannot be read.
    """
    text = text.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    if text and text[0] not in ".[":
        text = f".{text}"
    steps, at = [], 0
    while at < len(text):
        found = _STEP.match(text, at)
        if not found:
            return None
        steps.append(found)
        at = found.end()
    return steps


def values(obj: Any, steps: Sequence[re.Match[str]]) -> list[Any]:
    """All values that a path selects in an object; a null is not one."""
    chosen = [obj]
    for step in steps:
        chosen = [below for each in chosen for below in _taken(each, step)]
    return [each for each in chosen if each is not None]


def _taken(value: Any, step: re.Match[str]) -> list[Any]:
    if (key := step["field"] or step["quoted"]) is not None:
        key = re.sub(r"\\(.)", r"\1", key)
        return [value[key]] if isinstance(value, dict) and key in value else []
    if step["key"]:
        elements = value if isinstance(value, list) else []
        return [each for each in elements if isinstance(each, dict) and str(each.get(step["key"])) == step["equal"]]
    if step["index"] == "*":
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    at = int(step["index"])
    return [value[at]] if isinstance(value, list) and -len(value) <= at < len(value) else []


def _column(printed: Object, steps: Sequence[re.Match[str]]) -> Column:
    kind = printed["type"]

    def cell(obj: Object) -> Any:
        found = values(obj, steps)
        if not found:
            return None
        if kind == "date":
            return since(str(found[0]))
        return found[0] if kind in ("integer", "number", "boolean") else ",".join(map(_text, found))

    return Column(printed["name"], cell, kind, printed.get("priority", 0))


def _text(value: Any) -> str:
    if isinstance(value, bool | dict | list):
        return json.dumps(value, separators=(",", ":"))
    return str(value)
