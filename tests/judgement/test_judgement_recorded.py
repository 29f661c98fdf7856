"""A run on disk: judged as it was recorded, whoever wrote the rows, and never better for what is gone or cannot be."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judgement_builders import (
    WELL,
    errors,
    evidence,
    failing,
    measures,
    no_loss,
    ns,
    objective,
    observation,
    p95,
    plan,
    samples,
    share,
    table,
    window,
    with_load,
)

from harness.evidence import RunDirectory
from harness.evidence.manifest import write_manifest
from harness.evidence.reading import load_evidence
from harness.judgement import judge
from harness.model import (
    LEDGER_READS,
    PIPELINE,
    SAMPLES,
    DecisionOutcome,
    Evidence,
    Figure,
    Judgement,
    Op,
    Outcome,
    Phase,
    WatchSource,
)
from harness.report import render_verdict
from tests.builders import preloaded
from tests.builders.recorder import AFTER_NS, record, seal_after, sealed

SAMPLES_0 = "load/everyday/samples-0.parquet"
OF_LOAD = {"R-P95", "R-USERS", "R-ERRORS", "R-ROUTE-ERRORS", "R-SHARE"}
OF_FAULTS = {"R-POD", "R-RTO", "R-RISK", "R-RPO", "R-FIRST"}
OF_WRITES = {"R-POD", "R-RTO", "R-RISK", "R-RPO"}
BORNE_BY = {
    SAMPLES_0: OF_LOAD,
    "chaos/pod-loss/load/samples-0.parquet": {"R-FIRST"},
    "watch/entry.parquet": {"R-UPTIME", "R-POD", "R-RTO"},
    "watch/replicas.parquet": {"R-LAG"},
    "watch/ledger-writes.parquet": OF_WRITES,
    "watch/ledger-final.parquet": {"R-RISK", "R-RPO"},
    "history/chaos-database-loss.ndjson": {"R-RTO", "R-RPO"},
    "history/checks.ndjson": {"R-CHECK"},
    "history/load.ndjson": OF_LOAD | {"R-FIRST"},
    "history/load-health-0.ndjson": {"R-P95", "R-USERS"},
    "history/load-users-0.ndjson": {"R-USERS"},
    "history/pods.ndjson": {"R-FIRST"},
    "history/watch.ndjson": {"R-UPTIME", "R-LAG", *OF_FAULTS},
    "history/run.ndjson": OF_LOAD | OF_FAULTS,
    "history/seal.ndjson": OF_LOAD | OF_WRITES | {"R-UPTIME", "R-LAG"},
}
"""The requirements that a file bears: without it none of them passes."""


def judged(directory: RunDirectory) -> Judgement:
    """What is said of a run on disk."""
    return judge(directory.read_plan(), load_evidence(directory))


def outcomes(judgement: Judgement) -> Mapping[str, Outcome]:
    """The verdicts by requirement."""
    return {verdict.requirement: verdict.outcome for verdict in judgement.verdicts}


def figures(judgement: Judgement) -> object:
    """All that is said of the target: not the files, nor who wrote them."""
    said = [
        replace(measure, files=(), receipts={}, because=replace(measure.because, text=""))
        for measure in measures(judgement)
    ]
    experiments = [(e.name, e.verdict, e.reads, e.writes, e.share, e.errors) for e in judgement.experiments]
    return said, [replace(result, workers=()) for result in judgement.traffic], experiments


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A healthy run, sealed."""
    return sealed(tmp_path_factory.mktemp("runs"), plan(), evidence())


