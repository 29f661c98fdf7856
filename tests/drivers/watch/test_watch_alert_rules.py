"""The rules that Prometheus has loaded: each reading against the one before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.drivers.watch.entry.wires import ProbeResponse
from harness.drivers.watch.monitor.alert_rules import EVERY_S, AlertRules
from tests.builders.records import Records
from tests.fake_clock import FakeClock

RULE: dict[str, Any] = {"name": "Slow", "type": "alerting", "labels": {"part": "query"}, "health": "ok"}
NEW = {**RULE, "name": "New"}
BROKEN = {**RULE, "health": "err", "lastError": "found duplicate series"}

SLOW_SHARE: dict[str, Any] = {
    "name": "job:slow:share",
    "type": "recording",
    "query": "job:slow:rate / 2",
    "health": "ok",
}
SLOW_RATE: dict[str, Any] = {"name": "job:slow:rate", "type": "recording", "query": "rate(slow[1m])", "health": "ok"}
FED = {**RULE, "query": "sum(job:slow:share) > 1"}


def said(kept: Records) -> list[tuple[str, str, bool]]:
    """Name, health, and whether it is loaded, of each rule on record."""
    return [(one["subject"], one["health"], one["loaded"]) for one in kept.of("alert.rule")]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """A clock that only moves in a sleep."""
    return FakeClock.installed(monkeypatch)


def answer(clock: FakeClock, *rules: dict[str, Any], group: str = "all") -> ProbeResponse:
    """What Prometheus says of its rules now."""
    groups = [{"name": group, "file": "rules.yaml", "interval": 15, "rules": list(rules)}]
    body = json.dumps({"status": "success", "data": {"groups": groups}}).encode()
    return ProbeResponse(sent_ns=clock.now_ns, done_ns=clock.now_ns, status=200, body=body)


def test_what_becomes_of_a_rule_is_recorded_once(clock: FakeClock) -> None:
    """It fails, with a text that changes, and evaluates again; another is new; both are gone, and one is there again."""
    kept = Records()
    rules, begin_ns = AlertRules(kept), clock.now_ns
    readings: list[tuple[dict[str, Any], ...]] = [
        (RULE,),
        (BROKEN,),
        ({**BROKEN, "lastError": "found others"},),
        (RULE,),
        (RULE, {**NEW, "health": "unknown"}),
        (RULE, NEW),
        ({**RULE, "health": "unknown"}, NEW),
        (),
        (),
        (RULE,),
    ]
    for reading in readings:
        rules.take(answer(clock, *reading))
        clock.sleep(EVERY_S)
    assert said(kept) == [
        ("Slow", "ok", True),
        ("Slow", "err", True),
        ("Slow", "ok", True),
        ("New", "ok", True),
        ("Slow", "ok", False),
        ("New", "ok", False),
        ("Slow", "ok", True),
    ]
    first, failed, *rest = kept.of("alert.rule")
    assert (first["group"], first["labels"], first["interval_s"]) == ("all", {"part": "query"}, 15.0)
    assert failed["error"] == "found duplicate series"
    since = [fields["since_ns"] - begin_ns for fields in (failed, *rest)]
    assert ("since_ns" in first, since) == (False, [round(at * EVERY_S * 1e9) for at in (0, 2, 4, 6, 6, 8)])


def test_the_first_reading_is_one_in_which_every_rule_was_evaluated(clock: FakeClock) -> None:
    """Until then it is asked for every time, and afterwards now and then, more often while one does not evaluate."""
    kept = Records()
    rules = AlertRules(kept)
    for _ in range(3):
        assert rules.due()
        rules.take(answer(clock, {**RULE, "health": "unknown"}, NEW))
    assert kept.kept == []
    rules.take(answer(clock, RULE, NEW))
    assert (len(kept.kept), rules.due()) == (2, False)
    clock.sleep(EVERY_S)
    assert rules.due()
    assert not rules.due()
    rules.take(answer(clock, BROKEN, NEW))
    assert not rules.due()
    clock.sleep(1.0)
    assert rules.due()


def test_of_two_rules_that_are_alike_the_broken_one_is_recorded(clock: FakeClock) -> None:
    """In whichever order they are named."""
    for pair in ((RULE, BROKEN), (BROKEN, RULE)):
        kept = Records()
        AlertRules(kept).take(answer(clock, *pair))
        assert said(kept) == [("Slow", "err", True)]


def test_an_alert_that_a_recording_rule_feeds_says_which_fails(clock: FakeClock) -> None:
    """Its text changes, it was not evaluated yet after a restart, and it evaluates again; in between it is asked for every second."""
    kept = Records()
    rules, alerts = AlertRules(kept), (FED, {**NEW, "query": "up == 0"}, SLOW_SHARE)
    for health in ("unknown", "ok", "err", "err", "unknown"):
        rules.take(answer(clock, *alerts, {**SLOW_RATE, "health": health, "lastError": str(clock.now_ns)}))
        clock.sleep(1.0)
    assert rules.due()
    rules.take(answer(clock, *alerts, SLOW_RATE))
    clock.sleep(1.0)
    assert not rules.due()
    told = [(one["subject"], one["health"], one["unfed"]) for one in kept.of("alert.rule")]
    assert told == [
        ("Slow", "ok", []),
        ("New", "ok", []),
        ("Slow", "ok", ["job:slow:rate"]),
        ("Slow", "ok", []),
    ]
    assert kept.kept[2].fields["since_ns"] == kept.kept[3].fields["since_ns"] - 3_000_000_000


def test_an_expression_reads_a_metric_by_its_whole_name(clock: FakeClock, subtests: pytest.Subtests) -> None:
    """`:` is part of a name; a pattern of names is that of all of a name too, and one that is not understood may be of any."""
    for query, unfed in [
        ("job:slow:rate > 1", ["job:slow:rate"]),
        ("1 < job:slow:rate{job='a'}", ["job:slow:rate"]),
        ('{__name__="job:slow:rate"} > 1', ["job:slow:rate"]),
        ('{__name__=~"job:(slow|fast):.+"} > 1', ["job:slow:rate"]),
        (r'{__name__=~"job:\\w+:rate"} > 1', ["job:slow:rate"]),
        ('{__name__=~"(unread"} > 1', ["job:slow:rate"]),
        ("slow:rate > 1", []),
        ("job:slow:rate:sum > 1", []),
        ("my_job:slow:rate > 1", []),
        ('{__name__=~"job:slow"} > 1', []),
        ('up{job=~"job:.+"} > 1', []),
    ]:
        with subtests.test(query):
            kept = Records()
            AlertRules(kept).take(answer(clock, {**RULE, "query": query}, {**SLOW_RATE, "health": "err"}))
            assert [one["unfed"] for one in kept.of("alert.rule")] == [unfed]


@pytest.mark.parametrize("body", [b"", b"null", b'{"status": "error", "data": {"groups": []}}', b"[" * 100_000])
def test_an_answer_without_rules_changes_nothing(clock: FakeClock, body: bytes) -> None:
    """Nor one that was asked for before the last one."""
    kept = Records()
    rules, early = AlertRules(kept), answer(clock, BROKEN)
    clock.sleep(1.0)
    rules.take(answer(clock, RULE))
    clock.sleep(1.0)
    for status, error in ((200, None), (503, None), (0, "timeout")):
        rules.take(ProbeResponse(sent_ns=clock.now_ns, done_ns=clock.now_ns, status=status, body=body, error=error))
    rules.take(early)
    assert said(kept) == [("Slow", "ok", True)]
