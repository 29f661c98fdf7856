"""What a strategy names of analyses: templates, rules of dry runs, and arguments with their values from the rollout."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster.controllers.rollouts.fields import SpecError, integer, known

if TYPE_CHECKING:
    from readiness_sandbox.cluster.store import Object

_ANALYSIS: Final = frozenset({"templates", "args", "startingStep", "dryRun", "measurementRetention"})
_TEMPLATE: Final = frozenset({"templateName", "clusterScope"})
_SUBSCRIPT: Final = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")
_WHOLE: Final = re.compile(r"metadata\.(labels|annotations|name|namespace|uid)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """Templates to run, and what they are given.

    Attributes:
        templates: their names.
        args: name and value; `{latest}` and `{stable}` stand for the hashes of the pod templates, which are known later.
        starting_step: the step that it begins with.
        background: beside the steps, where it may measure without an end.
        rules: `dryRun` and `measurementRetention`, besides those of the templates.
    """

    templates: tuple[str, ...]
    args: tuple[tuple[str, str], ...] = field(default=())
    starting_step: int = 0
    background: bool = False
    rules: tuple[tuple[str, tuple[Object, ...]], ...] = ()


def analysis(spec: Object, path: str, rollout: Object, *, background: bool = False) -> Analysis:
    """An analysis of a strategy. Raises SpecError: a field that is not served, no template, an argument of a field that no rollout has."""
    known(spec, _ANALYSIS, path)
    templates: list[str] = []
    for index, each in enumerate(spec.get("templates") or ()):
        known(each, _TEMPLATE, f"{path}.templates[{index}]")
        if each.get("clusterScope"):
            raise SpecError(
                f"{path}.templates[{index}].clusterScope: not supported; hint: use an AnalysisTemplate of the namespace"
            )
        templates.append(str(each["templateName"]))
    if not templates:
        raise SpecError(f"{path}.templates: at least one is required")
    return Analysis(
        templates=tuple(dict.fromkeys(templates)),
        args=tuple((str(each["name"]), _value(each, f"{path}.args", rollout)) for each in spec.get("args") or ()),
        starting_step=integer(spec, "startingStep", path, 0),
        background=background,
        rules=tuple((name, tuple(spec.get(name) or ())) for name in ("dryRun", "measurementRetention")),
    )


def _value(spec: Object, path: str, rollout: Object) -> str:
    """The value of an argument; `valueFrom` goes before `value`, and an argument with neither is empty."""
    source = spec.get("valueFrom") or {}
    if source.get("podTemplateHashValue") in ("Latest", "Stable"):
        return "{" + str(source["podTemplateHashValue"]).lower() + "}"
    if source.get("fieldRef"):
        field_path = source["fieldRef"].get("fieldPath", "")
        value = _metadata(rollout, field_path) if field_path.startswith("metadata") else _at(rollout, field_path)
        if value is None:
            raise SpecError(f"{path}.{spec['name']}: there is no {field_path!r} in the rollout")
        return value
    return str(spec.get("value") or "")


def _metadata(rollout: Object, path: str) -> str | None:
    """A field of the metadata as the downward API names it; None where the path is another one.

    A label that is not there is empty. All labels are one text, a line `key="value"` each.
    """
    meta = rollout["metadata"]
    if found := _SUBSCRIPT.fullmatch(path):
        return str((meta.get(found[1]) or {}).get(found[2], ""))
    if not (found := _WHOLE.fullmatch(path)):
        return None
    value = meta.get(found[1])
    if found[1] in ("labels", "annotations"):
        return "\n".join(f'{name}="{each}"' for name, each in sorted((value or {}).items()))
    return str(value or "")


def _at(obj: Object, path: str) -> str | None:
    """The text, number or truth value at `spec.replicas` or `spec.template.spec.containers[0].image`; None when there is none."""
    value: Any = obj
    for part in filter(None, re.split(r"[.\[\]]+", path)):
        if isinstance(value, list):
            value = value[int(part)] if part.isascii() and part.isdecimal() and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None
