"""Keeps the usage of a service at a level, and observes its replicas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from harness import clock
from harness.clock import Deadline
from harness.drivers.scale.scaled import Scaled, cheapest, every_service, find_scaled
from harness.drivers.scale.stress import stressed, stressors_for
from harness.drivers.scale.times import UPS, reached_within_s, rest_within_s, risen_within_s
from harness.errors import DriverError
from harness.model import Quantity
from harness.model.planned.scaling import NEAR
from harness.targets.cluster.patience import patiently

if TYPE_CHECKING:
    from harness.model import Demand, Sink
    from harness.targets import Platform, Target

_POLL_S: Final = 0.5
_STEADY: Final = 3
"""Number of consecutive readings near the level after which the level counts as reached."""
SPIKE: Final = 1.5
"""Usage divided by the request in a spike: three times the half that a service uses at normal load."""
_IDLE_READINGS: Final = 3
_ATTEMPTS: Final = 3
"""Attempts for which the load of a level may be there: its own last one, and two at the next level."""
_PATIENCE: Final = 3
"""Times as long as usual a level is waited for at most."""
_CLIMB: Final = 0.01
"""A usage that is so much higher than all before it still climbs."""
_MORE_S: Final = 1.0
"""Seconds by which a level is kept longer than the limit."""


class _Reading(NamedTuple):
    """Mean usage divided by the resource request, and the number of replicas that the autoscaler asks for."""

    mean: float
    replicas: int


@dataclass(kw_only=True, slots=True)
class Holding:
    """State while one scaling demand is measured.

    Attributes:
        demand: demand to measure.
        workload: the service that the act loads where the demand names none; empty: every service.
        target: target of the run.
        platform: platform with the undo log.
        sink: sink for the observations.
        alive: raises an error if the run must end.
        elsewhere: names of services that other acts of the run bring to the same levels.
    """

    demand: Demand
    workload: str = ""
    target: Target
    platform: Platform
    sink: Sink
    alive: Callable[[], None]
    elsewhere: Collection[str] = ()

    def put(self, what: str, here: Scaled, resource: str, level: float, **more: object) -> int:
        """Record `scale.WHAT`; returns its time."""
        at_ns = clock.now_ns()
        common = {"demand": self.demand.key, "resource": resource, "cpu_scale": self.target.cpu_scale}
        self.sink.put(f"scale.{what}", here.subject, level=level, at_ns=at_ns, **common, **more)
        return at_ns

    def read(self, here: Scaled, resource: str) -> _Reading:
        """Read and record usage and replicas."""
        self.alive()
        usage, replicas = patiently(lambda: (here.usage(resource), here.replicas()))
        fields = {"demand": self.demand.key, "resource": resource, "replicas": replicas}
        self.sink.put("scale.usage", here.subject, at_ns=clock.now_ns(), usage=usage.mean, pods=usage.pods, **fields)
        return _Reading(usage.mean, replicas)


def hold_levels(now: Holding) -> None:
    """Keep the usage of a service below the target of its autoscaler, then above it.

    Without a name in the demand, this is done for the service of the act, else for every service with an autoscaler and every service
    behind the entry, one after the other, but for those that get these levels elsewhere. A service that has no request of the resource is
    recorded, and the others get their load.

    Raises:
        DriverError: a named service does not exist, or a service cannot be stressed.
    """
    if name := now.demand.params.get("workload"):
        _hold_levels(now, find_scaled(now.target, name))
        return
    for service in [now.workload] if now.workload else every_service(now.target):
        if service in now.elsewhere:
            continue
        try:
            here = find_scaled(now.target, service)
        except DriverError as error:
            now.sink.put("scale.failed", now.demand.key, why=str(error))
            continue
        _hold_levels(now, here)


def _hold_levels(now: Holding, here: Scaled) -> None:
    params = now.demand.params
    resource = params["resource"]
    _rest(now, here)
    hold = Quantity.parse(params["hold"], scaled=True).at_scale(now.target.time_scale)
    own = _idle(now, here, resource)
    with ExitStack() as loads:
        for level in (params["low"], params["high"]):
            own = _held(now, here, _Level(resource, Quantity.parse(level).base, own), hold.base + _MORE_S, loads)
    _rest(now, here)


def spike(now: Holding) -> None:
    """Load the autoscaled service with the lowest CPU request until three scale-ups, then end the load.

    Raises:
        DriverError: no service is autoscaled, or the service cannot be stressed.
    """
    here = cheapest(now.target)
    _rest(now, here)
    was = patiently(here.replicas)
    level, pods = _Level("cpu", SPIKE, _idle(now, here, "cpu")), len(patiently(here.pods))
    now.put("begun", here, level.resource, level.usage, pods=pods, mean=level.own)
    within_s = risen_within_s(here, _reached_within_s(here), now.target.time_scale)
    with _stress(now, here, level, level.usage, within_s):
        last, ups = was, 0
        for _ in Deadline.after(within_s).ticks(_POLL_S):
            replicas = now.read(here, "cpu").replicas
            ups, last = ups + (replicas > last), replicas
            if ups >= UPS:
                break
    now.put("ended", here, "cpu", SPIKE, pods=pods, ok=ups > 0)
    _rest(now, here)


class _Level(NamedTuple):
    """A level of usage divided by the request, and the usage of the pods before its load."""

    resource: str
    usage: float
    own: float


def _idle(now: Holding, here: Scaled, resource: str) -> float:
    """The mean usage of the pods without load, divided by the request."""
    readings = [now.read(here, resource).mean for _ in Deadline.after(_IDLE_READINGS * _POLL_S).ticks(_POLL_S)]
    return sum(readings) / len(readings)


def _held(now: Holding, here: Scaled, level: _Level, hold_s: float, loads: ExitStack) -> float:
    """Reach a level, with the load corrected once if the first attempt missed it, and keep it for `hold_s` or until the replicas rise.

    The load of a level at which they did not rise stays in `loads`, so that the next one begins there: from no load at all the way to it may take
    as long as the rise. Returns what the pods use then.
    """
    was, pods = patiently(here.replicas), len(patiently(here.pods))
    now.put("begun", here, level.resource, level.usage, pods=pods, mean=level.own)
    added, within_s, stays = max(level.usage - level.own, 0.0), _reached_within_s(here), False
    for last in (False, True):
        with ExitStack() as load:
            load.enter_context(_stress(now, here, level, added, _ATTEMPTS * (_PATIENCE * within_s + hold_s)))
            mean, risen = _reach(now, here, level, was, within_s)
            near = abs(mean - level.usage) <= NEAR
            if near or risen or last:
                now.put("reached", here, level.resource, level.usage, pods=pods, mean=mean, ok=near)
                means = [mean, *_kept(now, here, level, was, hold_s)]
                stays = near and patiently(here.replicas) == was
                if stays:
                    loads.push(load.pop_all())
                break
            added = max(added + level.usage - mean, 0.0)  # the pods' own usage may be another one by now
        if mean < level.usage:  # the time to a rise is that of the load that reaches the level
            now.put("begun", here, level.resource, level.usage, pods=pods, mean=level.own)
    reached = sum(means) / len(means)
    ok = near and abs(reached - level.usage) <= NEAR
    why = "" if ok else f"usage was {100 * reached:.0f} % of the resource request, expected {100 * level.usage:.0f} %"
    extent = {"mean": reached, "lowest": min(means), "highest": max(means)}
    now.put("ended", here, level.resource, level.usage, pods=pods, ok=ok, why=why, **extent)
    return reached if stays else max(reached - added, 0.0)


def _kept(now: Holding, here: Scaled, level: _Level, was: int, hold_s: float) -> Iterator[float]:
    """Yield the usage until the time is over, or the replicas have risen."""
    for _ in Deadline.after(hold_s).ticks(_POLL_S):
        reading = now.read(here, level.resource)
        if reading.replicas > was:
            return
        yield reading.mean


def _stress(now: Holding, here: Scaled, level: _Level, added: float, needs_s: float) -> AbstractContextManager[None]:
    """A context with stress that adds this usage, divided by the request, to that of the pods, for at least `needs_s`."""
    return stressed(here, stressors_for(here, level.resource, added), now.target, now.platform, needs_s=needs_s)


def _reached_within_s(here: Scaled) -> float:
    """Longest time in s until the metrics API reports a level that was reached."""
    own = {pod["metadata"]["name"] for pod in patiently(here.pods)}
    return reached_within_s(one for one in patiently(here.cpu_readings) if one.pod in own)


def _reach(now: Holding, here: Scaled, level: _Level, was: int, within_s: float) -> tuple[float, bool]:
    """Wait until consecutive readings are near the level or the replicas have risen; returns the mean usage, and whether they have risen.

    While the usage climbs to the level it is waited for longer: a machine may take its time to hand out memory.
    """
    last: list[float] = []
    highest, still = 0.0, Deadline.after(within_s)
    for _ in Deadline.after(_PATIENCE * within_s).ticks(_POLL_S):
        reading = now.read(here, level.resource)
        last = [*last, reading.mean][-_STEADY:]
        if len(last) == _STEADY and all(abs(one - level.usage) <= NEAR for one in last):
            break
        if reading.replicas > was:
            return reading.mean, True
        if highest + _CLIMB < reading.mean < level.usage:
            highest, still = reading.mean, Deadline.after(within_s)
        if still.over:
            break
    return sum(last) / len(last), False


def _rest(now: Holding, here: Scaled) -> None:
    """Wait until the workload has the number of replicas that it has without load.

    Raises:
        DriverError: it does not reach that number in time.
    """
    within_s = rest_within_s(here, patiently(here.replicas), now.target.time_scale)
    for _ in Deadline.after(within_s).ticks(_POLL_S):
        now.alive()
        if patiently(here.at_rest):
            return
    raise DriverError(
        f"{here.subject} did not reach {here.least} ready replicas within {within_s:g} s",
        hint="check the status of its autoscaler (kubectl describe hpa)",
    )
