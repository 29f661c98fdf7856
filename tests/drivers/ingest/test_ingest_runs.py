"""Earlier runs of the harness: the decision of one, and what the history says."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.facts import FactReading
from harness.drivers.ingest.formats.earlier import earlier_run
from harness.drivers.ingest.registry import ENGINES
from harness.errors import DriverError, HarnessError
from harness.judgement import judge
from harness.report import render_verdict
from tests.builders.asked import COMMIT, asked, oks, seen
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence

GO_WHEN = 'the verdict "staging" of this release has been read'
GO_THEN = "the decision of the run in staging is GO, younger than 7 d"
HISTORY = 'the run history "runs" of this target has been read'
DISASTER, ON_PAPER = "a disaster experiment passed, younger than 90 d", "disaster experiment on paper"


def measure(name: str, verdict: str = "PASS", value: float | None = 0.1, **scope: str) -> dict[str, Any]:
    """A measure as `verdict.json` has it."""
    return {"name": name, "scope": scope, "verdict": verdict, "value": value}


def run(directory: Path, name: str, sealed: str = "2026-11-20T09:00:00.000000Z", **keys: Any) -> Path:
    """A run directory with the two files that are read."""
    measures = keys.pop("measures", [])
    verdict = {
        "schema": 2,
        "run_id": name,
        "decision": "GO",
        "profile": "core",
        "environment": "staging",
        "target": "paper",
        "release": "1.0.0",
        "requirements": [{"id": "A-1", "verdict": "PASS", "measures": measures}],
        "experiments": [],
        **keys,
    }
    manifest = {
        "run": name,
        "target": verdict["target"],
        "environment": verdict["environment"],
        "release": verdict["release"],
        "sealed": sealed,
        "release_commit": keys.get("commit", COMMIT),
        "commit": "c" * 40,  # that of the harness
    }
    place = directory / "runs" / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "verdict.json").write_text(json.dumps(verdict))
    (place / "manifest.json").write_text(json.dumps(manifest))
    return place


def decided(directory: Path) -> dict[str, bool | None]:
    """How the facts about the newest run in staging come out."""
    return oks(seen(directory, GO_WHEN, GO_THEN, {"verdict": {"staging": "runs/*/verdict.json"}}))


def history(directory: Path, then: str) -> dict[str, bool | None]:
    """How the facts about the history come out."""
    return oks(seen(directory, HISTORY, then, {"history": {"runs": "runs"}}))


def test_the_newest_run_counts(tmp_path: Path) -> None:
    """Nothing but GO is one; a GO of the day before does not outweigh it."""
    run(tmp_path, "a", sealed="2026-11-19T09:00:00Z")
    assert decided(tmp_path) == {"release": True, "environment": True, "age": True, "decision": True}
    for decision in ("NO-GO", "INCONCLUSIVE"):
        run(tmp_path, "b", decision=decision)
        assert decided(tmp_path)["decision"] is False


BY_CORE = GO_THEN.replace("is GO", 'by the profile "core" is GO')


def test_the_profile_that_must_have_decided(tmp_path: Path) -> None:
    """A run by other profiles decides nothing; one by several decides for each."""
    for profile, decision, ok in [
        ("core", "GO", True),
        ("checklist+core", "GO", True),
        ("core", "NO-GO", False),
        ("score", "GO", None),
    ]:
        run(tmp_path, "one", profile=profile, decision=decision)
        fact = seen(tmp_path, GO_WHEN, BY_CORE, {"verdict": {"staging": "runs/*/verdict.json"}})["decision"]
        assert (fact.ok, fact.expected) == (ok, "GO by the profile core")
        assert fact.observed == f"{decision} in the run one, profile {profile} with 1 requirement"


def staging(directory: Path, *runs: str) -> tuple[bool | None, str]:
    """What the row by the profile core says of runs in staging, a day apart: each its name, profile, decision and, if need be, a key."""
    for day, one in enumerate(runs):
        name, profile, decision, *keys = one.split()
        given: dict[str, Any] = dict(key.split("=") for key in keys)
        run(directory, name, f"2026-11-{15 + day}T09:00:00Z", profile=profile, decision=decision, **given)
    fact = seen(directory, GO_WHEN, BY_CORE, {"verdict": {"staging": "runs/*/verdict.json"}})["decision"]
    return fact.ok, fact.observed


GO_A = "GO in the run a, profile core with 1 requirement"
NO_GO_B = f"{GO_A}, but the newer NO-GO in the run b, profile checklist with 1 requirement"
FILTERED = (
    "PARTIAL in the run b, profile core with 1 requirement: a filtered run decides nothing, and no other run is there"
)
MANY = "normaldance+atomos+integration-platform+feature-integration+core"


def test_the_run_that_decides(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """A newer NO-GO of this release leaves a GO open, until a GO by its own profile follows it; a filtered run decides nothing.

    Nor does a run of another release or target. Names of many profiles are cut short where they are shown, not where they are compared.
    """
    for number, (runs, ok, observed) in enumerate(
        [
            (("a core GO", "b checklist GO"), True, GO_A),
            (("a core GO", "b checklist PARTIAL"), True, GO_A),
            (("a core GO", "b checklist NO-GO"), None, NO_GO_B),
            (("a core GO", "b checklist NO-GO", "c checklist PARTIAL"), None, NO_GO_B),
            (("a core GO", "b checklist NO-GO", "c score GO"), None, NO_GO_B),
            (("a core GO", "b checklist NO-GO", "c checklist INCONCLUSIVE"), None, NO_GO_B),
            (("a core GO", "b checklist NO-GO", "c checklist+score GO"), True, GO_A),
            (("b checklist NO-GO", "a core GO"), True, GO_A),
            (("b core NO-GO", "a core GO"), True, GO_A),
            (("a core GO", "b checklist NO-GO release=1.1.0-rc"), True, GO_A),
            (("a core GO", "b core NO-GO release=1.1.0-rc"), True, GO_A),
            (("a core GO release=v1.0.0", "b checklist NO-GO"), None, NO_GO_B),
            (("a core GO", "b checklist NO-GO target=elsewhere"), True, GO_A),
            (("a core NO-GO release=1.1.0-rc",), None, "NO-GO in the run a, profile core with 1 requirement"),
            (("b core PARTIAL",), None, FILTERED),
            (("a core GO", "b core PARTIAL"), True, GO_A),
            ((f"a {MANY} GO",), True, f"GO in the run a, profile {MANY[:60]}… with 1 requirement"),
        ]
    ):
        with subtests.test(runs=runs):
            folder = tmp_path / str(number)
            folder.mkdir()
            assert staging(folder, *runs) == (ok, observed)


@pytest.mark.parametrize(
    ("what", "other", "ok"),
    [("target", {"release": "1.1.0-rc"}, True), ("target", {}, None), ("commit", {"commit": "a" * 40}, None)],
)
def test_a_newer_no_go_of_the_release(tmp_path: Path, what: str, other: dict[str, str], *, ok: bool | None) -> None:
    """It counts whatever the sentence reads the verdict of: by another commit too, and not by another release."""
    run(tmp_path, "a", sealed="2026-11-19T09:00:00Z")
    run(tmp_path, "b", profile="checklist", decision="NO-GO", **other)
    when = GO_WHEN.replace("release", what)
    assert seen(tmp_path, when, BY_CORE, {"verdict": {"staging": "runs/*/verdict.json"}})["decision"].ok is ok


@pytest.mark.parametrize(("rows", "ok"), [(2, True), (3, None)])
def test_a_profile_of_ones_own_with_all_rows_of_a_file(tmp_path: Path, rows: int, *, ok: bool | None) -> None:
    """Two rows of the file `normaldance`, one of them twice, one that was proven in part, and one of another file."""
    entries = [("A-1", "normaldance"), ("A-2", "normaldance"), ("A-2", "normaldance"), ("B-1", "atomos")]
    listed: list[dict[str, Any]] = [{"id": row, "profile": file, "verdict": "PASS"} for row, file in entries]
    listed.append({"id": "A-3", "profile": "normaldance", "verdict": "PASS", "not_tried": ["loss of a region"]})
    run(tmp_path, "one", profile="release-gate", requirements=listed)
    then = GO_THEN.replace("is GO", 'by the profile "normaldance" is GO')
    name, demand = asked(tmp_path, GO_WHEN, then, {"verdict": {"staging": "runs/*/verdict.json"}})
    facts = ENGINES[name](replace(demand, params={**demand.params, "rows": str(rows)}))
    assert next(fact.ok for fact in facts if fact.subject == "decision") is ok


def test_runs_that_are_no_evidence(tmp_path: Path) -> None:
    """Of another release, too old, from the future."""
    for keys, subject in [
        ({"release": "0.9.0"}, "release"),
        ({"sealed": "2026-11-01T09:00:00Z"}, "age"),
        ({"sealed": "2026-11-22T09:00:00Z"}, "age"),
    ]:
        run(tmp_path, "one", **keys)
        assert decided(tmp_path)[subject] is None, keys


def test_a_run_in_another_environment(tmp_path: Path) -> None:
    """A sandbox's GO says nothing of staging."""
    run(tmp_path, "one", environment="sandbox")
    with pytest.raises(DriverError, match="has no run in staging, only in sandbox"):
        decided(tmp_path)


