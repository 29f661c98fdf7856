"""`summary.md`: the decision for a terminal and for the page of a CI job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.model import DecisionOutcome, Outcome
from harness.report.markdown import bullets, plain, table
from harness.report.view.basis import basis
from harness.report.view.digest import closest, rows, unverified
from harness.report.view.experiments import longest_way_back
from harness.report.view.wording import NOT_VERIFIED, NOTHING, counted, figure, found, recovered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model import DoorResult, Evidence, ExperimentResult, Judgement, Plan, WatcherResult
    from harness.report.view.digest import Row


def render_summary(plan: Plan, _evidence: Evidence, judgement: Judgement) -> bytes:
    """The summary as UTF-8: headline, why, what it rests on, requirements, experiments, region doors, watchers, what was not verified."""
    return ("\n\n".join(block for block in _blocks(plan, judgement) if block) + "\n").encode()


def _blocks(plan: Plan, judgement: Judgement) -> Iterable[str]:
    every = rows(plan, judgement)
    yield f"# {plain(judgement.decision.headline)}"
    yield plain(
        f"Release {plan.release} on target {plan.target} ({plan.environment}), profile {plan.profile},"
        f" time scale {plan.time_scale:g}, run {plan.run}."
    )
    yield "## Why"
    yield _why(judgement, every)
    if resting := basis(judgement):
        yield "## What this rests on"
        yield bullets(f"{label}: {plain(text)}" for label, text in resting)
    yield "## Requirements"
    yield requirement_table(every)
    if judgement.experiments:
        yield "## Experiments"
        yield experiment_table(judgement.experiments)
    if judgement.doors:
        yield "## Region doors"
        yield door_table(judgement.doors)
    if judgement.watchers:
        yield "## Watchers"
        yield watcher_table(judgement.watchers)
    yield "## What was not verified"
    lacking = unverified(plan, judgement, every)
    texts = (f"{item.id}: {item.text}" if item.id else item.text for item in lacking)
    yield (
        bullets(map(plain, texts))
        if lacking
        else "Nothing was left out: every requirement of the profile was assessed."
    )


def _why(judgement: Judgement, every: Sequence[Row]) -> str:
    decision = judgement.decision
    if decision.because:
        return bullets(_with_hint(reason.sentence, reason.because.hint) for reason in decision.because)
    if decision.outcome is not DecisionOutcome.GO:
        return "The judge gave no reason."
    passed = f"All {counted(sum(row.gating for row in every), 'gating requirement')} passed."
    near = (plain(f"{row.requirement.id}: {row.of_limit}{_bounds(row)}") for row in closest(every))
    return f"{passed} Closest to their limits:\n\n{bullets(near)}" if closest(every) else passed


def _bounds(row: Row) -> str:
    return f" ({row.telling.bounds})" if row.telling and row.telling.bounds != NOTHING else ""


def _with_hint(reason: str, hint: str) -> str:
    return f"{plain(reason)}\n  hint: {plain(hint)}" if hint else plain(reason)


def requirement_table(every: Sequence[Row]) -> str:
    """Verdict, figure with its bounds, limit, evidence and resolution of each requirement, worst first."""
    return table(
        (
            "Verdict",
            "Requirement",
            "Title",
            "Figure",
            "Low to high",
            "Confidence",
            "Expected",
            "n / needed",
            "Resolution",
        ),
        (
            (
                row.outcome.value,
                row.requirement.id,
                row.requirement.title,
                row.value,
                row.telling.bounds if row.telling else NOTHING,
                (row.telling.confidence if row.telling else "") or NOTHING,
                row.telling.expected if row.telling else NOTHING,
                row.telling.n if row.telling else NOTHING,
                row.telling.resolution if row.telling else NOTHING,
            )
            for row in every
        ),
    )


def experiment_table(experiments: Sequence[ExperimentResult]) -> str:
    """Recovery, loss and restore of each experiment."""
    restored = {True: "as before", False: "not as before", None: "not verified"}
    return table(
        (
            "Experiment",
            "Receipts",
            "Reads back",
            "Writes back",
            "Longest on the way back",
            "Writes lost",
            "Unsure",
            "Afterwards",
        ),
        (
            (
                f"{e.name}, attempt {e.attempt}" if e.attempt > 1 else e.name,
                "complete" if e.verdict is Outcome.PASS else e.reason,
                recovered(e.reads),
                recovered(e.writes),
                longest_way_back(e),
                NOT_VERIFIED if e.writes_lost is None else f"{e.writes_lost} of {e.writes_acknowledged}",
                found(e.writes_unsure),
                restored[e.restore_ok]
                + ("" if e.restored_after_s is None else f" after {figure(e.restored_after_s, 's')}"),
            )
            for e in experiments
        ),
    )


def door_table(doors: Iterable[DoorResult]) -> str:
    """Uptime of each region's own door in the fault-free windows."""
    return table(
        ("Region", "Probes", "Failed", "Uptime", "Seconds out", "Longest outage", "Worst window"),
        (
            (
                door.region,
                str(door.n),
                str(door.failed),
                figure(door.share, "ratio"),
                f"{figure(door.down_s, 's')} of {figure(door.watched_s, 's')}",
                figure(door.longest_s, "s"),
                door.worst or NOTHING,
            )
            for door in doors
        ),
    )


def watcher_table(watchers: Iterable[WatcherResult]) -> str:
    """How often each probed, and where probes are missing."""
    return table(
        ("Watcher", "Spacing", "Probes", "Longest gap", "Blind", "Ended"),
        (
            (
                watcher.name,
                figure(watcher.spacing_ms, "ms"),
                str(watcher.n),
                figure(watcher.longest_gap_ms, "ms"),
                figure(watcher.blind_s, "s"),
                watcher.why or "in order",
            )
            for watcher in watchers
        ),
    )
