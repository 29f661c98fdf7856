"""Workflows that a job of GitHub calls in its own repository: their jobs are in the place of the one that calls them.

A job `call` that calls a workflow of the jobs `a` and `b` is four: `call/`, which begins as the calling one does, `call/a` and `call/b`,
and `call`, which is over when these are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from harness.drivers.static.jobs import Job, Workflow, mapping_of
from harness.yamlfile import YamlDocument

CALLED: Final = "workflow_call"
"""The trigger of a workflow that others may call."""
WorkflowCall = Callable[[str, Mapping[str, str]], Workflow | None]
"""`uses` and inputs → the workflow that is called; None where it is not read."""
_INPUT: Final = re.compile(r"\$\{\{\s*inputs\.([\w-]+)\s*\}\}", re.IGNORECASE)
_CONDITION: Final = re.compile(
    r"(?P<no>!\s*)?(?i:inputs)\.(?P<name>[\w-]+)(?:\s*(?P<operator>[!=]=)\s*(?:'(?P<text>[^']*)'|(?P<truth>true|false)))?"
)
_EMPTY: Final = {"boolean": "false", "number": "0"}
"""What an input of this type is where nothing gives it a value; a text is empty."""


def written(value: Any) -> str:
    """An input as a workflow or an action gets it: `false` for False, nothing for null."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


class CallInput(NamedTuple):
    """An input of a called workflow: its type as it is declared, and its value."""

    kind: str
    value: str


def with_inputs(document: YamlDocument, given: Mapping[str, str]) -> YamlDocument | None:
    """A workflow with its inputs filled in: those that are given, else their defaults, else what is empty for their type.

    None where GitHub refuses the call: an input is given that is not declared, or a required one is not given. Upper and lower case of
    names are alike.
    """
    on = mapping_of(document.data.get("on"))
    declared = {
        name.lower(): mapping_of(one) for name, one in mapping_of(mapping_of(on.get(CALLED)).get("inputs")).items()
    }
    values = {name.lower(): value for name, value in given.items()}
    required = {name for name, one in declared.items() if one.get("required") is True and one.get("default") is None}
    if not required <= values.keys() <= declared.keys():
        return None
    inputs = {name: _call_input(one, values.get(name)) for name, one in declared.items()}
    return replace(document, data={**document.data, "jobs": filled(document.data["jobs"], inputs)})


def _call_input(declared: Mapping[str, Any], given: str | None) -> CallInput:
    kind, default = str(declared.get("type", "")), declared.get("default")
    value = given if given is not None else _EMPTY.get(kind, "") if default is None else written(default)
    return CallInput(kind, value)


def string_input(value: str) -> CallInput:
    """An input of the type `string`."""
    return CallInput("string", value)


def filled(part: Any, inputs: Mapping[str, CallInput]) -> Any:
    """A part of a workflow or an action with its inputs in place of `${{ inputs.NAME }}`."""
    if isinstance(part, dict):
        return {
            key: _decided(one, inputs) if key == "if" and isinstance(one, str) else filled(one, inputs)
            for key, one in part.items()
        }
    if isinstance(part, list):
        return [filled(one, inputs) for one in part]
    if not isinstance(part, str):
        return part
    return _INPUT.sub(lambda found: inputs[name].value if (name := found[1].lower()) in inputs else found[0], part)


def _decided(condition: str, inputs: Mapping[str, CallInput]) -> str:
    """`true` or `false` where a condition is about one input alone, of which its type and value are known; else the condition."""
    found = _CONDITION.fullmatch(condition.strip().removeprefix("${{").removesuffix("}}").strip())
    if found is None or found["name"].lower() not in inputs or (found["no"] and found["operator"]):
        return condition
    kind, value = inputs[found["name"].lower()]
    if kind == "boolean" and value in ("true", "false") and found["text"] is None:
        same = value == (found["truth"] or "true")
    elif kind == "string" and "${{" not in value and found["text"] is not None:
        same = value.lower() == found["text"].lower()
    else:
        return condition
    holds = same is (found["operator"] != "!=")
    return str(holds is not bool(found["no"])).lower()


def called_jobs(job: Job, called: Workflow) -> dict[str, Job]:
    """The jobs that take the place of one that calls a workflow, by their ids."""
    begin = replace(job, id=f"{job.id}/", steps=())
    inner = [
        replace(
            one,
            id=f"{job.id}/{one.id}",
            needs=tuple(f"{job.id}/{need}" for need in one.needs) or (begin.id,),
            may_fail=one.may_fail or job.may_fail,
        )
        for one in called.jobs.values()
    ]
    end = replace(job, needs=tuple(one.id for one in inner), steps=(), starts="", regardless="")
    return {one.id: one for one in (begin, *inner, end)}


def begin_of(name: str) -> str:
    """The id of the job with which the called workflow begins that a job is in; empty where it is in none."""
    outer = name.rstrip("/").rpartition("/")[0]
    return f"{outer}/" if outer else ""
