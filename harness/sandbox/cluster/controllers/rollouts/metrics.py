"""The metrics of an AnalysisRun, parsed and validated before anything is measured.

They have intervals, limits, conditions and Prometheus queries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harness.sandbox.cluster.controllers.rollouts.expressions import ResultCondition
from harness.sandbox.cluster.durations import seconds

if TYPE_CHECKING:
    from harness.sandbox.cluster.store import Object

_ARGUMENT: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_MOMENT: Final = re.compile(r"now\(\)\s*(?:-\s*duration\((?P<quote>[\"'])(?P<back>[^\"']+)(?P=quote)\))?")
_FIELDS: Final = frozenset(
    {
        "name",
        "interval",
        "initialDelay",
        "count",
        "successCondition",
        "failureCondition",
        "failureLimit",
        "inconclusiveLimit",
        "consecutiveErrorLimit",
        "provider",
    }
)
_PROMETHEUS: Final = frozenset({"address", "query", "timeout", "headers", "rangeQuery"})


class SpecError(ValueError):
    """A spec that cannot be followed; the message begins with its path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The range of a range query, in seconds before the moment it is made, and its step."""

    start_back_s: float
    end_back_s: float
    step_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What is asked of a Prometheus; with `span` over a range, else at one moment."""

    address: str
    query: str
    timeout_s: float
    headers: tuple[tuple[str, str], ...] = ()
    span: Span | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One metric of an analysis, its arguments filled in.

    Attributes:
        interval_s: from the end of a measurement to the next; None measures once.
        count: measurements after which it is done; None with an interval means until the run is terminated.
        failure_limit: failed measurements that are still accepted; -1 accepts any number.
        inconclusive_limit: the same for inconclusive ones.
        error_limit: errors in a row that are still accepted.
    """

    name: str
    query: Query
    interval_s: float | None = None
    initial_delay_s: float = 0.0
    count: int | None = None
    success: ResultCondition | None = None
    failure: ResultCondition | None = None
    failure_limit: int = 0
    inconclusive_limit: int = 0
    error_limit: int = 4

    @property
    def measurements(self) -> int | None:
        """How many measurements complete it; None: no number does."""
        return 1 if self.count is None and self.interval_s is None else self.count


def metrics_of(spec: Object) -> tuple[Metric, ...]:
    """The metrics of an AnalysisRun's spec.

    Raises:
        SpecError: a field that is unknown here, a value of the wrong kind, a condition that cannot be parsed, an argument without a value.
    """
    values = {each["name"]: each.get("value") for each in spec.get("args") or ()}
    found = tuple(
        _metric(filled(each, values, f"metrics[{index}]"), f"metrics[{index}]")
        for index, each in enumerate(spec.get("metrics") or ())
    )
    if not found:
        raise SpecError("metrics: no metrics specified")
    if len({each.name for each in found}) < len(found):
        raise SpecError("metrics: two metrics have one name")
    return found


def filled(value: Any, values: Mapping[str, str | None], path: str) -> Any:
    """The value with each `{{args.NAME}}` replaced. Raises SpecError: an argument has no value."""
    if isinstance(value, dict):
        return {name: filled(each, values, f"{path}.{name}") for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, values, f"{path}[{index}]") for index, each in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replaced(match: re.Match[str]) -> str:
        name = match[1].removeprefix("args.")
        given = values.get(name)
        if given is None or not match[1].startswith("args."):
            raise SpecError(f"{path}: failed to resolve {{{{{match[1]}}}}}; hint: give the argument a value")
        return given

    return _ARGUMENT.sub(replaced, value)


def merged_args(template: Object, given: Sequence[Object]) -> list[Object]:
    """The arguments of a template with a rollout's values. Raises SpecError: one has none."""
    values = {each["name"]: each.get("value") for each in given}
    found = []
    for argument in (template.get("spec") or {}).get("args") or ():
        value = values.get(argument["name"])
        value = argument.get("value") if value is None else value
        if value is None:
            name = template["metadata"]["name"]
            raise SpecError(f"args.{argument['name']}: AnalysisTemplate {name!r} needs a value for it")
        found.append({"name": argument["name"], "value": value})
    return found


