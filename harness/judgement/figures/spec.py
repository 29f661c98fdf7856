"""The spec of a figure: its limit, evidence, needs, sample numbers, words and judge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from harness.judgement.figures.sentence import FigureSentence
from harness.judgement.measures import Case
from harness.model import ONLY_BELOW, Figure, LimitRule, Measure, Objective, Op, Phase
from harness.model.judged.harm import Harm


class Basis(StrEnum):
    """What a scenario must run before the figure can be judged."""

    TRAFFIC = "traffic"
    EXPERIMENT = "experiment"
    """Traffic, and at least one experiment under it."""
    ROLLOUT = "rollout"
    """Traffic, and a rollout under it."""
    CHECK = "check"
    """Only the check that the objective itself names."""
    PLAN = "plan"
    """Nothing: the figure is made from verdicts of other requirements, or from attestations of people, which the plan contains."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """A key of the target file or command that the figure's evidence requires.

    Attributes:
        key: of the target (a key of its file or a property of it), or of the command if `of="command"`.
        why: the purpose of the key.
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
    """How much evidence a run of the plan collects.

    Attributes:
        requests: in the fault-free windows; of the smallest route if the objective is judged by route.
        probes: health probes of one region's entry in the fault-free windows.
        journeys: in the fault-free windows.
        by_route: whether `requests` is the smallest route's.
        window_s: length of the fault-free window before the faults; 0: there is none.
        users: journeys in progress at once, on average.
        before_fault_s: seconds of traffic before the first fault that the objective names; infinite if it names none.
        time_scale, durability: of the target.
        rates: journeys per second over time, as (seconds since the load began, per second); empty: always the same.
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
    """What `readiness plan` prints of a figure.

    Attributes:
        needed: samples needed.
        planned: samples planned.
        tolerated: the most failures among the planned samples that still PASS.
        refuting: the fewest failures that prove a FAIL, if they are independent; clustered failures prove less.
        chances: chance of a PASS if the true value is a tenth, a fifth and half of the limit; `not known` if empty.
        short: the number of samples planned and the fewest that could decide, if the planned ones cannot; None: they can.
    """

    needed: str
    planned: str
    tolerated: str
    refuting: str
    chances: str
    short: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lack:
    """What is missing in a run of the planned size, so that it cannot decide an objective even on a flawless target.

    Attributes:
        what: what is needed, and what is planned.
        window_s: length of the fault-free window that would be enough, in s; 0: no length would.
        grows: whether a plan that may choose the length makes the window so long by itself; else a person must, as it costs minutes.
    """

    what: str
    window_s: float = 0.0
    grows: bool = True


def no_numbers(_objective: Objective, _offered: Offered) -> Numbers | None:
    """The number of samples does not decide this figure."""
    return None


def nothing_lacks(_objective: Objective, _offered: Offered) -> Iterable[Lack]:
    """The figure needs nothing beside samples, window, users and experiments."""
    return ()


def no_needs(_objective: Objective) -> Sequence[Need]:
    """The figure needs no key of the target file or command."""
    return ()


def not_watched(_objective: Objective, _scale: float) -> tuple[float, float]:
    """The figure requires no minimum time of watching an experiment."""
    return 0.0, 0.0


def nothing_afterwards(_objective: Objective, _scale: float) -> float:
    """The figure needs no traffic between the restore and the next fault."""
    return 0.0


def until_the_limit(objective: Objective, scale: float) -> tuple[float, float]:
    """An experiment is watched for as long as the limit while the target has not recovered; there is no minimum."""
    return objective.limit.at_scale(scale).base, 0.0


def described(objective: Objective) -> str:
    """An objective in words: `response time p95 of every route, below 200 ms, in the steady state`."""
    return in_words(objective, _comparison(objective))


def in_words(objective: Objective, comparison: str) -> str:
    """The figure and its scope in words, with the comparison that the figure names."""
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
    """Everything that the harness needs to know of one figure.

    Attributes:
        figure: its name.
        judge: makes the measures of one objective.
        limit: dimension and comparison of its limit; None: a fact, true or false.
        unit: of its measures: ms, s, ratio, or empty for a count.
        basis: what the scenario must run.
        phases: phases that it can be judged in; an objective for any other phase is refused.
        evidence: path prefixes, relative to the run directory, of the files it is computed from.
        needs: keys that the target file or the command must provide.
        numbers: amount of evidence that an objective needs, for the plan.
        lacks: what a run lacks beside samples, window, users and experiments, which every figure needs (`sufficiency`).
        watched: how long an experiment is watched, in s at a time scale: the longest time, while nothing is served, and the shortest time.
        afterwards: how long traffic must run on after the restore, before the next fault, in s at a time scale.
        left_alone: how long the harness must leave a rollback to those who began it, as the figure judges it, in s at a time scale.
        awaits: further parts of the target that must be as before until a fault is undone, since the figure judges them during the fault.
        rates: probes per second of watchers that it needs, by name, where those of every run are too few.
        words: describes an objective.
        timed: whether the figure depends on how long things took, or on failures by lateness, which a starved machine causes too.
        undisturbed: whether a FAIL in the steady state that a starved machine excuses is judged again without the time in which the machine was starved;
            the figure must read the samples of a window by `fault_free.judged` only.
        clocked: whether the figure is a length of time that a machine changes by sleeping, but not by being starved; `timed` includes it.
        moments: when a measure was made, if its scope does not say so; empty: time does not matter for this measure; None: as its scope says.
        judges: the harm to written data for which this figure fails; harm that was measured and that no claim judges keeps a release from GO.
        sentences: that ask for this figure alone; a sentence of several figures is in `harness.steps.templates`.
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
    """The spec of a figure whose effect must come within a limit after a fault; the experiment is watched for as long as the limit."""
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
