"""What the figures of a window say of the generators, and of what was cut."""

from __future__ import annotations

from dataclasses import replace

from judgement_builders import S, evidence, p95, plan

from harness.judgement import judge
from harness.model import TrafficResult, Worker


def _results(**fields: object) -> tuple[TrafficResult, ...]:
    base = evidence()
    changed = replace(base.windows["everyday/fault-free"], **fields)  # type: ignore[arg-type]
    judged = judge(plan({"A": p95("200 ms")}), replace(base, windows={**base.windows, changed.name: changed}))
    return tuple(result for result in judged.traffic if not result.experiment)


def test_generators_stand_with_the_whole_window_in_six_digits_and_not_again_with_each_route() -> None:
    """Their records are of the process, not of a route."""
    worker = Worker(id=0, rows=1, closed=True, cpu=0.123456789, gc_ms=1.23456789, loop_ms=None, residual_ns=14)
    whole, *routes = _results(workers=(worker,))
    assert [(w.cpu, w.gc_ms, w.loop_ms, w.residual_ns) for w in whole.workers] == [(0.123457, 1.23457, None, 14)]
    assert routes
    assert [route.workers for route in routes] == [()] * len(routes)


def test_what_was_cut_counts_from_the_beginning_of_the_schedule() -> None:
    """And is unknown where its beginning is not on record."""
    start_ns = evidence().windows["everyday/fault-free"].start_ns
    assert {result.warm_up_s for result in _results(begin_ns=start_ns - 10 * S - 20_000_000)} == {10.02}
    assert {result.warm_up_s for result in _results(begin_ns=None)} == {None}
