"""`summary.md`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_builders import decided, go, no_go, nothing
from report_plan import BROKEN, TITLES

from harness.model import DecisionOutcome, Evidence
from harness.report.markdown import plain, table
from harness.report.summary import render_summary


def _text() -> str:
    given, _, judged = no_go()
    return render_summary(given, Evidence(), judged).decode()


def test_headline_why_and_what_next_come_first() -> None:
    """The first lines are enough to know what to do."""
    lines = _text().splitlines()
    assert (
        lines[0] == "# NO-GO for sandbox · profile core · slow · 1 failed · 1 inconclusive · 20 passed · 1 not assessed"
    )
    assert lines[2].startswith("Release slow on target sandbox (sandbox), profile core, time scale 60, run ")
    assert lines[4].startswith("ND-KPI-P95 failed: response time p95 of read-track is 268.4 ms")
    assert lines[8].startswith("- ND-KPI-P95 FAIL: response time p95 of read-track is 268.4 ms")
    assert lines[9] == "  hint: `readiness why ND-KPI-P95` shows the evidence; fix the platform, then run again"


def test_every_requirement_has_a_line_with_figure_bounds_limit_and_n() -> None:
    """Worst first, columns aligned."""
    rows = [
        line for line in _text().splitlines() if line.startswith("| ") and any(f"| {id_} " in line for id_ in TITLES)
    ]
    assert len(rows) == len(TITLES)
    assert len({len(row) for row in rows}) == 1
    cells = [cell.strip() for cell in rows[0].strip("|").split("|")]
    assert cells == [
        "FAIL",
        "ND-KPI-P95",
        "API response time",
        "268.4 ms",
        "260.3 to 276.5 ms",
        "95 % each",
        "below 200 ms",
        "3204 / 59",
        "–",  # noqa: RUF001 - a dash
    ]
    assert any("22.4 s" in row and "below 4 h (240 s at scale 60)" in row for row in rows)


def test_experiments_watchers_and_doors_have_a_line_each(subtests: pytest.Subtests) -> None:
    """Receipts, recovery, loss and restore; spacing, probes, longest gap, blind time and end; a door that was out is not lost among the watchers."""
    lines = _text().splitlines()
    dash = "–"  # noqa: RUF001 - a dash
    for cells in (
        [
            "region-loss",
            "complete",
            "4.87 s ± 0.05 s",
            "22.4 s ± 0.05 s",
            dash,
            "0 of 1386",
            "3",
            "restored after 60 s",
        ],
        ["regions eu-west-1", "50 ms", "6980", "812 ms", "0.812 s", "normally"],
        ["us-east-1", "8400", "7", "99.9167 %", "0.35 s of 420 s", "0.2 s", "experiment:pod-loss/after"],
    ):
        with subtests.test(cells[0]):
            row = next(line for line in lines if line.startswith(f"| {cells[0]}"))
            assert [cell.strip() for cell in row.strip("|").split("|")] == cells


def test_what_the_decision_rests_on_has_a_line_each() -> None:
    """Release, load, users, faults, the way back, writes, events, watch, windows, the end; before the requirements."""
    text = _text().partition("## Basis of the decision\n\n")[2].partition("\n\n## Requirements")[0]
    assert text.splitlines() == [
        "- Release: slow verified: 33616 answers named slow; 41 answers named no release; images of 2 workloads: unchanged",
        "- Load: 12816 requests without a fault, 3 failed; the generators kept their schedule",
        "- Users: 9 of 4272 journeys of everyday (0.211 %) had a failed request or waited over 500 ms, without a fault",
        "- Faults: 4 experiments, all receipts are complete; slowest recovery: writes after region-loss, 22.4 s ± 0.05 s",
        "- After the undo: 1 outage between an undo and its restore, the longest 4 s (writes after database-primary-loss)",
        "- Writes: 9312 acknowledged, 0 lost, 14 of unknown outcome",
        "- Events: 1771 accepted, 0 lost, 0 twice, 0 wrong, 2 of unknown outcome, visible within 0.187 s (p95)",
        "- Watch: 7 watchers, gaps of 0.812 s in all (regions eu-west-1); incomplete records of pods",
        "- Windows: 9 windows in 368 s, every second belongs to a window",
        "- At the end: the target was steady",
    ]


def test_rows_without_an_answer_are_listed_by_cause_with_what_would_bring_it() -> None:
    """What would decide each, and whose answer it keeps back."""
    text = _text().partition("## Missing evidence and how to get it\n\n")[2]
    assert text.splitlines()[:4] == [
        (
            "- 1 requirement, INCONCLUSIVE: error rate of all routes together (10 of 12816 requests) is 0.07803 % (between 0.0373 % and 0.119 %), expected"
            " below 0.1 %. Not decided: 12816 requests are too few to decide, about 21000 at this rate would prove PASS (ND-KPI-ERRORS)"
        ),
        "  hint: lengthen the load (`for` in loadtests/everyday.yaml) until about 21000 requests are recorded, then run again",
        "- 1 requirement, NOT ASSESSED: it could not fail here: the network back-end of this target cannot refuse a connection (DA-NET-POLICY)",
        "  hint: run on a target whose network enforces NetworkPolicy",
    ]


def test_a_go_names_the_narrowest_passes() -> None:
    """And how many gating requirements passed."""
    given, _, judged = go()
    text = render_summary(given, Evidence(), judged).decode()
    assert (
        "All 23 gating requirements passed.\n\n## Why\n\nClosest to their limits:\n\n- AT-STB-RECOVERY: 20.71 s of 30 s (20.66 to 20.76 s)\n"
        in text
    )


def test_a_run_without_evidence_has_a_summary() -> None:
    """All rows, no figures."""
    given, _, judged = nothing()
    text = render_summary(given, Evidence(), judged).decode()
    assert text.count("| INCONCLUSIVE |") == len(TITLES)
    assert text.count("it left no record") == len(BROKEN)
    silent = decided(nothing(), outcome=DecisionOutcome.PARTIAL, because=())
    assert "The judge gave no reason." in render_summary(*silent).decode()


def test_text_is_never_markup() -> None:
    """Pipes do not open cells, tags are not tags, lines do not break; a lone `<` is left alone."""
    assert plain("a | b\n<script> *x* [y] < 5 `code`\x1b[2J") == r"a \| b \<script> \*x\* \[y] < 5 `code`\[2J"
    assert table(("A", "B"), [("x|y", "\n")]).splitlines()[2] == r"| x\|y |   |"


def test_files_that_replace_those_of_the_package_are_named() -> None:
    """A release's own repository may weaken the profile: what the package claims by them was not verified."""
    given, _, judged = no_go()
    given = replace(given, shadowed=("features/normaldance/technical-kpis.feature", "loadtests/everyday.yaml"))
    text = render_summary(given, Evidence(), judged).decode().partition("## What was not verified\n\n")[2]
    assert text.startswith("- DA-DR-RTO: ")
    assert (
        "- the scenarios in 2 files of the package, which the project replaces: "
        "features/normaldance/technical-kpis.feature, loadtests/everyday.yaml\n" in text
    )
