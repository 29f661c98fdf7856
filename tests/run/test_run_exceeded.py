"""A load ends as soon as a threshold of `stop_when` is exceeded, and what was measured is on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import DriverError
from harness.evidence import RowWriter
from harness.model import SAMPLES, StopRule
from harness.run.load.exceeded import ThresholdWatch
from tests.builders.plans import traffic
from tests.builders.records import Records
from tests.fake_clock import FakeClock, S

TENTH = StopRule(over=0.1, for_s=5.0)
"""More than 10 % failures in 5 s."""
SLOW = StopRule(quantile=0.95, over=0.5, for_s=5.0)


class Stand:
    """A load of 10 requests a second whose rows are written as the clock moves."""

    def __init__(self, clock: FakeClock, file: Path, *rules: StopRule) -> None:
        self._clock = clock
        self._rows = RowWriter(file, SAMPLES)
        self.records = Records()
        self.stop_when = ThresholdWatch(traffic("shop", stop_when=rules), [file], self.records)

    def second(self, *, failed: int = 0, slow: int = 0, of: int = 10) -> None:
        """One second: so many requests, of which some fail and others take 0.9 s."""
        self._clock.sleep(1.0)
        for number in range(of):
            took = S * 9 // 10 if number < slow else S // 50
            ints = {"intended_ns": self._clock.now_ns - took, "done_ns": self._clock.now_ns, "status": 200}
            words = {"error": "status 503" if number >= of - failed else None}
            self._rows.put(
                tuple(ints.get(name, 0) for name in SAMPLES.ints), tuple(words.get(name) for name in SAMPLES.words)
            )
        self._rows.flush()
        self.stop_when.check()


def test_an_error_rate_over_its_threshold_stops_the_load(clock: FakeClock, tmp_path: Path) -> None:
    """Of the last 5 s, not of all: 6 of 50 are more than 10 %, and 5 of 50 are not."""
    stand = Stand(clock, tmp_path / "samples-1.rows", TENTH)
    stand.stop_when.begin(clock.now_ns)
    for _ in range(20):
        stand.second()
    for failed in (2, 2, 0, 0, 1, 0, 1, 1):
        stand.second(failed=failed)
    stand.second(failed=1)
    with pytest.raises(DriverError) as stopped:
        stand.second(failed=3)
    assert stopped.value.what == (
        "`stop_when` stopped the load of shop: the error rate of 50 requests in 5 s was 12 %, expected at most 10 %"
    )
    assert "change `stop_when` in loadtests/shop.yaml" in stopped.value.hint
    (exceeded,) = stand.records.of("load.exceeded")
    assert (exceeded["figure"], exceeded["value"], exceeded["limit"], exceeded["n"]) == ("error rate", 0.12, 0.1, 50)
    assert exceeded["until_ns"] - exceeded["from_ns"] == 5 * S
    assert (exceeded["until_ns"] - exceeded["begin_ns"], exceeded["comparisons"]) == (30 * S, 30)


def test_a_quantile_of_the_response_time_stops_the_load(clock: FakeClock, tmp_path: Path) -> None:
    """3 of 50 are slow: the p95 is a slow one."""
    stand = Stand(clock, tmp_path / "samples-1.rows", SLOW)
    stand.stop_when.begin(clock.now_ns)
    for slow in (0, 0, 0, 0, 1, 1):
        stand.second(slow=slow)
    with pytest.raises(DriverError, match=r"the response time p95 of 50 requests in 5 s was 0\.9 s, expected at most"):
        stand.second(slow=1)


def test_nothing_is_compared_before_the_warm_up_is_over_and_a_whole_span_has_passed(
    clock: FakeClock, tmp_path: Path
) -> None:
    """Requests of the warm-up are in no span, and four bad seconds are not five."""
    stand = Stand(clock, tmp_path / "samples-1.rows", TENTH)
    for _ in range(10):
        stand.second(failed=10)
    stand.stop_when.begin(clock.now_ns)
    for _ in range(4):
        stand.second(failed=10)
    with pytest.raises(DriverError, match="of 50 requests in 5 s was 100 %"):
        stand.second(failed=10)


@pytest.mark.parametrize(
    ("rules", "requests"), [([TENTH], 3), ([], 10)], ids=["fewer than 20 in the span", "without thresholds"]
)
def test_neither_a_few_failures_nor_a_traffic_without_thresholds_stops_a_load(
    clock: FakeClock, tmp_path: Path, rules: list[StopRule], requests: int
) -> None:
    """One failure of a few requests would be a large share; nor is anything said."""
    stand = Stand(clock, tmp_path / "samples-1.rows", *rules)
    stand.stop_when.begin(clock.now_ns)
    for _ in range(10):
        stand.second(failed=requests, of=requests)
    assert stand.records.kept == []
