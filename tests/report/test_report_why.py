"""`readiness why ID`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_builders import go, no_go, nothing
from report_plan import TITLES

from harness.judgement.measures import because
from harness.model import Outcome
from harness.report import render_why


def test_every_figure_has_value_bounds_limit_n_and_the_ground_it_stands_on() -> None:
    """Of the route that failed, and once what is alike for all."""
    text = render_why(*no_go(), "ND-KPI-P95")
    block = """
  ✕ FAIL  response time p95 of read-track
    figure      268.4 ms
    low to high 260.3 to 276.5 ms (95 % each)
    expected    below 200 ms
    n / needed  3204 / 59
"""
    assert block in text
    assert text.count("reason      response time p95 of read-track is 268.4 ms (at least 260.3 ms") == 1
    assert text.count("    method      raw samples from the intended send time, open model; order statistics") == 1
    assert (
        "    load ok     1 worker recorded until the end, lag p99 0.61 ms\n    file        load/everyday/samples-0.parquet"
        in text
    )


def test_a_recovery_has_resolution_scaled_limit_and_the_timeline_of_its_experiments() -> None:
    """Only of those that its figures are of."""
    text = render_why(*go(), "DA-DR-RTO")
    assert "    expected    below 4 h (240 s at scale 60)\n    resolution  ± 0.05 s" in text
    assert "  time        limit scaled by 60: 4 h → 240 s" in text
    assert (
        "    reads: 4.87 s ± 0.05 s, observed for 62 s; outages: 0.06 s to 2.3 s, 0.5 s to 1.2 s (answered late)"
        in text
    )
    assert "   +22.40  writes recovered" in text
    assert "pod-loss" not in text


def test_alerts_stand_in_the_timeline() -> None:
    """Pending, firing, resolved; under the experiment in which they were seen."""
    text = render_why(*go(), "AT-STB-RECOVERY")
    assert [line for line in text.splitlines() if "HighErrorRate" in line] == [
        "       +6.00  alert HighErrorRate is pending",
        "       +9.00  alert HighErrorRate fires",
        "      +25.00  alert HighErrorRate is resolved",
    ]


def test_a_fact_says_what_was_seen() -> None:
    """It has no bounds."""
    text = render_why(*go(), "ND-DEP-HEALTH")
    assert (
        "    observed    us-east-1/health checks passing: status 200 after 0.012 s, expected status 200 within 1 s"
        in text
    )
    assert "low to high" not in text


def test_it_ends_with_the_command_that_repeats_it() -> None:
    """Of the same release."""
    last = "  again       readiness run --release slow --only ND-KPI-P95"
    assert render_why(*no_go(), "ND-KPI-P95").splitlines()[-1] == last


def test_every_requirement_can_be_asked_for_even_without_evidence(subtests: pytest.Subtests) -> None:
    """Its sentence and reason are there at least."""
    for requirement in TITLES:
        with subtests.test(requirement):
            assert "there is no fault-free window of everyday" in render_why(*nothing(), requirement)


def test_a_requirement_that_the_run_has_not_is_a_mistake() -> None:
    """The command asks before."""
    with pytest.raises(KeyError):
        render_why(*go(), "ND-KPI-P59")


def test_text_of_others_moves_no_cursor() -> None:
    """Control characters of a hostile reason do not reach the terminal."""
    given, evidence, judged = no_go()
    verdict = replace(judged.verdicts[0], because=because(Outcome.FAIL, "\x1b[2Jall is well\x07"))
    text = render_why(given, evidence, replace(judged, verdicts=(verdict,)), "ND-KPI-P95")
    assert "  reason      [2Jall is well\n" in text
