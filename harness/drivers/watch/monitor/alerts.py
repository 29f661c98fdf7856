"""Watcher of Prometheus alerts: pending, firing and resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness import clock
from harness.drivers.watch.attendance import Attendance
from harness.drivers.watch.monitor.alert_rules import RULES, AlertRules
from harness.drivers.watch.monitor.alerts_meanwhile import WAIT_S as MEANWHILE_WAIT_S
from harness.drivers.watch.monitor.alerts_meanwhile import AlertLabels, AlertsMeanwhile
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.targets.files.target import Target
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.drivers.watch.entry.wires import ProbeResponse, Wires

_PATH: Final = "/api/v1/alerts"
"""API path of all pending and firing alerts, without resolved ones."""

WAIT_S: Final = 1.0
"""Timeout of one request in s."""
_SHORTLY_NS: Final = round(2 * MEANWHILE_WAIT_S * NS_PER_S)
"""An alert that was seen to fire so shortly before a time without answers may be in the record of that time for nothing else."""


class _AlertsModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Alert(_AlertsModel):
    labels: Mapping[str, str]
    state: Literal["pending", "firing"]
    active_at: str = Field(alias="activeAt")


class _Data(_AlertsModel):
    alerts: tuple[_Alert, ...]


class _AlertsResponse(_AlertsModel):
    status: Literal["success"]
    data: _Data


class Alerts:
    """Polls the alerts; records `alert.pending`, `alert.firing` and `alert.resolved`.

    Alerts in the first answer are recorded as `alert.present`, since their changes were not observed. An alert is
    identified by its labels. If Prometheus gives no valid answer, its record of the time from the request of the last
    valid answer to the next valid answer is read, and an alert that fired and was resolved in it is recorded; without
    such a record this time is blind (see `AlertsMeanwhile`). `since_ns` of a change is the request time of the last valid answer without the
    change. The loaded rules are recorded as `alert.rule` (see `AlertRules`).
    """

    def __init__(self, base: str, wires: Wires, recorder: WatchRecorder, attendance: Attendance) -> None:
        """Use the Prometheus address `base`, which may contain a path."""
        below = urlsplit(base).path.rstrip("/")
        self._path, self._rules_path = below + _PATH, below + RULES
        self._meanwhile = AlertsMeanwhile(below, wires)
        self._wires = wires
        self._recorder = recorder
        self._history = recorder.history("alerts")
        self._rules = AlertRules(self._history)
        self._attendance = attendance
        self._known: dict[AlertLabels, _Alert] | None = None
        self._fired_ns: dict[AlertLabels, int] = {}
        self._asked_ns = 0
        self._seen_ns = clock.now_ns()
        self._why = ""
        self._filling = False

    async def probe(self, _due_ns: int) -> None:
        """Request the alerts once, and record their changes.

        After a time without answers the record of it is read first, and the alerts are requested again: so an alert of the record that does not fire
        any more has been resolved, and none is recorded earlier than it fired. Meanwhile nothing else is asked of a Prometheus that is busy.
        """
        if self._filling:
            return
        answer = await self._ask()
        if self._filling or answer.sent_ns < self._asked_ns:  # a later request was answered sooner
            return
        alerts, fired = _alerts(answer), None
        if self._why and not isinstance(alerts, str):
            self._filling = True
            fired, answer = await self._meanwhile.fired(self._seen_ns), await self._ask()
            alerts, self._filling = _alerts(answer), False
        self._asked_ns = answer.sent_ns
        if isinstance(alerts, str):
            if alerts != self._why:
                self._recorder.trouble("alerts", f"Prometheus returned no list of alerts: {alerts}")
            self._why = alerts
            return
        if self._why and not self._filled(fired, alerts, answer.done_ns):
            self._attendance.interrupted(self._seen_ns, answer.done_ns)
        self._take(alerts, answer.done_ns)
        self._attendance.answered(answer.sent_ns, answer.done_ns)
        self._why, self._seen_ns = "", answer.sent_ns
        if self._rules.due():
            await self._meanwhile.begin()
            self._rules.take(await self._wires.ask("GET", self._rules_path, within_s=WAIT_S))

    async def _ask(self) -> ProbeResponse:
        return await self._wires.ask("GET", self._path, within_s=WAIT_S)

    def end(self) -> None:
        """End the watch; the time since the last valid answer is blind if later answers were not valid."""
        if self._why:
            self._attendance.interrupted(self._seen_ns, clock.now_ns())

    def _filled(self, fired: Mapping[AlertLabels, float] | None, alerts: Iterable[_Alert], at_ns: int) -> bool:
        """Record the alerts that fired and were resolved while there was no valid answer; whether all of them are known.

        One that was seen to fire shortly before may be in the record for that alone.
        """
        if fired is None or self._known is None:
            return False
        seen = {labels for labels, alert in self._known.items() if alert.state == "firing"}
        seen |= {frozenset(alert.labels.items()) for alert in alerts if alert.state == "firing"}
        unseen = {labels: at_s for labels, at_s in fired.items() if labels not in seen}
        if any(self._seen_ns - self._fired_ns.get(labels, 0) < _SHORTLY_NS for labels in unseen):
            return False
        for labels, at_s in sorted(unseen.items(), key=lambda one: sorted(one[0])):
            active_at = clock.wall_text(datetime.fromtimestamp(at_s, UTC))
            alert = _Alert(labels=dict(labels), state="firing", activeAt=active_at)
            self._put("firing", alert, at_ns)
            self._put("resolved", alert, at_ns)
        return True

    def _take(self, alerts: Iterable[_Alert], at_ns: int) -> None:
        firing_last = sorted(alerts, key=lambda alert: alert.state == "firing")
        now = {
            frozenset(alert.labels.items()): alert for alert in firing_last
        }  # of two alerts with the same labels the firing one is kept
        before = self._known
        self._fired_ns |= {labels: at_ns for labels, alert in now.items() if alert.state == "firing"}
        for labels, alert in (before or {}).items():
            if labels not in now:
                self._put("resolved", alert, at_ns)
        for labels, alert in now.items():
            if before is None:
                self._put("present", alert, at_ns)
            elif labels not in before or _condition(before[labels]) != _condition(alert):
                self._put(alert.state, alert, at_ns)
        self._known = now

    def _put(self, what: str, alert: _Alert, at_ns: int) -> None:
        """`state`: what it is, or was before it was resolved."""
        since = {} if self._known is None else {"since_ns": self._seen_ns}
        self._history.put(
            f"alert.{what}",
            alert.labels.get("alertname", ""),
            labels=dict(alert.labels),
            state=alert.state,
            active_at=alert.active_at,
            at_ns=at_ns,
            **since,
        )


def _condition(alert: _Alert) -> tuple[str, str]:
    """State and start time of an alert: an alert that is pending again after a time without answers is a new one."""
    return alert.state, alert.active_at


def _alerts(answer: ProbeResponse) -> tuple[_Alert, ...] | str:
    """The alerts of an answer, or what is wrong with the answer."""
    if answer.error is not None:
        return answer.error
    if answer.status != 200:
        return f"status {answer.status}"
    try:
        return _AlertsResponse.model_validate_json(answer.body).data.alerts
    except ValidationError:
        return "wrong body"


class AlertsWatcher(Watcher):
    """Watches the alerts of Prometheus."""

    name: ClassVar[str] = "alerts"
    file: ClassVar[str] = "history/alerts.ndjson"

    _alerts: Alerts | None = None

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `prometheus`."""
        return target.prometheus is not None

    def per_s(self, rates: Rates) -> float:
        """Planned requests per second."""
        return rates.alerts

    def begin(self, here: Watching) -> None:
        """Start one schedule."""
        base, attendance = here.target.prometheus, here.recorder.attendance(self.name)
        if base is None:
            return
        self._alerts = Alerts(base, here.wires_to(base), here.recorder, attendance)
        here.schedule(self.name, here.settings.rates.alerts, self._alerts.probe, phase=0.8, attendance=attendance)

    def ended(self) -> None:
        """Record a gap until now if the last answer was not valid."""
        if self._alerts:
            self._alerts.end()
