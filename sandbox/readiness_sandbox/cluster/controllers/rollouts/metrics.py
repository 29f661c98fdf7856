"""The metrics of an AnalysisRun, parsed and validated before anything is measured.

They have intervals, limits, conditions and Prometheus queries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from readiness_sandbox.cluster.controllers.rollouts.expressions import ResultCondition
from readiness_sandbox.cluster.controllers.rollouts.fields import SpecError, duration_s, integer, known, text
from readiness_sandbox.cluster.durations import seconds

if TYPE_CHECKING:
    from readiness_sandbox.cluster.store import Object

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
        "consecutiveSuccessLimit",
        "provider",
    }
)
_PROMETHEUS: Final = frozenset({"address", "query", "timeout", "headers", "rangeQuery"})


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
        inconclusive_limit: inconclusive measurements that are still accepted.
        error_limit: errors in a row that are still accepted.
        successes: successful measurements in a row that complete it; 0: none do.
        dry_run: it is measured and decides nothing.
        kept: measurements that its result keeps; the counters count all.
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
    successes: int = 0
    dry_run: bool = False
    kept: int = 10

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
    found = [
        _metric(filled(each, values, f"metrics[{index}]"), f"metrics[{index}]")
        for index, each in enumerate(spec.get("metrics") or ())
    ]
    if not found:
        raise SpecError("metrics: no metrics specified")
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise SpecError("metrics: two metrics have one name")
    tried, kept = _ruled(spec, "dryRun", names), _ruled(spec, "measurementRetention", names)
    return tuple(
        replace(
            each,
            dry_run=each.name in tried,
            kept=integer(kept.get(each.name, {}), "limit", "measurementRetention", 0) or each.kept,
        )
        for each in found
    )


def _ruled(spec: Object, field: str, names: Sequence[str]) -> dict[str, Object]:
    """The last rule of each metric whose name its pattern is found in. Raises SpecError: a rule is for no metric, or there twice."""
    found: dict[str, Object] = {}
    rules = spec.get(field) or ()
    patterns = [text(each, "metricName", f"{field}[{index}]") for index, each in enumerate(rules)]
    for index, (rule, pattern) in enumerate(zip(rules, patterns, strict=True)):
        if pattern in patterns[:index]:
            raise SpecError(f"{field}[{index}].metricName: {pattern!r} is in two rules")
        try:
            matched = [name for name in names if re.search(pattern, name)]
        except re.error:
            matched = []
        if not matched:
            known_names = ", ".join(names)
            raise SpecError(f"{field}[{index}].metricName: {pattern!r} matches none of the metrics {known_names}")
        found |= dict.fromkeys(matched, rule)
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


def merged_args(templates: Sequence[Object], given: Sequence[Object]) -> list[Object]:
    """The arguments of all templates of an analysis, with a rollout's values before their own.

    Raises:
        SpecError: an argument has no value, or another one in each of two templates.
    """
    own: dict[str, str | None] = {}
    for template in templates:
        for argument in (template.get("spec") or {}).get("args") or ():
            name, value = argument["name"], argument.get("value")
            known_value = own.get(name)
            if None not in (known_value, value) and known_value != value:
                raise SpecError(f"args.{name}: its value is {known_value!r} in one template and {value!r} in another")
            own[name] = value if known_value is None else known_value
    values = own | {each["name"]: each["value"] for each in given if each["name"] in own}
    for name, value in values.items():
        if value is None:
            named = ", ".join(each["metadata"]["name"] for each in templates)
            raise SpecError(f"args.{name}: AnalysisTemplate {named!r} needs a value for it")
    return [{"name": name, "value": value} for name, value in values.items()]


def _metric(spec: Object, path: str) -> Metric:
    known(spec, _FIELDS, path)
    provider = spec.get("provider") or {}
    known(provider, frozenset({"prometheus"}), f"{path}.provider")
    if not isinstance(provider.get("prometheus"), dict):
        raise SpecError(f"{path}.provider.prometheus: required; hint: it is the only provider that is supported")
    metric = Metric(
        name=text(spec, "name", path),
        query=_query(provider["prometheus"], f"{path}.provider.prometheus"),
        interval_s=duration_s(spec, "interval", path),
        initial_delay_s=duration_s(spec, "initialDelay", path) or 0.0,
        count=integer(spec, "count", path, 0) or None,
        success=_condition(spec, "successCondition", path),
        failure=_condition(spec, "failureCondition", path),
        failure_limit=integer(spec, "failureLimit", path, 0, least=-1),
        inconclusive_limit=integer(spec, "inconclusiveLimit", path, 0),
        error_limit=integer(spec, "consecutiveErrorLimit", path, 4),
        successes=integer(spec, "consecutiveSuccessLimit", path, 0),
    )
    _require_reachable(metric, path)
    return metric


def _require_reachable(metric: Metric, path: str) -> None:
    """Limits that go together: something must be able to end it, and no limit may be above the number of measurements."""
    if metric.failure_limit < 0 and not metric.successes:
        raise SpecError(f"{path}.failureLimit: -1 needs a consecutiveSuccessLimit; hint: else nothing decides")
    if metric.count is None:
        return
    if metric.count > 1 and metric.interval_s is None:
        raise SpecError(f"{path}.interval: must be specified when count > 1")
    needed = max(metric.failure_limit, 0) + metric.successes
    for field, limit in (
        ("failureLimit with consecutiveSuccessLimit", needed),
        ("inconclusiveLimit", metric.inconclusive_limit),
    ):
        if metric.count < limit:
            raise SpecError(f"{path}.count: {metric.count} measurements never come to {field}, {limit}")


def _query(spec: Object, path: str) -> Query:
    known(spec, _PROMETHEUS, path)
    address = text(spec, "address", path)
    if not address.startswith(("http://", "https://")):
        raise SpecError(f"{path}.address: {address!r} is not a URL; hint: http://prometheus.monitoring:9090")
    return Query(
        address=address.rstrip("/"),
        query=text(spec, "query", path),
        timeout_s=float(integer(spec, "timeout", path, 0) or 30),
        headers=tuple((str(each["key"]), str(each["value"])) for each in spec.get("headers") or ()),
        span=_span(spec["rangeQuery"], f"{path}.rangeQuery") if spec.get("rangeQuery") else None,
    )


def _span(spec: Object, path: str) -> Span:
    known(spec, frozenset({"start", "end", "step"}), path)
    step_s = duration_s(spec, "step", path)
    if not step_s:
        raise SpecError(f"{path}.step: must be above 0")
    found = Span(start_back_s=_back_s(spec, "start", path), end_back_s=_back_s(spec, "end", path), step_s=step_s)
    if found.start_back_s < found.end_back_s:
        raise SpecError(f'{path}: start is after end; hint: start: now() - duration("5m"), end: now()')
    return found


def _back_s(spec: Object, field: str, path: str) -> float:
    moment = text(spec, field, path)
    match = _MOMENT.fullmatch(moment.strip())
    if match is None:
        raise SpecError(f'{path}.{field}: {moment!r} is not supported; hint: now() - duration("5m")')
    try:
        return seconds(match["back"]) if match["back"] else 0.0
    except ValueError as error:
        raise SpecError(f"{path}.{field}: {error}") from None


def _condition(spec: Object, field: str, path: str) -> ResultCondition | None:
    condition = spec.get(field)
    if not condition:
        return None
    try:
        return ResultCondition.parse(str(condition))
    except ValueError as error:
        raise SpecError(f"{path}.{field}: {error}") from None
