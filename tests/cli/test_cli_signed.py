"""`readiness attest-run` and `readiness verify`, as they are typed: what they print, and their exit codes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import readiness
from harness.errors import HarnessError, Refused, UsageError
from harness.evidence import RunDirectory
from harness.model import Evidence
from tests.builders.core_run import core_evidence
from tests.builders.preloaded import command
from tests.builders.signed_runs import COMMIT, bad_run, good_run, key_pair, recorded

EVIDENCE: Mapping[str, Callable[[], Evidence]] = {"GO": good_run, "NO-GO": bad_run, "INCONCLUSIVE": core_evidence}
"""The last has a worker's rows under another number."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunDirectory]:
    """A run of each decision."""
    return {name: recorded(tmp_path_factory.mktemp("runs"), make()) for name, make in EVIDENCE.items()}


def typed(*words: object) -> Result:
    """The command in this process; its errors are raised."""
    done = CliRunner().invoke(readiness, list(map(str, words)), standalone_mode=False)
    if isinstance(done.exception, HarnessError):
        raise done.exception
    assert done.exception is None, done.output
    return done


@pytest.mark.parametrize(("decision", "code"), [("GO", 0), ("NO-GO", 1), ("INCONCLUSIVE", 10)])
def test_a_run_is_signed_and_verified_with_its_decision(
    runs: dict[str, RunDirectory], tmp_path: Path, decision: str, code: int
) -> None:
    """Authentic is said of each, and the exit code is that of the decision, so that a signed NO-GO is not passed on."""
    private, public = key_pair(tmp_path)
    run = runs[decision].path
    assert "signed with the key" in typed("attest-run", run, "--key", private).output
    signed = run / "reports" / "verdict.json.intoto.jsonl"
    for options, expected in (((), code), (("--run", run), code), (("--any-decision",), 0)):
        done = typed("verify", signed, "--key", public, *options)
        assert done.return_value == expected
        first, *_, last = done.output.splitlines()
        assert re.fullmatch(r"authentic: signed with the key [0-9a-f]{16} \(ed25519\)", first)
        assert last.startswith(f"{decision} for sandbox · profile core · 1.0.0 · ")
    assert f"about 1.0.0 gitCommit:{COMMIT}\n" in done.output


def test_signing_again_changes_no_evidence(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    """The signed verdict is a report: the run is verified with it in its directory, and judged as before."""
    private, public = key_pair(tmp_path, "p256")
    run = runs["GO"].path
    for _ in range(2):
        typed("attest-run", run, "--key", private)
    signed = run / "reports" / "verdict.json.intoto.jsonl"
    assert typed("verify", signed, "--key", public, "--run", run).return_value == 0
    assert typed("judge", run, "--check").return_value == 0


def test_a_verdict_that_was_edited_is_not_signed(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    """The run is judged again: a NO-GO that reads GO is refused, and nothing is written."""
    private, _ = key_pair(tmp_path)
    run = runs["NO-GO"].path
    own = (run / "verdict.json").read_bytes()
    (run / "verdict.json").write_bytes(own.replace(b'"decision": "NO-GO"', b'"decision": "GO"'))
    try:
        with pytest.raises(HarnessError, match=r"the stored verdict\.json differs from the verdict of this evidence"):
            typed("attest-run", run, "--key", private, "--out", tmp_path / "signed")
    finally:
        (run / "verdict.json").write_bytes(own)
    assert not (tmp_path / "signed").exists()


def test_the_artifact_that_is_asked_for_is_compared(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    """All that are named."""
    private, public = key_pair(tmp_path)
    signed = tmp_path / "signed.intoto.jsonl"
    typed("attest-run", runs["GO"].path, "--key", private, "--out", signed)
    ours = ("--subject", "example.test/shop@sha256:" + "ab" * 32, "--subject", f"gitCommit:{COMMIT}")
    assert typed("verify", signed, "--key", public, *ours).return_value == 0
    with pytest.raises(Refused, match="the verdict is not about sha256:cd"):
        typed("verify", signed, "--key", public, *ours, "--subject", "sha256:" + "cd" * 32)


def test_what_is_not_authentic_exits_as_a_refusal(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    """4, which is the exit code of no decision; cause and cure are printed, and no traceback."""
    private, public = key_pair(tmp_path)
    signed = tmp_path / "signed.intoto.jsonl"
    typed("attest-run", runs["GO"].path, "--key", private, "--out", signed)
    signed.write_bytes(signed.read_bytes()[:-1])
    done = command("harness", "verify", str(signed), "--key", str(public), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        f"{signed}:2: the line does not end: the file was truncated\n"
        "  hint: get the file again from where it was published, or sign the run again with `readiness attest-run`\n"
    )


@pytest.mark.parametrize(
    ("out", "cause"),
    [
        ("RUN/plan.json", "among the evidence"),
        ("RUN/reports/../history/signed", "among the evidence"),
        ("KEY", "the file is the private key"),
        ("PIPE", "the path is not a file"),
    ],
)
def test_neither_the_key_nor_the_run_is_overwritten(
    runs: dict[str, RunDirectory], tmp_path: Path, out: str, cause: str
) -> None:
    """The option that names the file to write may name a wrong one."""
    private, _ = key_pair(tmp_path)
    run = runs["GO"].path
    path = Path(out.replace("RUN", str(run)).replace("KEY", str(private)))
    if out == "PIPE":
        path = tmp_path / "pipe"
        os.mkfifo(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UsageError, match=cause):
        typed("attest-run", run, "--key", private, "--out", path)
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize("words", [("attest-run", "run", "--key", "key"), ("verify", "file", "--key", "key")])
def test_without_the_extra_the_command_names_it(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read."""
    monkeypatch.setattr("harness.extras.find_spec", lambda name: None if name == "securesystemslib" else name)
    with pytest.raises(UsageError, match="needs securesystemslib, which is not installed") as refused:
        typed(*words)
    assert refused.value.hint == "pip install 'readiness-harness[attest]'"