@pytest.mark.parametrize("played", [{"time_scale": 60}, {"stands_in": True}, {"machine": {"ok": True}}])
def test_a_run_in_a_staging_that_the_sandbox_plays(tmp_path: Path, played: dict[str, Any]) -> None:
    """Its GO is none of staging, and its NO-GO does not outweigh one of staging. Without `stands_in` the machine tells."""
    run(tmp_path, "one", **played)
    with pytest.raises(DriverError, match="has no run in staging, only in staging as the sandbox plays it"):
        decided(tmp_path)
    run(tmp_path, "two", sealed="2026-11-19T09:00:00Z")
    run(tmp_path, "one", decision="NO-GO", **played)
    assert decided(tmp_path)["decision"] is True


def test_a_run_of_a_staging_that_is_reached_through_this_machine(tmp_path: Path) -> None:
    """A port that is forwarded has a loopback address, so the machine is recorded: that makes it no sandbox."""
    run(tmp_path, "one", machine={"ok": True}, stands_in=False)
    assert decided(tmp_path)["decision"] is True
    run(tmp_path, "one", machine=None)
    assert decided(tmp_path)["decision"] is True


def test_files_of_two_runs(tmp_path: Path) -> None:
    """A manifest of another run, none at all, a verdict of a version to come."""
    place = run(tmp_path, "one")
    other = run(tmp_path / "other", "two")
    (place / "manifest.json").write_bytes((other / "manifest.json").read_bytes())
    with pytest.raises(DriverError, match="the run is one, that of the manifest beside it two"):
        decided(tmp_path)
    (place / "manifest.json").unlink()
    with pytest.raises(DriverError, match="cannot be read"):
        decided(tmp_path)
    run(tmp_path, "one", schema=99)
    with pytest.raises(
        DriverError, match=r"has the schema 99(.|\n)*hint: write it again with this version: `readiness judge RUN`"
    ):
        decided(tmp_path)


