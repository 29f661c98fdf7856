"""The judge as a whole: what it needs, what it never does, and that it never raises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import (
    CORE,
    errors,
    evidence,
    experiment,
    failing,
    ledger,
    measures,
    ns,
    objective,
    p95,
    plan,
    reads,
    recovery,
    samples,
    share,
    uptime,
    window,
    with_experiment,
    with_load,
    writes,
)

from harness.judgement import judge
from harness.judgement.figures import FIGURES
from harness.judgement.stats.statistics import share_at_most
from harness.model import (
    SAMPLES,
    DecisionOutcome,
    Evidence,
    FaultWindow,
    Figure,
    Measure,
    Missing,
    Op,
    Outcome,
    Phase,
    Quantity,
    Restore,
    Table,
    Window,
    fault_name,
)

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def outcomes(run: Evidence) -> dict[str, Outcome]:
    """Verdicts by requirement."""
    return {verdict.requirement: verdict.outcome for verdict in judge(plan(), run).verdicts}


LOAD = {"R-P95", "R-USERS", "R-ERRORS", "R-ROUTE-ERRORS", "R-SHARE"}


def test_a_missing_file_makes_inconclusive_what_stood_on_it_and_is_named(subtests: pytest.Subtests) -> None:
    """And it is never GO."""
    for file, lost in [
        ("load/everyday/samples-0.parquet", LOAD | {"R-POD", "R-RTO"}),
        ("chaos/pod-loss/journal.json", {"R-POD", "R-RISK", "R-FIRST"}),
        ("chaos/database-loss/load/samples-0.parquet", {"R-RTO", "R-RPO"}),
        ("history/chaos-region-loss.ndjson", {"R-RTO", "R-RPO"}),
        ("watch/ledger-final.parquet", {"R-RISK", "R-RPO"}),
        ("watch/ledger-writes.parquet", {"R-RISK", "R-RPO", "R-POD", "R-RTO"}),
        ("watch/entry.parquet", {"R-UPTIME", "R-POD", "R-RTO"}),
        ("watch/replicas.parquet", {"R-LAG"}),
        ("history/checks.ndjson", {"R-CHECK"}),
        ("history/pods.ndjson", {"R-FIRST", "R-POD", "R-RTO", "R-RISK", "R-RPO"}),
        ("history/load-users-0.ndjson", LOAD | {"R-FIRST", "R-POD", "R-RTO"}),
        ("history/run.ndjson", set(CORE)),
        ("manifest.json", set(CORE)),
        ("docs/nothing", set()),
    ]:
        with subtests.test(file):
            judgement = judge(plan(), replace(evidence(), missing=(Missing(file=file, why="its hash differs"),)))
            found = {v.requirement for v in judgement.verdicts if v.outcome is INCONCLUSIVE}
            assert found == lost
            assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE
            for verdict in judgement.verdicts:
                if verdict.outcome is INCONCLUSIVE:
                    assert verdict.reason == f"{file} is missing or incomplete: its hash differs"


def test_a_sentence_without_traffic_needs_every_load_file() -> None:
    """It may stand on any of them."""
    run = replace(evidence(), missing=(Missing(file="load/other/samples-0.parquet", why="is gone"),))
    anywhere = judge(
        plan({"R": errors(traffic=None), "S": errors(), "T": recovery("30 s", "pod-loss", traffic=None)}), run
    )
    assert [v.outcome for v in anywhere.verdicts] == [INCONCLUSIVE, PASS, PASS]


def test_the_uptime_of_a_region_stands_on_the_file_of_the_regions() -> None:
    """And that of the entry does not."""
    run = replace(evidence(), missing=(Missing(file="watch/regions.parquet", why="is gone"),))
    found = judge(plan({"R": uptime(subject="eu-west-1"), "S": uptime()}), run).verdicts
    assert [v.outcome for v in found] == [INCONCLUSIVE, PASS]
    assert found[0].reason == "watch/regions.parquet is missing or incomplete: is gone"


def spoilt(**fields: Any) -> Evidence:
    """The healthy run without something."""
    return replace(evidence(), **fields)


def every_window(change: Callable[[Window], Window]) -> Evidence:
    """The healthy run with each window changed."""
    return spoilt(windows={name: change(one) for name, one in evidence().windows.items()})


def test_without_evidence_nothing_passes_that_stood_on_it(subtests: pytest.Subtests) -> None:
    """A window, a worker, a watcher, a ledger, an experiment, a check: exactly what needs it is inconclusive."""
    for run, kept in [
        (spoilt(windows={}), {"R-CHECK", "R-RISK", "R-RPO"}),
        (every_window(lambda w: replace(w, workers=())), {"R-UPTIME", "R-LAG", "R-CHECK", "R-RISK", "R-RPO"}),
        (spoilt(watchers={}), LOAD | {"R-CHECK"}),
        (spoilt(ledger=replace(ledger(evidence().ledger.writes), final_reads=())), set(CORE) - {"R-RISK", "R-RPO"}),
        (spoilt(experiments={}), LOAD | {"R-CHECK", "R-UPTIME", "R-LAG"}),
        (spoilt(checks={}), set(CORE) - {"R-CHECK"}),
        (spoilt(pods=()), set(CORE) - {"R-FIRST", "R-POD", "R-RTO", "R-RISK", "R-RPO"}),
        (spoilt(observations=()), set(CORE) - {"R-USERS"}),
        (Evidence(), set()),
    ]:
        with subtests.test(kept=kept):
            found = outcomes(run)
            assert {name for name, o in found.items() if o is PASS} == kept
            assert FAIL not in found.values()


def receiptless(name: str) -> list[Evidence]:
    """The ways in which an experiment may lack a receipt."""
    attempt = evidence().experiments[name][0]
    changes: list[dict[str, Any]] = [
        {"ran": False},
        {"journal": {}},
        {"restore": Restore(ok=False)},
        {"restore": Restore(ok=None)},
        {"fault": FaultWindow(experiment=name, domain=attempt.domain)},
        {"fault": replace(attempt.fault, confirmed_ns=None)},
        {"fault": replace(attempt.fault, hit=())},
    ]
    return [with_experiment([replace(attempt, **change)]) for change in changes]


@pytest.mark.parametrize("run", receiptless("database-loss"))
def test_without_a_receipt_an_experiment_never_passes(run: Evidence) -> None:
    """Not run, no journal, not restored, not sent, not confirmed, nothing hit."""
    found = outcomes(run)
    assert {found["R-RTO"], found["R-RPO"]} == {INCONCLUSIVE}
    result = next(e for e in judge(plan(), run).experiments if e.name == "database-loss")
    assert result.verdict is INCONCLUSIVE


def test_a_judge_function_that_raises_gives_inconclusive_with_the_reason() -> None:
    """A limit of the wrong unit, a comparison that is none: one figure, and no other."""
    wrong = {
        "A": replace(p95(), limit=Quantity(value=1, unit="%")),
        "B": replace(errors(), op=Op.HOLDS),
        "C": share(),
        "D": recovery("30 s", "pod-loss", params={"manual_steps": "none"}),
    }
    judgement = judge(plan(wrong), evidence())
    assert [v.outcome for v in judgement.verdicts] == [INCONCLUSIVE, INCONCLUSIVE, PASS, INCONCLUSIVE]
    assert judgement.verdicts[0].reason == ("the response time is a time, its limit of 1 % is a ratio")


def _broken_figure(case: object) -> Iterable[Measure]:
    raise KeyError("code")


def test_a_figure_of_a_project_that_raises_is_named_with_its_line() -> None:
    """It is not called a bug of the harness: whoever wrote it has the file and what to do."""
    name = p95().figure
    figures = {**FIGURES, name: replace(FIGURES[name], judge=_broken_figure)}
    (verdict,) = judge(plan({"A": p95()}), evidence(), figures).verdicts
    line = _broken_figure.__code__.co_firstlineno + 1
    assert verdict.reason == f"test_judgement_judging.py:{line}: `_broken_figure` raised an error: KeyError: 'code'"
    assert verdict.hint == "correct the function, then judge the run again: `readiness judge RUN`"


def test_summaries_that_cannot_be_made_say_why() -> None:
    """Columns are missing: no verdict is lost, nothing is raised."""
    base = evidence()
    broken = Table(schema=SAMPLES, ints={"intended_ns": np.zeros(1, dtype=np.int64)}, words={})
    run = with_load(broken, replace(base, ledger=replace(base.ledger, writes=broken)))
    judgement = judge(plan(), run)
    assert judgement.traffic[0].valid is False
    assert judgement.traffic[0].why.startswith("the judge could not compute this figure: KeyError: ")
    assert {e.verdict for e in judgement.experiments} == {INCONCLUSIVE}
    assert judgement.experiments[0].reason.startswith("the judge could not compute this figure: KeyError")


def test_figures_carry_six_digits_and_never_what_json_cannot_say() -> None:
    """One place rounds: nothing that the judge reports has a longer number, of the traffic, the experiments or the watchers either."""
    rows = failing(samples(0, 60), np.arange(6000) % 10 == 0, status=0, error="cut_off")
    for run in (evidence(), with_load(rows)):
        numbers = list(_floats(json.loads(json.dumps(asdict(judge(plan(), run)), default=str))))
        assert len(numbers) > 200
        assert [number for number in numbers if number != float(f"{number:.6g}")] == []


def _floats(value: object) -> Iterator[float]:
    """Every number with a fraction below a plain value."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _floats(item)


