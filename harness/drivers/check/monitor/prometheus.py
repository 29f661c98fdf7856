"""Client of Prometheus' HTTP API for checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.errors import ConfigurationError, DriverError
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

    from harness.targets import Target

_WITHIN_S: Final = 5.0


class ApiData(BaseModel):
    """`data` of an answer; fields that no check reads are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    AS: ClassVar[str] = "data"
    """Description of the expected answer for error messages."""


class ActiveTarget(ApiData):
    """One element of `activeTargets`."""

    url: str = Field(alias="scrapeUrl")
    health: str
    error: str = Field(alias="lastError", default="")
    labels: Mapping[str, str]


class ActiveTargets(ApiData):
    """`data` of /api/v1/targets."""

    AS: ClassVar[str] = "the active targets"

    targets: tuple[ActiveTarget, ...] = Field(alias="activeTargets")


class AlertRule(ApiData):
    """One alert rule."""

    name: str
    health: str
    error: str = Field(alias="lastError", default="")
    labels: Mapping[str, str] = Field(default_factory=dict)
    annotations: Mapping[str, str] = Field(default_factory=dict)


class RuleList(ApiData):
    """One group of rules."""

    rules: tuple[AlertRule, ...]


class RuleGroups(ApiData):
    """`data` of /api/v1/rules."""

    AS: ClassVar[str] = "groups of rules"

    groups: tuple[RuleList, ...]


class AlertNow(ApiData):
    """An alert that is pending or fires."""

    labels: Mapping[str, str]
    state: str


class AlertsNow(ApiData):
    """`data` of /api/v1/alerts."""

    AS: ClassVar[str] = "the active alerts"

    alerts: tuple[AlertNow, ...]


class VectorElement(ApiData):
    """An element of an instant vector: labels, time and value."""

    metric: Mapping[str, str]
    value: tuple[float, float]


class Vector(ApiData):
    """An instant vector, or a scalar: time and value."""

    AS: ClassVar[str] = "an instant vector or a scalar"

    type: Literal["vector", "scalar"] = Field(alias="resultType")
    result: tuple[VectorElement, ...] | tuple[float, float]

    @model_validator(mode="after")
    def _of_its_type(self) -> Self:
        numbers = [isinstance(each, float) for each in self.result]
        if numbers != [True, True] if self.type == "scalar" else any(numbers):
            raise ValueError(f"no result of a {self.type}")
        return self

    @property
    def elements(self) -> tuple[VectorElement, ...]:
        """The elements of the vector; a scalar becomes one element without labels."""
        return tuple(
            each if isinstance(each, VectorElement) else VectorElement(metric={}, value=(0.0, each))
            for each in (self.result if self.type == "vector" else self.result[1:])
        )


class SeriesSamples(ApiData):
    """The samples of one series in a range: times and values."""

    metric: Mapping[str, str]
    values: tuple[tuple[float, float], ...]


class Matrix(ApiData):
    """A range vector."""

    AS: ClassVar[str] = "a range vector"

    type: Literal["matrix"] = Field(alias="resultType")
    result: tuple[SeriesSamples, ...]


_Shape = TypeVar("_Shape", bound=ApiData)


class SeriesValue(NamedTuple):
    """One element of a result: its labels, and its last value."""

    labels: Mapping[str, str]
    value: float


class PrometheusClient:
    """The Prometheus of a target."""

    def __init__(self, client: httpx.Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def targets(self) -> tuple[ActiveTarget, ...]:
        """The active scrape targets. Raises as `_get`."""
        return self._get("targets", ActiveTargets, state="active").targets

    def alert_rules(self) -> tuple[AlertRule, ...]:
        """The alert rules of every group. Raises as `_get`."""
        return tuple(rule for group in self._get("rules", RuleGroups, type="alert").groups for rule in group.rules)

    def firing(self, name: str) -> list[Mapping[str, str]]:
        """The labels of each alert of a rule that fires now. Raises as `_get`."""
        alerts = self._get("alerts", AlertsNow).alerts
        return [one.labels for one in alerts if one.state == "firing" and one.labels.get("alertname") == name]

    def vector(self, query: str, *, lookback_s: float = 0.0) -> list[SeriesValue]:
        """The elements of an instant vector; with `lookback_s` only from samples younger than that (needs Prometheus 2.44 or newer).

        Raises as `_get`.
        """
        more = {"lookback_delta": f"{lookback_s:g}"} if lookback_s else {}
        elements = self._get("query", Vector, query=query, **more).elements
        return [SeriesValue(one.metric, one.value[1]) for one in elements]

    def samples(self, selector: str) -> list[tuple[Mapping[str, str], list[float]]]:
        """Labels and times in seconds of every sample of a range, by series. Raises as `_get`."""
        return [(labels, [at for at, _ in values]) for labels, values in self.values(selector)]

    def values(self, selector: str) -> list[tuple[Mapping[str, str], list[tuple[float, float]]]]:
        """Labels, and time in seconds and value of every sample of a range, by series. Raises as `_get`."""
        data = self._get("query", Matrix, query=selector)
        return [(one.metric, list(one.values)) for one in data.result]

    def _get(self, path: str, shape: type[_Shape], **parameters: str) -> _Shape:
        """`data` of an answer.

        Raises:
            DriverError: no answer, an answer that reports a failure, or one of unexpected form; with the URL.
        """
        import httpx

        url = f"{self._prefix}/api/v1/{path}"
        try:
            answer = self._client.get(url, params=parameters)
            content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DriverError(f"Prometheus gave no answer: {error or type(error).__name__}", where=url) from error
        if not isinstance(content, dict) or content.get("status") != "success":
            why = content.get("error", "") if isinstance(content, dict) else ""
            raise DriverError(f"Prometheus answered {answer.status_code}: {why or 'no reason given'}", where=url)
        try:
            return shape.model_validate(content.get("data"))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            key = ".".join(map(str, ("data", *first["loc"])))
            raise DriverError(
                f"Prometheus' answer has an unexpected form: `{key}`: {first['msg']}, expected {shape.AS}",
                where=url,
                hint="check that `prometheus` of the target file is the address of Prometheus' own HTTP API",
            ) from error


@contextmanager
def prometheus_of(target: Target) -> Iterator[PrometheusClient]:
    """Context manager with a client for the Prometheus of a target.

    Raises:
        ConfigurationError: the target file names no Prometheus.
    """
    if target.prometheus is None:
        raise ConfigurationError(
            "names no Prometheus", where=f"{target.file}: prometheus", hint="write `prometheus: http://…`"
        )
    with prometheus_at(target, target.prometheus) as client:
        yield client


@contextmanager
def prometheus_at(target: Target, address: str) -> Iterator[PrometheusClient]:
    """Context manager with a client for the Prometheus at an address."""
    base = address.rstrip("/")
    with http_client(target, base, timeout_s=_WITHIN_S) as client:
        yield PrometheusClient(client, base)
