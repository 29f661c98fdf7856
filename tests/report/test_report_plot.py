"""The plot of an experiment, before it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from report_builders import no_go
from report_plan import ns

from harness.model import Evidence, FaultWindow
from harness.report.html.plot import LEFT, RIGHT, WIDTH, Plot, plot_of
from harness.report.view.experiments import experiment_view
from harness.report.view.story import TimelineEvent, oldest_lost, reigns, story
from harness.units import NS_PER_S


def _plot(name: str) -> Plot:
    _, evidence, judged = no_go()
    result = next(result for result in judged.experiments if result.name == name)
    return plot_of(evidence, evidence.experiments[name][0], result, _events(name))


def _events(name: str) -> Sequence[TimelineEvent]:
    _, evidence, judged = no_go()
    return experiment_view(evidence, next(result for result in judged.experiments if result.name == name)).events


def test_the_fault_is_shaded_and_both_recoveries_are_marked() -> None:
    """From sent to undone: it is held for 26.4 s of the 54 s that are drawn. Killed pods are replaced; nobody undoes a kill.

    Reads that were no outage have a label and no line of their own. The description is for those who do not see the plot.
    """
    plot = _plot("database-primary-loss")
    assert plot.band is not None
    x, width = plot.band
    whole = WIDTH - LEFT - RIGHT
    assert (x, width) == (round(LEFT + whole * 4 / 54, 1), round(whole * 26.4 / 54, 1))
    assert plot.lines[0].label == "fault sent, undone after 26.4 s"
    assert _plot("pod-loss").lines[0].label == "fault sent, gone after 1.3 s"
    lines = {line.kind: line for line in plot.lines}
    assert (lines["reads"].label, lines["reads"].drawn) == ("reads: no outage", False)
    assert (lines["writes"].label, lines["writes"].drawn) == ("writes recovered after 20.71 s ± 0.05 s", True)
    assert plot.description.startswith(
        "From 4 s before the fault to 50 s after it. Reads had no outage under the fault. Writes recovered after 20.71 s."
    )
    assert "requests failed, at most" in plot.description


def test_the_story_is_told_in_order() -> None:
    """Sent, felt, seen, another leader, served again, undone, gone, back home, as before."""
    told = [event.text for event in _events("database-primary-loss") if event.lane != "pods"]
    assert told == [
        "the fault is sent",
        "writes fail",
        "the target shows the fault: postgres-us-east-1-0",
        "database leader: postgres-us-east-1-0 → postgres-eu-west-1-0",
        "postgres-eu-west-1-0: replica → primary",
        "writes recovered",
        "the fault is undone",
        "the target no longer shows the fault",
        "writes fail after the undo, for 4 s",
        "database leader: postgres-eu-west-1-0 → postgres-us-east-1-0",
        "postgres-us-east-1-0: replica → primary",
        "the target is restored",
    ]


def test_a_disaster_tells_what_was_lost_and_what_was_restored() -> None:
    """The oldest lost write as far before the fault as it was acknowledged, with the time since the write before it; then the procedure, and what it says."""
    _, evidence, verdict = no_go()
    attempt = next(one for one in evidence.experiments["database-primary-loss"])
    result = next(one for one in verdict.experiments if one.name == "database-primary-loss")
    sent_ns = attempt.fault.sent_ns or 0
    fault = replace(
        attempt.fault,
        restarted_ns=sent_ns + NS_PER_S,
        restored_ns=sent_ns + 5 * NS_PER_S,
        restored_from="archive/base/3",
    )
    lost = replace(result, loss_window_s=2.0, writes_lost=7)
    told = story(evidence, replace(attempt, domain="members", fault=fault), lost)
    assert [(event.at_s, event.text) for event in told if event.what in {"lost", "restarted", "restored from"}] == [
        (-2.0, "the oldest of 7 lost writes ± 0.028 s"),
        (1.0, "the platform's procedure is started"),
        (5.0, "restored from archive/base/3"),
    ]
    assert oldest_lost(evidence, attempt, result) is None


def test_an_outage_that_came_back_for_a_while_is_told_so() -> None:
    """Two outages of reads: the first end is no recovery."""
    told = [(event.at_s, event.text) for event in _events("region-loss") if event.text.startswith("reads")]
    assert told == [
        (0.06, "reads fail"),
        (2.3, "reads succeed, and fail again later"),
        (3.1, "reads fail"),
        (4.87, "reads recovered"),
    ]


def test_pods_that_change_at_once_are_one_mark_with_a_number() -> None:
    """A region's eleven pods are gone in one second; eight are ready and then three, in the second that follows: one triangle."""
    lanes = {lane.title: lane for lane in _plot("region-loss").lanes}
    assert [(mark.kind, mark.count) for mark in lanes["pods gone"].marks] == [("deleted", 11)]
    assert "11 pods (3 of api-gateway in us-east-1, 2 of user-service in us-east-1" in lanes["pods gone"].marks[0].text
    assert [mark.count for mark in lanes["pods ready"].marks] == [11]


def test_who_led_the_database_is_told_from_end_to_end() -> None:
    """The leader known before the window leads its beginning."""
    _, evidence, _ = no_go()
    leaders = reigns(evidence, ns(245), -4, 50)
    assert [(reign.leader, reign.start_s, reign.end_s) for reign in leaders] == [
        ("postgres-us-east-1-0", -4, 20.42),
        ("postgres-eu-west-1-0", 20.42, 41.8),
        ("postgres-us-east-1-0", 41.8, 50),
    ]


def test_a_fault_that_was_never_sent_has_no_shade_and_no_lines() -> None:
    """And nothing of an empty run is drawn but the axes."""
    _, evidence, judged = no_go()
    attempt = replace(evidence.experiments["pod-loss"][0], fault=FaultWindow(experiment="pod-loss", domain="pod"))
    result = replace(judged.experiments[0], reads=None, writes=None)
    plot = plot_of(Evidence(), attempt, result, ())
    assert (plot.band, plot.lines) == (None, ())
    assert [panel.area + panel.bars + panel.curve for panel in plot.panels] == ["", ""]
    assert plot.description.endswith("0 of 0 requests failed.")
