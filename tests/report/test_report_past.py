"""`readiness history` in words and for machines."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from report_builders import go, no_go

from harness.evidence.past_runs import past_run, past_runs
from harness.judgement.summary.changes import compared, trends
from harness.model.judged.past import PastFigure, PastRow, UnreadRun
from harness.report import render_verdict
from harness.report.past import comparison_document, history_document, render_comparison, render_history
from tests.builders.past import latency, p95, past


def test_a_verdict_of_ours_is_read_and_compared(tmp_path: Path) -> None:
    """Two runs as they are written: of release 1.0.0, which goes, and of slow, which does not."""
    for name, (plan, _, judged) in {"20260301T100000Z-a": go(), "20260301T110000Z-b": no_go()}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "verdict.json").write_bytes(render_verdict(replace(plan, run=name), judged))
    read, unread, _ = past_runs(tmp_path, 10)
    assert (len(read), unread) == (2, ())
    text = render_history(read, unread, trends(read), 0)
    assert "20260301T100000Z-a  GO        sandbox  1.0.0    core     23" in text
    assert "ND-KPI-P95  response time p95 in the steady state" in text
    text = render_comparison(compared(*read))
    assert "ND-KPI-P95     PASS  →  FAIL          response time p95 of read-track is 268.4 ms" in text
    assert past_run(tmp_path / "20260301T110000Z-b").decision == "NO-GO"


def test_the_list_has_decisions_unread_directories_and_trends() -> None:
    """The latest last; at most five points of a figure, and what is proven of the latest."""
    runs = [past(f"r{n}", p95(100 + n)) for n in range(6)] + [past("r6", p95(150), decision="NO-GO")]
    text = render_history(runs, [UnreadRun(run="bad", why="the run has no verdict.json")], trends(runs), 3)
    assert text.splitlines()[0].split() == [
        *("run", "decision", "target", "release", "profile"),
        *("passed", "fail", "inconclusive", "waived", "not_assessed"),
    ]
    assert "r6   NO-GO     sandbox  1.0.0    core     1" in text
    assert "3 earlier runs not shown; --last 11 shows all" in text
    assert "Run directories that cannot be read\n  bad: the run has no verdict.json" in text
    assert "SHOP-P95  response time p95 of read-track, below 200 ms" in text
    assert "    2 earlier, 102 ms [98.94 to 105.1 ms] → 103 ms" in text
    assert "latest run compared with the run before: worse: 1.429 times, 1.331 to 1.533 times (99.75 % each)" in text


def test_no_run_at_all_is_said() -> None:
    """An empty directory."""
    assert render_history([], [], [], 0) == "no runs\n"


def test_the_recoveries_of_two_runs_are_shown_side_by_side() -> None:
    """Whether or not they differ by more than their bounds."""

    def row(value: float | None, low: float, high: float | None) -> PastRow:
        found = PastFigure(
            name="recovery of reads",
            verdict="PASS",
            scope={"experiment": "service-restart", "operation": "reads"},
            value=value,
            unit="s",
            op="is below",
            limit="15 s",
            low=low,
            high=high,
        )
        return PastRow(id="SHOP-RESTART", verdict="PASS", measures=(found,))

    def lines(before: PastRow, after: PastRow) -> list[str]:
        return render_comparison(compared(past("a", before), past("b", after))).splitlines()[-2:]

    name = "  SHOP-RESTART  recovery of reads of service-restart, reads: "
    assert lines(row(2.0, 1.9, 2.1), row(4.5, 4.4, 4.6)) == [
        f"{name}2 s [1.9 to 2.1 s] → 4.5 s [4.4 to 4.6 s]",
        "    worse: 2.5 s, 2.3 to 2.7 s (observed once in each run)",
    ]
    assert lines(row(2.0, 1.9, 2.1), row(None, 15.0, None)) == [
        f"{name}2 s [1.9 to 2.1 s] → at least 15 s",
        "    worse: at least 12.9 s (observed once in each run)",
    ]
    assert lines(row(2.0, 1.9, 2.1), row(2.1, 2.0, 2.2))[1] == (
        "    no difference proven: 0.1 s, -0.1 to 0.3 s (observed once in each run)"
    )


def test_what_is_not_proven_is_counted_and_not_told_as_a_change() -> None:
    """One line with the counts, none for the figure."""
    rows = (p95(100), PastRow(id="R-1", verdict="PASS", measures=(latency(9, unit="s", confidence=None, low=None),)))
    text = render_comparison(compared(past("a", *rows), past("b", *rows)))
    assert "every requirement has the same verdict" in text
    assert "2 figures in both runs: 1 no difference proven, 1 not tested" in text
    assert "→ 100" not in text


def test_other_targets_and_edited_files_are_told() -> None:
    """Why figures are not compared; which inputs differ."""
    text = render_comparison(compared(past("a", inputs={"x": "1"}), past("b", target="staging", inputs={"x": "2"})))
    assert "figures were not compared: the runs have different targets" in text
    assert "1 file of features, experiments, loadtests and catalogue differ\n  changed x" in text


def test_text_of_a_foreign_verdict_moves_no_cursor() -> None:
    """Line ends, escape sequences and changes of direction."""
    hostile = "a\x1b[2J\nb\u202e"
    run = past("r", replace(p95(100), id=hostile), decision=hostile, target=hostile, headline=hostile, release=hostile)
    other = past("s", target=hostile, headline=hostile)
    for text in (render_history([run], [], trends([run]), 0), render_comparison(compared(run, other))):
        assert not [letter for letter in text if not letter.isprintable() and letter != "\n"]
    assert len(render_history([run], [], [], 0).splitlines()) == 2


def test_the_documents_for_machines_are_json() -> None:
    """Without words for what is no number."""
    runs = [past("a", p95(100)), past("b", p95(300, fail_high=None, high=None))]
    found = history_document(runs, [UnreadRun(run="bad", why="why")], trends(runs), 0)
    read = json.loads(json.dumps(found, allow_nan=False))
    assert read["unread"] == [{"run": "bad", "why": "why"}]
    assert read["trends"][0]["change"]["proven"] == "worse"
    assert [point["value"] for point in read["trends"][0]["points"]] == [100, 300]
    both = json.loads(json.dumps(comparison_document(compared(*runs)), allow_nan=False))
    assert both["figures"][0]["change"]["high"] is None
    assert both["figures_not_compared"] is None
