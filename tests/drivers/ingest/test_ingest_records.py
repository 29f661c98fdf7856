"""Records that people and pipelines keep: the sentences about them, and records that must not be believed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.ingest.formats.records import names_of, plain_record
from harness.errors import ConfigurationError, HarnessError
from tests.builders.asked import COMMIT, oks, seen

STEPS = """release: 1.0.0
steps:
  - {name: 1, finished: 2026-11-02T10:00:00Z}
  - {name: 2, finished: 2026-11-03T10:00:00Z}
  - {name: 3, finished: 2026-11-10}
"""
AUDITED = "no finding of severity critical or higher is open and the newest audit is younger than 90 d"
IN_ORDER = 'the steps "1, 2 and 3" were finished in this order'


def found(directory: Path, text: str, then: str = IN_ORDER, of: str = "release") -> dict[str, bool | None]:
    """How the facts of a record come out."""
    (directory / "record.yaml").write_text(text, encoding="utf-8")
    when = f'the record "tasks" of this {of} has been read'
    return oks(seen(directory, when, then, {"records": {"tasks": "record.yaml"}}))


def test_steps_in_their_order(tmp_path: Path) -> None:
    """Each pair is a fact."""
    assert found(tmp_path, STEPS) == {"release": True, "1, then 2": True, "2, then 3": True}


def test_steps_that_are_not(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Days without times leave the order open."""
    for name, spoilt, subject, ok in [
        ("reversed", ("2026-11-03", "2026-11-01"), "1, then 2", False),
        ("the same day", ("2026-11-10", "2026-11-03"), "2, then 3", None),
        ("in the future", ("2026-11-10", "2026-12-10"), "2, then 3", None),
        ("not finished", (", finished: 2026-11-10", ""), "2, then 3", None),
        ("another release", ("1.0.0", "0.9.0"), "release", None),
    ]:
        with subtests.test(name):
            assert found(tmp_path, STEPS.replace(*spoilt))[subject] is ok


def test_a_step_is_dated_by_its_proof(tmp_path: Path) -> None:
    """An attestation of this release; one of another proves nothing of it."""
    text = "release: 1.0.0\nsteps:\n  - {name: 1, proof: a.yaml}\n  - {name: 2, finished: 2026-11-05}\n"
    then = 'the steps "1 and 2" were finished in this order'
    (tmp_path / "a.yaml").write_text("vouches: ND-CHG-PLAN\ndate: 2026-11-02\nrelease: 1.0.0\n")
    assert found(tmp_path, text, then)["1, then 2"] is True
    (tmp_path / "a.yaml").write_text("vouches: ND-CHG-PLAN\ndate: 2026-11-02\nrelease: 0.9.0\n")
    with pytest.raises(HarnessError, match=r"is of release 0\.9\.0"):
        found(tmp_path, text, then)


@pytest.mark.parametrize("run", [{"environment": "sandbox"}, {"environment": "staging", "time_scale": 60}])
def test_a_step_in_staging_proves_its_own_run(tmp_path: Path, run: dict[str, object]) -> None:
    """A GO of the sandbox is no proof of the step `staging run`, nor one in a staging that it plays."""
    text = "release: 1.0.0\nsteps:\n  - {name: staging run, proof: verdict.json}\n  - {name: switch, finished: 2026-11-21}\n"
    then = 'the steps "staging run and switch" were finished in this order'
    head = {"target": "paper", "environment": "staging", "release": "1.0.0"}
    verdict = {"schema": 2, "run_id": "a", "decision": "GO", "profile": "core", "requirements": [], **head}
    sealed = {"run": "a", "sealed": "2026-11-18T09:00:00Z", **head}

    def write(**keys: object) -> None:
        (tmp_path / "verdict.json").write_text(json.dumps({**verdict, **keys}))
        environment = keys.get("environment", "staging")
        (tmp_path / "manifest.json").write_text(json.dumps({**sealed, "environment": environment}))

    write()
    assert found(tmp_path, text, then)["staging run, then switch"] is True
    write(**run)
    with pytest.raises(
        HarnessError, match=r"the step `staging run` is of a run in .*sandbox.*, expected a run in staging"
    ):
        found(tmp_path, text, then)


def test_merges_that_another_approved(tmp_path: Path) -> None:
    """One's own approval is none."""
    then, subject = (
        "every merge was approved by another than its author",
        "merges approved by another than their author",
    )
    for approved_by, ok in [("[ada, grace]", True), ("[Ada]", False), ("[]", False), ("['', 'ada ']", False)]:
        text = f"release: 1.0.0\nmerges:\n  - {{name: '#1', author: ada, approved_by: {approved_by}}}\n"
        assert found(tmp_path, text, then)[subject] is ok, approved_by


def test_audits(tmp_path: Path) -> None:
    """The newest is young enough; what is open in any of them counts."""
    text = """target: paper
audits:
  - {at: 2026-06-01, findings: [{name: A-1, severity: critical, open: false}]}
  - {at: 2026-11-01, findings: [{name: A-2, severity: high, open: true}]}
"""
    subject = "open findings of severity critical or higher"
    assert found(tmp_path, text, AUDITED, "target") == {"target": True, "age": True, subject: True}
    assert found(tmp_path, text.replace("open: false", "open: true"), AUDITED, "target")[subject] is False
    assert found(tmp_path, text.replace("2026-11-01", "2026-07-01"), AUDITED, "target")["age"] is None
    assert found(tmp_path, text.replace("target: paper", "target: other"), AUDITED, "target")["target"] is None
    twice = text.replace("[{name: A-2,", "[{name: A-2, severity: low, open: true}, {name: A-2,")
    for spoilt, why in ((twice, "is there twice"), (text.replace("high", "'nan'"), "`nan` is not a severity")):
        with pytest.raises(HarnessError, match=why):
            found(tmp_path, spoilt, AUDITED, "target")


