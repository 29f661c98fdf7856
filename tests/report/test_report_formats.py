"""Formats are rows of one table; one of a user's own is an entry point."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest
from report_builders import go

from harness.errors import ConfigurationError
from harness.evidence.manifest import evidence_files
from harness.evidence.run_directory import RunDirectory
from harness.report import reports
from harness.report.reports import FORMATS, Format, formats, write_reports

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Evidence, Judgement, Plan


def _headline(_plan: Plan, _evidence: Evidence, judgement: Judgement) -> bytes:
    return judgement.decision.headline.encode()


CHAT = Format(name="chat", file="chat.txt", render=_headline)
CHART = Format(name="chart", file="charts/p95.svg", render=_headline)
CHARTS = Format(name="charts", file="charts", render=lambda *_: {"p99.svg": b""})
TAKEN = Format(name="taken", file="summary.md", render=_headline)


def _installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    points = [EntryPoint(name="chat", value=f"{__name__}:{name}", group="readiness.reports") for name in names]
    monkeypatch.setattr(reports, "plugins", lambda *, group: points if group == "readiness.reports" else [])


def test_every_format_has_a_file_of_its_own_without_what_an_earlier_report_left(tmp_path: Path) -> None:
    """In a directory it would be shown as if it were of this run."""
    (tmp_path / "allure-results").mkdir()
    (tmp_path / "allure-results/old-result.json").write_text("{}", encoding="utf-8")
    write_reports(tmp_path, *go())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(form.file for form in FORMATS)
    assert not (tmp_path / "allure-results/old-result.json").exists()


def test_a_format_of_ones_own_is_written_beside_the_others_and_is_no_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file and one entry point, also below a directory, which is made; twice, as a run and its judgement anew do.

    The run was sealed before any report, and others may not have the format.
    """
    _installed(monkeypatch, "CHAT", "CHART")
    write_reports(tmp_path, *go())
    write_reports(tmp_path, *go())
    for file in ("chat.txt", "charts/p95.svg"):
        assert (tmp_path / "reports" / file).read_text(encoding="utf-8").startswith("GO for sandbox")
    assert list(evidence_files(RunDirectory(tmp_path))) == []


def test_a_link_in_the_place_of_the_directory_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is replaced; where it leads stays as it is."""
    _installed(monkeypatch, "CHAT")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/reports").symlink_to(tmp_path / "elsewhere")
    write_reports(tmp_path / "run", *go())
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "run/reports/chat.txt").is_file()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "cannot be loaded"),
        ("go", "expected a `Format`"),
        ("TAKEN TAKEN", "another format has the file summary.md"),
        ("CHARTS CHART", "another format has the file charts/p95.svg"),
        ("CHART CHARTS", "another format has the file charts"),
    ],
)
def test_an_entry_point_that_is_no_format_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, reason: str) -> None:
    """With the entry point's name."""
    _installed(monkeypatch, *name.split())
    with pytest.raises(ConfigurationError, match=reason) as refused:
        formats()
    assert "entry point chat = " in refused.value.where
