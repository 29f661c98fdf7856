"""The platform's rules do what the words of the document say; the document's own do not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import pytest

from readiness_sandbox.platform.monitor.promql.values import labels_of
from readiness_sandbox.platform.monitor.rules.alerting import Group
from readiness_sandbox.platform.monitor.rules.rulefiles import read_groups
from readiness_sandbox.platform.monitor.storage import Storage
from readiness_sandbox.platform.render import MANIFESTS, kustomized

DOCUMENT = """
groups:
  - name: normaldance.alerts
    rules:
      - alert: HighErrorRate
        expr: rate(http_requests_total{status=~"5.."}[5s]) / rate(http_requests_total[5s]) > 0.05
        for: 5s
        labels: {severity: critical}
        annotations: {summary: "High error rate detected", description: "Error rate is {{ $value }}%"}
      - alert: DatabaseDown
        expr: up{job="postgres"} == 0
        for: 1s
        labels: {severity: critical}
"""
"""As document 003 writes them, windows divided by the time scale."""


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """The platform's own rule file."""
    part = kustomized(MANIFESTS / "parts" / "monitor")
    (rules,) = (one for one in part if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "prometheus-rules")
    file = tmp_path / "platform.yaml"
    (prometheus,) = (one for one in part if one["kind"] == "Deployment" and one["metadata"]["name"] == "prometheus")
    (container,) = prometheus["spec"]["template"]["spec"]["containers"]
    (downtime,) = (one["value"] for one in container["env"] if one["name"] == "DOWNTIME")
    file.write_text(rules["data"]["platform.yaml"].replace("$(DOWNTIME)", downtime))
    return file


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """That of the document."""
    file = tmp_path / "document.yaml"
    file.write_text(DOCUMENT)
    return file


def fired(file: Path, seconds: Iterable[Mapping[str, float]], alert: str) -> list[dict[str, str]]:
    """The annotations with which an alert fired, second by second; series are named as in a selector without quotes."""
    storage = Storage()
    groups = [Group(group, storage) for group in read_groups([file], 1.0)]
    found, known = [], set[str]()
    for at, samples in enumerate(seconds):
        for gone in known - samples.keys():
            storage.end(series(gone), float(at))
        known = {*samples}
        for name, value in samples.items():
            storage.add(series(name), float(at), value)
        for group in groups:
            group.evaluate(float(at))
        states = [state for group in groups for state in group.states if state.rule.name == alert]
        found += [dict(one.annotations) for state in states for one in state.alerts if one.state == "firing"]
    return found


def series(name: str) -> tuple[tuple[str, str], ...]:
    """Of `metric a=b,c=d`."""
    metric, _, rest = name.partition(" ")
    pairs = (each.partition("=") for each in rest.split(",") if each)
    return labels_of([("__name__", metric), *((key, value) for key, _, value in pairs)])


def traffic(errors_per_s: Iterable[float], per_s: float = 100.0) -> Iterable[dict[str, float]]:
    """Answers as two gateways count them, so many of a hundred a second with an error."""
    good = bad = 1000.0
    for errors in errors_per_s:
        good, bad = good + per_s - errors, bad + errors
        labels = "app=api-gateway,route=read-track,method=GET"
        yield {
            f"http_requests_total {labels},status=200,pod=a": good * 0.6,
            f"http_requests_total {labels},status=200,pod=b": good * 0.4,
            f"http_requests_total {labels},status=502,pod=a": bad * 0.6,
            f"http_requests_total {labels},status=502,pod=b": bad * 0.4,
            "http_requests_total app=api-gateway,route=health,method=GET,status=200,pod=a": 50 * good,
        }


def test_the_platform_s_high_error_rate_is_what_the_words_say(platform: Path) -> None:
    """10 % for five minutes fires, and says 10 %; 3 % for ever does not, nor a burst that ends in time."""
    texts = fired(platform, traffic([10.0] * 20), "HighErrorRate")
    assert texts
    assert {text["description"] for text in texts} == {"Error rate is 10%"}
    assert fired(platform, traffic([3.0] * 60), "HighErrorRate") == []
    assert fired(platform, traffic([0.0] * 5 + [50.0] * 2 + [0.0] * 30), "HighErrorRate") == []


def test_the_document_s_high_error_rate_fires_on_any_error(document: Path) -> None:
    """Each series of errors is divided by itself: 1, whatever the share; and the text says 1 %."""
    texts = fired(document, traffic([0.1] * 20), "HighErrorRate")
    assert texts
    assert {text["description"] for text in texts} == {"Error rate is 1%"}


def test_no_traffic_is_no_error(platform: Path) -> None:
    """0 of 0 requests is no rate."""
    assert fired(platform, traffic([0.0] * 30, per_s=0.0), "HighErrorRate") == []


def members(primary: int | None, *, silent: Collection[int] = (), gone: Collection[int] = ()) -> dict[str, float]:
    """Three database pods as Patroni shows them; a silent one did not answer its scrape, one that is gone is no target."""
    found: dict[str, float] = {}
    for member in {0, 1, 2}.difference(gone):
        labels = f"instance=10.0.0.{member}:8008,job=pods,name=pg-{member}"
        found[f"up {labels}"] = float(member not in silent)
        if member not in silent:
            found |= {f"patroni_primary {labels}": float(member == primary), f"patroni_postgres_running {labels}": 1.0}
    return found


