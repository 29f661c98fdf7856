"""Rules of the embedded monitor: the same alerts as real Prometheus, state by state, and refusals by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from readiness_sandbox.platform.monitor.notifying import due_alerts
from readiness_sandbox.platform.monitor.promql.values import labels_of
from readiness_sandbox.platform.monitor.rules.alerting import Group
from readiness_sandbox.platform.monitor.rules.rulefiles import RuleFileError, read_groups
from readiness_sandbox.platform.monitor.rules.templates import expand, float_text
from readiness_sandbox.platform.monitor.storage import LabelMatcher, Storage
from tests.sandbox.monitor.recorded import EVERY_S, PROMTOOL, answers, evaluated, promtool, same, seconds, stored

RULES = Path(__file__).parent / "alerts.rules.yaml"
MOMENTS = tuple(range(7, 600, 15))
SERIES = ("ALERTS", "ALERTS_FOR_STATE", "service:errors:share")


def firing(groups: list[Group]) -> dict[str, list[tuple[dict[str, str], dict[str, str]]]]:
    """Labels and annotations of the alerts that fire, by name."""
    found: dict[str, list[tuple[dict[str, str], dict[str, str]]]] = {}
    for state in (state for group in groups for state in group.states if state.rule.alerting):
        alerts = [(dict(one.labels), dict(one.annotations)) for one in state.alerts if one.state == "firing"]
        found[state.rule.name] = sorted(alerts, key=str)
    return found


def reported(output: str) -> dict[tuple[str, float], list[tuple[dict[str, str], dict[str, str]]]]:
    """What promtool says that fired, by name and moment."""
    found = {}
    for name, moment, got in re.findall(
        r"alertname: (\w+), time: (\S+), \n +exp:\[\], \n +got:\[(.*?)\n +\]", output, re.DOTALL
    ):
        pairs = re.findall(r"Labels:\{(.*?)\}\n +Annotations:\{(.*?)\}\n?", got + "\n")
        texts = [[dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', text)) for text in pair] for pair in pairs]
        found[name, seconds(moment)] = sorted([(labels, notes) for labels, notes in texts], key=str)
    return found


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not on PATH (Debian: prometheus)")
def test_alerts_are_those_of_prometheus_at_every_moment(tmp_path: Path) -> None:
    """Pending, firing, kept, gone, with labels, annotations and recorded series: 320 comparisons."""
    storage = stored()
    groups = [Group(group, storage) for group in read_groups([RULES], EVERY_S)]
    cases = [(name, float(at)) for name in SERIES for at in MOMENTS]
    names = [state.rule.name for group in groups for state in group.states if state.rule.alerting]
    output = promtool(tmp_path, cases, rules=RULES, alerts=[(name, at) for name in names for at in MOMENTS])
    series, alerts = answers(output), reported(output)
    assert len(cases) + len(names) * len(MOMENTS) == 320
    wrong: list[Any] = []
    for at in MOMENTS:
        for group in groups:
            group.evaluate(at - 7.0)
        ours = {name: evaluated(storage, name, float(at)) for name in SERIES}
        wrong += [(name, at, got) for name, got in ours.items() if not same(got, series.get((name, float(at)), {}))]
        now = firing(groups)
        wrong += [(name, at, now[name]) for name in names if now[name] != alerts.get((name, float(at)), [])]
    assert wrong == []
    assert {name for name, _ in alerts} == {*names}  # each fired at some moment


DOWN = "{alert: Down, expr: up == 0, for: 2s, keep_firing_for: 2s}"
UP = labels_of({"__name__": "up", "pod": "a"})


def grouped(tmp_path: Path, rules: str) -> tuple[Storage, Group]:
    """A group of these rules, evaluated each second, and what it reads."""
    file, storage = tmp_path / "rules.yaml", Storage()
    file.write_text(f"groups: [{{name: g, rules: [{rules}]}}]")
    (group,) = (Group(one, storage) for one in read_groups([file], 1.0))
    return storage, group


def run(tmp_path: Path, up: list[float]) -> list[str]:
    """The states of the rule `Down`, one an evaluation, while `up` has these values."""
    storage, group = grouped(tmp_path, DOWN)
    states: list[str] = []
    for at, value in enumerate(up):
        storage.add(UP, at, value)
        group.evaluate(at)
        states.append(group.states[0].state)
    return states


def test_a_condition_that_ends_before_its_time_leaves_no_trace(tmp_path: Path) -> None:
    """And the time begins anew with the next; one that fires is kept for its time, from the first evaluation without its condition."""
    assert run(tmp_path, [1, 0, 0, 1, 0, 0, 0]) == [
        "inactive", "pending", "pending", "inactive", "pending", "pending", "firing",
    ]  # fmt: skip
    assert run(tmp_path, [0, 0, 0, 1, 1, 1])[2:] == ["firing", "firing", "firing", "inactive"]


def test_an_alert_that_is_told_starts_when_it_fires_and_not_when_its_condition_began(tmp_path: Path) -> None:
    """As Prometheus posts it: the condition holds from 102 s on, for 2 s; told again 5 s later it still starts at 104 s."""
    storage, group = grouped(tmp_path, DOWN)
    told: list[tuple[int, str]] = []
    for at in range(100, 110):
        storage.add(UP, at, 1.0 if at < 102 else 0.0)
        group.evaluate(at)
        told += [(at, each["startsAt"]) for each in due_alerts([group], at)]
    assert told == [(104, "1970-01-01T00:01:44Z"), (109, "1970-01-01T00:01:44Z")]


def test_what_has_been_resolved_is_told_again_to_an_alertmanager_that_was_away(tmp_path: Path) -> None:
    """It is resolved at 108 s; 5 s later it is told once more, with the same end."""
    storage, group = grouped(tmp_path, DOWN)
    told: list[tuple[int, str]] = []
    for at in range(100, 115):
        storage.add(UP, at, 0.0 if 102 <= at < 106 else 1.0)
        group.evaluate(at)
        told += [(at, each["endsAt"]) for each in due_alerts([group], at)]
    assert told[1:] == [(108, "1970-01-01T00:01:48Z"), (113, "1970-01-01T00:01:48Z")]


def test_rules_are_evaluated_one_at_a_step_as_of_one_moment(tmp_path: Path) -> None:
    """What is scraped between two rules is younger than the moment: the later rule does not see it."""
    storage, group = grouped(tmp_path, "{record: first, expr: up}, {record: second, expr: up}")
    storage.add(UP, 1.0, 0.0)
    steps = group.steps(2.0)
    next(steps)
    assert [len(storage.select((LabelMatcher("__name__", "=", name),))) for name in ("first", "second")] == [1, 0]
    storage.add(UP, 2.5, 1.0)
    assert list(steps) == [None]
    (second,) = storage.select((LabelMatcher("__name__", "=", "second"),))
    assert (list(second.times_s), list(second.values)) == ([2.0], [0.0])


def test_two_elements_that_would_be_one_alert_fail_the_rule(tmp_path: Path) -> None:
    """Its alerts stay as they were, and the rule says why."""
    storage, group = grouped(tmp_path, "{alert: Down, expr: up == 0, labels: {pod: same}}")
    for pod in "ab":
        storage.add(labels_of({"__name__": "up", "pod": pod}), 1.0, 0.0)
    group.evaluate(1.0)
    assert group.states[0].error == "vector contains metrics with the same labelset after applying alert labels"
    assert group.states[0].alerts == []


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ("{alert: A, expr: 'topk(3, up)'}", "group 'g', rule 1 'A': the aggregation topk is not supported"),
        ("{alert: A, expr: up, annotations: {a: '{{ range query }}'}}", "`range query` is not supported in a template"),
        ("{alert: A, expr: up, annotations: {a: '{{ $value | humanise }}'}}", "`humanise` is not supported"),
        ("{alert: A, record: b, expr: up}", "exactly one of 'record' and 'alert' must be set"),
        ("{record: b, expr: up, for: 1m}", "invalid in a recording rule: for"),
        ("{alert: A, expr: up, four: 1m}", "field four not found"),
        ("{alert: A, expr: up, for: 1 minute}", "for: "),
    ],
)
def test_what_is_not_evaluated_does_not_load(rule: str, named: str, tmp_path: Path) -> None:
    """An alert that would never fire is found before anybody waits for it."""
    with pytest.raises(RuleFileError, match=re.escape(named)):
        grouped(tmp_path, rule)


def test_numbers_are_written_as_go_writes_them(subtests: pytest.Subtests) -> None:
    """The text of an alert is compared letter by letter."""
    for value, text in [
        (0.1, "0.1"), (1.0, "1"), (1e21, "1e+21"), (1e20, "100000000000000000000"), (0.00001, "1e-05"),
        (2.5e-7, "2.5e-07"), (-0.0001, "-0.0001"), (float("nan"), "NaN"), (float("-inf"), "-Inf"), (1e-5 / 3, "3.3333333333333337e-06"),
    ]:  # fmt: skip
        with subtests.test(text):
            assert float_text(value) == text
            assert expand("{{ $value }}", {}, value) == text
