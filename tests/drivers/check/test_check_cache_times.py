"""How long reads of a cache take, by a histogram that a Prometheus has; each reading of it is one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from harness.drivers.check.cache.times import cache_reads
from harness.errors import ConfigurationError
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, shop_of

Buckets = Mapping[str, Sequence[float]]
"""Cumulative counts of a pod, of the buckets that end at 5 ms, 10 ms, 20 ms and never."""
ENDS = ("0.005", "0.01", "0.02", "+Inf")
NONE: Buckets = {"track-1": (0, 0, 0, 0), "track-2": (0, 0, 0, 0)}


def judged(
    directory: Path, *readings: Buckets, ends: Sequence[str] = ENDS, strict: bool = True
) -> tuple[str, bool | None]:
    """What is observed where Prometheus has these counts, one reading after the other."""
    left = list(readings)

    class Api(Answers, BaseHTTPRequestHandler):
        """Instant vectors."""

        def do_POST(self) -> None:
            """The next reading."""
            self.do_GET()

        def do_GET(self) -> None:
            """The next reading."""
            result = [
                {"metric": {"pod": pod, "le": end}, "value": [1, str(count)]}
                for pod, counts in left.pop(0).items()
                for end, count in zip(ends, counts, strict=strict)
            ]
            self.say(200, {"status": "success", "data": {"resultType": "vector", "result": result}})

    with serving(Api) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.drivers.check.cache.times.clock.sleep", lambda _: None)
        target = shop_of(directory, prometheus=url, cache={"reads": "cache_read_seconds_bucket"})
        (fact,) = cache_reads(target, {"limit": "10 ms"})()
    return fact.observed, fact.ok


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ((95, 100, 100, 100), ("95 % of 200 within 0 to 5 ms", True)),
        ((90, 95, 100, 100), ("95 % of 200 within 5 to 10 ms", True)),
        ((90, 94, 100, 100), ("95 % of 200 within 10 to 20 ms", False)),
        ((90, 90, 90, 100), ("95 % of 200 within 20 to inf ms", False)),
        ((49, 49, 49, 49), ("98 reads in 20 s, at least 100 are needed", None)),
    ],
)
def test_the_quantile_is_that_of_all_pods_together(
    tmp_path: Path, after: Sequence[float], expected: tuple[str, bool | None]
) -> None:
    """Only what was counted between the readings counts; the bucket that the quantile is in decides."""
    earlier = dict.fromkeys(NONE, (1000, 1000, 1000, 1000))
    later = dict.fromkeys(NONE, tuple(1000 + count for count in after))
    assert judged(tmp_path, earlier, later) == expected


def test_a_limit_inside_of_the_bucket_is_undecided(tmp_path: Path) -> None:
    """Some of its reads may be below the limit and some not."""
    later = dict.fromkeys(NONE, (0, 0, 100, 100))
    found = judged(tmp_path, NONE, later, ends=("0.001", "0.005", "0.02", "+Inf"))
    assert found == ("95 % of 200 within 5 to 20 ms", None)


def test_counts_that_do_not_belong_together_are_undecided(tmp_path: Path) -> None:
    """A pod that came, and one that was started again; a series that is no histogram's."""
    one = {"track-1": (100, 100, 100, 100)}
    assert judged(tmp_path, one, {**one, **NONE}) == ("le=+Inf,pod=track-2 came or went meanwhile", None)
    observed, ok = judged(tmp_path, one, {"track-1": (0, 0, 0, 0)})
    assert (observed, ok) == ("le=+Inf,pod=track-1 counts anew: it was started again", None)
    observed, ok = judged(tmp_path, one, one, ends=("a", "b", "c", "d"))
    assert (observed, ok) == (
        "`cache.reads` has a series without the label `le`: it is not a histogram's `_bucket`",
        None,
    )
    assert judged(tmp_path, {}, {}) == ("Prometheus has no such series", None)


def test_counts_of_buckets_that_differ_are_not_added(tmp_path: Path) -> None:
    """One pod has a bucket that the other lacks, whose reads would be missing in its count."""
    one, less = {"track-1": (0, 0, 0, 0)}, {"track-1": (99, 99, 99, 99), "track-2": (99, 99, 99)}
    observed, ok = judged(tmp_path, {**one, "track-2": (0, 0, 0)}, less, strict=False)
    assert (observed, ok) == ("the series of `cache.reads` have different buckets, whose counts cannot be added", None)


def test_a_target_without_the_histogram_is_refused(tmp_path: Path) -> None:
    """With the key to write."""
    with pytest.raises(ConfigurationError, match="names no histogram") as refused:
        cache_reads(shop_of(tmp_path, prometheus="http://127.0.0.1:9", cache={}), {"limit": "10 ms"})
    assert "cache: {reads: NAME_bucket}" in refused.value.hint
