"""A load whose requests fail too often is stopped in order, and what was sent until then is recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from load_bench import Run, plan_of, rows_of, words
from load_bench import stock_plan as plan
from load_truth import Reply, TruthServer

from harness import clock
from harness.errors import DriverError
from harness.model import StopRule, TrafficPlan
from harness.run.load.exceeded import ThresholdWatch

RULE = StopRule(over=0.2, for_s=2.0)


def until_exceeded(watch: ThresholdWatch) -> None:
    """Compare, as a run does while time passes."""
    for _ in clock.Deadline.after(60).ticks(0.1):
        watch.check()


@pytest.mark.parametrize(
    "planned", [plan("stock_spawned", users=4), plan_of("visitor", per_s=40)], ids=["stock", "own"]
)
def test_a_third_of_failures_ends_the_load(run: Run, server: TruthServer, planned: TrafficPlan) -> None:
    """Of stock users and of journeys: each answered request has its row, each file its end, and nobody is blamed for the end."""
    server.behave = lambda _: Reply(status=500 if len(server.seen) % 3 == 0 else 200)
    load = run.start(planned, server.url)
    watch = ThresholdWatch(replace(planned, stop_when=(RULE,)), load.rows, run.sink)
    watch.begin(clock.now_ns())
    with pytest.raises(DriverError, match=r"the error rate of \d+ requests in \d s was 3\d"):
        until_exceeded(watch)
    assert load.alive()
    load.stop()
    (rows,) = rows_of(load)
    assert (rows.closed, load.problems) == (True, ())
    assert len(server.seen) - words(rows, "error").count("cut_off") <= len(rows.table) <= len(server.seen) + 4
    (exceeded,) = run.observations("load.exceeded")
    assert (exceeded.subject, exceeded.fields["figure"], exceeded.fields["limit"]) == (planned.name, "error rate", 0.2)
    assert exceeded.fields["until_ns"] - exceeded.fields["from_ns"] >= 2e9