def test_the_platform_knows_when_no_primary_runs(platform: Path, document: Path) -> None:
    """The document's rule waits for an `up` of 0, which a pod that is gone does not have."""
    seconds = [members(0)] * 5 + [members(None, gone=[0])] * 5 + [members(1)] * 5
    assert len(fired(platform, seconds, "DatabaseDown")) == 4
    assert fired(platform, [members(0)] * 30, "DatabaseDown") == []
    assert fired(document, seconds, "DatabaseDown") == []


def test_the_text_says_which_database_and_for_how_long(platform: Path) -> None:
    """Second by second, as long as it fires; the primary ran last at 4 s."""
    seconds = [members(0)] * 5 + [members(None, gone=[0])] * 4 + [members(1)] * 5
    assert [text["description"] for text in fired(platform, seconds, "DatabaseDown")] == [
        "No primary of postgres (PostgreSQL) has run for 2s",
        "No primary of postgres (PostgreSQL) has run for 3s",
        "No primary of postgres (PostgreSQL) has run for 4s",
    ]


def test_a_database_that_was_never_up_is_not_down(platform: Path) -> None:
    """While the platform starts, no member is there, and then none leads yet."""
    start = [members(None, gone=[0, 1, 2])] * 10 + [members(None)] * 10
    assert fired(platform, [*start, *[members(0)] * 5], "DatabaseDown") == []
    assert fired(platform, [*start, *[members(0)] * 5, *[members(None)] * 3], "DatabaseDown")


def test_a_scrape_that_failed_is_not_a_database_that_is_down(platform: Path) -> None:
    """Two in a row are the machine's; a primary that has said nothing for longer is down."""
    for starved in (1, 2):
        seconds = [members(0)] * 5 + [members(0, silent=[0, 1, 2])] * starved + [members(0)] * 5
        assert fired(platform, seconds, "DatabaseDown") == []
    assert fired(platform, [members(0)] * 5 + [members(0, silent=[0])] * 8, "DatabaseDown")


def test_a_target_that_does_not_answer_is_named(platform: Path) -> None:
    """With its service and region, and how many of its pods."""
    up = "up job=pods,app=user-service,namespace=eu-west-1,pod="
    texts = fired(platform, [{f"{up}a": 0.0, f"{up}b": 0.0, f"{up}c": 1.0}] * 8, "TargetDown")
    assert texts[0]["summary"] == "Pods of user-service in eu-west-1 are not scraped"
    assert texts[0]["description"].startswith("2 of its pods")


def queries(
    slow_per_s: Iterable[float], per_s: float = 16.0, others: Iterable[dict[str, float]] = ()
) -> list[dict[str, float]]:
    """What two services count of one query, so many of whose calls take 700 ms, and of one that is always quick."""
    found, late, quick = [], 0.0, 0.0
    more = iter(others)
    for slow in slow_per_s:
        late, quick = late + slow, quick + per_s - slow
        samples = dict(next(more, {}))
        for query, over in (("UPDATE tracks", late), ("SELECT track", 0.0)):
            for pod in "ab":
                labels = f"query={query},version=1.0.0,pod={pod}"
                samples[f"database_query_seconds_count {labels}"] = quick + late
                for end, slower in (("0.1", over), ("0.5", over), ("1.0", 0.0), ("+Inf", 0.0)):
                    samples[f"database_query_seconds_bucket {labels},le={end}"] = quick + late - slower
        found.append(samples)
    return found


def test_a_slow_query_is_named_with_its_release(platform: Path) -> None:
    """Within three seconds, five minutes are five; the quick one is not named."""
    texts = fired(platform, queries([0.0] * 6 + [6.0] * 3), "SlowQuery")
    assert {text["summary"] for text in texts} == {"A query of 1.0.0 is slow: UPDATE tracks"}
    assert fired(platform, queries([0.0] * 30), "SlowQuery") == []


def test_a_few_slow_calls_are_no_slow_query(platform: Path) -> None:
    """Two of five hundred, and all of three: one call says nothing of a p95."""
    assert fired(platform, queries([0.0] * 6 + [1.0] + [0.0] * 20, per_s=100.0), "SlowQuery") == []
    assert fired(platform, queries([0.0] * 6 + [1.0] + [0.0] * 20, per_s=1.0), "SlowQuery") == []


def test_the_queries_of_a_database_that_was_down_are_not_told_twice(platform: Path) -> None:
    """What was slow on its way back is DatabaseDown's."""
    failover = [members(0)] * 5 + [members(None, gone=[0])] * 3 + [members(1)] * 4
    assert fired(platform, queries([0.0] * 8 + [8.0] * 4, others=failover), "SlowQuery") == []
    assert fired(platform, queries([0.0] * 8 + [8.0] * 4, others=[members(0)] * 12), "SlowQuery")
