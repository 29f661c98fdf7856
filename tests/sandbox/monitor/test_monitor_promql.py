"""The embedded evaluator and real Prometheus on the same recorded series; and what the evaluator promises by itself.

Prometheus 2.42 differs from 3 in two ways, which the moments and series avoid: its ranges are closed at their start (no moment is
on the grid of the samples), and a counter's way back to zero is held against the gap before that is replaced by half a spacing
(counters begin high).
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.platform.monitor.promql import PromqlError, PromqlQuery, QueryError
from readiness_sandbox.platform.monitor.promql.values import STALE, labels_of, text_of, unnamed
from readiness_sandbox.platform.monitor.storage import Storage
from tests.sandbox.monitor.recorded import PROMTOOL, answers, evaluated, promtool, same, stored

TIMES_S = (127.0, 203.0, 247.0, 308.0, 401.0, 572.0)
QUERIES = (
    "requests_total",
    'requests_total{status=~"5..",service!="user"}',
    'rate(requests_total{status=~"5.."}[1m])',
    'sum(rate(requests_total{status=~"5.."}[2m])) / sum(rate(requests_total[2m]))',
    'sum by (service)(rate(requests_total{status=~"5.."}[2m])) / sum by (service)(rate(requests_total[2m])) > 0.02',
    'rate(requests_total{status=~"5.."}[5m]) / rate(requests_total[5m]) > 0.05',
    "increase(requests_total[100s])",
    "irate(requests_total[2m])",
    "delta(memory_bytes[2m])",
    "idelta(memory_bytes[1m])",
    "changes(memory_bytes[3m])",
    "resets(requests_total[4m])",
    "avg_over_time(memory_bytes[2m])",
    "max_over_time(memory_bytes[2m])",
    "min_over_time(memory_bytes[2m])",
    "sum_over_time(memory_bytes[2m])",
    "count_over_time(memory_bytes[2m])",
    "last_over_time(memory_bytes[2m])",
    "present_over_time(up[1m])",
    "stddev_over_time(memory_bytes[2m])",
    "quantile_over_time(0.9, memory_bytes[4m])",
    "absent(up{job='postgres'} == 1)",
    "absent(nobody{job='x',pod=~'y.*',zone!='z'})",
    "absent_over_time(requests_total{status='503',service='user'}[2m])",
    "up == 0",
    "up{job='postgres'} == bool 0",
    "avg(memory_bytes)",
    "max without (pod)(memory_bytes)",
    "min by (service)(limit_bytes)",
    "count(requests_total > 1000) by (service, status)",
    "group by (job)(up)",
    "memory_bytes / on(pod) limit_bytes > 0.4",
    "memory_bytes * on(pod) group_left(service) limit_bytes",
    "limit_bytes - on(pod) group_right() memory_bytes",
    "memory_bytes / ignoring(service) limit_bytes",
    "histogram_quantile(0.95, sum by (le, service)(rate(seconds_bucket[2m])))",
    "histogram_quantile(0.2, seconds_bucket)",
    "rate(requests_total[1m] offset 45s)",
    "memory_bytes - memory_bytes offset 1m",
    "up{job='pods'} and on(pod) memory_bytes",
    "up or memory_bytes > 2000",
    "memory_bytes unless on(pod) limit_bytes > 3000",
    "-signed ^ 2 + abs(signed) % 3",
    "clamp(signed, 0, 20) + clamp_min(signed, 4) - clamp_max(signed, 30)",
    "round(memory_bytes / 7, 0.5)",
    "ceil(signed / 4) + floor(signed / 4) + sgn(signed)",
    "ln(memory_bytes) + log2(memory_bytes) + log10(memory_bytes) + sqrt(memory_bytes) + exp(signed / 100)",
    "signed / 0",
    "scalar(up{job='postgres'}) + vector(2) * time()",
    "timestamp(memory_bytes)",
    "sort_desc(memory_bytes)",
    "label_replace(up, 'kind', '$1s', 'job', '(po).*')",
    "label_replace(up, 'kind', '${1}s-$1', 'job', '(po).*')",
    "label_join(limit_bytes, 'both', '/', 'service', 'pod')",
    "1 - 2 * 3 ^ 2 ^ 0.5",
    "vector(3) >= bool 3",
)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not on PATH (Debian: prometheus)")
def test_it_agrees_with_prometheus(tmp_path: Path) -> None:
    """Over 300 evaluations: the same elements with the same labels, values within rounding."""
    cases = [(query, at_s) for query in QUERIES for at_s in TIMES_S]
    output = promtool(tmp_path, cases)
    real = answers(output)
    storage = stored()
    assert len(cases) >= 300
    assert "error" not in output
    wrong = [
        (query, at_s, ours, theirs)
        for query, at_s in cases
        if not same(ours := evaluated(storage, query, at_s), theirs := real.get((query, at_s), {}))
    ]
    assert wrong == []
    assert sum(bool(one) for one in real.values()) > 250  # the agreement is not one of empty answers


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("topk(3, up)", "the aggregation topk"),
        ("max_over_time(rate(a[1m])[5m:30s])", "a subquery"),
        ("up @ 10", "the modifier @"),
        ("1 + sum(predict_linear(a[1m], 3))", "the function predict_linear"),
        ("a atan2 b", "the operator atan2"),
        ("up[1m", "parse error"),
        ("rate(up)", "parse error"),
    ],
)
def test_what_is_not_evaluated_is_refused_by_name(query: str, named: str) -> None:
    """When it is read: a rule that would never fire does not load."""
    with pytest.raises(PromqlError, match=re.escape(named)):
        PromqlQuery(query)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("memory_bytes * on() limit_bytes", "found duplicate series for the match group {} on the right hand-side"),
        ("memory_bytes * on() group_right() limit_bytes", "on the left hand-side"),
        ("requests_total / on(service) sum by (service)(requests_total)", "many-to-one matching must be explicit"),
        ("{pod='u-0',__name__=~'memory_bytes|signed'} * 2", "vector cannot contain metrics with the same labelset"),
    ],
)
def test_elements_that_are_not_clear_are_an_error(query: str, why: str) -> None:
    """Not a guess: which of two it means is not known."""
    with pytest.raises(QueryError, match=re.escape(why)):
        evaluated(stored(), query, 247.0)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[[:digit:]]{3}", ["503"]),
        ("[[:alpha:]_]+", ["x_y"]),
        ("50[^[:digit:]].*", ["50x"]),
        ("5\\\\d+\\\\z", ["503"]),
        ("\\\\[x]", ["[x]"]),
        ("(?i:X_Y)", ["x_y"]),
    ],
)
def test_patterns_are_those_of_re2(pattern: str, expected: list[str]) -> None:
    """Classes of POSIX, and what is otherwise written otherwise in Python."""
    storage = Storage()
    for status in ("503", "50x", "x_y", "[x]", "\u0665"):
        storage.add(labels_of({"__name__": "m", "status": status}), 1.0, 1.0)
    found = evaluated(storage, f'm{{status=~"{pattern}"}}', 1.0)
    assert [dict(labels)["status"] for labels in found] == expected


@pytest.mark.parametrize("pattern", ["\\\\pN+", "a(?i)b", "[a[:nothing:]]", "[a[:^digit:]]"])
def test_a_pattern_that_is_not_read_here_is_refused_with_its_words(pattern: str) -> None:
    """When the expression is read, and not by a rule that finds nothing or ends."""
    with pytest.raises(PromqlError, match=re.escape(pattern.replace("\\\\", "\\"))):
        PromqlQuery(f'up{{job=~"{pattern}"}}')


def test_what_python_cannot_compute_is_no_number_or_an_error() -> None:
    """As in Go: opposite infinities are no number, and what is too large is infinite."""
    storage = Storage()
    for name, values in (("poles", (math.inf, -math.inf)), ("large", (1e308, 1e308)), ("far", (1e200, -1e200))):
        for at_s, value in enumerate(values, start=1):
            storage.add(labels_of({"__name__": name}), float(at_s), value)
    expected = {
        "sum_over_time(poles[1m])": "nan",
        "avg_over_time(poles[1m])": "nan",
        "sum_over_time(large[1m])": "inf",
        "sum({__name__='large'} or {__name__='large'} offset 1s)": "1e+308",
        "stddev_over_time(far[1m])": "inf",
        "round(large, 1e-300)": "inf",
    }
    assert {query: str(*evaluated(storage, query, 2.0).values()) for query in expected} == expected
    storage.add(labels_of({"__name__": "b", "le": "1"}), 2.0, 0.0)
    storage.add(labels_of({"__name__": "b", "le": "+Inf"}), 2.0, 1.0)
    with pytest.raises(QueryError, match="histogram_quantile\\(0, b\\): float division by zero"):
        evaluated(storage, "histogram_quantile(0, b)", 2.0)


def test_a_series_that_ended_is_gone_at_once_and_one_that_fell_silent_after_five_minutes() -> None:
    """A stale marker ends it; without one the last sample counts as long as anybody looks back."""
    storage = Storage()
    ended, silent = labels_of({"__name__": "up", "pod": "a"}), labels_of({"__name__": "up", "pod": "b"})
    for labels in (ended, silent):
        storage.add(labels, 10.0, 1.0)
    storage.end(ended, 11.0)
    assert [*evaluated(storage, "up", 12.0)] == [silent]
    assert [*evaluated(storage, "up", 309.9)] == [silent]
    assert evaluated(storage, "up", 310.0) == {}


def test_the_way_back_to_zero_bounds_the_extrapolation() -> None:
    """12, 27, 42 at 45, 60, 75 s: 30, and 37.5 with half a spacing at the start; 2.42 would say 42."""
    storage = Storage()
    for at_s, value in ((45.0, 12.0), (60.0, 27.0), (75.0, 42.0)):
        storage.add(labels_of({"__name__": "c"}), at_s, value)
    assert [*evaluated(storage, "increase(c[1m])", 75.0).values()] == [37.5]


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=30), st.floats(1, 600))
def test_a_rate_is_never_negative_and_scales_with_the_counter(steps: list[float], at_s: float) -> None:
    """Whatever the counter did, resets too."""
    storage = Storage()
    for index, value in enumerate(steps):
        storage.add(labels_of({"__name__": "c"}), 10.0 * index, value)
        storage.add(labels_of({"__name__": "d"}), 10.0 * index, 2 * value)
    once, twice = (evaluated(storage, f"rate({name}[5m])", at_s) for name in "cd")
    assert all(value >= 0 for value in once.values())
    assert [2 * value for value in once.values()] == pytest.approx([*twice.values()], rel=1e-9)


@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=5), max_size=3))
def test_a_label_set_is_written_so_that_it_is_read_again(labels: dict[str, str]) -> None:
    """As a selector it finds the series that it was written for."""
    storage = Storage()
    wanted = labels_of({**labels, "__name__": "m"})
    storage.add(wanted, 1.0, 1.0)
    assert [*evaluated(storage, text_of(wanted), 1.0)] == [wanted]


def test_samples_that_are_too_old_are_dropped() -> None:
    """As are series that ended so long ago; one that lives stays."""
    storage = Storage(retention_s=60.0)
    for second in range(1024):
        storage.add(labels_of({"__name__": "c"}), float(second), 1.0)
    storage.add(labels_of({"__name__": "old"}), 1.0, 1.0)
    storage.forget(1023.0)
    (kept,) = storage.select([])
    assert dict(kept.labels) == {"__name__": "c"}
    assert 60 <= len(kept.times_s) <= 60 + 256


def test_the_name_of_a_metric_is_left_out_wherever_it_sorts() -> None:
    """Labels in capital letters come before it."""
    assert unnamed(labels_of({"__name__": "up", "job": "pods"})) == (("job", "pods"),)
    assert unnamed(labels_of({"__name__": "up", "Zone": "a", "job": "pods"})) == (("Zone", "a"), ("job", "pods"))
    assert unnamed(()) == ()


def test_a_range_has_no_stale_markers_and_keeps_other_values_that_are_no_number() -> None:
    """Of four samples in the range one is the marker, one any other NaN."""
    storage, labels = Storage(), labels_of({"__name__": "up"})
    for at_s, value in ((1.0, 1.0), (2.0, STALE), (3.0, float("nan")), (4.0, 4.0), (5.0, 5.0)):
        storage.add(labels, at_s, value)
    times, values = storage.series(labels).within(0.0, 4.0)
    assert list(times) == [1.0, 3.0, 4.0]
    assert [str(value) for value in values] == ["1.0", "nan", "4.0"]
    assert [list(each) for each in storage.series(labels).within(3.0, 5.0)] == [[4.0, 5.0], [4.0, 5.0]]