def test_runs_that_measured_a_figure(tmp_path: Path) -> None:
    """Two of this target with error rates; one with none and one of another target do not count."""
    then = 'at least 2 runs measured the "error rate", the newest younger than 7 d'
    subject = "runs of paper that measured the error rate"
    run(tmp_path, "a", measures=[measure("error rate")], sealed="2026-11-01T09:00:00Z")
    run(tmp_path, "b", measures=[measure("error rate", value=None), measure("response time p95")])
    run(tmp_path, "c", measures=[measure("error rate")], target="other")
    assert history(tmp_path, then) == {subject: None, "target": True, "age": None}
    run(tmp_path, "d", measures=[measure("error rate", "FAIL")])
    assert history(tmp_path, then) == {subject: True, "target": True, "age": True}
    assert history(tmp_path, 'at least 1 run measured the "response time", the newest younger than 7 d')["age"] is True


def test_a_run_that_cannot_be_read_costs_a_word(tmp_path: Path) -> None:
    """It is named; the others count."""
    run(tmp_path, "a", measures=[measure("error rate")])
    broken = run(tmp_path, "b")
    (broken / "manifest.json").write_text("{")
    (tmp_path / "runs" / "latest").symlink_to("a")
    then = 'at least 1 run measured the "error rate", the newest younger than 7 d'
    facts = seen(tmp_path, HISTORY, then, {"history": {"runs": "runs"}})
    fact = facts["runs of paper that measured the error rate"]
    assert (fact.ok, fact.observed) == (
        True,
        "1: a; not readable: b (is not JSON: Expecting property name enclosed in double quotes (it is cut short))",
    )


