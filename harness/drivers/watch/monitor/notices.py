"""Watcher of the notices that Alertmanager sent: which notices reached their receiver, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from harness import clock
from harness.drivers.watch.attendance import Attendance
from harness.drivers.watch.recorder import WatchRecorder
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Watcher, Watching
from harness.targets.files.target import Target
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.drivers.watch.entry.wires import Wires

WAIT_S = 1.0
"""Timeout of one request in s."""


class _NoticeModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class _NoticeAlert(_NoticeModel):
    status: Literal["firing", "resolved"]
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = Field(default_factory=dict)
    starts_at: AwareDatetime = Field(alias="startsAt")


class _Webhook(_NoticeModel):
    version: Literal["4"]
    status: Literal["firing", "resolved"]
    alerts: tuple[_NoticeAlert, ...]


class _LoggedNotice(_NoticeModel):
    number: int
    received_at: AwareDatetime
    notice: _Webhook


class _NoticeLog(_NoticeModel):
    notices: tuple[_LoggedNotice, ...]


class Notices:
    """Polls the log of a receiver; records each notice once as `notice.received`.

    Notices in the log at the first valid answer are ignored, since they belong to the time before the run. Until that
    answer the watcher is blind. A missing later answer causes no gap, since the log keeps the notices with their times.
    """

    def __init__(self, log: str, wires: Wires, recorder: WatchRecorder, attendance: Attendance) -> None:
        """Use `log`, the address of the receiver's log."""
        parts = urlsplit(log)
        self._path = parts.path or "/"
        self._subject = parts.hostname or log
        self._wires = wires
        self._recorder = recorder
        self._history = recorder.history("notices")
        self._attendance = attendance
        self._last: int | None = None
        self._seen_ns = clock.now_ns()
        self._why = ""

    async def probe(self, _due_ns: int) -> None:
        """Request the new notices and record them."""
        since = self._last or 0
        answer = await self._wires.ask("GET", f"{self._path}?since={since}", within_s=WAIT_S)
        why = answer.error or ("" if answer.status == 200 else f"status {answer.status}")
        try:
            entries = () if why else _NoticeLog.model_validate_json(answer.body).notices
        except ValidationError:
            why, entries = "wrong body", ()
        if why:
            if why != self._why:
                self._recorder.trouble("notices", f"the receiver returned no list of notices: {why}")
            self._why = why
            return
        if self._why and self._last is None:
            self._attendance.interrupted(self._seen_ns, answer.done_ns)
        self._attendance.answered(answer.sent_ns, answer.done_ns)
        self._why, self._seen_ns = "", answer.sent_ns
        self._take(entries)

    def _take(self, entries: tuple[_LoggedNotice, ...]) -> None:
        now_ns, now = clock.now_ns(), clock.wall()
        for entry in entries:
            if self._last is not None and entry.number > self._last:
                self._history.put(
                    "notice.received",
                    self._subject,
                    number=entry.number,
                    status=entry.notice.status,
                    at_ns=_on_our_clock(entry.received_at, now, now_ns),
                    alerts=[
                        {
                            "labels": dict(alert.labels),
                            "annotations": dict(alert.annotations),
                            "status": alert.status,
                            "starts_ns": _on_our_clock(alert.starts_at, now, now_ns),
                        }
                        for alert in entry.notice.alerts
                    ],
                )
        self._last = max([self._last or 0, *(entry.number for entry in entries)])

    def end(self) -> None:
        """End the watch; notices since the last valid answer are unknown."""
        if self._why:
            self._attendance.interrupted(self._seen_ns, clock.now_ns())


def _on_our_clock(at: datetime, now: datetime, now_ns: int) -> int:
    """A moment of the wall clock in ns of CLOCK_MONOTONIC."""
    return now_ns - round((now - at).total_seconds() * NS_PER_S)


class NoticesWatcher(Watcher):
    """Watches the notices that reach their receiver."""

    name: ClassVar[str] = "notices"
    file: ClassVar[str] = "history/notices.ndjson"

    _notices: Notices | None = None

    def needs(self, target: Target) -> bool:
        """Whether the target has the key `alerting`."""
        return target.alerting is not None

    def per_s(self, rates: Rates) -> float:
        """Planned requests per second."""
        return rates.notices

    def begin(self, here: Watching) -> None:
        """Start one schedule."""
        alerting, attendance = here.target.alerting, here.recorder.attendance(self.name)
        if alerting is None:
            return
        self._notices = Notices(alerting.receiver, here.wires_to(_base(alerting.receiver)), here.recorder, attendance)
        here.schedule(self.name, here.settings.rates.notices, self._notices.probe, phase=0.4, attendance=attendance)

    def ended(self) -> None:
        """Record that later notices are unknown if the last answer was not valid."""
        if self._notices:
            self._notices.end()


def _base(url: str) -> str:
    """Scheme and host of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