def test_traffic_is_described_all_together_and_by_route() -> None:
    """Under the fault too; percentiles that reach into what was never answered are unknown."""
    base = evidence()
    rows = failing(samples(0, 60), np.arange(6000) % 10 == 0, status=0, error="cut_off")
    results = judge(plan(), with_load(rows)).traffic
    assert [(r.experiment, r.route) for r in results[:6]] == [
        ("", ""),
        *[("", route) for route in ("create-track", "play-track", "read-track", "sign-in")],
        ("pod-loss", ""),
    ]
    together = results[0]
    assert (together.n, together.errors, together.offered_rps, together.achieved_rps) == (6000, 600, 100, 100)
    assert (together.p50_ms, together.p95_ms, together.p99_ms, together.lag_ms_p99) == (25, None, None, 0.5)
    assert (together.valid, together.why) == (True, "")
    begun = failing(samples(0, 60), np.arange(6000) % 10 == 0, status=200, error="cut_off")
    assert judge(plan(), with_load(begun)).traffic[0].p95_ms is None
    strange = replace(base.windows["everyday/fault-free"], name="strange/fault-free", traffic="strange", workers=())
    result = judge(plan(), replace(base, windows={strange.name: strange})).traffic[1]
    assert (result.offered_rps, result.valid) == (0, False)


