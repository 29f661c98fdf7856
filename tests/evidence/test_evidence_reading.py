"""A run written by the writers, sealed, read back, and spoilt in every way that a disk or a person can."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import EvidenceError, MissingEvidence
from harness.evidence import RowWriter, RunDirectory
from harness.evidence.histories.experiments import read_experiments
from harness.evidence.manifest import MANIFEST, verify, write_manifest
from harness.evidence.reading import load_evidence
from harness.evidence.seal import seal
from harness.model import (
    LEDGER_WRITES,
    PROBES,
    SAMPLES,
    Claim,
    Demand,
    DemandKind,
    FactAmount,
    Figure,
    Objective,
    Observation,
    Op,
    Phase,
    Plan,
    Quantity,
    Scope,
)
from tests.builders import plans
from tests.builders.scenarios import scenario
from tests.full_disk import room_for

CHECK = "check deployment-size deployment=api-gateway"


def plan() -> Plan:
    """A plan with one traffic and one check."""
    check = Demand(kind=DemandKind.CHECK, name="deployment-size", params={"deployment": "api-gateway"})
    return plans.plan(run="r1", time_scale=60.0, durability="quorum", demands=[check])


def sample(intended_ns: int) -> tuple[tuple[int, ...], tuple[str | None, ...]]:
    """One request of `read`, answered after a microsecond."""
    return (intended_ns, intended_ns, intended_ns + 1000, 200, 10, 1, 0, 0, 0, 0, 0), (
        "j",
        "1",
        "read",
        "GET",
        None,
        "us-east-1",
        "p",
        "1.0.0",
        None,
    )


@pytest.fixture
def recorded(tmp_path: Path) -> RunDirectory:
    """A whole run: warm-up, a fault-free window of [100, 200), an experiment in [300, 400), one check, one final read."""
    directory = RunDirectory.create(tmp_path, "r1")
    directory.write_plan(plan())
    run, load, watch, checks, chaos = (
        directory.history(name) for name in ("run", "load", "watch", "checks", "chaos-pod-loss")
    )
    rows = directory.path / "load" / "everyday" / "samples-1.rows"
    rows.parent.mkdir()
    load.put("worker.started", "everyday", worker=1, pid=1, rows="load/everyday/samples-1.rows")
    writer = RowWriter(rows, SAMPLES)
    for at in (50, 100, 199, 200, 350, 500):
        writer.put(*sample(at))
    writer.close()
    watch.put("watch.started", "entry", spacing_ms=50.0, file="watch/entry.rows")
    probes = RowWriter(directory.path / "watch" / "entry.rows", PROBES)
    probes.put((1, 2, 3, 200), ("entry", "read", "new", None, None))
    probes.close()
    watch.put("watch.closed", "entry", spacing_ms=50.0, file="watch/entry.rows")
    watch.put("watch.started", "ledger", spacing_ms=33.0, file="watch/ledger-writes.rows")
    ledger = RowWriter(directory.path / "watch" / "ledger-writes.rows", LEDGER_WRITES)
    ledger.put((1, 7, 2, 3, 1, 201, 0), ("accepted", None))
    ledger.flush()  # never closed: this watcher was killed
    for subject, start, end in (("everyday/fault-free", 100, 200), ("experiment:pod-loss/fault", 300, 400)):
        phase, sizes = Phase.FAULT if start == 300 else Phase.STEADY, {"journeys_per_s": 1.0, "requests_per_journey": 2}
        run.put("window.opened", subject, traffic="everyday", phase=phase, start_ns=start, **sizes)
        run.put("window.closed", subject, end_ns=end)
    run.put("experiment.started", "pod-loss", attempt=1, domain="pod", observed_from_ns=300)
    chaos.put("fault.sent", "pod-loss", at_ns=310, activity="kill")
    chaos.put(
        "fault.confirmed",
        "pod-loss",
        at_ns=320,
        probe="gone",
        hit=[{"kind": "pod", "name": "track-1", "uid": "u1", "controller": "DaemonSet"}],
        inferred=True,
        decisions_read=False,
    )
    run.put("restore", "pod-loss", attempt=1, ok=True, at_ns=390, why="")
    run.put(
        "experiment.ended",
        "pod-loss",
        attempt=1,
        observed_until_ns=400,
        exit=0,
        journal={"status": "completed"},
        why="",
    )
    run.put("final-read", "1", after="end", complete=True, at_ns=600, rows=1, why="")
    checks.put(
        "check.fact", "us-east-1/api-gateway", demand=CHECK, expected="3", observed="3", ok=True, attempts=1, at_ns=90
    )
    amount = {"value": 0.5, "unit": "ratio", "at_least": True}
    checks.put(
        "check.fact", "jobs", demand=CHECK, expected="all 2", observed="1", ok=False, attempts=1, at_ns=90, **amount
    )
    checks.put("check.done", CHECK, demand=CHECK, facts=2)
    run.put("run.ended", "r1", ok=True)
    seal(directory, plan())
    directory.end()
    return directory


def test_the_commit_of_the_release_is_sealed(recorded: RunDirectory) -> None:
    """It is another one than the harness's own, and that of the plan; a manifest of an earlier version has none."""
    made = replace(plan(), release_commit="3f2a1c9d0b7e")
    recorded.write_plan(made)
    write_manifest(recorded, made)
    manifest = json.loads((recorded.path / MANIFEST).read_text())
    assert (manifest["release_commit"], verify(recorded)[1]) == ("3f2a1c9d0b7e", [])
    del manifest["release_commit"]
    (recorded.path / MANIFEST).write_text(json.dumps(manifest))
    assert verify(recorded)[1] == []
    (recorded.path / MANIFEST).write_text(json.dumps({**manifest, "release_commit": "a" * 12}))
    (missing,) = verify(recorded)[1]
    assert (missing.file, "`release_commit` is" in missing.why) == ("plan.json", True)