@pytest.fixture
def run(whole: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy of it."""
    return RunDirectory(Path(shutil.copytree(whole.path, tmp_path / "run-1")))


def test_a_run_on_disk_says_what_the_run_in_memory_says(whole: RunDirectory) -> None:
    """Every figure, every verdict: GO."""
    judgement = judged(whole)
    assert judgement.missing == ()
    assert judgement.decision.outcome is DecisionOutcome.GO
    assert figures(judgement) == figures(judge(plan(), evidence()))


def test_without_any_one_of_its_files_a_run_is_never_go(run: RunDirectory) -> None:
    """Gone after the seal: the decision names the file, and what it bears does not pass."""
    files = [path for path in run.path.rglob("*") if path.is_file() and path.name not in ("plan.json", "manifest.json")]
    assert {run.relative(path) for path in files} >= set(BORNE_BY)
    for path in files:
        name, content = run.relative(path), path.read_bytes()
        path.unlink()
        judgement = judged(run)
        path.write_bytes(content)
        assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE, name
        assert f"{name}: the file is missing" in judgement.missing
        found = outcomes(judgement)
        assert Outcome.PASS not in {found[requirement] for requirement in BORNE_BY.get(name, ())}, name
        assert Outcome.FAIL not in found.values(), name


@pytest.mark.parametrize("name", [*BORNE_BY])
def test_what_was_never_recorded_bears_nothing(run: RunDirectory, name: str) -> None:
    """Gone before the seal, so that no hash tells: what the file bears does not pass, and nothing fails for it."""
    (run.path / name).unlink()
    write_manifest(run, plan())
    found = outcomes(judged(run))
    assert Outcome.PASS not in {found[requirement] for requirement in BORNE_BY[name]}
    assert Outcome.FAIL not in found.values()


def forged(run: RunDirectory, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Another table in a file, and a manifest that says it was always so."""
    pq.write_table(change(pq.read_table(run.path / name)), run.path / name, compression="gzip")
    write_manifest(run, plan())


def changed(column: str, row: int, value: object) -> Callable[[pa.Table], pa.Table]:
    """One value of a column is another."""

    def change(rows: pa.Table) -> pa.Table:
        values = rows.column(column).to_pylist()
        values[row - 1] = value
        kind = pa.float64() if isinstance(value, float) else rows.schema.field(column).type
        return rows.set_column(rows.column_names.index(column), column, pa.array(values, type=kind))

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (changed("done_ns", 17, 1), "row 17 has an end before its begin (1 such rows)"),
        (changed("done_ns", 3, 2**62), "row 3 ends after the end of the run (1 such rows)"),
        (changed("intended_ns", 6000, -(2**62)), "row 6000 is due outside the window (1 such rows)"),
        (changed("sent_ns", 5, 0), "row 5 was answered without being sent (1 such rows)"),
        (changed("sent_ns", 8, -1), "row 8 was answered without being sent (1 such rows)"),
        (changed("worker", 9, 1), "row 9 belongs to another worker than 0 (1 such rows)"),
        (changed("status", 2, float("nan")), "the column `status` contains double, expected whole numbers"),
        (changed("sent_ns", 4, None), "the column `sent_ns` lacks 1 values"),
        (lambda rows: rows.drop_columns(["name"]), "the file lacks the columns name"),
        (lambda rows: rows.drop_columns(["served_us"]), ""),  # as runs were recorded before there was this column
        (lambda rows: rows.append_column("name", rows.column("name")), "the file has the column `name` twice"),
        (lambda rows: rows.append_column("more", rows.column("name")), ""),
        (
            lambda rows: rows.slice(0, 0),
            "the file has 14000 rows (together with 4 other files), at the end of the run it had 20000",
        ),
        (
            lambda rows: rows.slice(1),
            "the file has 19999 rows (together with 4 other files), at the end of the run it had 20000",
        ),
        (
            lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]),
            "the file has 20001 rows (together with 4 other files), at the end of the run it had 20000",
        ),
    ],
)
def test_samples_that_cannot_be_are_named_with_their_row(
    run: RunDirectory, change: Callable[[pa.Table], pa.Table], why: str
) -> None:
    """INCONCLUSIVE with file, row and reason; a column that nobody knows is passed over, a file without rows bears nothing."""
    forged(run, SAMPLES_0, change)
    rows, judgement = pq.read_metadata(run.path / SAMPLES_0).num_rows, judged(run)
    found = outcomes(judgement)
    assert judgement.missing == ((f"{SAMPLES_0}: {why}",) if why else ())
    if why or not rows:
        assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE
        assert {found[name] for name in ("R-P95", "R-ERRORS", "R-SHARE")} == {Outcome.INCONCLUSIVE}
    assert Outcome.FAIL not in found.values()
    reasons = {verdict.requirement: verdict.reason for verdict in judgement.verdicts}
    assert not why or reasons["R-P95"] == f"{SAMPLES_0} is missing or incomplete: {why}"


