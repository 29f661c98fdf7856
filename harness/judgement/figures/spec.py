"""What the harness must know of a figure, in one value: its limit, evidence, means, numbers, words and judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.judgement.measures import Case
from harness.model import Figure, LimitRule, Measure, Objective, Op, Phase


class Basis(StrEnum):
    """What a scenario must have done before the figure can be judged."""

    TRAFFIC = "traffic"
    EXPERIMENT = "experiment"
    """Traffic, and at least one experiment under it."""
    CHECK = "check"
    """Nothing but the check that the sentence itself asks for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Something without which the figure has no evidence.

    Attributes:
        key: of the target file, or of the command for `of="command"`.
        why: what it is for.
        of: `target` or `command`.
        hint: how to provide it; empty: add the key to the target file.
    """

    key: str
    why: str
    of: str = "target"
    hint: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """How much evidence a run of the plan collects.

    Attributes:
        requests: in the fault-free windows; of the smallest route where the objective is judged by route.
        probes: health probes of one door in the fault-free windows.
        journeys: in the fault-free windows.
        by_route: whether `requests` is the smallest route's.
    """

    requests: int
    probes: int
    journeys: int = 0
    by_route: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """What `readiness plan` prints of a figure.

    Attributes:
        needed: samples needed. planned: samples planned. tolerated: failures that those tolerate.
        chances: chance of a PASS where the truth is a tenth, a fifth and half of the limit; `not known` where nothing is said.
    """

    needed: str
    planned: str
    tolerated: str
    chances: str


def no_numbers(_objective: Objective, _offered: Offered) -> Numbers | None:
    """The number of samples does not decide this figure."""
    return None


def no_needs(_objective: Objective) -> Sequence[Need]:
    """Every target has the means for this figure."""
    return ()


def not_watched(_objective: Objective, _scale: float) -> tuple[float, float]:
    """The figure does not ask for an experiment to be watched for any length of time."""
    return 0.0, 0.0


def described(objective: Objective) -> str:
    """An objective in words: `response time p95 of every route, below 200 ms, in the steady state`."""
    return in_words(objective, _comparison(objective))


def in_words(objective: Objective, comparison: str) -> str:
    """The figure and its scope in words, with a comparison in the figure's own words."""
    words = [_subject(objective), comparison, objective.scope.phase.value]
    if objective.scope.users:
        words.append(f"with {objective.scope.users} users at once")
    if objective.window is not None:
        words.append(f"for {objective.window}")
    words += [f"{key.replace('_', ' ')}: {value}" for key, value in objective.params.items()]
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
    """A figure.

    Attributes:
        figure: its name.
        judge: makes the measures of one objective.
        limit: what its limit is and how it is compared; None: a fact that holds or does not.
        unit: of its measures: ms, s, ratio, or empty for a count.
        basis: what the scenario must have done.
        phases: when it can be judged; a sentence about any other phase is refused.
        evidence: beginnings of the paths, relative to the run directory, of the files it is made from.
        needs: what the target file or the command must provide.
        numbers: how much evidence an objective takes, for the plan.
        watched: how long an experiment must be watched for it: at most, while nothing is served, and at least; in s at a time scale.
        words: an objective in words.
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
    watched: Callable[[Objective, float], tuple[float, float]] = not_watched
    words: Callable[[Objective], str] = described