def test_an_experiment_without_record_or_plan_is_told_all_the_same() -> None:
    """Planned and gone; run and not planned; without traffic; a null run."""
    bare = judge(plan(), replace(evidence(), experiments={})).experiments
    assert {(e.verdict, e.reason, e.attempt) for e in bare} == {(INCONCLUSIVE, "the experiment was not recorded", 0)}
    null = replace(experiment("null-run", "none", 201, 215), fault=FaultWindow(experiment="null-run", domain="none"))
    results = {e.name: e for e in judge(plan(), with_experiment([null])).experiments}
    assert (results["null-run"].verdict, results["null-run"].sent, results["null-run"].reads) == (PASS, False, None)
    assert (results["null-run"].share, results["null-run"].loss_window_s) == ({}, None)
    unrun = {e.name: e for e in judge(plan(), with_experiment([replace(null, ran=False, why="no time")])).experiments}
    assert unrun["null-run"].reason == "the experiment was not run: no time"
    idle = replace(evidence(), windows={k: w for k, w in evidence().windows.items() if w.experiment})
    assert "us-east-1 before" not in judge(plan(), idle).experiments[0].share


FEW = samples(0, 10)


def briefly(rows: Table) -> Evidence:
    """Nothing but a fault-free window of ten seconds."""
    return Evidence(windows={"everyday/fault-free": window(rows, 0, 10)})


