"""A rollout on the page: its headline, its parts with both releases side by side, and its plot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_builders import go

from harness.model.planned.trigger import Signal, Trigger
from harness.report.html.page import render_page
from harness.report.html.rollout_plot import rollout_plot
from harness.report.view.rollouts import RolloutView, rollout_views
from tests.builders.rollout_runs import (
    BACK,
    CANARY,
    Row,
    evidence,
    failed,
    history,
    objective_of,
    planned,
    rank,
    rollout_plan,
    rows,
    told,
)

ORDER = "the rollout went through 5 %, 25 %, 50 % and 100 % of users in this order"


def _spoil(row: Row) -> None:
    """23 users meet an error of the candidate at the 5 % step, and it answers for 4.1 s after the way back began."""
    if 15 <= row["at"] < 25 and row["step"] == "2" and rank(row["user"]) < 0.046:
        failed(row)
    if BACK <= row["at"] <= BACK + 4.1 and rank(row["user"]) < 0.5:
        row["release"] = "1.1.0"


@pytest.fixture(scope="module")
def view() -> RolloutView:
    """A canary whose candidate fails for some."""
    plan = planned(objective_of(ORDER), rollout_plan(triggers=(Trigger(name="users", signal=Signal.REPORT),)))
    (found,) = rollout_views(plan, evidence(rows(spoil=_spoil)))
    return found


def test_the_headline_says_how_it_was_taken_back_and_who_was_hurt(view: RolloutView) -> None:
    """By whom, in what time, and how many of all known users met an error."""
    assert view.headline == "taken back by hand in 4.1 s, 23 of 500 users got an error"
    assert ("Trigger", "users: a critical report") in view.facts
    assert ("Decision", "taken back by hand: as planned") in view.facts
    assert ("Ended", "stable on 1.0.0") in view.facts


def test_each_part_has_both_releases_side_by_side(view: RolloutView) -> None:
    """Users by their first answer; response times and failures of each release."""
    parts = {part.name: part for part in view.parts}
    assert list(parts) == [
        "before the first step",
        "5 % step",
        "25 % step",
        "50 % step",
        "100 % step",
        "during the rollback",
    ]
    step = parts["5 % step"]
    assert (step.users, step.lasted, step.new.answers, step.old.answers) == ("25 of 500", "10 s", "50", "950")
    assert (step.new.failed, step.old.failed, step.new.p95) == ("23", "0", "20 ms")
    assert parts["before the first step"].new.p95 == "–"  # noqa: RUF001 - a dash


def test_the_plot_has_a_line_a_step_and_the_way_back(view: RolloutView) -> None:
    """And a panel of each release's response times."""
    plot = rollout_plot(view)
    assert plot is not None
    labels = [line.label for line in plot.lines]
    assert labels == ["5 %", "25 %", "50 %", "100 %", "taken back by hand", "stable on 1.0.0"]
    assert [panel.title for panel in plot.panels] == [
        "share of the answers by the new release",
        "response time p95 of 1.1.0",
        "response time p95 of 1.0.0",
        "failed requests/s",
    ]
    assert plot.panels[3].bars


def test_a_rollout_that_was_not_begun_says_why() -> None:
    """There is nothing to draw."""
    run = replace(
        evidence(rows(CANARY[:1])), windows={}, observations=(told("rollout.skipped", "canary", 1.0, why="unsteady"),)
    )
    (view,) = rollout_views(planned(objective_of(ORDER)), run)
    assert (view.headline, rollout_plot(view), view.parts) == ("not started: unsteady", None, ())


def test_the_page_shows_every_rollout() -> None:
    """With its table and its plot, and nothing where the plan has none."""
    plan, run, judgement = go()
    assert "Rollouts" not in render_page(plan, run, judgement).decode()
    canary = planned(objective_of(ORDER))
    ours = evidence(rows(spoil=_spoil), history(by="platform"))
    page = render_page(
        replace(plan, rollouts=canary.rollouts, traffic={**plan.traffic, **canary.traffic}),
        replace(run, windows={**run.windows, **ours.windows}, observations=(*run.observations, *ours.observations)),
        judgement,
    ).decode()
    assert "taken back by the platform in 4.2 s, 23 of 500 users got an error" in page
    assert 'id="r-canary"' in page
    assert "seconds from the start of the rollout" in page
