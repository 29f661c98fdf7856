"""The steps of a rollout: their order, their lengths, and whether each had a verdict before the next step began."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from harness.judgement.figures.rollouts.history import (
    AGAIN,
    RolloutHistory,
    StepTaken,
    concluded,
    ended_receipt,
    files_of,
    load_of,
    rollout_spec,
    scope_of,
    untold,
)
from harness.judgement.figures.rollouts.rollback.empty import NO_VALUE, NO_WORDS, has_values, of_nothing
from harness.judgement.figures.rollouts.stays import Stay, may_hide, stays_of
from harness.judgement.measures import Case
from harness.judgement.receipts.watch import SHARE_OF_LIMIT
from harness.judgement.shapes.amount import Amount, amount
from harness.judgement.shapes.every import Gap
from harness.judgement.wording import formatted
from harness.model import Figure, Length, LimitRule, Measure, Op, Receipt
from harness.model.observations import RolloutAnalysis
from harness.model.planned.rollout import ReversedBy, percent, taken_back_words
from harness.units import NS_PER_S

_SUCCESSFUL: Final = "Successful"
_NOT_PASSED: Final = frozenset({"Failed", "Error", "Inconclusive"})
_POINTS: Final = 0.05
"""Allowed difference between the reported share and the share of the step: the widest tolerance of AT-CAN-STEP-5, -25 and -50."""
_METHOD: Final = "the share that every object reports, read five times a second"


def orders(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """Whether the rollout, and each of its objects, took the steps of the sentence in their order.

    An object that reports another share than the share of the step, such as `setWeight: 12` instead of 5, was not at the step.
    """
    expected = tuple(case.objective.params["steps"].split())
    stays = stays_of(history)
    paths = {subject: tuple(percent(stay.share) for stay in own) for subject, own in stays.items()}
    possible = {
        subject: tuple(percent(one) for stay in own for one in (*stay.hidden, stay.share))
        for subject, own in stays.items()
    }
    whole = history.plan.name
    paths = {whole: tuple(percent(step.share) for step in history.steps), **paths}
    possible[whole] = tuple(percent(one) for step in _with_hidden(history) for one in step)
    wrong = [who for who, path in paths.items() if not _begins(expected, path) and not _begins(expected, possible[who])]
    beside = [stay for own in stays.values() for stay in own if round(abs(stay.given - stay.share), 9) > _POINTS]
    early = [who for who, path in paths.items() if path != expected]
    who = next(iter([*wrong, *early, whole]))
    said = f"{who} took the steps {_listed(paths[who])} of the users, expected {_listed(expected)}"
    if beside and not wrong:
        stay = beside[0]
        said = f"{stay.subject} gave the candidate {percent(stay.given)} % at the {stay.name} step, expected {stay.name} ± {100 * _POINTS:g} points"
    others = "the other steps were not recorded, or the rollout was taken back before them" if early else ""
    receipts = {"restore": ended_receipt(history)}
    yield concluded(case, len(wrong) + len(beside), said, receipts, Gap(others, AGAIN), method=_METHOD)


def _begins(expected: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return path == expected[: len(path)]


def _with_hidden(history: RolloutHistory) -> Iterable[tuple[float, ...]]:
    """Each step of the rollout, after the steps that may be hidden because two readings were too far apart."""
    before = 0.0
    for step in history.steps:
        yield (*may_hide(history.plan.steps, before, step.share, step.since_ns, step.at_ns), step.share)
        before = step.share


def lengths(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """One measure: the shortest stay of an object at a step.

    The rollout file names the scale of the dwell time.
    """
    limit_s = case.objective.limit.base / (history.plan.dwell_scale or 1.0)
    steps, paths = history.plan.steps, stays_of(history)
    own = {subject: [stay for stay in stays if _counts(stay, history, limit_s)] for subject, stays in paths.items()}
    ended = [stay for stays in own.values() for stay in stays if stay.share]
    lacking = [subject for subject, stays in own.items() if {*steps} - {stay.share for stay in stays}]
    shortest = min(ended, key=lambda stay: stay.most_s, default=None)
    if shortest is None or (lacking and shortest.most_s >= limit_s):
        text = f"{len(history.steps)} of {len(steps)} steps were recorded{_lacking(lacking[0], paths, history) if lacking else ''}"
        yield untold(case, text)
        return
    seconds = (shortest.left_ns - shortest.came_ns) / NS_PER_S
    short_s = max((limit_s - stay.least_s for stay in ended if stay.least_s < limit_s <= stay.most_s), default=0.0)
    scale = f"{case.objective.limit} ({limit_s:g} s at dwell scale {history.plan.dwell_scale:g})"
    found = Amount(
        low=shortest.least_s,
        high=shortest.most_s,
        lenient=True,  # `_closely` decides whether it was read often enough
        shows=True,
        value=seconds,
        text=f"the shortest step, {shortest.name} of {shortest.subject}, lasted {formatted(seconds, 's')}",
        expected=f"at least {scale}",
        limit=limit_s,
        unit="s",
        scope=scope_of(case),
        receipts={"restore": ended_receipt(history), "watch": _closely(short_s, limit_s)},
        method=_METHOD,
        files=files_of(case),
        resolution=shortest.resolution_s,
    )
    used = Length(name="limit", said=str(case.objective.limit), scaled=True, used_s=limit_s)
    yield replace(amount(case, found), times=(used,))


def _counts(stay: Stay, history: RolloutHistory, limit_s: float) -> bool:
    """Whether the rollout itself ended this step. A rollback ends no step, except the last planned step by hand or after its time."""
    if stay.next_share is not None:
        return True
    over = history.back is None or history.back.by == ReversedBy.HAND or stay.least_s >= limit_s
    return over and stay.share == history.plan.steps[-1]


def _lacking(subject: str, paths: Mapping[str, Sequence[Stay]], history: RolloutHistory) -> str:
    """The missing part for an object that was not at each step for its time, in words."""
    missed = {*history.plan.steps} - {stay.share for stay in paths[subject]}
    if missed or history.back is None:
        return f", and {subject} did not take all of them"
    return f", and {subject} was {taken_back_words(history.back.by)} before its last step was over ({history.back.why})"


def _closely(short_s: float, limit_s: float) -> Receipt:
    """Whether the steps were read often enough: between its readings, a step may have been too short by at most a tenth of the limit."""
    if not short_s:
        return Receipt(ok=True, why="the beginning and the end of each step are known precisely enough")
    why = f"the time between two readings is so long that a step may have been {formatted(short_s, 's')} too short"
    close = short_s <= SHARE_OF_LIMIT * limit_s
    return Receipt(ok=close, why=why if close else f"{why}, expected at most a tenth of the limit")


def verdicts(case: Case, history: RolloutHistory) -> Iterable[Measure]:
    """One measure: an analysis of every object passed in each step before that object took the next step.

    An analysis that was ended early is Successful whatever it measured, so an analysis without a measurement is no verdict. Three kinds of steps are
    undecided: the candidate gave no answer, the analysis read no value (for example of a metric that is not exported), or one metric read no value
    although its condition does not allow for that.
    """
    paths = stays_of(history)
    went_on = [stay for own in paths.values() for stay in own if stay.next_share is not None]
    went_on = [stay for stay in went_on if 0 < stay.share < (stay.next_share or 0)]
    missed = [
        (subject, step, next((stay for stay in own if step.share in stay.hidden), None))
        for step, _ in pairwise(history.steps)
        for subject, own in paths.items()
        if step.share not in {stay.share for stay in own}
    ]
    left_out = [(subject, step.name) for subject, step, hidden in missed if not hidden]
    unread = [(subject, step.name, hidden.unread_s) for subject, step, hidden in missed if hidden]
    passed = [(stay, _passed(history, stay)) for stay in went_on]
    without = [*((stay.subject, stay.name) for stay, runs in passed if not runs), *left_out]
    empty = [(stay, runs[0].subject) for stay, runs in passed if runs and not any(has_values(run) for run in runs)]
    unfed = [(stay, of_nothing(runs)) for stay, runs in passed if of_nothing(runs)]
    silent = [step.name for step in history.steps if not _answers(case, history, step)]
    steps, n = len(history.steps), len(went_on)
    text = f"each of {steps - 1} steps of {len(paths)} objects had a verdict before the next step"
    if without:
        subject, step = without[0]
        text = f"{subject} went on from {step} without a verdict ({len(without)} of {n + len(left_out)})"
    nothing = f"the candidate gave no answer at {', '.join(silent)}, so there was nothing to analyse" if silent else ""
    few = f"{steps} of {len(history.plan.steps)} steps of {len(paths)} objects were recorded, expected all steps of at least one object"
    gaps = [(nothing, AGAIN)]
    gaps += [
        (
            f"{stay.subject} went on from {stay.name} after an analysis without any value ({run}; {len(empty)} of {n}), so it is unknown whether anything was analysed",
            NO_VALUE,
        )
        for stay, run in empty[:1]
    ]
    gaps += [
        (
            f"{stay.subject} went on from {stay.name} after an analysis whose metric {metric} read no value ({len(unfed)} of {n}); its condition does not allow for that, so the metric decided nothing",
            NO_WORDS,
        )
        for stay, metric in unfed[:1]
    ]
    gaps += [
        (
            f"{subject} was not read at {step}, as two readings were {formatted(apart_s, 's')} apart, so it is unknown whether it went on without a verdict",
            AGAIN,
        )
        for subject, step, apart_s in unread[:1]
    ]
    gaps += [(few, AGAIN)] if not paths or steps < max(len(history.plan.steps), 2) else []
    yield concluded(
        case,
        len(without),
        text,
        {"load": load_of(case), "restore": ended_receipt(history)},
        *(Gap(why, hint, alone=True) for why, hint in gaps),
        excuse=Gap(nothing, AGAIN, alone=True),
        method="the AnalysisRuns of every object",
        n=len(history.analyses),
    )


def _passed(history: RolloutHistory, stay: Stay) -> list[RolloutAnalysis]:
    """The analyses of the object that began at the step and passed before the object was at the next step; empty if one of them did not pass.

    If both name a step number of the object, the number of the analysis must be lower than the number at which the object was first read after the
    step. An analysis that reports success although one of its metrics did not succeed has not passed.
    """
    last: dict[str, RolloutAnalysis] = {}
    first: dict[str, int] = {}
    for one in history.analyses:
        if one.object == stay.subject and one.when_ns <= stay.left_ns:
            last[one.subject] = one
            first.setdefault(one.subject, one.when_ns)
    mine = [
        one
        for run, one in last.items()
        if one.type == "Step"
        and first[run] >= stay.came_since_ns
        and (one.step is None or stay.left_step is None or one.step < stay.left_step)
    ]
    if any(one.phase in _NOT_PASSED for one in mine):
        return []
    return [one for one in mine if one.phase == _SUCCESSFUL and one.measured > 0 and not _of_bad_metrics(one)]


def _of_bad_metrics(run: RolloutAnalysis) -> bool:
    """Whether a metric that counts did not pass, whatever the analysis reports."""
    return any(one.get("phase") in _NOT_PASSED for one in run.metrics if not one.get("dry_run"))


def _answers(case: Case, history: RolloutHistory, step: StepTaken) -> int:
    """Number of answers of the candidate to requests that were due in the step."""
    rows = history.samples(case.evidence, case.objective.scope.traffic, step.at_ns, step.left_ns)
    return int(rows.words["release"].equals(history.plan.candidate).sum())


def _listed(shares: tuple[str, ...]) -> str:
    return ", ".join(f"{share} %" for share in shares) or "no step"


ORDER: Final = rollout_spec(Figure.ROLLOUT_STEPS, orders)
LENGTH: Final = rollout_spec(
    Figure.STEP_LENGTH,
    lengths,
    limit=LimitRule(dimension="time", ops=frozenset({Op.AT_LEAST})),
    unit="s",
    clocked=True,
)
VERDICT: Final = rollout_spec(Figure.STEP_VERDICT, verdicts)
