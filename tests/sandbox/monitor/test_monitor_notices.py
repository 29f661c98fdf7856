"""Alertmanager's groups on a clock of the test: what is sent when, what is not, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from readiness_sandbox.platform.monitor.grouping import Dispatcher, RouteRefused, read_route
from readiness_sandbox.platform.monitor.moments import rfc3339, seconds_of

ROUTES = """
route: {receiver: on-call, group_by: [alertname], group_wait: 1s, group_interval: 10s, repeat_interval: 1m}
receivers: [{name: on-call, webhook_configs: [{url: "http://on-call/notices"}]}]
"""


def dispatcher(text: str = ROUTES) -> Dispatcher:
    """With the routes of the text."""
    return Dispatcher(read_route(yaml.safe_load(text)))


def alert(pod: str, start: float, end: float | None = None, name: str = "Down") -> dict[str, Any]:
    """As Prometheus posts it; without an end it fires for ten minutes."""
    return {
        "labels": {"alertname": name, "pod": pod},
        "annotations": {"text": "down"},
        "startsAt": rfc3339(start),
        "endsAt": rfc3339(start + 600 if end is None else end),
    }


def sent(of: Dispatcher, now_s: float) -> list[tuple[str, list[tuple[str, str]]]]:
    """Status of each notice, and pod and status of its alerts."""
    return [
        (one["status"], [(each["labels"]["pod"], each["status"]) for each in one["alerts"]]) for one in of.due(now_s)
    ]


def test_alerts_of_one_group_wait_for_each_other() -> None:
    """Group wait from the first of them; another name is another group."""
    of = dispatcher()
    of.take([alert("a", 100)], 100)
    assert sent(of, 100.9) == []
    of.take([alert("b", 100.5), alert("a", 100.5, name="Slow")], 100.5)
    assert sent(of, 101) == [("firing", [("a", "firing"), ("b", "firing")])]
    assert sent(of, 101.5) == [("firing", [("a", "firing")])]


def test_a_group_that_has_not_changed_is_not_told_again_before_it_is_repeated() -> None:
    """A new alert waits for the group's interval."""
    of = dispatcher()
    of.take([alert("a", 100)], 100)
    assert len(sent(of, 101)) == 1
    of.take([alert("a", 100), alert("b", 102)], 102)
    assert sent(of, 105) == []
    assert sent(of, 111) == [("firing", [("a", "firing"), ("b", "firing")])]
    assert [len(sent(of, 111.0 + second)) for second in range(10, 70, 10)] == [0, 0, 0, 0, 0, 1]


def test_the_end_of_an_alert_is_told_once() -> None:
    """In the next notice of its group; what ended before anybody was told is not told at all."""
    of = dispatcher()
    of.take([alert("a", 100), alert("b", 100)], 100)
    of.take([alert("b", 100, 100.5)], 100.5)
    assert sent(of, 101) == [("firing", [("a", "firing")])]
    of.take([alert("a", 100, 103)], 103)
    assert sent(of, 111) == [("resolved", [("a", "resolved")])]
    assert sent(of, 121) == []
    assert of.alerts == []


def test_an_alert_that_nobody_renews_ends_by_itself() -> None:
    """Where Prometheus died: a false resolve, as with the real one."""
    of = dispatcher()
    of.take([alert("a", 100, 140)], 100)
    assert sent(of, 101) == [("firing", [("a", "firing")])]
    assert sent(of, 141) == [("resolved", [("a", "resolved")])]


def starts(of: Dispatcher) -> list[float]:
    """When the alerts that are held began."""
    return [each.starts_s for each in of.alerts]


def test_an_alert_that_fires_again_begins_anew() -> None:
    """Where the earlier one was over before: by its own end, or by the time after which one without an end is over."""
    of = dispatcher()
    without_end = {"labels": {"alertname": "Down", "pod": "a"}}
    of.take([{**without_end, "startsAt": rfc3339(100)}], 100)
    of.take([{**without_end, "startsAt": rfc3339(200)}], 200)
    assert starts(of) == [100]
    of.take([{**without_end, "startsAt": rfc3339(100), "endsAt": rfc3339(250)}], 250)
    assert starts(of) == [100]
    of.take([{**without_end, "startsAt": rfc3339(260)}], 260)
    assert starts(of) == [260]
    of.take([{**without_end, "startsAt": rfc3339(559)}], 561)  # it began before the other one was over
    assert starts(of) == [260]
    of.take([{**without_end, "startsAt": rfc3339(862)}], 862)
    assert starts(of) == [862]


def test_a_notice_has_the_form_of_version_4() -> None:
    """Group and common labels, fingerprints, and no end while it fires."""
    of = dispatcher()
    of.take([alert("a", 100), alert("b", 100)], 100)
    (notice,) = of.due(101)
    assert (notice["version"], notice["receiver"], notice["truncatedAlerts"]) == ("4", "on-call", 0)
    assert notice["groupKey"] == '{}:{alertname="Down"}'
    assert notice["groupLabels"] == notice["commonLabels"] == {"alertname": "Down"}
    assert notice["commonAnnotations"] == {"text": "down"}
    first, second = notice["alerts"]
    assert first["endsAt"] == "0001-01-01T00:00:00Z"
    assert first["startsAt"] == "1970-01-01T00:01:40Z"
    assert first["fingerprint"] != second["fingerprint"]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("group_by", "matchers", "route: matchers is not supported"),
        ("receiver: on-call", "receiver: nobody", 'undefined receiver "nobody" used in route'),
        ("webhook_configs", "email_configs", "receivers: email_configs is not supported"),
    ],
)
def test_what_is_not_understood_is_refused(old: str, new: str, why: str) -> None:
    """A notice that would never come is found when the file is read."""
    with pytest.raises(RouteRefused, match=why):
        dispatcher(ROUTES.replace(old, new))


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("1m30s", 90.0), ("1h", 3600.0), ("0", 0.0), ("1d2h", 93_600.0)]
)
def test_durations(text: str, seconds: float) -> None:
    """As Prometheus writes them."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "1 m", "1s1m", "-1s", "1.5s"])
def test_what_is_no_duration(text: str) -> None:
    """Nor a number without a unit."""
    with pytest.raises(ValueError, match="not a valid duration"):
        seconds_of(text)
