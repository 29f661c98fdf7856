"""Every report of a run, beside its `verdict.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Evidence, Judgement, Plan


def write_reports(path: Path, plan: Plan, evidence: Evidence, judgement: Judgement) -> None:
    """Write the reports into the run directory."""
    _ = (plan, evidence)
    (path / "summary.md").write_text(judgement.decision.headline + "\n", encoding="utf-8")
