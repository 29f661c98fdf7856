"""`test-alert`: checks that alert rules are loaded, and that an alert posted to Alertmanager reaches its receiver."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.drivers.check.claim import claim
from harness.drivers.check.monitor.prometheus import prometheus_of
from harness.drivers.check.monitor.rules import evaluates
from harness.drivers.check.needs import MONITOR, within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

NAME: Final = "ReadinessTest"
"""Name of the posted alert; receivers that page people should ignore it."""
_ASKED_EACH_S: Final = 0.2
_ENDS_AFTER: Final = timedelta(seconds=10)
"""Time in s after which Alertmanager treats the alert as resolved."""


@claim(
    "every declared alert rule is loaded and a test alert arrives within <within:reaction>",
    example="every declared alert rule is loaded and a test alert arrives within 60 s",
    needs=(
        MONITOR,
        RequiredKey("alerting", "an alert is posted to Alertmanager and found at its receiver"),
        within("alerting.alertmanager", "an alert is posted to Alertmanager"),
    ),
)
def test_alert(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Rules are loaded and evaluate; an alert `ReadinessTest` is posted to Alertmanager and its notice is found at the receiver."""
    within_s = Quantity.parse(params["within"]).in_unit("s")

    def probe() -> Sequence[FactReading]:
        return [*_rules(target), _arrives(target, within_s)]

    return probe


def _rules(target: Target) -> Iterator[FactReading]:
    with prometheus_of(target) as prometheus:
        loaded = prometheus.alert_rules()
    if not loaded:
        yield FactReading(subject="rules", expected="loaded", observed="none is loaded", ok=False)
    yield from (evaluates(rule, loaded) for rule in loaded)


def _arrives(target: Target, within_s: float) -> FactReading:
    alerting = target.alerting
    if alerting is None or alerting.alertmanager is None:
        raise ConfigurationError(
            "names no Alertmanager",
            where=f"{target.file}: alerting",
            hint="write `alerting: {alertmanager: http://…, …}`",
        )
    mark = uuid.uuid4().hex
    with (
        http_client(target, alerting.alertmanager, timeout_s=5.0) as alertmanager,
        http_client(target, alerting.receiver, timeout_s=5.0) as receiver,
    ):
        sent_s = clock.now_s()
        _post(alertmanager, alerting.alertmanager.rstrip("/") + "/api/v2/alerts", mark)
        for _ in clock.Deadline.after(within_s).ticks(_ASKED_EACH_S):
            if mark in _log(receiver, alerting.receiver):
                took_s = clock.now_s() - sent_s
                return FactReading(
                    subject=NAME,
                    expected=f"within {within_s:g} s",
                    observed=f"a notice after {took_s:.1f} s",
                    ok=took_s <= within_s,
                )
    return FactReading(subject=NAME, expected=f"within {within_s:g} s", observed="no notice", ok=False)


def _post(client: httpx.Client, url: str, mark: str) -> None:
    import httpx

    now = clock.wall()
    alert: dict[str, Any] = {
        "labels": {"alertname": NAME, "severity": "none", "mark": mark},
        "annotations": {"summary": "Test of the notification path; no action is needed"},
        "startsAt": now.isoformat(),
        "endsAt": (now + _ENDS_AFTER).isoformat(),
    }
    try:
        answer = client.post(url, content=json.dumps([alert]), headers={"content-type": "application/json"})
    except httpx.HTTPError as error:
        raise DriverError(f"Alertmanager gave no answer: {error or type(error).__name__}", where=url) from error
    if answer.is_error:
        raise DriverError(f"Alertmanager answered {answer.status_code}: {answer.text[:200]}", where=url)


def _log(client: httpx.Client, url: str) -> str:
    import httpx

    try:
        answer = client.get(url)
    except httpx.HTTPError as error:
        raise DriverError(f"the receiver gave no answer: {error or type(error).__name__}", where=url) from error
    return "" if answer.is_error else answer.text
