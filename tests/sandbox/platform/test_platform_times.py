"""The times that services expose are those of prometheus_client, number by number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, Summary, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from readiness_sandbox.platform.normaldance.kit.app import BUCKETS_S, FINE_BUCKETS_S
from readiness_sandbox.platform.normaldance.kit.times import QuickHistogram

NAMED = ("http_request_seconds", "Seconds to answer.", ("route", "text"))
ROUTES = st.sampled_from(["read-track", "sign-in", "none"])
TEXTS = st.sampled_from(["", 'SELECT "a" FROM b', "a\\b\nc", "ü"])
SECONDS = st.one_of(st.floats(0, 20), st.sampled_from([*BUCKETS_S, *FINE_BUCKETS_S]))


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels; not when it was created."""
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if not one.name.endswith("_created")
    }


@given(st.lists(st.tuples(ROUTES, TEXTS, SECONDS)), st.sampled_from([BUCKETS_S, FINE_BUCKETS_S, ()]))
def test_the_samples_are_the_librarys(answers: list[tuple[str, str, float]], ends: tuple[float, ...]) -> None:
    """Buckets with an answer at their very end, routes without answers, quoted texts, and no buckets: always the same samples."""
    registry, own = CollectorRegistry(), QuickHistogram(*NAMED, ends)
    theirs = Histogram(*NAMED, registry=registry, buckets=ends) if ends else Summary(*NAMED, registry=registry)
    for route, text, seconds in answers:
        own.observe(seconds, route, text)
        theirs.labels(route, text).observe(seconds)
    assert samples(own.exposition()) == samples(generate_latest(registry).decode())


def test_the_text_is_as_documented() -> None:
    """One answer of 0.3 s, with two ends."""
    own = QuickHistogram("http_request_seconds", "Seconds to answer.", ("route",), (0.25, 2.0))
    own.observe(0.3, "read-track")
    assert own.exposition() == (
        "# HELP http_request_seconds Seconds to answer.\n"
        "# TYPE http_request_seconds histogram\n"
        'http_request_seconds_bucket{route="read-track",le="0.25"} 0\n'
        'http_request_seconds_bucket{route="read-track",le="2.0"} 1\n'
        'http_request_seconds_bucket{route="read-track",le="+Inf"} 1\n'
        'http_request_seconds_count{route="read-track"} 1\n'
        'http_request_seconds_sum{route="read-track"} 0.3\n'
    )
