"""Signals of rollback triggers besides requests: memory of the pods (from the metrics API) and user reports (sent by the run)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harness import clock
from harness.errors import DriverError
from harness.model.planned.trigger import Signal
from harness.run.acts.at_once import Beside, at_once
from harness.targets.cluster.amounts import amount
from harness.targets.cluster.usage import METRICS, measured_time
from harness.targets.http import http_client
from harness.targets.kubernetes import labels_of
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from harness.model import Sink
    from harness.model.planned.rollout import PlannedReport, RolloutPlan
    from harness.run.acts.context import Context
    from harness.targets.kubernetes import Cluster, Object

_Measured: TypeAlias = "tuple[tuple[int, datetime], Sequence[Object], Mapping[str, Object]]"
"""Time of the reading by both clocks, the pod metrics of a namespace, and its pods by name."""
_EVERY_S: Final = 1.0
_CLOSE: Final = 0.005
_POST_WITHIN_S: Final = 5.0


class SignalReader:
    """Reads memory and sends user reports during a rollout.

    Args:
        plan: plan of the rollout.
        context: context of the run.
        cluster: cluster in which the pods run.
        places: namespaces of the pods.
        sink: history of the rollout.
    """

    def __init__(
        self, plan: RolloutPlan, context: Context, cluster: Cluster, places: Sequence[str], sink: Sink
    ) -> None:
        self._plan = plan
        self._context = context
        self._cluster = cluster
        self._places = places
        self._sink = sink
        self._reads_memory = any(trigger.signal is Signal.MEMORY for trigger in plan.triggers)
        self._due = list(plan.reports)
        self._read_ns = 0
        self._measured_at: dict[str, datetime] = {}
        self._memory = Beside(self._record)

    def close(self) -> None:
        """Wait for the reading in progress; record it unless an exception is being handled."""
        self._memory.close()

    def poll(self, share: float) -> None:
        """Read the memory once a second in another thread, and send the reports that are due at this share."""
        self._memory.record()
        late = clock.now_ns() - self._read_ns >= _EVERY_S * NS_PER_S
        if self._reads_memory and late and not self._memory.busy:
            self._read_ns = clock.now_ns()
            self._memory.ask(lambda _go_on: at_once(self._measured, self._places))
        due, self._due = (
            [one for one in self._due if one.at <= share + _CLOSE],
            [one for one in self._due if one.at > share + _CLOSE],
        )
        for report in due:
            self._send(report)

    def _record(self, read: Sequence[_Measured]) -> None:
        """Record what was measured since the last call; nothing if the metrics API did not answer, so that a gap stays unknown."""
        settings = self._context.target.rollout
        label = settings.label if settings is not None else "version"
        for place, (read_at, measured, pods) in zip(self._places, read, strict=True):
            for one in measured:
                pod = pods.get(one["metadata"]["name"])
                shares = list(_shares(one, pod)) if pod is not None else []
                if pod is None or not shares:
                    continue
                name, time = f"{place}/{pod['metadata']['name']}", measured_time(one)
                if self._measured_at.get(name) == time.until:
                    continue  # it was not measured again: how long it is known is for the judge
                self._measured_at[name] = time.until
                self._sink.put(
                    "rollout.memory",
                    name,
                    rollout=self._plan.name,
                    release=labels_of(pod).get(label, ""),
                    share=max(shares),
                    at_ns=_measured_ns(read_at, time.until),
                    window_s=time.window_s,
                )

    def _measured(self, place: str) -> _Measured:
        try:
            measured = self._cluster.customs(METRICS, "pods", place)
            pods = {pod["metadata"]["name"]: pod for pod in self._cluster.pods(place)}
        except DriverError:
            return clock.both(), (), {}
        return clock.both(), measured, pods

    def _send(self, report: PlannedReport) -> None:
        """Send a report as a user would, and record whether the platform accepted it."""
        release = self._context.plan.release if report.stable else self._plan.candidate
        why = self._posted(report.severity, release)
        self._sink.put(
            "rollout.reported",
            self._plan.name,
            severity=report.severity,
            release=release,
            accepted=not why,
            why=why,
            at_ns=clock.now_ns(),
        )
        self._context.progress.say(
            f"rollout {self._plan.name}: sent a {report.severity} user report about {release}"
            f"{why and f', which the platform did not accept: {why}'}"
        )

    def _posted(self, severity: str, release: str) -> str:
        """Send the report to the platform; returns why it was not accepted, empty if it was."""
        import httpx

        target = self._context.target
        settings = target.user_reports
        if settings is None:
            return "the target file has no key `user_reports`"
        words = {"{severity}": severity, "{release}": release}
        body = {key: _filled(value, words) for key, value in settings.body.items()}
        try:
            with http_client(target, target.entry, timeout_s=_POST_WITHIN_S) as client:
                answer = client.post(settings.path, json=body)
        except httpx.HTTPError as error:
            return str(error) or type(error).__name__
        return "" if answer.is_success else f"status {answer.status_code}"


def _filled(value: str, words: Mapping[str, str]) -> str:
    for name, word in words.items():
        value = value.replace(name, word)
    return value


def _measured_ns(read_at: tuple[int, datetime], until: datetime) -> int:
    """The time of a measurement, in nanoseconds of the run's clock; never after the reading, even if the cluster's clock is ahead."""
    read_ns, wall = read_at
    return min(read_ns - clock.wall_ns(wall) + clock.wall_ns(until), read_ns)


def _shares(measured: Object, pod: Object) -> Iterator[float]:
    """The working set of each container that has a memory limit, divided by the limit."""
    limits = {
        one["name"]: ((one.get("resources") or {}).get("limits") or {}).get("memory")
        for one in pod["spec"]["containers"]
    }
    for container in measured.get("containers") or ():
        usage: Any = (container.get("usage") or {}).get("memory")
        limit = limits.get(container["name"])
        if usage and limit:
            yield float(amount(str(usage)) / amount(str(limit)))
