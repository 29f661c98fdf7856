"""The summary on the page of a GitHub job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.run.github import MOST_BYTES, append_step_summary, fitted

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


def test_a_step_that_is_full_is_told_in_words(summary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written, and the run goes on."""
    page = tmp_path / "page.md"
    page.write_bytes(b"x" * MOST_BYTES)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    assert " is full" in append_step_summary(summary)
    assert page.stat().st_size == MOST_BYTES


def test_a_page_that_cannot_be_written_is_told_in_words(
    summary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory in its place."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    assert append_step_summary(summary).startswith("the summary was not written to GITHUB_STEP_SUMMARY")