def drilled(directory: Path) -> FactReading:
    """The fact about a disaster that was rehearsed."""
    return seen(directory, HISTORY, DISASTER, {"history": {"runs": "runs"}})[ON_PAPER]


def drill(verdict: str = "PASS", domain: str = "region", judged: str = "PASS") -> dict[str, Any]:
    """An experiment and a measure that it was judged by."""
    return {
        "experiments": [{"name": "region-loss", "domain": domain, "verdict": verdict}],
        "measures": [measure("recovery of reads", judged, experiment="region-loss")],
    }


def test_a_disaster_that_was_rehearsed(tmp_path: Path) -> None:
    """Its receipts are complete and what was judged of it passed; nothing less."""
    run(tmp_path, "a", **drill(domain="pod"))
    assert drilled(tmp_path).ok is None
    run(tmp_path, "a", **drill(verdict="INCONCLUSIVE"))
    assert drilled(tmp_path).ok is None
    run(tmp_path, "a", **drill(judged="FAIL"))
    assert drilled(tmp_path).ok is False
    run(tmp_path, "a", **drill())
    assert drilled(tmp_path).ok is True
    run(tmp_path, "a", sealed="2026-08-01T00:00:00Z", **drill())
    assert drilled(tmp_path).ok is None
    run(tmp_path, "a", sealed="2027-08-01T00:00:00Z", **drill())
    assert drilled(tmp_path).ok is None


def test_a_disaster_that_passed_before_one_that_failed_is_no_proof(tmp_path: Path) -> None:
    """The newest counts; and a copy of a run is no second one."""
    run(tmp_path, "a", sealed="2026-11-10T09:00:00Z", **drill())
    assert drilled(tmp_path).ok is True
    run(tmp_path, "b", sealed="2026-11-19T09:00:00Z", **drill(judged="FAIL"))
    assert drilled(tmp_path).ok is False
    shutil.copytree(tmp_path / "runs" / "a", tmp_path / "runs" / "a-copy")
    then = 'at least 3 runs measured the "recovery of reads", the newest younger than 7 d'
    assert history(tmp_path, then)["runs of paper that measured the recovery of reads"] is None


def test_a_drill_that_passed_before_a_run_without_a_verdict_is_no_proof(tmp_path: Path) -> None:
    """The newer run was sealed and its verdict is missing: its drill may have failed. One that is older, or of another target, may not."""
    run(tmp_path, "a", sealed="2026-11-10T09:00:00Z", **drill())
    other = run(tmp_path, "b", target="elsewhere")
    (other / "verdict.json").unlink()
    older = run(tmp_path, "c", sealed="2026-11-09T09:00:00Z")
    (older / "verdict.json").unlink()
    assert drilled(tmp_path).ok is True
    killed = run(tmp_path, "d")
    (killed / "verdict.json").unlink()
    fact = drilled(tmp_path)
    assert fact.ok is None
    assert (
        "region-loss passed in the run a, 11.1 d ago, but the newer d has no verdict that can be read" in fact.observed
    )
    (killed / "verdict.json").write_text("{}")
    assert drilled(tmp_path).ok is None
    run(tmp_path, "d", **drill())
    (run(tmp_path, "e") / "manifest.json").write_text("{")
    fact = drilled(tmp_path)
    assert (fact.ok, "; not readable: e (is not JSON" in fact.observed) == (True, True)