def test_a_whole_run_reads_back(recorded: RunDirectory) -> None:
    """Windows, probes, experiment, check and final read are there, and nothing is missing; a watcher that was killed did not close its file."""
    evidence = load_evidence(RunDirectory.open(recorded.path))

    assert evidence.missing == ()
    assert evidence.complete
    assert evidence.windows["everyday/fault-free"].samples.ints["intended_ns"].tolist() == [100, 199]
    assert evidence.windows["experiment:pod-loss/fault"].samples.ints["intended_ns"].tolist() == [350]
    assert [window.counted for window in evidence.windows.values()] == [2, 1]
    assert [worker.closed for worker in evidence.windows["everyday/fault-free"].workers] == [True]
    assert len(evidence.probes) == 1
    assert (evidence.watchers["entry"].closed, evidence.watchers["ledger"].closed) == (True, False)
    assert evidence.ledger.final_reads[0].rows == 1
    assert [(fact.ok, fact.amount) for fact in evidence.checks[CHECK].facts] == [
        (True, None),
        (False, FactAmount(value=0.5, unit="ratio", at_least=True)),
    ]
    (attempt,) = evidence.experiments["pod-loss"]
    assert (attempt.ran, attempt.fault.sent_ns, attempt.fault.confirmed_ns, attempt.restore.ok) == (
        True,
        310,
        320,
        True,
    )
    assert attempt.fault.hit[0].uid == "u1"
    assert attempt.fault.hit[0].is_of_its_node
    assert (attempt.fault.inferred, attempt.fault.decisions_read) == (True, False)


@pytest.mark.parametrize(
    "name",
    [
        "load/everyday/samples-1.parquet",
        "chaos/pod-loss/load/samples-1.parquet",
        "watch/entry.parquet",
        "watch/ledger-writes.parquet",
        "history/run.ndjson",
        "history/checks.ndjson",
    ],
)
def test_a_file_that_is_gone_cut_or_edited_is_named(recorded: RunDirectory, name: str) -> None:
    """Whatever happens to a file, reading goes on, and the file stands in `missing` with what happened to it."""
    path = recorded.path / name
    whole = path.read_bytes()
    path.unlink()
    gone = load_evidence(recorded).missing
    path.write_bytes(whole[: len(whole) // 2])
    cut = load_evidence(recorded).missing
    path.write_bytes(b"x" + whole[1:])
    edited = load_evidence(recorded).missing

    assert [(m.file, m.why) for m in gone] == [(name, "the file is missing")]
    assert [(m.file, m.why) for m in cut] == [(name, "the file was truncated after the run ended")]
    assert [(m.file, m.why) for m in edited] == [(name, "the file was edited after the run ended")]


def test_a_file_that_came_later_is_named(recorded: RunDirectory) -> None:
    """Evidence cannot be added after the seal."""
    (recorded.path / "watch" / "extra.parquet").write_bytes(b"")

    assert [m.why for m in load_evidence(recorded).missing] == ["the file did not exist when the run ended"]


def test_a_run_of_another_format_is_refused(recorded: RunDirectory) -> None:
    """Its tables have other columns; the message names the format and the way out."""
    path = recorded.path / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "schema": 1}), encoding="utf-8")

    with pytest.raises(MissingEvidence) as refused:
        load_evidence(recorded)

    assert refused.value.what == "the run was recorded in format 1, this release reads format 2"
    assert refused.value.where == str(path)
    assert "judge the run with the release that recorded it" in refused.value.hint


