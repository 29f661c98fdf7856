"""What a run tells the GitHub job that it is a step of: the summary of the job, outputs of the step, annotations at files of the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.run.github import MOST_BYTES, append_outputs, append_step_summary, fitted, problem_annotations

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    """A summary of two lines."""
    file = tmp_path / "summary.md"
    file.write_text("# GO\n\nall passed ✓\n", encoding="utf-8")
    return file


def test_it_is_appended_to_what_the_step_has_said_already(
    summary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs in one step are both there."""
    page = tmp_path / "page.md"
    page.write_text("before", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    assert (append_step_summary(summary), append_step_summary(summary)) == ("", "")
    text = summary.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8") == f"before\n\n{text}\n\n{text}"


def test_elsewhere_nothing_is_done(summary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, and with an empty one."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert append_step_summary(summary) == ""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "")
    assert append_step_summary(summary) == ""
    assert [file.name for file in tmp_path.iterdir()] == ["summary.md"]


def test_what_does_not_fit_is_cut_at_a_line_and_says_so() -> None:
    """Of a page over one mebibyte nothing at all is shown."""
    text = "".join(f"- line {number} with ä\n" for number in range(200_000)).encode()
    cut = fitted(text, MOST_BYTES)
    assert len(cut) < MOST_BYTES
    lines = cut.decode().splitlines()
    assert lines[-4].startswith("- line ")
    assert lines[-4].endswith(" with ä")
    assert "more bytes are in `summary.md`" in lines[-1]
    assert fitted(text[:1000], MOST_BYTES) == text[:1000]


def test_what_cannot_be_written_is_told_in_words(
    summary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written where the step is full; a directory in the place of a file. The run goes on; outside of GitHub nothing is done."""
    page = tmp_path / "page.md"
    page.write_bytes(b"x" * MOST_BYTES)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    assert " is full" in append_step_summary(summary)
    assert page.stat().st_size == MOST_BYTES
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    assert append_step_summary(summary).startswith("the summary was not written to GITHUB_STEP_SUMMARY")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path))
    assert append_outputs({"decision": "GO"}).startswith("no output was written to GITHUB_OUTPUT")
    monkeypatch.delenv("GITHUB_OUTPUT")
    assert append_outputs({"decision": "GO"}) == ""


def test_outputs_are_appended_to_those_of_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One a line. One of several lines is refused, as its second line would be an output of its own; none is written then."""
    file = tmp_path / "outputs"
    file.write_text("before=1\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    assert append_outputs({"decision": "NO-GO", "run": "/runs/ä=b"}) == ""
    assert "`run` is a path of several lines" in append_outputs({"decision": "GO", "run": "a\ndecision=GO"})
    assert file.read_text(encoding="utf-8") == "before=1\ndecision=NO-GO\nrun=/runs/ä=b\n"


def test_places_are_relative_to_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file outside of it none is named, since GitHub could not show it; elsewhere than in GitHub there is no annotation."""
    project = tmp_path / "repository" / "shop"
    project.mkdir(parents=True)
    for file in (project / "target.yaml", tmp_path / "outside.yaml"):
        file.touch()
    problems = ("target.yaml:3: odd", f"{project}/target.yaml:4: odd", f"{tmp_path}/outside.yaml:5: odd")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert problem_annotations(*problems, root=project) == ()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "repository"))
    assert problem_annotations(*problems, root=project) == (
        "::error file=shop/target.yaml,line=3,title=Readiness::odd",
        "::error file=shop/target.yaml,line=4,title=Readiness::odd",
        f"::error title=Readiness::{tmp_path}/outside.yaml:5: odd",
    )


@pytest.mark.parametrize(
    "text", ["x" * 300 + ":4: bad", "a\0b:4: bad", "\ud800:4: bad", "..:4: bad", "/etc/hostname:4: bad"]
)
def test_text_that_is_no_path_of_the_repository_is_shown_at_no_file(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the name of a run on the command line: too long for a path, with a character that paths cannot have, or outside."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (line,) = problem_annotations(text)
    assert line.startswith("::error title=Readiness::")
