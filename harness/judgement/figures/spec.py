"""The spec of a figure: its limit, evidence, needs, sample numbers, words and judge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.judgement.figures.sentence import FigureSentence
from harness.judgement.measures import Case
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Objective, Op, Phase
from harness.model.judged.harm import Harm


class Basis(StrEnum):
    """The events that a scenario must run before the figure can be judged."""

    TRAFFIC = "traffic"
    EXPERIMENT = "experiment"
    """Traffic, and at least one experiment during the traffic."""
    ROLLOUT = "rollout"
    """Traffic, and a rollout during the traffic."""
    CHECK = "check"
    """Only the check that the objective itself names."""
    REPORT = "report"
    """Only the load report of another tool that the scenario has read."""
    PLAN = "plan"
    """Nothing: the figure is made from verdicts of other requirements, or from attestations of people, which the plan contains."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """A key of the target file, or an option of the command, that the figure's evidence requires.

    Attributes:
        key: key of the target file or property of the target; option of the command if `of="command"`.
        why: purpose of the key.
        of: `target` or `command`.
        hint: how to provide it; empty: add the key to the target file.
        lacks: what a target without the key lacks; empty: the key.
    """

    key: str
    why: str
    of: str = "target"
    hint: str = ""
    lacks: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """The amount of evidence that a run of the plan collects.

    Attributes:
        requests: number of requests in the fault-free windows; on the route with the fewest requests if the objective is judged by route.
        probes: number of health probes of one region's entry in the fault-free windows.
        journeys: number of journeys in the fault-free windows.
        by_route: whether `requests` is the number on the route with the fewest requests.
        window_s: length of the fault-free window before the faults, in s; 0: there is none.
        users: mean number of journeys in progress at once.
        before_fault_s: time of traffic before the first fault that the objective names, in s; infinite if it names none.
        time_scale: time scale of the target.
        durability: declared durability of the target.
        rates: journeys per second over time, as pairs of seconds since the beginning of the load and rate; empty: a constant rate.
    """

    requests: int
    probes: int
    journeys: int = 0
    by_route: bool = False
    window_s: float = 0.0
    users: float = 0.0
    before_fault_s: float = math.inf
    time_scale: float = 1.0
    durability: str = ""
    rates: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """The sample numbers of a figure, as `readiness plan` prints them.

    Attributes:
        needed: number of samples that are needed.
        planned: number of planned samples.
        tolerated: largest number of failures among the planned samples that still gives a PASS.
        refuting: smallest number of failures that proves a FAIL, if they are independent; clustered failures prove less.
        chances: chance of a PASS if the true value is a tenth, a fifth and half of the limit; empty: not known.
        short: number of planned samples and least number that could decide, if the planned samples cannot; None: they can.
    """

    needed: str
    planned: str
    tolerated: str
    refuting: str
    chances: str
    short: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lack:
    """A missing part of the planned run, without which it cannot decide an objective even on a flawless target.

    Attributes:
        what: the needed amount, and the planned amount, in words.
        window_s: length of the fault-free window that would be sufficient, in s; 0: no length would be.
        grows: whether a plan that may choose the length lengthens the window itself; else a person must, as it costs minutes.
    """

    what: str
    window_s: float = 0.0
    grows: bool = True


def no_numbers(_objective: Objective, _offered: Offered) -> Numbers | None:
    """No sample numbers, for a figure that the number of samples does not decide."""
    return None


def nothing_lacks(_objective: Objective, _offered: Offered) -> Iterable[Lack]:
    """No missing parts, for a figure that needs only samples, window, users and experiments."""
    return ()


def no_needs(_objective: Objective) -> Sequence[Need]:
    """No needs, for a figure that requires no key of the target file or command."""
    return ()


def not_watched(_objective: Objective, _scale: float) -> tuple[float, float]:
    """No minimum time, for a figure that does not require an experiment to be watched for some time."""
    return 0.0, 0.0


_MOST_FOR_ANSWERS_S: Final = 120.0


def seconds_for(answers: int, per_s: float) -> float:
    """Time in s in which a traffic brings so many answers: two minutes at most, however small it is; 0 without traffic."""
    return min(answers / per_s, _MOST_FOR_ANSWERS_S) if per_s else 0.0


def nothing_afterwards(_objective: Objective, _scale: float) -> float:
    """No time, for a figure that needs no traffic between the restore and the next fault."""
    return 0.0


def until_the_limit(objective: Objective, scale: float) -> tuple[float, float]:
    """The limit, as the time for which an experiment is watched if the target does not recover.

    There is no minimum.
    """
    return objective.limit.at_scale(scale).base, 0.0


def described(objective: Objective) -> str:
    """An objective in words: `response time p95 of every route, below 200 ms, in the steady state`."""
    return in_words(objective, _comparison(objective))


def in_words(objective: Objective, comparison: str) -> str:
    """The figure and its scope in words, with the given comparison."""
    words = [_subject(objective), comparison, objective.scope.phase.value]
    if objective.scope.users:
        words.append(f"with {objective.scope.users} users at once")
    if objective.window is not None:
        words.append(f"for {objective.window}")
    words += [f"{key.replace('_', ' ')}: {value}" for key, value in objective.params.items()]
    words += [f"{key}: {value}" for key, value in objective.times.items() if key not in objective.params]
    return ", ".join(words)


def _subject(objective: Objective) -> str:
    words = [objective.figure.value]
    if objective.quantile is not None:
        words.append(f"p{objective.quantile * 100:g}")
    scope = objective.scope
    if scope.operations:
        words.append(f"of {' and '.join(scope.operations)}")
    if scope.subject:
        words.append(f"of {scope.subject}")
    elif scope.per.value != "all together":
        words.append(f"of every {scope.per.value}")
    return " ".join(words)


def _comparison(objective: Objective) -> str:
    if objective.op is Op.WITHIN:
        return f"{objective.limit} ± {objective.tolerance}"
    return f"{objective.op.value.removeprefix('is ')} {objective.limit}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """The full description of one figure for the harness.

    Attributes:
        figure: name of the figure.
        judge: makes the measures of one objective.
        limit: dimension and comparison of the limit; None: the figure is a fact, true or false.
        unit: unit of the measures: ms, s, ratio, or empty for a count.
        basis: events that the scenario must run.
        phases: phases in which the figure can be judged; an objective for any other phase is refused.
        evidence: path prefixes of the files from which it is computed, relative to the run directory.
        needs: keys that the target file or the command must provide.
        numbers: amount of evidence that an objective needs, for the plan.
        lacks: missing parts of a run, apart from samples, window, users and experiments, which `sufficiency` adds for every figure.
        watched: time for which an experiment is watched, in s at a time scale: the longest time without service, and the shortest time.
        afterwards: time of traffic after the restore and before the next fault, in s at a time scale.
        answers_after: number of answers of the traffic that this time must have.
        answers_served: number of answers of the traffic that a kept fault must have while requests are served again.
        left_alone: time for which the harness must not take over a rollback that others began, in s at a time scale.
        awaits: further parts of the target that must recover before a fault is undone, since the figure judges them during the fault.
        rates: probes per second of the watchers, by name, if the usual rates are too low.
        words: describes an objective.
        timed: whether the figure depends on times, or on failures by lateness, both of which a starved machine causes too.
        undisturbed: whether a FAIL in the steady state that a starved machine excuses is judged again without the starved time; the figure must then read
            the samples of a window by `fault_free.judged` only.
        clocked: whether the figure is a length of time that changes if the machine sleeps, but not if it is starved; `timed` includes it.
        moments: time at which a measure was made, if its scope does not show it; empty: time does not matter; None: its scope shows it.
        judges: kind of harm to written data for which this figure fails; measured harm that no claim judges prevents GO.
        sentences: sentences that ask for this figure alone; a sentence of several figures is in `harness.steps.templates`.
    """

    figure: Figure
    judge: Callable[[Case], Iterable[Measure]]
    limit: LimitRule | None
    unit: str
    basis: Basis
    phases: frozenset[Phase]
    evidence: Callable[[Case], Iterable[str]]
    needs: Callable[[Objective], Sequence[Need]] = no_needs
    numbers: Callable[[Objective, Offered], Numbers | None] = no_numbers
    lacks: Callable[[Objective, Offered], Iterable[Lack]] = nothing_lacks
    watched: Callable[[Objective, float], tuple[float, float]] = not_watched
    afterwards: Callable[[Objective, float], float] = nothing_afterwards
    answers_after: int = 0
    answers_served: int = 0
    left_alone: Callable[[Objective, float], float] = nothing_afterwards
    awaits: frozenset[str] = frozenset()
    rates: Mapping[str, float] = field(default_factory=dict)
    words: Callable[[Objective], str] = described
    timed: bool = False
    undisturbed: bool = False
    clocked: bool = False
    moments: Callable[[Case, Measure], Sequence[tuple[int, int]] | None] | None = None
    judges: frozenset[Harm] = frozenset()
    sentences: tuple[FigureSentence, ...] = ()


def until_spec(
    figure: Figure,
    judge: Callable[[Case], Iterable[Measure]],
    evidence: Sequence[str],
    *needs: Need,
    timed: bool = True,
    awaits: frozenset[str] = frozenset(),
    rates: Mapping[str, float] | None = None,
) -> Spec:
    """The spec of a figure whose effect must come within a limit after a fault.

    The experiment is watched for as long as the limit.
    """
    return Spec(
        figure=figure,
        judge=judge,
        limit=LimitRule(dimension="time", ops=ONLY_BELOW),
        unit="s",
        basis=Basis.EXPERIMENT,
        phases=frozenset({Phase.FAULT}),
        evidence=lambda _case: evidence,
        needs=lambda _objective: needs,
        watched=until_the_limit,
        timed=timed,
        awaits=awaits,
        rates=rates or {},
    )