def test_unknown_newer_fields_are_passed_over(recorded: RunDirectory) -> None:
    """A history and a plan of a later version still read; the hashes are those of the files as they are."""
    path = recorded.path / "history" / "run.ndjson"
    lines = [json.dumps({**json.loads(line), "newer": 1}) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    stored = json.loads((recorded.path / "plan.json").read_text(encoding="utf-8"))
    (recorded.path / "plan.json").write_text(json.dumps({**stored, "newer": 1}), encoding="utf-8")
    seal(recorded, plan())

    assert load_evidence(recorded).missing == ()
    assert recorded.read_plan() == plan()


def test_lines_that_are_lost_are_noticed(recorded: RunDirectory) -> None:
    """A line that is gone from the middle of an unsealed history leaves a gap in the numbers."""
    (recorded.path / "manifest.json").unlink()
    path = recorded.path / "history" / "run.ndjson"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]), encoding="utf-8")

    assert "line 3 has seq 3, so lines before it are missing" in [m.why for m in load_evidence(recorded).missing]


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [
        ("final-read", {}, "has 'late' in `subject`, expected a number of a round"),
        ("window.closed", {}, "lacks `end_ns`"),
        ("window.closed", {"end_ns": "soon"}, "has 'soon' in `end_ns`, expected a whole number"),
        ("window.closed", {"end_ns": 1e300}, "has 1e+300 in `end_ns`, expected a whole number"),
        ("watch.started", {"spacing_ms": math.nan}, "has nan in `spacing_ms`, expected a number from 0 up"),
        ("watch.started", {"spacing_ms": -1}, "has -1 in `spacing_ms`, expected a number from 0 up"),
        ("run.ended", {"ok": "true"}, "has 'true' in `ok`, expected true or false"),
        ("rows.sealed", {"rows": 2**70}, "has 1180591620717411303424 in `rows`, expected a count"),
        (
            "rows.sealed",
            {"rows": 1, "closed": True, "truncated_bytes": 0, "parts": {"a": -1}},
            "has {'a': -1} in `parts`, expected counts by name",
        ),
        ("pod.ready", {"at_ns": 0.5}, "has 0.5 in `at_ns`, expected a whole number"),
        ("experiment.ended", {"journal": []}, "has [] in `journal`, expected an object"),
    ],
)
def test_an_observation_without_its_fields_is_named(
    recorded: RunDirectory, kind: str, fields: dict[str, object], why: str
) -> None:
    """File, line and key; what it says has no say, and the rest is read."""
    history = recorded.history("more")
    history.put("newer", "late", at_ns=None)
    history.put(kind, "late", **fields)
    history.close()
    write_manifest(recorded, plan())
    read = load_evidence(recorded)
    (missing,) = read.missing
    assert missing.file == "history/more.ndjson"
    assert missing.why.startswith(f"line 2: `{kind}` {why}")
    assert len(read.windows["everyday/fault-free"].samples) == 2


ERRORS = Objective(
    figure=Figure.ERROR_RATE,
    op=Op.BELOW,
    limit=Quantity(value=1, unit="%"),
    scope=Scope(traffic="everyday"),
    sentence="the error rate is below 1 %",
)
SAID = scenario("a", "then: the error rate is below 1 %")
CLAIM = Claim(scenario=SAID, requirement="R", objectives=(ERRORS,), demands=())
"""A claim on everyday traffic."""


@pytest.mark.parametrize("scale", [0, -5, math.nan, math.inf, 1e308])
def test_a_plan_of_no_scale_of_time_is_refused(recorded: RunDirectory, scale: float) -> None:
    """Limits are divided by it: file and key."""
    path = recorded.path / "plan.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**stored, "time_scale": scale}), encoding="utf-8")

    with pytest.raises(MissingEvidence, match=r"plan\.json: the file is not a plan: time_scale: .* is not above 0"):
        recorded.read_plan()


