"""Reads the size file of a traffic: amount and duration of the load, and the schedule of journeys."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from harness.errors import ConfigurationError, UsageError
from harness.model import ArrivalTrace, Quantity, RateCurve, StopRule
from harness.targets.files.trace import read_trace
from harness.targets.files.values import text_of
from harness.yamlfile import Location, YamlDocument


def _quantity(dimension: str, example: str, *, zero: bool = False) -> BeforeValidator:
    def read(value: object) -> float:
        wrong = f"a {dimension} {'of 0 and more' if zero else 'above 0'} like `{example}`"
        try:
            quantity = Quantity.parse(str(value))
        except UsageError as error:
            raise ValueError(wrong) from error
        if quantity.dimension != dimension or quantity.value < 0 or (quantity.value == 0 and not zero):
            raise ValueError(wrong)
        return quantity.base

    return BeforeValidator(read, json_schema_input_type=text_of(example, dimension))


class WindowSize(NamedTuple):
    """Length of a window.

    Attributes:
        seconds: length in s.
        grows: whether the window becomes longer if the sentences of the plan need it.
    """

    seconds: float
    grows: bool


def _window(value: object) -> WindowSize:
    text = str(value).strip()
    length = text.removeprefix(_AT_LEAST)
    try:
        quantity = Quantity.parse(length)
    except UsageError as error:
        raise ValueError(_WINDOW_FORM) from error
    if quantity.dimension != "time" or quantity.value <= 0:
        raise ValueError(_WINDOW_FORM)
    return WindowSize(seconds=quantity.base, grows=length != text)


def _address(value: object) -> object:
    parts = _ADDRESS.fullmatch(str(value))
    if parts is None or not 0 < int(parts["port"]) < 65536:
        raise ValueError("an address and port like `10.0.0.5:5557`")
    return value


def _path_of_id(value: str) -> str:
    if not value.startswith("/") or value.count("{id}") != 1:
        raise ValueError("a path with `{id}` in it, like `/tracks/{id}`")
    return value


_ADDRESS: Final = re.compile(r"[a-z0-9.-]+:(?P<port>[0-9]{1,5})", re.IGNORECASE | re.ASCII)

_AT_LEAST: Final = "at least "
_WINDOW_FORM: Final = "a time above 0 like `128 s`, or `at least 128 s`"
_Rate = Annotated[float, _quantity("rate", "25/s")]
_AnyRate = Annotated[float, _quantity("rate", "25/s", zero=True)]
_Time = Annotated[float, _quantity("time", "30 s")]
_Workers = Annotated[int, Field(ge=0, le=1000)]
_Many = Annotated[int, Field(ge=1, le=1_000_000)]
_OnAverage = Annotated[float, Field(ge=1, le=1_000_000, allow_inf_nan=False)]


class _SizeSection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=False)


class RateStep(_SizeSection):
    """One rate for a duration."""

    rate: _AnyRate
    duration: _Time = Field(alias="for")


class Ramp(_SizeSection):
    """A linear change from one rate to another; the last rate stays."""

    start: _AnyRate = Field(alias="from")
    to: _AnyRate
    over: _Time


class Spike(_SizeSection):
    """Another rate for a duration, starting some time after the begin of the load."""

    rate: _AnyRate
    after: Annotated[float, _quantity("time", "30 s", zero=True)]
    duration: _Time = Field(alias="for")


class RateShape(_SizeSection):
    """Change of the rate over time; exactly one of the three keys is set.

    Time 0 is the begin of the load, including the warm-up.
    """

    steps: tuple[RateStep, ...] | None = Field(default=None, strict=False)
    ramp: Ramp | None = None
    spike: Spike | None = None


class Remote(_SizeSection):
    """Workers on other machines, and the address at which the master waits for them."""

    workers: Annotated[_Workers, Field(ge=1)]
    bind: Annotated[
        str, BeforeValidator(_address, json_schema_input_type=Annotated[str, Field(examples=["10.0.0.5:5557"])])
    ]


class StopWhen(_SizeSection):
    """Thresholds of which the first that is exceeded ends the load; at least one is set.

    Attributes:
        error_rate: share of failed requests.
        p50, p90, p95, p99: quantiles of the response time in s.
        duration: length in s of the latest span of which they are computed.
    """

    error_rate: Annotated[float, _quantity("ratio", "20 %", zero=True)] | None = None
    p50: _Time | None = None
    p90: _Time | None = None
    p95: _Time | None = None
    p99: _Time | None = None
    duration: _Time = Field(alias="for")

    def rules(self) -> tuple[StopRule, ...]:
        """The thresholds, the error rate first."""
        limits = {None: self.error_rate, 0.5: self.p50, 0.9: self.p90, 0.95: self.p95, 0.99: self.p99}
        return tuple(
            StopRule(quantile=quantile, over=over, for_s=self.duration)
            for quantile, over in limits.items()
            if over is not None
        )


class ReadBackConfig(_SizeSection):
    """Rules for reading back the items of one account.

    Attributes:
        path: path of an item, with `{id}` in it.
        same: fields that must be equal.
        counts: name of a counter; empty if there is none.
    """

    path: Annotated[str, AfterValidator(_path_of_id)]
    same: tuple[str, ...] = Field(default=(), strict=False)
    counts: str = ""


_Window = Annotated[
    WindowSize, BeforeValidator(_window, json_schema_input_type=Annotated[str, Field(examples=["at least 128 s"])])
]


class Size(_SizeSection):
    """The size file of a traffic. The shares of the routes add up to 1."""

    locustfile: str
    entry: Literal["entry", "website"] = "entry"
    model: Literal["open", "closed"] = "open"
    rate: _Rate | None = None
    arrivals: Literal["poisson", "constant"] | None = None
    shape: RateShape | None = None
    trace: str | None = None
    users: _Many | None = None
    think: Annotated[float, _quantity("time", "2 s", zero=True)] | None = None
    journey: Annotated[float, _quantity("time", "6 s")]
    requests_per_journey: _OnAverage
    warm_up: Annotated[float, _quantity("time", "10 s")]
    window: _Window = Field(alias="for")
    in_profiles: Mapping[str, _Window] = Field(default_factory=dict)
    after: Annotated[float, _quantity("time", "60 s")] = 60.0
    health_probes: _Rate | None = None
    workers: _Workers = 1
    remote: Remote | None = None
    routes: Mapping[str, Annotated[float, _quantity("ratio", "25 %")]]
    accounts: Mapping[str, ReadBackConfig] = Field(default_factory=dict)
    census: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    tags: tuple[str, ...] = Field(default=(), strict=False)
    exclude_tags: tuple[str, ...] = Field(default=(), strict=False)
    traceparent: bool | None = None
    stop_when: StopWhen | None = None

    def window_in(self, profiles: Collection[str]) -> WindowSize:
        """The longest of the windows that the profiles of a run ask for; one that is not named asks for `for`."""
        return max((self.in_profiles.get(one, self.window) for one in profiles), default=self.window)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrivalSchedule:
    """Arrival schedule of journeys, with the fields of TrafficPlan.

    Attributes:
        peak_per_s: number of journeys in the busiest second.
    """

    curve: RateCurve
    arrivals: str = "poisson"
    rates: tuple[tuple[float, float], ...] = ()
    trace_ns: tuple[int, ...] = ()
    trace: str = ""
    peak_per_s: float

    def scaled(self, scale: float) -> ArrivalSchedule:
        """The schedule with every rate multiplied; a trace has no rates, so its arrivals stay unchanged."""
        rates = tuple((at_s, per_s * scale) for at_s, per_s in self.rates)
        points = tuple((at_s, per_s * scale) for at_s, per_s in self.curve.points)
        return replace(self, curve=RateCurve(points=points), rates=rates, peak_per_s=self.peak_per_s * scale)

    def journeys(self, from_s: float, until_s: float) -> float:
        """Number of journeys planned between two times since the begin of the load."""
        if self.trace_ns:
            trace = ArrivalTrace(offsets_ns=self.trace_ns)
            return trace.offered(round(until_s * 1e9)) - trace.offered(round(from_s * 1e9))
        return self.curve.offered(until_s) - self.curve.offered(from_s)


def schedule_of(size: Size, document: YamlDocument, rate_per_s: float | None) -> ArrivalSchedule:
    """The schedule that the size file describes.

    `rate_per_s` is the rate in the target file, which replaces `rate`; a spike is then as many times this rate as before.

    Raises:
        ConfigurationError: keys contradict each other, a key is missing, or the trace is invalid.
    """
    _refuse_mixture(size, document)
    if size.workers == 0 and size.remote is None:
        raise ConfigurationError(
            "`workers` is 0, so no request would be sent", where=document.where(("workers",)), hint="write `workers: 1`"
        )
    workers = size.workers + (size.remote.workers if size.remote else 0)
    if size.users is not None and size.users < workers:
        raise ConfigurationError(
            f"{workers} load processes need at least {workers} users, `users` is {size.users}",
            where=document.where(("users",)),
            hint=f"write at most `workers: {size.users}`",
        )
    spiked = size.shape is not None and size.shape.spike is not None
    if rate_per_s is not None and (size.rate is None or (size.shape and not spiked)):
        raise ConfigurationError(
            f"the target file has `rate: {rate_per_s:g}/s`, and this traffic has no single rate",
            where=document.where(()),
            hint="remove the rate from `traffic:` in the target file",
        )
    if rate_per_s is not None and spiked and size.rate:
        return schedule_of(size, document, None).scaled(rate_per_s / size.rate)
    rate = size.rate if rate_per_s is None else rate_per_s
    if size.trace is not None:
        return _traced(document, size.trace)
    if size.users is not None:
        per_s = size.users / (size.journey + (size.think or 0.0))
        return ArrivalSchedule(curve=RateCurve.flat(per_s), arrivals="closed", peak_per_s=per_s)
    arrivals = size.arrivals or "poisson"
    if size.shape is None:
        if not rate:
            raise ConfigurationError(
                f"{document.path.stem}: the target file sets the rate to 0, so no request would be sent",
                where=document.where(("rate",)),
                hint="set a rate above 0",
            )
        return ArrivalSchedule(curve=RateCurve.flat(rate), arrivals=arrivals, peak_per_s=rate)
    points = _points(size.shape, rate or 0.0)
    try:
        curve = RateCurve(points=points)
    except UsageError as error:
        raise ConfigurationError(error.what, where=document.where(("shape",)), hint=error.hint) from error
    return ArrivalSchedule(curve=curve, arrivals=arrivals, rates=points, peak_per_s=curve.peak_per_s)


def _points(shape: RateShape, rate: float) -> tuple[tuple[float, float], ...]:
    if shape.ramp:
        return (0.0, shape.ramp.start), (shape.ramp.over, shape.ramp.to)
    if shape.spike:
        begin, end = shape.spike.after, shape.spike.after + shape.spike.duration
        high = shape.spike.rate
        return (0.0, rate), (begin, rate), (begin, high), (end, high), (end, rate)
    at_s, points = 0.0, []
    for step in shape.steps or ():
        points += [(at_s, step.rate), (at_s + step.duration, step.rate)]
        at_s += step.duration
    return tuple(points)


def _traced(document: YamlDocument, name: str) -> ArrivalSchedule:
    try:
        path = (document.path.parent / name).resolve()
    except (OSError, ValueError) as error:
        raise ConfigurationError("`trace` is not a file name", where=document.where(("trace",))) from error
    try:
        trace = read_trace(path).arrivals
    except ConfigurationError as error:
        at = document.where(("trace",))
        raise ConfigurationError(error.what, where=f"{at}: {error.where}", hint=error.hint) from error
    offsets = trace.offsets_ns
    busiest = max(bisect_left(offsets, at + 10**9) - index for index, at in enumerate(offsets))
    mean = len(offsets) / (trace.period_ns / 1e9)
    return ArrivalSchedule(
        curve=RateCurve.flat(mean), arrivals="trace", trace_ns=offsets, trace=str(path), peak_per_s=float(busiest)
    )


def _refuse_mixture(size: Size, document: YamlDocument) -> None:
    """Each model and each kind of schedule has its own keys."""
    shape = size.shape
    if shape is not None and sum(part is not None for part in (shape.steps, shape.ramp, shape.spike)) != 1:
        where = document.where(("shape",))
        raise ConfigurationError(
            "`shape` has more than one of `steps`, `ramp`, `spike`", where=where, hint="keep one of them"
        )
    if shape is not None and shape.steps == ():
        raise ConfigurationError(
            "`steps` is empty", where=document.where(("shape", "steps")), hint="write at least one step"
        )
    spike = shape is not None and shape.spike is not None
    if size.model == "closed":
        needed, allowed, kind = "users", {"users", "think"}, "a closed model"
    elif size.trace is not None:
        needed, allowed, kind = "trace", {"trace"}, "a trace"
    elif shape is not None and not spike:
        needed, allowed, kind = "shape", {"shape", "arrivals"}, "a shape of steps or a ramp"
    else:
        needed, allowed, kind = "rate", {"rate", "arrivals", "shape"}, "an open model"
    for key in ("rate", "arrivals", "shape", "trace", "users", "think"):
        if getattr(size, key) is not None and key not in allowed:
            raise ConfigurationError(
                f"`{key}` is not allowed with {kind}",
                where=document.where(_location(document, key)),
                hint=f"use these keys with {kind}: {', '.join(sorted(allowed))}",
            )
    if getattr(size, needed) is None:
        raise ConfigurationError(
            f"the key `{needed}` is missing", where=document.where((needed,)), hint=f"write `{needed}: …`"
        )


def _location(document: YamlDocument, key: str) -> Location:
    return (key,) if (key,) in document.lines else ()