def _metric(spec: Object, path: str) -> Metric:
    _known(spec, _FIELDS, path)
    provider = spec.get("provider") or {}
    _known(provider, frozenset({"prometheus"}), f"{path}.provider")
    if not isinstance(provider.get("prometheus"), dict):
        raise SpecError(f"{path}.provider.prometheus: required; hint: it is the only provider that is supported")
    metric = Metric(
        name=_text(spec, "name", path),
        query=_query(provider["prometheus"], f"{path}.provider.prometheus"),
        interval_s=_length(spec, "interval", path),
        initial_delay_s=_length(spec, "initialDelay", path) or 0.0,
        count=_integer(spec, "count", path, None, least=0) or None,
        success=_condition(spec, "successCondition", path),
        failure=_condition(spec, "failureCondition", path),
        failure_limit=_integer(spec, "failureLimit", path, 0, least=-1) or 0,
        inconclusive_limit=_integer(spec, "inconclusiveLimit", path, 0, least=-1) or 0,
        error_limit=_integer(spec, "consecutiveErrorLimit", path, 4, least=-1) or 0,
    )
    if metric.count is not None and metric.count > 1 and metric.interval_s is None:
        raise SpecError(f"{path}.interval: must be specified when count > 1")
    for field, limit in (("failureLimit", metric.failure_limit), ("inconclusiveLimit", metric.inconclusive_limit)):
        if metric.count is not None and metric.count <= limit:
            raise SpecError(f"{path}.{field}: {limit} can never be exceeded by {metric.count} measurements")
    return metric


def _query(spec: Object, path: str) -> Query:
    _known(spec, _PROMETHEUS, path)
    address = _text(spec, "address", path)
    if not address.startswith(("http://", "https://")):
        raise SpecError(f"{path}.address: {address!r} is not a URL; hint: http://prometheus.monitoring:9090")
    return Query(
        address=address.rstrip("/"),
        query=_text(spec, "query", path),
        timeout_s=float(_integer(spec, "timeout", path, 30, least=1) or 30),
        headers=tuple((str(each["key"]), str(each["value"])) for each in spec.get("headers") or ()),
        span=_span(spec["rangeQuery"], f"{path}.rangeQuery") if spec.get("rangeQuery") else None,
    )


def _span(spec: Object, path: str) -> Span:
    _known(spec, frozenset({"start", "end", "step"}), path)
    step_s = _length(spec, "step", path)
    if not step_s:
        raise SpecError(f"{path}.step: must be above 0")
    found = Span(start_back_s=_back_s(spec, "start", path), end_back_s=_back_s(spec, "end", path), step_s=step_s)
    if found.start_back_s < found.end_back_s:
        raise SpecError(f'{path}: start is after end; hint: start: now() - duration("5m"), end: now()')
    return found


def _back_s(spec: Object, field: str, path: str) -> float:
    text = _text(spec, field, path)
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise SpecError(f'{path}.{field}: {text!r} is not supported; hint: now() - duration("5m")')
    try:
        return seconds(match["back"]) if match["back"] else 0.0
    except ValueError as error:
        raise SpecError(f"{path}.{field}: {error}") from None


def _known(spec: Object, fields: frozenset[str], path: str) -> None:
    for name, value in spec.items():
        if name not in fields and value is not None:
            known = ", ".join(sorted(fields))
            raise SpecError(f"{path}.{name}: not supported; hint: supported are {known}")


def _text(spec: Object, field: str, path: str) -> str:
    value = spec.get(field)
    if not isinstance(value, str) or not value.strip():
        raise SpecError(f"{path}.{field}: a text is required")
    return value


def _length(spec: Object, field: str, path: str) -> float | None:
    if spec.get(field) in (None, ""):
        return None
    try:
        return seconds(spec[field])
    except ValueError as error:
        raise SpecError(f"{path}.{field}: {error}") from None


def _integer(spec: Object, field: str, path: str, default: int | None, *, least: int) -> int | None:
    """An integer; Kubernetes' IntOrString accepts digits in quotes as well."""
    value = spec.get(field)
    if value is None:
        return default
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SpecError(f"{path}.{field}: {value!r} is not an integer of at least {least}")
    return value


def _condition(spec: Object, field: str, path: str) -> ResultCondition | None:
    text = spec.get(field)
    if not text:
        return None
    try:
        return ResultCondition.parse(str(text))
    except ValueError as error:
        raise SpecError(f"{path}.{field}: {error}") from None