def test_journeys_that_broke_void_what_would_pass_and_excuse_no_error(tmp_path: Path) -> None:
    """What they had still to send was not sent: nothing passes for it, and too many errors are too many all the same."""
    broke = observation(
        "load.health",
        "everyday",
        5,
        "load-health-0",
        at_ns=ns(5),
        worker=0,
        broken=9,
        broken_why="KeyError: 'id'",
        **WELL,
    )
    for name, rows, of_errors in (
        ("fine", samples(0, 60), Outcome.INCONCLUSIVE),
        ("bad", failing(samples(0, 60), slice(0, 6000, 3)), Outcome.FAIL),
    ):
        recorded = with_load(rows)
        run = sealed(tmp_path / name, plan(), replace(recorded, observations=(*recorded.observations, broke)))
        judgement = judged(run)
        found = outcomes(judgement)
        assert found["R-ERRORS"] is of_errors
        assert Outcome.PASS not in {found[requirement] for requirement in OF_LOAD}
        reason = next(verdict.reason for verdict in judgement.verdicts if verdict.requirement == "R-P95")
        assert "9 journeys ended with an error in the locustfile, the first with KeyError: 'id'" in reason


Lines = list[dict[str, Any]]
EVERYTHING = (*OF_LOAD, *OF_FAULTS, "R-UPTIME", "R-LAG")


def told(kind: str, **fields: object) -> Callable[[Lines], Lines]:
    """The lines of a kind say something else too."""
    return lambda lines: [
        {**line, "fields": {**line["fields"], **fields}} if line["kind"] == kind else line for line in lines
    ]


def last_ends_twice(lines: Lines) -> Lines:
    """The run is said to have failed, and then to have ended well."""
    *before, last = lines
    return [*before, {**last, "fields": {"ok": False, "why": "x"}}, {**last, "seq": last["seq"] + 1}]