def test_a_drill_of_another_release_is_none_of_this_one(tmp_path: Path) -> None:
    """Where the sentence says `of this release`; of this target it is one."""
    when = HISTORY.replace("target", "release")
    run(tmp_path, "a", release="0.9.0", **drill())
    assert drilled(tmp_path).ok is True
    facts = oks(seen(tmp_path, when, DISASTER, {"history": {"runs": "runs"}}))
    assert facts["disaster experiment on paper at release 1.0.0"] is None
    then = 'at least 2 runs measured the "recovery of reads", the newest younger than 7 d'
    run(tmp_path, "b", **drill())
    facts = oks(seen(tmp_path, when, then, {"history": {"runs": "runs"}}))
    assert facts["runs of paper at release 1.0.0 that measured the recovery of reads"] is None
    facts = oks(seen(tmp_path, when, DISASTER, {"history": {"runs": "runs"}}))
    assert facts["disaster experiment on paper at release 1.0.0"] is True


def test_the_last_attempt_at_a_disaster_counts(tmp_path: Path) -> None:
    """And what failed in one of which a receipt is missing is a failure."""
    one = {"name": "region-loss", "domain": "region"}
    attempts = [{**one, "attempt": 1, "verdict": "PASS"}, {**one, "attempt": 2, "verdict": "INCONCLUSIVE"}]
    run(tmp_path, "a", **{**drill(), "experiments": attempts})
    assert drilled(tmp_path).ok is None
    run(tmp_path, "a", **drill(verdict="INCONCLUSIVE", judged="FAIL"))
    assert drilled(tmp_path).ok is False


def test_a_run_as_the_harness_writes_it(tmp_path: Path) -> None:
    """The whole `verdict.json` of a judged run: its figures and its disasters are found."""
    plan = core_plan()
    verdict = render_verdict(plan, judge(plan, core_evidence()))
    manifest = {
        "run": plan.run,
        "target": plan.target,
        "environment": plan.environment,
        "release": plan.release,
        "sealed": "2026-11-20T09:00:00.000000Z",
    }
    found = earlier_run(verdict, json.dumps(manifest).encode(), "verdict.json")
    assert (found.decision, found.origin.release) == ("GO", plan.release)
    assert {"error rate", "response time p95"} <= found.measured
    assert found.drills["region-loss"] == ("region", True)


ROWS: tuple[dict[str, Any], ...] = (
    {"id": "A-1", "gate": "critical", "verdict": "PASS"},
    {"id": "A-2", "gate": "critical", "verdict": "FAIL"},
    {"id": "A-3", "gate": "record", "verdict": "FAIL"},
)
NO_GO: dict[str, Any] = {
    "decision": "NO-GO",
    "headline": "NO-GO for staging · profile core · 1.0.0 · 2 failed · 1 passed · 0 not assessed",
    "reasons": ["A-2 FAIL: slow"],
    "counts": {"PASS": 1, "FAIL": 2, "INCONCLUSIVE": 0, "WAIVED": 0, "NOT_ASSESSED": 0},
    "requirements": ROWS,
}
GO: dict[str, Any] = {
    "decision": "GO",
    "headline": "GO for staging · profile core · 1.0.0 · 1 failed · 1 passed · 0 not assessed",
    "reasons": [],
    "counts": {"PASS": 1, "FAIL": 1, "INCONCLUSIVE": 0, "WAIVED": 0, "NOT_ASSESSED": 0},
    "requirements": ROWS[::2],
}


