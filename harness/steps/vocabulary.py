"""The vocabulary for people: what can be said, and what a sentence reads and needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.model import Figure, Objective, Op
from harness.steps.grammar import NO_EXPERIMENTS, Reading, read
from harness.steps.template import Template
from harness.steps.templates import TEMPLATES


def vocabulary(text: str = "") -> tuple[Template, ...]:
    """The templates that hold every word of `text`, in their text, name, explanation or example; all without it."""
    words = text.casefold().split()
    return tuple(template for template in TEMPLATES if all(word in _searched(template) for word in words))


def _searched(template: Template) -> str:
    return f"{template.name} {template.plain} {template.about} {template.example}".casefold()


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What one sentence means.

    Attributes:
        template: that reads it. sentence: as read.
        slots: what stands in each slot.
        claims: what must hold, in words; empty where the sentence claims nothing.
        needs: what must be done for it: traffic, experiments, checks.
        missing: kinds of experiments that it speaks of and nobody has written.
    """

    template: Template
    sentence: str
    slots: Mapping[str, str]
    claims: str
    needs: tuple[str, ...]
    missing: tuple[str, ...]


def explain(sentence: str, experiments: Mapping[str, str] = NO_EXPERIMENTS) -> Explanation:
    """What a sentence reads and needs; raises UsageError with the nearest template when it is none.

    Args:
        sentence: as in a feature or a criterion.
        experiments: the known experiments, name → domain.
    """
    reading = read(sentence, experiments)
    return Explanation(
        template=reading.template,
        sentence=reading.sentence,
        slots=reading.template.match(reading.sentence) or {},
        claims=describe(reading.objective) if reading.objective else "",
        needs=tuple(_needs(reading)),
        missing=reading.missing,
    )


def _needs(reading: Reading) -> list[str]:
    needs = [demand.key for demand in reading.demands]
    objective = reading.objective
    if objective is not None and objective.figure is not Figure.CHECK:
        needs.append("traffic, named by a When step")
        needs += [f"experiment {name}" for name in reading.experiments]
        if objective.figure in (Figure.RECOVERY, Figure.LOST_WRITES) and reading.selection is None:
            needs.append("the experiments that the scenario runs, named by a When step")
    return needs


def describe(objective: Objective) -> str:
    """An objective in words: `response time p95 of every route, below 200 ms, in the steady state`."""
    if objective.figure is Figure.CHECK:
        params = ", ".join(f"{key} {value}" for key, value in objective.params.items())
        return f"check {objective.check}{f' ({params})' if params else ''} holds on the live target"
    words = [_subject(objective), _comparison(objective), objective.scope.phase.value]
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
    if objective.figure is Figure.LOST_WRITES:
        excused = f" older than {objective.older_than}" if objective.older_than else ""
        return f"no acknowledged write{excused} is missing"
    if objective.op is Op.WITHIN:
        return f"{objective.limit} ± {objective.tolerance}"
    return f"{objective.op.value.removeprefix('is ')} {objective.limit}"