@pytest.mark.parametrize(
    ("history", "change", "why", "bears"),
    [
        ("run", last_ends_twice, "", ()),
        (
            "run",
            told("run.ended", ok="true"),
            "line 25: `run.ended` has 'true' in `ok`, expected true or",
            EVERYTHING,
        ),
        (
            "run",
            lambda lines: [{**o, "mono_ns": -o["mono_ns"]} for o in lines],
            "the time of line 4 is before the time of",
            EVERYTHING,
        ),
        (
            "load",
            lambda lines: [{**o, "clock": "other"} for o in lines],
            "the history uses clock other, the run used",
            OF_LOAD,
        ),
        (
            "watch",
            lambda lines: [{**o, "clock": "other"} for o in lines],
            "the history uses clock other",
            ["R-UPTIME"],
        ),
        ("seal", told("rows.sealed", truncated_bytes=5), "", OF_LOAD | OF_FAULTS | {"R-UPTIME"}),
        ("seal", told("rows.sealed", truncated_bytes=-5), "line 1: `rows.sealed` has -5 in `truncated_bytes`", OF_LOAD),
        ("seal", told("rows.sealed", closed=False), "", OF_LOAD | OF_FAULTS | {"R-UPTIME"}),
        ("load-health-0", told("load.health", cpu=math.nan), "line 1: `load.health` has nan in `cpu`", ["R-P95"]),
    ],
)
def test_records_that_contradict_each_other_bear_nothing(
    run: RunDirectory, history: str, change: Callable[[Lines], Lines], why: str, bears: Iterable[str]
) -> None:
    """Sealed anew, so that no hash tells: the file and the reason are named, the worst that was said stands."""
    path = run.path / "history" / f"{history}.ndjson"
    lines = change([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    write_manifest(run, plan())
    judgement = judged(run)
    found = outcomes(judgement)
    assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert Outcome.PASS not in {found[requirement] for requirement in bears}
    assert any(text.startswith(f"history/{history}.ndjson: {why}") for text in judgement.missing) or not why, (
        judgement.missing
    )


@pytest.mark.parametrize(
    ("name", "change", "why", "bears"),
    [
        ("entry", changed("done_ns", 2, 1), "row 2 has an end before its begin (1 such rows)", "R-UPTIME"),
        (
            "entry",
            lambda rows: pa.concat_tables([rows] * 5),
            "the file has 41505 rows, at the end of the run it had 8301",
            "R-UPTIME",
        ),
        (
            "ledger-final",
            lambda rows: rows.slice(1),
            "the file has 6600 rows, at the end of the run it had 6601",
            "R-RPO",
        ),
        (
            "ledger-writes",
            changed("outcome", 3, None),
            "row 3 has an unknown `outcome`, expected one of accepted, refused",
            "R-RPO",
        ),
        (
            "ledger-final",
            changed("state", 1, "okay"),
            "row 1 has an unknown `state`, expected one of found, wrong",
            "R-RPO",
        ),
        ("replicas", changed("at_ns", 1, 0.5), "the column `at_ns` contains double, expected whole numbers", "R-LAG"),
    ],
)
def test_looks_that_cannot_be_are_named_with_their_row(
    run: RunDirectory, name: str, change: Callable[[pa.Table], pa.Table], why: str, bears: str
) -> None:
    """INCONCLUSIVE with file, row and reason."""
    forged(run, f"watch/{name}.parquet", change)
    judgement = judged(run)
    assert any(text.startswith(f"watch/{name}.parquet: {why}") for text in judgement.missing)
    assert outcomes(judgement)[bears] is Outcome.INCONCLUSIVE


def test_two_workers_of_one_number_are_none(run: RunDirectory) -> None:
    """A second one was started with the number of the first: nobody knows whose the rows are."""
    path = run.path / "history" / "load.ndjson"
    first = json.loads(path.read_text(encoding="utf-8"))
    path.write_text("".join(json.dumps({**first, "seq": seq}) + "\n" for seq in range(2)), encoding="utf-8")
    write_manifest(run, plan())
    verdict = next(v for v in judged(run).verdicts if v.requirement == "R-P95")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "worker 0: 2 workers had this number" in verdict.reason


def test_the_rows_of_one_worker_under_the_number_of_another_are_named(run: RunDirectory) -> None:
    """A copied file is no second worker."""
    for folder in ("load/everyday", "chaos/pod-loss/load"):
        shutil.copy(run.path / folder / "samples-0.parquet", run.path / folder / "samples-1.parquet")
    path = run.path / "history" / "load.ndjson"
    first = json.loads(path.read_text(encoding="utf-8"))
    second = {**first, "seq": 1, "fields": {"worker": 1}}
    path.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n", encoding="utf-8")
    write_manifest(run, plan())
    judgement = judged(run)
    assert (
        "load/everyday/samples-1.parquet: row 1 belongs to another worker than 1 (6000 such rows)" in judgement.missing
    )
    assert Outcome.PASS not in {outcomes(judgement)[name] for name in OF_LOAD}


FEW = failing(samples(0, 10), slice(0, 3))
WANTED = plan({"A": errors(), "B": p95(), "C": share()}, experiments={})
BRIEF = Evidence(windows={"everyday/fault-free": window(FEW, 0, 10)})


@given(st.integers(1, 4), st.integers(0, 2**32))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_many_workers_wrote_the_samples_in_whatever_order_no_figure_changes(
    tmp_path: Path, workers: int, seed: int
) -> None:
    """From one file or four, sorted or not: the same value, bounds and n."""
    cut = np.array_split(np.random.default_rng(seed).permutation(len(FEW)), workers)
    parts = [replace(FEW.at(rows), ints={**FEW.at(rows).ints, "worker": rows * 0 + n}) for n, rows in enumerate(cut)]
    directory = record(tmp_path / f"{workers}-{seed}", WANTED, BRIEF, workers=parts)
    seal_after(directory, WANTED)
    assert figures(judged(directory)) == figures(judge(WANTED, BRIEF))


def test_a_run_of_no_samples_at_all_is_read_and_bears_nothing(tmp_path: Path) -> None:
    """A load that sent nothing leaves files without rows."""
    directory = sealed(tmp_path, WANTED, Evidence(windows={"everyday/fault-free": window(table(SAMPLES, 0), 0, 10)}))
    judgement = judged(directory)
    assert judgement.missing == ()
    assert set(outcomes(judgement).values()) == {Outcome.INCONCLUSIVE}


WIDE = " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))
"""What numpy uses of this processor beyond what every processor has."""


def test_events_and_own_reads_are_kept_and_missed(tmp_path: Path) -> None:
    """A run with a pipeline passes; without the events, or the reads, or their end, what they bear does not."""
    expected, everything = (
        {"R-EVENTS": objective(Figure.EVENTS, Op.BELOW, "1 s", phase=Phase.RUN), "R-RPO": no_loss()},
        full(),
    )
    run = sealed(tmp_path, plan(expected), everything)
    assert set(outcomes(judged(run)).values()) == {Outcome.PASS}
    assert judged(run).ledger == judge(plan(expected), everything).ledger
    for name, requirement in (("pipeline", "R-EVENTS"), ("ledger-reads", "R-RPO")):
        path = run.path / "watch" / f"{name}.parquet"
        content = path.read_bytes()
        path.unlink()
        assert outcomes(judged(run))[requirement] is Outcome.INCONCLUSIVE
        path.write_bytes(content[:-9])
        assert outcomes(judged(run))[requirement] is Outcome.INCONCLUSIVE
        path.write_bytes(content)
    unsealed = record(tmp_path / "again", plan(expected), everything)
    for name in ("pipeline", "ledger-reads"):
        os.truncate(
            unsealed.path / "watch" / f"{name}.rows", (unsealed.path / "watch" / f"{name}.rows").stat().st_size - 9
        )
    seal_after(unsealed, plan(expected))
    assert set(outcomes(judged(unsealed)).values()) == {Outcome.INCONCLUSIVE}


def full() -> Evidence:
    """The evidence with a pipeline that shows each event after 10 ms, and reads that find each write."""
    base, n, second = evidence(), 100, ns(1)
    at = np.arange(n) * second
    answered = {"status": 200}
    events = {
        "accepted_ns": at + 5_000_000,
        "made_ns": at,
        "seen_ns": at + 15_000_000,
        "outcome": "accepted",
        "state": "found",
    }
    return replace(
        base,
        pipeline=table(PIPELINE, n, id=np.arange(n), copies=1, **answered, **events),
        ledger=replace(
            base.ledger,
            reads=table(LEDGER_READS, n, by=1, id=np.arange(n), sent_ns=at, seen_ns=at + 5, state="found", **answered),
        ),
        watchers={**base.watchers, "pipeline": WatchSource(name="pipeline", spacing_ms=1000, closed=True)},
        observations=(*base.observations, observation("watch.closed", "pipeline", AFTER_NS / second, "watch")),
    )


ELSEWHERE = {
    "hash seed and time zone": {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"},
    "Turkish letters": {"PYTHONHASHSEED": "4242", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "0"},
    "one thread": {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    "many threads": {"OMP_NUM_THREADS": "7", "OPENBLAS_NUM_THREADS": "7"},
    "an older processor": {
        "NPY_DISABLE_CPU_FEATURES": WIDE,
        "OPENBLAS_CORETYPE": "Prescott",
        "ARROW_USER_SIMD_LEVEL": "NONE",
    },
}
"""Where else a run may be judged: settings of the environment."""


@pytest.mark.parametrize("command", ["judge", "judge --check", "report"])
def test_a_verdict_is_not_written_over_where_a_figure_of_the_run_is_unknown(run: RunDirectory, command: str) -> None:
    """As that of a project whose directory the command is not called in: a FAIL would become INCONCLUSIVE."""
    (run.path / "verdict.json").write_bytes(b"as it was judged")
    plan_file = run.path / "plan.json"
    plan_file.write_text(plan_file.read_text().replace('"figure": "error rate"', '"figure": "mood"'))
    name, *options = command.split()
    ended = preloaded.command("harness", name, str(run.path), *options, cwd=Path.cwd())
    assert ended.returncode == 4, ended
    assert (
        "is not defined here, so nothing was written or compared\n  hint: call the command in the directory"
        in ended.stderr
    )
    assert (run.path / "verdict.json").read_bytes() == b"as it was judged"


@pytest.mark.parametrize("where", [*ELSEWHERE])
def test_a_verdict_has_the_same_bytes_elsewhere(whole: RunDirectory, where: str) -> None:
    """In a child with another hash seed, time zone, locale, number of threads or instruction set: judged anew, byte for byte."""
    (whole.path / "verdict.json").write_bytes(render_verdict(whole.read_plan(), judged(whole)))
    judged_again = subprocess.run(
        [sys.executable, "-m", "harness", "judge", str(whole.path), "--check"],
        env={**os.environ, **ELSEWHERE[where]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged_again.returncode == 0, judged_again
    assert "byte for byte" in judged_again.stdout