def test_a_plan_that_does_not_say_what_is_scaled_is_refused(recorded: RunDirectory) -> None:
    """An earlier version went by the number; at scale 1 that makes no difference."""
    recorded.write_plan(replace(plan(), claims=(CLAIM,)))
    path = recorded.path / "plan.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    del stored["claims"][0]["objectives"][0]["limit"]["scaled"]

    path.write_text(json.dumps({**stored, "time_scale": 1}), encoding="utf-8")
    assert recorded.read_plan().claims == (CLAIM,)

    path.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(MissingEvidence, match=r"does not state which times are divided by its time scale of 60"):
        recorded.read_plan()


def test_a_plan_whose_claims_name_traffic_that_it_lacks_is_refused(recorded: RunDirectory) -> None:
    """Nothing says how much was to be offered: file and key."""
    recorded.write_plan(replace(plan(), claims=(CLAIM,)))
    assert recorded.read_plan().claims == (CLAIM,)
    recorded.write_plan(replace(plan(), claims=(CLAIM,), traffic={}))

    with pytest.raises(
        MissingEvidence, match=r"claims\.0\.objectives\.0\.scope\.traffic: `everyday` is not in `traffic`"
    ):
        recorded.read_plan()


@pytest.mark.parametrize("other", [{"profile": "wide"}, {"time_scale": 6.0}, {"release": "2.0.0"}, {"seed": 2}])
def test_a_plan_that_is_not_the_manifests_is_named(recorded: RunDirectory, other: dict[str, Any]) -> None:
    """Hashed anew all the same: the manifest has another."""
    recorded.write_plan(replace(plan(), **other))
    write_manifest(recorded, plan())
    ((key, value),) = other.items()
    (missing,) = load_evidence(recorded).missing
    assert missing.file == "plan.json"
    assert missing.why == f"`{key}` is {value!r}, in the manifest it is {getattr(plan(), key)!r}"


def test_a_run_that_opens_more_than_any_is_refused(recorded: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two windows and an experiment."""
    monkeypatch.setattr("harness.evidence.reading.MOST_OPENED", 3)
    assert load_evidence(recorded).complete
    monkeypatch.setattr("harness.evidence.reading.MOST_OPENED", 2)
    with pytest.raises(MissingEvidence, match="the run has 3 windows and experiments, expected at most 2"):
        load_evidence(recorded)


class Counted(list[Observation]):
    """Observations that count how often somebody goes through all of them."""

    passes = 0

    def __iter__(self) -> Iterator[Observation]:
        self.passes += 1
        return super().__iter__()


def test_the_observations_are_gone_through_once_however_many_attempts_there_are(tmp_path: Path) -> None:
    """20 000 attempts at one experiment, each with its end."""
    fields = {"domain": "pod", "observed_from_ns": 1, "observed_until_ns": 2, "exit": 0, "journal": {}, "why": ""}
    observations = Counted(
        Observation(
            source="run",
            seq=n,
            clock="boot",
            mono_ns=n,
            wall="",
            kind="experiment.ended" if n % 2 else "experiment.started",
            subject="pod-loss",
            fields={**fields, "attempt": 1 + n // 2},
        )
        for n in range(40_000)
    )
    attempts = read_experiments(observations, RunDirectory.create(tmp_path, "r"), set())["pod-loss"]
    assert observations.passes <= 2
    assert [attempt.attempt for attempt in attempts] == [*range(1, 20_001)]
    assert all(attempt.ran for attempt in attempts)


def test_a_run_that_finds_no_room_for_its_seal_stays_as_it_was_recorded(recorded: RunDirectory) -> None:
    """No file is left half made, and when there is room again, the run is sealed whole."""
    late = recorded.path / "load" / "everyday" / "samples-2.rows"
    writer = RowWriter(late, SAMPLES)
    writer.put(*sample(150))
    writer.close()
    with room_for(2000), pytest.raises(EvidenceError, match="the evidence of the run cannot be closed: "):
        seal(recorded, plan())
    assert late.exists()
    assert not (late.parent / "samples-2.parquet").exists()
    assert list(recorded.path.rglob("*.partial")) == []
    seal(recorded, plan())
    assert (late.parent / "samples-2.parquet").exists()
    assert load_evidence(recorded).windows["everyday/fault-free"].samples.ints["intended_ns"].tolist() == [100, 199]