@given(st.lists(st.integers(0, 999), max_size=100, unique=True), st.integers(0, 999))
@settings(max_examples=20)
def test_a_failure_more_never_turns_red_to_green_and_never_improves_the_exact_bound(at: list[int], more: int) -> None:
    """Errors and response times, whatever kind the failure is of. It may part two that seemed to come together, and no bound is nearer than the exact one."""
    expected = plan({"E": errors("5 %"), "P": p95("28 ms")}, experiments={})
    for status, error in ((503, "status 503"), (0, "cut_off")):
        rows = failing(FEW, at, status, error)
        before = measures(judge(expected, briefly(rows)))
        after = measures(judge(expected, briefly(failing(rows, [more], status, error))))
        for one, other in zip(before, after, strict=True):
            assert (one.outcome, other.outcome) != (FAIL, PASS)
        bounds = [share_at_most(len(bad), len(FEW), 0.95) for bad in (at, {*at, more})]
        assert bounds[0] <= bounds[1] <= (after[0].high or 0) + 1e-6


@given(st.integers(1, 5), st.integers(0, 2**32))
@settings(max_examples=8)
def test_order_and_partition_of_samples_change_no_figure(parts: int, seed: int) -> None:
    """Samples of many workers are merged, never averaged."""
    rows = failing(FEW, slice(0, 3))
    cut = np.array_split(np.random.default_rng(seed).permutation(len(rows)), parts)
    mixed = Table.merged(SAMPLES, [take(rows, chosen) for chosen in cut])
    expected = plan({"A": errors(), "B": p95(), "C": share()}, experiments={})
    assert judge(expected, briefly(mixed)) == judge(expected, briefly(rows))


def take(rows: Table, chosen: np.ndarray[Any, Any]) -> Table:
    """These rows, in this order."""
    words = {name: replace(column, codes=column.codes[chosen]) for name, column in rows.words.items()}
    return Table(schema=rows.schema, ints={name: column[chosen] for name, column in rows.ints.items()}, words=words)


numbers = st.integers(-(2**62), 2**62) | st.integers(-5, ns(300))


@given(
    rows=st.lists(
        st.tuples(numbers, numbers, numbers, st.integers(-1, 600), st.sampled_from([None, "cut_off", "x"])), max_size=20
    ),
    span=st.tuples(st.integers(-5, 300), st.integers(-5, 300)),
    figure=st.sampled_from(list(Figure)),
    op=st.sampled_from(list(Op)),
    limit=st.sampled_from(["200 ms", "0.1 %", "0", "-1 s", "1 /s", "4 h"]),
    quantile=st.none() | st.floats(0, 1),
)
@settings(max_examples=60)
def test_the_judge_never_raises(
    rows: list[tuple[int, int, int, int, str | None]],
    span: tuple[int, int],
    *,
    figure: Figure,
    op: Op,
    limit: str,
    quantile: float | None,
) -> None:
    """Clocks that run backwards, empty windows, absurd numbers, sentences that mean nothing."""
    drawn = [
        {
            "intended_ns": a,
            "sent_ns": b,
            "done_ns": c,
            "status": s,
            "error": e,
            "name": "r",
            "served_region": "us-east-1",
        }
        for a, b, c, s, e in rows
    ]
    odd = window(Table.of(SAMPLES, drawn), *span)
    base = replace(evidence(), ledger=ledger(writes(70, 75)), probes=reads(70, 80))
    run = replace(
        base,
        windows={
            "everyday/fault-free": odd,
            "experiment:pod-loss/fault": replace(
                odd, name=fault_name("pod-loss"), phase=Phase.FAULT, experiment="pod-loss"
            ),
        },
    )
    sentence = objective(
        figure, op, limit, quantile=quantile, operations=("reads",), experiments=("pod-loss",), users=3, subject="r"
    )
    judgement = judge(plan({"R": sentence}), run)
    assert judgement.decision.outcome in DecisionOutcome
    found: list[Measure] = measures(judgement)
    assert all(measure.reason for measure in found)
