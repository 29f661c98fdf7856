"""`summary.md`: the decision for a terminal and for the page of a CI job. Its length is limited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.model import DecisionOutcome, Outcome
from harness.report.markdown import bullets, plain, table
from harness.report.view.basis import basis
from harness.report.view.causes import cause_head, causes, deciding_sentence, decisive, good_sentences
from harness.report.view.digest import closest, rows, unverified
from harness.report.view.experiments import longest_way_back
from harness.report.view.sections import documents
from harness.report.view.tables import document_tables
from harness.report.view.wording import MARKS, NOT_VERIFIED, NOTHING, figure, found, recovered
from harness.report.view.worst import WORST_HEADS, worst_by_figure
from harness.words import counted, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model import DoorResult, Evidence, ExperimentResult, Judgement, Plan, WatcherResult
    from harness.report.view.causes import Cause
    from harness.report.view.digest import Row
    from harness.report.view.sections import DocumentRows

_TO_WORK_ON: Final = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.WAIVED)
_MOST_ROWS: Final = 40
"""Maximum number of table rows. With more requirements the table has only those that neither passed nor wait for something."""
_MOST_REASONS: Final = 20
_MOST_CAUSES: Final = 20
_MOST_IDS: Final = 6
_MOST_FIGURES: Final = 10
"""Maximum number of failed figures whose worst requests are listed."""


def render_summary(plan: Plan, _evidence: Evidence, judgement: Judgement) -> bytes:
    """The summary of a run as UTF-8 Markdown."""
    return ("\n\n".join(block for block in _blocks(plan, judgement) if block) + "\n").encode()


def _blocks(plan: Plan, judgement: Judgement) -> Iterable[str]:
    every = rows(plan, judgement)
    yield f"# {plain(judgement.decision.headline)}"
    yield plain(
        f"Release {plan.release} on target {plan.target} ({plan.environment}), profile {plan.profile},"
        f" time scale {plan.time_scale:g}, {f'{plan.traffic_scaled}, ' if plan.traffic_scaled else ''}run {plan.run}."
    )
    yield plain(deciding_sentence(judgement, every))
    yield "## Why"
    yield _why(judgement, every)
    if resting := basis(judgement):
        yield "## Basis of the decision"
        yield bullets(f"{label}: {plain(text)}" for label, text in resting)
    yield "## Requirements"
    yield from _requirements(plan, every)
    for one in document_tables(plan, every):
        yield f"## {plain(one.title)}"
        yield table(one.heads, one.cells)
    if missing := causes(every):
        yield "## Missing evidence and how to get it"
        yield _capped([_missing(cause) for cause in missing], _MOST_CAUSES, "cause")
    yield from _worst(every)
    if judgement.experiments:
        yield "## Experiments"
        yield experiment_table(judgement.experiments)
    if judgement.doors:
        yield "## Regions' own entries"
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
        else "Everything else was verified."
        if missing
        else "Every requirement of the profile was assessed."
    )


def _requirements(plan: Plan, every: Sequence[Row]) -> Iterable[str]:
    """A table of all rows; of many, the counts of each document, and a table of those to work on."""
    if len(every) <= _MOST_ROWS:
        yield requirement_table(every)
        return
    yield document_table(documents(plan, every))
    bad = [row for row in every if row.outcome in _TO_WORK_ON]
    if bad:
        yield requirement_table(bad[:_MOST_ROWS])
    if len(bad) > _MOST_ROWS:
        yield f"{len(bad) - _MOST_ROWS} more of these requirements and all other requirements are in `readiness.html`."
    elif len(bad) < len(every):
        yield "Every other requirement is in `readiness.html`."


def _worst(every: Sequence[Row]) -> Iterable[str]:
    """The requests that took longest of each failed figure, with their trace ids."""
    found = [(row.requirement.id, *one) for row in every for one in worst_by_figure(row.verdict).items()]
    if found:
        yield "## Requests that took longest, of each failed figure"
        for requirement, of, requests in found[:_MOST_FIGURES]:
            yield f"{plain(f'{requirement}, {of}')}\n\n{table(WORST_HEADS, requests)}"
    if len(found) > _MOST_FIGURES:
        yield f"{counted(len(found) - _MOST_FIGURES, 'more figure')}: see `worst_requests` in `verdict.json`."


def _missing(cause: Cause) -> str:
    ids = some([row.requirement.id for row in cause.every], _MOST_IDS)
    return _with_hint(f"{cause_head(cause)}, {cause.outcome.value}: {cause.text} ({ids})", cause.hint)


def _capped(lines: Sequence[str], most: int, what: str) -> str:
    rest = [f"and {counted(len(lines) - most, f'more {what}')}"] if len(lines) > most else []
    return bullets([*lines[:most], *rest])


def _why(judgement: Judgement, every: Sequence[Row]) -> str:
    decision = judgement.decision
    if decision.because:
        every_reason = decisive(decision.because)
        waiting = 0
        if len(decision.because) > _MOST_REASONS:  # the rows that wait are listed by cause, further down
            waiting = sum(reason.outcome is Outcome.NOT_ASSESSED for reason in decision.because)
            every_reason = tuple(reason for reason in every_reason if reason.outcome is not Outcome.NOT_ASSESSED)
        lines = [_with_hint(reason.sentence, reason.because.hint) for reason in every_reason]
        last = [f"{counted(waiting, 'gating requirement')} NOT ASSESSED"] if waiting else []
        return "\n".join(filter(None, [_capped(lines, _MOST_REASONS, "reason"), bullets(last)]))
    if decision.outcome is not DecisionOutcome.GO:
        return "The judge gave no reason."
    near = (plain(f"{row.requirement.id}: {row.of_limit}{_bounds(row)}") for row in closest(every))
    closest_ones = [f"Closest to their limits:\n\n{bullets(near)}"] if closest(every) else []
    return "\n\n".join([*closest_ones, " ".join(map(plain, good_sentences(every)))])


def _bounds(row: Row) -> str:
    return f" ({row.telling.bounds})" if row.telling and row.telling.bounds != NOTHING else ""


def _with_hint(reason: str, hint: str) -> str:
    return f"{plain(reason)}\n  hint: {plain(hint)}" if hint else plain(reason)


def document_table(parts: Iterable[DocumentRows]) -> str:
    """A table with the number of requirements by document and verdict, worst first."""
    return table(
        ("Document", *(outcome.value for outcome in MARKS), "All"),
        (
            (
                part.name,
                *(str(part.counts[outcome]) if outcome in part.counts else NOTHING for outcome in MARKS),
                str(len(part.rows)),
            )
            for part in parts
        ),
    )


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
    restored = {True: "restored", False: "not restored", None: "not verified"}
    return table(
        (
            "Experiment",
            "Receipts",
            "Recovery of reads",
            "Recovery of writes",
            "Longest outage after the undo",
            "Writes lost",
            "Writes of unknown outcome",
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
    """Uptime of each region's own entry in the fault-free windows."""
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
    """Table of the watchers: number of probes, and time without probes."""
    return table(
        ("Watcher", "Spacing", "Probes", "Longest gap", "Without probes", "Ended"),
        (
            (
                watcher.name,
                figure(watcher.spacing_ms, "ms"),
                str(watcher.n),
                figure(watcher.longest_gap_ms, "ms"),
                figure(watcher.blind_s, "s"),
                watcher.why or "normally",
            )
            for watcher in watchers
        ),
    )
