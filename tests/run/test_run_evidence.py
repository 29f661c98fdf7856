"""A recorded run judged again from its files: whole, tampered with, and elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import harness
from harness.cli import main
from tests.plain.scenes import Stage


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the command said, and its exit code."""

    code: int
    text: str


@pytest.fixture
def run(scenes: Stage, tmp_path: Path) -> Path:
    """A copy of the run that was a GO."""
    return Path(shutil.copytree(scenes["go"].run, tmp_path / "run"))


@pytest.fixture
def readiness(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """The command, in this process."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["readiness", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Said(code=int(ended.value.code or 0), text="".join(capfd.readouterr()))

    return call


DAMAGE: Mapping[str, Callable[[bytes], bytes]] = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "edited": lambda whole: (
        whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :]
    ),
    "scribbled on": lambda _: b"\x00\xff{" * 999,
    "emptied": lambda _: b"",
}
"""What happens to a file: one bit in the middle is changed, or nobody wrote what is there."""


def test_a_whole_run_gives_its_verdict_byte_for_byte(readiness: Callable[..., Said], run: Path) -> None:
    """`readiness judge RUN --check`: exit code 0, and nothing is written."""
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    said = readiness("judge", run, "--check")
    assert said.code == 0, said.text
    assert "byte for byte" in said.text
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


@pytest.mark.parametrize("damage", ["gone", *DAMAGE])
@pytest.mark.parametrize(
    "name",
    [
        "plan.json",
        "manifest.json",
        "history/run.ndjson",
        "history/seal.ndjson",
        "load/browse/samples-1.parquet",
        "load/browse/locust.log",
    ],
)
def test_evidence_that_is_not_whole_is_never_a_go(
    readiness: Callable[..., Said], run: Path, name: str, damage: str
) -> None:
    """Exit code 10 with the file and what is wrong with it; no traceback, no GO, with and without --check."""
    if damage == "gone":
        (run / name).unlink()
    else:
        (run / name).write_bytes(DAMAGE[damage]((run / name).read_bytes()))
    for options in (["--check"], []):
        said = readiness("judge", run, *options)
        assert said.code == 10, said.text
        assert "Traceback" not in said.text
        assert not said.text.startswith("GO")
        # a manifest that was changed names other files than the one it tells of
        told = "edited after the run ended", "the file did not exist when the run ended"
        assert name in said.text or (name == "manifest.json" and any(words in said.text for words in told))


def test_a_verdict_that_was_tampered_with_is_an_internal_error(readiness: Callable[..., Said], run: Path) -> None:
    """Other bytes from whole evidence: exit code 3."""
    verdict = run / "verdict.json"
    verdict.write_bytes(verdict.read_bytes().replace(b'"score": 1.0', b'"score": 0.9'))
    said = readiness("judge", run, "--check")
    assert said.code == 3, said.text
    assert (
        "verdict.json: the stored verdict.json differs from the verdict of this evidence: only texts differ"
        in said.text
    )
    assert (
        f"hint: the file was edited, or written by another version of the harness (this is {harness.__version__}); `readiness judge RUN` writes"
        in said.text
    )


def test_a_requirement_whose_verdict_was_tampered_with_is_named(readiness: Callable[..., Said], run: Path) -> None:
    """Its id, and no other; a file that is no JSON any more names all."""
    verdict = run / "verdict.json"
    stored = json.loads(verdict.read_text())
    first = stored["requirements"][0]
    verdict.write_text(
        json.dumps({**stored, "requirements": [{**first, "verdict": "FAIL"}, *stored["requirements"][1:]]})
    )
    said = readiness("judge", run, "--check")
    assert said.code == 3, said.text
    assert f"of this evidence: the verdict or its reason differs for {first['id']}\n" in said.text
    verdict.write_text("{")
    said = readiness("judge", run, "--check")
    assert said.code == 3, said.text
    assert first["id"] in said.text


def test_a_verdict_that_is_gone_is_missing_evidence(readiness: Callable[..., Said], run: Path) -> None:
    """Exit code 10, and how to get one."""
    (run / "verdict.json").unlink()
    said = readiness("judge", run, "--check")
    assert said.code == 10
    assert (
        "verdict.json: the run has no stored verdict to compare with\n  hint: run `readiness judge` without --check first"
        in said.text
    )


def test_a_release_that_failed_still_fails_when_judged_again(scenes: Stage, readiness: Callable[..., Said]) -> None:
    """`readiness judge` exits as the decision does: 1; with --check it only says whether the verdict is the same: 0."""
    assert readiness("judge", scenes["slow"].run).code == 1
    assert readiness("judge", scenes["slow"].run, "--check").code == 0


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "4242", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "0"},
    ],
)
def test_the_same_bytes_elsewhere(run: Path, elsewhere: dict[str, str]) -> None:
    """Another hash seed, time zone and locale: `judge` writes the verdict anew, and it has the same bytes."""
    before = (run / "verdict.json").read_bytes()
    judged = subprocess.run(
        [sys.executable, "-m", "harness", "judge", str(run)],
        env={**os.environ, **elsewhere},
        capture_output=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stderr
    assert (run / "verdict.json").read_bytes() == before


def test_reports_come_back_from_the_files_alone(readiness: Callable[..., Said], run: Path) -> None:
    """`readiness report RUN` writes verdict and reports again."""
    written = [path for path in run.iterdir() if path.name in {"verdict.json", "summary.md", "readiness.html"}]
    before = {path.name: path.read_bytes() for path in written}
    for path in written:
        path.unlink()
    said = readiness("report", run)
    assert said.code == 0, said.text
    assert {path.name: path.read_bytes() for path in written} == before


def test_a_run_that_is_none_is_said_so(readiness: Callable[..., Said], tmp_path: Path) -> None:
    """No directory: exit code 4. A directory without a plan: 10."""
    assert readiness("judge", tmp_path / "nowhere").code == 4
    said = readiness("judge", tmp_path)
    assert said.code == 10
    assert f"{tmp_path}/plan.json: the plan cannot be read" in said.text


def test_why_shows_the_figure_the_receipts_and_the_files(scenes: Stage, readiness: Callable[..., Said]) -> None:
    """`readiness why ID RUN`, and a wrong ID is answered with the nearest right one."""
    said = readiness("why", "PL-P95", scenes["slow"].run)
    assert said.code == 0, said.text
    for words in ("PL-P95 FAIL", "load ok", "load/browse/samples-1.parquet", "again       readiness run"):
        assert words in said.text
    wrong = readiness("why", "PL-P59", scenes["slow"].run)
    assert wrong.code == 4
    assert "did you mean 'PL-P95'?" in wrong.text


def test_a_run_under_way_is_not_judged(readiness: Callable[..., Said], run: Path) -> None:
    """While its writer lives: exit code 10 and the advice to wait; a mark left by a dead one does not matter."""
    started = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19]
    (run / "running.json").write_text(json.dumps({"pid": os.getpid(), "started": started}), encoding="utf-8")
    said = readiness("judge", run)
    assert said.code == 10
    assert "the run is still being written\n  hint: wait until it has ended" in said.text
    (run / "running.json").write_text(json.dumps({"pid": os.getpid(), "started": "1"}), encoding="utf-8")
    assert readiness("judge", run, "--check").code == 0


@pytest.mark.parametrize("command", ["judge", "report"])
def test_a_verdict_that_cannot_be_written_down_is_said(run: Path, readiness: Callable[..., Said], command: str) -> None:
    """A directory where the file belongs, as on a disk that is read-only: exit code 10, and what to do."""
    (run / "verdict.json").unlink()
    (run / "verdict.json").mkdir()
    said = readiness(command, run)
    assert said.code == 10
    assert f"{run}/verdict.json: the verdict cannot be written: Is a directory\n  hint: " in said.text
    assert "Traceback" not in said.text
