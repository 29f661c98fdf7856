"""Why a platform took a release back: which metrics of its analyses ended badly, or none of them.

An aborted Rollout keeps the text of an analysis; a progress deadline and a person leave the same text, without a cause. So the recorded
AnalysisRuns of the aborted objects tell it, beside that text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from harness.judgement.figures.rollouts.history import RolloutHistory
from harness.model.observations import RolloutBack
from harness.model.trigger import Signal

_FAILED: Final = "Failed"
_BAD: Final = frozenset({_FAILED, "Error"})
_ASSESSED: Final = re.compile(r'metric "([^"]+)" assessed (\w+)', re.IGNORECASE)
"""As the message of a run names the metric that ended it."""


def other_cause(history: RolloutHistory, signals: Collection[Signal], back: RolloutBack, *, proof: bool = False) -> str:
    """What took the release back in place of these signals: `for errors`; empty: they did, or it may be told from nothing.

    A metric that no trigger of the file is named like may be that of any of them. A spec that others set back names no cause.

    Args:
        history: of the rollout.
        signals: that the sentence speaks of.
        back: by the platform.
        proof: whether an analysis of theirs must have found the condition; one that could not measure (`Error`) did not.
    """
    triggers = history.plan.triggers
    mine = {one.name for one in triggers if one.signal in signals}
    named = {*_failed(history, back), *((name, phase.capitalize()) for name, phase in _ASSESSED.findall(back.why))}
    own = {phase for name, phase in named if name in mine}
    if _FAILED in own or (own and not proof):
        return ""
    names = {name for name, _ in named}
    if others := [one.name for one in triggers if one.name in names - mine]:
        return f"for {', '.join(others)}"
    if own:
        return f"for an error of the analysis of {', '.join(sorted(mine & names))}"
    if _aborted(history, back) and not names:
        return "no metric of an analysis failed: a progress deadline or a person may have aborted it"
    return ""


def _aborted(history: RolloutHistory, back: RolloutBack) -> frozenset[str]:
    """The objects that were aborted when the way back began."""
    return frozenset(one.subject for one in history.statuses if one.aborted and one.when_ns <= back.when_ns)


def _failed(history: RolloutHistory, back: RolloutBack) -> Iterator[tuple[str, str]]:
    """The metrics that ended badly, each with its phase, in analyses of the aborted objects until the way back began.

    Runs of earlier rollouts are complete at the first reading of their object.
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
            for metric in run.metrics:
                if metric.get("phase") in _BAD and not metric.get("dry_run"):
                    yield str(metric.get("name", "")), str(metric["phase"])
