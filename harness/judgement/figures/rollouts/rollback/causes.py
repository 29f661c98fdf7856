"""Why a platform took a release back: the metrics of its analyses that failed or could not measure.

An aborted Rollout keeps the text of an analysis. A progress deadline and a person leave the same text, without a cause. So the recorded
AnalysisRuns of the aborted objects are used as well. A metric that could not measure (`Error`, for example while Prometheus is down) found
nothing, so it decides neither for nor against a trigger or a release.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from harness.judgement.figures.rollouts.history import RolloutHistory
from harness.model.observations import RolloutBack
from harness.model.planned.trigger import Signal

_FAILED: Final = "Failed"
_BAD: Final = frozenset({_FAILED, "Error"})
_ASSESSED: Final = re.compile(r'metric "([^"]+)" assessed (\w+)', re.IGNORECASE)
"""Pattern of the metric that ended an AnalysisRun, in its message."""


def other_cause(history: RolloutHistory, signals: Collection[Signal], back: RolloutBack) -> str:
    """Another cause of the rollback than these signals, as a sentence.

    Empty: these signals caused it, or nothing shows the cause.
    A metric with a name that no trigger of the file has may be the metric of any trigger. A rollback by a changed spec names no cause.

    Args:
        history: history of the rollout.
        signals: the signals that the sentence names.
        back: the rollback by the platform.
    """
    triggers = history.plan.triggers
    mine = {one.name for one in triggers if one.signal in signals}
    named = _named(history, back)
    failed, names = {name for name, phase in named if phase == _FAILED}, {name for name, _ in named}
    if failed & mine:
        return ""
    if others := [one.name for one in triggers if one.name in failed - mine]:
        return f"the rollback was caused by {', '.join(others)}"
    if failed and not mine & names:
        return ""
    if names:
        return _for_errors(names - failed)
    if _aborted(history, back):
        return "no metric of an analysis failed, so a progress deadline or a person may have caused the rollback"
    return ""


def unmeasured(history: RolloutHistory, back: RolloutBack) -> str:
    """A sentence that the release was taken back because analyses could not measure.

    Empty: another cause, or no cause is known.
    """
    named = _named(history, back)
    return "" if any(phase == _FAILED for _, phase in named) or not named else _for_errors({name for name, _ in named})


def _for_errors(names: Collection[str]) -> str:
    return f"the rollback was caused by an error of the analysis of {', '.join(sorted(names))}"


def _named(history: RolloutHistory, back: RolloutBack) -> set[tuple[str, str]]:
    """The metrics that failed or could not measure, with their phase, from the recorded analyses and from the text of the abort."""
    said = ((name, phase.capitalize()) for name, phase in _ASSESSED.findall(back.why))
    return {*_ended(history, back), *(one for one in said if one[1] in _BAD)}


def _aborted(history: RolloutHistory, back: RolloutBack) -> frozenset[str]:
    """The objects that were aborted when the rollback began."""
    return frozenset(one.subject for one in history.statuses if one.aborted and one.when_ns <= back.when_ns)


def _ended(history: RolloutHistory, back: RolloutBack) -> Iterator[tuple[str, str]]:
    """The metrics that failed or could not measure, with their phase, in analyses of the aborted objects until the rollback began.

    Runs of earlier rollouts are complete at the first reading of their object. A run that ended badly without a bad metric, such as a run with an
    invalid spec, counts under its own name.
    """
    aborted = _aborted(history, back)
    read_ns: dict[str, int] = {}
    for status in history.statuses:
        read_ns.setdefault(status.subject, status.when_ns)
    earlier = {
        (one.object, one.subject)
        for one in history.analyses
        if one.phase in _BAD and one.when_ns <= read_ns.get(one.object, 0)
    }
    for run in history.analyses:
        mine = run.object in aborted and (run.object, run.subject) not in earlier
        if mine and run.phase in _BAD and run.when_ns <= back.when_ns:
            bad = [one for one in run.metrics if one.get("phase") in _BAD and not one.get("dry_run")]
            yield from ((str(one.get("name", "")), str(one["phase"])) for one in bad)
            if run.phase != _FAILED and not bad:
                yield run.subject, run.phase
