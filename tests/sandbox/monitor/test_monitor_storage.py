"""The samples of the embedded Prometheus: what a selector finds of the series that are there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from readiness_sandbox.platform.monitor.promql import PromqlQuery
from readiness_sandbox.platform.monitor.promql.values import Labels, labels_of
from readiness_sandbox.platform.monitor.storage import LabelMatcher, Storage

NAMES, VALUES = ("up", "requests_total"), ("200", "500", "")
SERIES = st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES), st.sampled_from(VALUES))
SELECTORS = (
    (LabelMatcher("__name__", "=", "up"),),
    (LabelMatcher("__name__", "=", "requests_total"), LabelMatcher("status", "=~", "5..")),
    (LabelMatcher("status", "!=", "200"),),
    (LabelMatcher("__name__", "=~", "up|requests_total"), LabelMatcher("pod", "!~", ".+")),
)


def labels(name: str, status: str, pod: str) -> Labels:
    """Of a series; a label with an empty value is not there."""
    return labels_of({"__name__": name, **({"status": status} if status else {}), **({"pod": pod} if pod else {})})


@given(st.lists(SERIES), st.lists(SERIES))
def test_a_series_that_comes_later_is_found_as_one_that_was_there(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    """A selector that was asked already finds the same as one that is asked for the first time, in the order of labels."""
    storage, fresh = Storage(), Storage()
    for one in before:
        storage.series(labels(*one))
    for selector in SELECTORS:
        storage.select(selector)
    for one in after:
        storage.series(labels(*one))
    for one in [*before, *after]:
        fresh.series(labels(*one))
    for selector in SELECTORS:
        found = [one.labels for one in storage.select(selector)]
        assert found == [one.labels for one in fresh.select(selector)]
        assert found == sorted(set(found))


def test_what_is_forgotten_is_selected_no_more() -> None:
    """A series whose last sample is older than samples are kept."""
    storage = Storage(retention_s=60.0)
    storage.add(labels("up", "", "a"), 10.0, 1.0)
    storage.add(labels("up", "", "b"), 100.0, 1.0)
    assert len(storage.select(SELECTORS[0])) == 2
    storage.forget(100.0)
    assert [one.labels for one in storage.select(SELECTORS[0])] == [labels("up", "", "b")]


def test_a_sample_at_the_very_start_of_a_range_or_of_the_lookback_is_out_of_it() -> None:
    """Both are open at their start: a sample 60 s ago is not of the last minute, one 59.9 s ago is."""
    storage = Storage()
    storage.add(labels("up", "", "a"), 40.0, 1.0)
    for query, at_s, count in (
        ("last_over_time(up[1m])", 100.0, 0),
        ("last_over_time(up[1m])", 99.9, 1),
        ("up", 340.0, 0),
        ("up", 339.9, 1),
    ):
        assert len(PromqlQuery(query).vector(storage, at_s)) == count, (query, at_s)