def test_a_verdict_that_contradicts_itself_is_not_used(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """A word that was edited, a bad merge, a list that was cut: neither its GO nor its NO-GO counts. A row that does not gate may fail in a GO."""
    for whole, ok in ((NO_GO, False), (GO, True)):
        run(tmp_path, "one", **whole)
        assert decided(tmp_path)["decision"] is ok
    for keys, why in [
        ({**NO_GO, "decision": "GO"}, "the decision is GO, the headline `NO-GO for staging"),
        ({**GO, "decision": "NO-GO"}, "the decision is NO-GO, the headline `GO for staging"),
        ({**GO, "requirements": ROWS}, "the counts are 1 FAIL, 1 PASS, listed are 2 FAIL, 1 PASS"),
        ({**GO, "requirements": ROWS[:1]}, "the counts are 1 FAIL, 1 PASS, listed are 1 PASS"),
        ({**GO, "requirements": []}, "the counts are 1 FAIL, 1 PASS, listed are none"),
        ({**NO_GO, "headline": GO["headline"].replace("GO", "NO-GO")}, "the headline says 1 failed, listed are 2 FAIL"),
        ({**GO, "reasons": ["A-3 FAIL: slow"]}, "the decision is GO, and a reason is `A-3 FAIL: slow`"),
        (
            {**NO_GO, "headline": "", "requirements": ROWS[:1], "counts": {"PASS": 1}},
            "the decision is NO-GO, and no requirement failed",
        ),
    ]:
        with subtests.test(keys=keys):
            run(tmp_path, "one", **keys)
            with pytest.raises(DriverError, match=f"contradicts itself: {why}") as error:
                decided(tmp_path)
            assert "one/verdict.json" in error.value.where
            run(tmp_path, "one", **{**keys, **drill()})
            assert drilled(tmp_path).ok is None


@pytest.mark.parametrize("judged", ["INCONCLUSIVE", "NOT_ASSESSED"])
def test_a_drill_that_is_not_decided_proves_neither(tmp_path: Path, judged: str) -> None:
    """Nothing of it failed: an older one that passed counts, and an older one that failed does, too."""
    run(tmp_path, "c", **drill(judged=judged))
    fact = drilled(tmp_path)
    assert (fact.ok, fact.observed) == (None, "no run has one; not decided: region-loss in c")
    run(tmp_path, "c", **{**drill(), "measures": []})
    assert drilled(tmp_path).ok is None
    run(tmp_path, "c", **drill(judged=judged))
    run(tmp_path, "b", sealed="2026-11-15T09:00:00Z", **drill(verdict="INCONCLUSIVE"))
    run(tmp_path, "a", sealed="2026-11-10T09:00:00Z", **drill())
    fact = drilled(tmp_path)
    assert fact.ok is True
    assert fact.observed.endswith("ago; not decided: region-loss in c, region-loss in b")
    run(tmp_path, "a", sealed="2026-11-10T09:00:00Z", **drill(judged="FAIL"))
    assert drilled(tmp_path).ok is False


def test_a_drill_that_passed_beside_one_that_is_not_decided(tmp_path: Path) -> None:
    """One disaster of the run is enough; it is the one that is named."""
    both = drill()
    both["experiments"] = [*both["experiments"], {"name": "zone-loss", "domain": "region", "verdict": "PASS"}]
    both["measures"] = [*both["measures"], measure("recovery of reads", "INCONCLUSIVE", experiment="zone-loss")]
    run(tmp_path, "a", **both)
    fact = drilled(tmp_path)
    assert (fact.ok, fact.observed.partition(" in the run")[0]) == (True, "region-loss passed")


def test_the_commit_of_a_run_is_that_of_its_release(tmp_path: Path) -> None:
    """The commit of the harness that is beside it is another; a run of a version that recorded no other is of no known commit."""
    when, where = GO_WHEN.replace("release", "commit"), {"verdict": {"staging": "runs/*/verdict.json"}}
    place = run(tmp_path, "one")
    assert oks(seen(tmp_path, when, GO_THEN, where))["commit"] is True
    of_commit = HISTORY.replace("target", "commit")
    run(tmp_path, "one", **drill())
    subject = f"disaster experiment on paper at commit {COMMIT}"
    assert oks(seen(tmp_path, of_commit, DISASTER, {"history": {"runs": "runs"}}))[subject] is True
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps({**manifest, "release_commit": "", "commit": COMMIT}))
    fact = seen(tmp_path, when, GO_THEN, where)["commit"]
    assert (fact.ok, "name `release.commit` in the target file" in fact.observed) == (None, True)
    assert oks(seen(tmp_path, of_commit, DISASTER, {"history": {"runs": "runs"}}))[subject] is None
    del manifest["release_commit"]
    (place / "manifest.json").write_text(json.dumps(manifest))
    assert oks(seen(tmp_path, when, GO_THEN, where))["commit"] is None


@settings(max_examples=100)
@given(st.binary(max_size=100), st.binary(max_size=100))
def test_any_bytes_are_a_run_or_an_error(verdict: bytes, manifest: bytes) -> None:
    """Never another exception."""
    with contextlib.suppress(HarnessError):
        earlier_run(verdict, manifest, "verdict.json")