def test_a_suite_before_a_deployment(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Before and after it; a deployment of a clock that is wrong, of another release, commit or target is not believed: neither PASS nor FAIL."""
    (tmp_path / "unit.xml").write_text(
        f'<testsuite tests="1" time="60" timestamp="2026-11-20T09:00:00Z"><properties><property name="commit" value="{COMMIT}"/>'
        '</properties><testcase name="a"/></testsuite>'
    )
    then = 'at least 1 test passed and none failed before the deployment to staging of the record "deployments" began'
    evidence = {"junit": {"unit": "unit.xml"}, "records": {"deployments": "d.yaml"}}
    when = 'the JUnit report "unit" of this commit has been read'
    for began, head, entry, ok, why in [
        ("2026-11-20T10:00:00Z", "", "", True, ""),
        ("2026-11-20T08:00:00Z", "", "", False, ""),
        ("2026-11-20T10:00:00Z", "target: paper", ", release: v1.0.0", True, ""),
        ("2027-11-20T10:00:00Z", "", "", None, "a deployment that began 2027-11-20T10:00:00+00:00, in the future"),
        ("2026-11-20T10:00:00Z", "created: 2027-11-20T10:00:00Z", "", None, "a record created 2027-11-20T10:00:00+00:00, in"),
        ("2026-11-20T10:00:00Z", "", ", release: 0.9.0", None, "is of release 0.9.0"),
        ("2026-11-20T10:00:00Z", "release: 0.9.0", "", None, "is of release 0.9.0"),
        ("2026-11-20T10:00:00Z", "commit: aaaaaaaaaa", "", None, "the record is of commit aaaaaaaaaa"),
        ("2026-11-20T08:00:00Z", "target: other", "", None, "the record is of target other"),
    ]:  # fmt: skip
        with subtests.test(began=began, head=head, entry=entry):
            text = f"{head}\ndeployments:\n  - {{environment: staging, commit: {COMMIT}, began: {began}{entry}}}\n"
            (tmp_path / "d.yaml").write_text(text)
            facts = seen(tmp_path, when, then, evidence)
            assert set(oks(facts).values()) == {True, ok}
            assert facts["the record deployments" if why else "unit.xml and the record deployments"].ok is ok
            assert not why or why in facts["the record deployments"].observed
    (tmp_path / "d.yaml").write_text(
        "deployments:\n  - {environment: staging, commit: aaaaaaaaaa, began: 2026-11-20}\n"
    )
    with pytest.raises(ConfigurationError, match="has no deployment of this commit to staging"):
        seen(tmp_path, when, then, evidence)


def test_an_audit_says_what_it_found(tmp_path: Path) -> None:
    """Or that it found nothing; without the key it is not known."""
    text = "target: paper\naudits:\n  - {at: 2026-11-01, findings: []}\n"
    assert set(found(tmp_path, text, AUDITED, "target").values()) == {True}
    for left_out, why in ((", findings: []", "`findings` is missing"), (": []", "`findings` is not a list")):
        with pytest.raises(HarnessError, match=why) as caught:
            found(tmp_path, text.replace(left_out, ""), AUDITED, "target")
        assert "record.yaml" in caught.value.where


def test_audits_of_a_target_that_the_record_does_not_name(tmp_path: Path) -> None:
    """The words say where to write it."""
    (tmp_path / "record.yaml").write_text("audits:\n  - {at: 2026-11-01, findings: []}\n")
    evidence = {"records": {"tasks": "record.yaml"}}
    fact = seen(tmp_path, 'the record "tasks" of this target has been read', AUDITED, evidence)["target"]
    assert fact.ok is None
    assert fact.observed.endswith("write it into record.yaml, at its top")


def test_what_is_no_record_is_refused_with_its_place(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """With file, line and hint."""
    for text, what in [
        ("- 1\n", "must be a mapping"),
        ("steps: [\n", "is not plain YAML"),
        ("release: 1.0.0\nsteps: []\n", "has no list `steps`"),
        ("steps:\n  - {name: 1, finnished: 2026-11-02}\n", "unknown key `finnished`"),
        ("steps:\n  - {name: 1, finished: soon}\n", "`soon` is not a time"),
        ("steps:\n  - {finished: 2026-11-02}\n", "`name` is missing"),
        ("relase: 1.0.0\nsteps:\n  - {name: 1}\n", "unknown key `relase`"),
        ("release: [1]\nsteps:\n  - {name: 1}\n", "`release` is missing or is not a text"),
        ("steps:\n  - {name: 9, finished: 2026-11-02}\n", "has no step `1`"),
        ("steps:\n  - {name: 1, finished: 2026-11-02}\nsteps: []\n", "defined twice"),
        (STEPS + "  - {name: 1, finished: 2026-11-20}\n", "has the step `1` twice"),
    ]:
        with subtests.test(text):
            with pytest.raises(HarnessError, match=what) as caught:
                found(tmp_path, text)
            assert "record.yaml" in caught.value.where


@pytest.mark.parametrize("text", ["[]", "a: [x]\nb: [y]\n", "- a\n- a\n", "- {title: a}\n", "- 3\n", "a: b\n", ""])
def test_what_is_no_register(tmp_path: Path, text: str) -> None:
    """Without names, with one twice."""
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(HarnessError):
        names_of(tmp_path / "r.yaml")


@settings(max_examples=100)
@given(body=st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_a_record_or_an_error(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    """Never another exception."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(body)
    for read in (
        lambda: plain_record(path).steps(),
        lambda: plain_record(path).audits(),
        lambda: plain_record(path).merges(),
        lambda: names_of(path),
    ):
        with contextlib.suppress(HarnessError):
            read()
