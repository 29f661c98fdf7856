"""The vocabulary for people: which sentences exist, and what each reads and needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.drivers.check.registry import kind_of
from harness.figures import spec_of
from harness.judgement.figures import Basis
from harness.model import DemandKind, Objective
from harness.steps.grammar import NO_EXPERIMENTS, Reading, read
from harness.steps.search import containing, is_named_otherwise, sentences_about
from harness.steps.template import Template
from harness.steps.templates import TEMPLATES


def vocabulary(text: str = "") -> tuple[Template, ...]:
    """The templates that contain every word of `text`, else those that mean most of it; all of them without a text."""
    exact = containing(text, TEMPLATES)
    if exact and not is_named_otherwise(text):
        return exact
    found = sentences_about(text, TEMPLATES)
    return (*found, *(one for one in exact if one not in found))


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What one sentence means.

    Attributes:
        template: the template that matches it, with its noun. form: with all of its nouns. sentence: as read.
        slots: the value of each slot.
        claims: what must hold, in words; empty where the sentence claims nothing.
        times: each length of time in it, and whether it is scaled.
        needs: traffic, experiments and checks that must run, and keys of the target file that it needs.
        missing: kinds of experiments that it refers to and of which none was written.
    """

    template: Template
    form: Template
    sentence: str
    slots: Mapping[str, str]
    claims: str
    times: tuple[str, ...]
    needs: tuple[str, ...]
    missing: tuple[str, ...]


def explain(sentence: str, experiments: Mapping[str, str] = NO_EXPERIMENTS) -> Explanation:
    """What a sentence reads and needs.

    Raises UsageError with the nearest template when it is unknown.

    Args:
        sentence: as in a feature or a criterion.
        experiments: the known experiments, name → domain.
    """
    reading = read(sentence, experiments)
    return Explanation(
        template=reading.template.alone(reading.sentence),
        form=reading.template,
        sentence=reading.sentence,
        slots=reading.template.match(reading.sentence) or {},
        claims=describe(reading.objective) if reading.objective else "",
        times=tuple(_times(reading.objective)) if reading.objective else (),
        needs=tuple(_needs(reading)),
        missing=reading.missing,
    )


def _times(objective: Objective) -> list[str]:
    kinds = {True: "divided by the target's time scale", False: "not scaled"}
    return [f"{length.name} {length.said}: {kinds[length.scaled]}" for length in objective.lengths(1)]


def _needs(reading: Reading) -> list[str]:
    needs = [demand.key for demand in reading.demands]
    objective = reading.objective
    needs += dict.fromkeys(_keys(reading))
    basis = spec_of(objective.figure).basis if objective is not None else Basis.CHECK
    if basis not in (Basis.CHECK, Basis.REPORT):
        needs.append("traffic, named by a When step")
        needs += [f"experiment {name}" for name in reading.experiments]
        if basis is Basis.EXPERIMENT and reading.selection is None:
            needs.append("the experiments that the scenario runs, named by a When step")
        if basis is Basis.ROLLOUT:
            needs.append("a rollout, named by a When step")
    return needs


def _keys(reading: Reading) -> Iterator[str]:
    """What the checks, the files or the figure of a sentence read of the target file: a key, or how to give what no key of that name gives."""
    for demand in reading.demands:
        if demand.kind == DemandKind.CHECK.value:
            needed = (need.filled(demand.params) for need in kind_of(demand.name).needs)
            yield from (_in_words(need.key, need.lacks and need.hint) for need in needed)
    objective = reading.objective
    if objective is not None:
        own = reading.template.alone(reading.sentence)
        yield from map(_in_words, own.keys({**objective.params, "report": "<report>"}))
        needs = spec_of(objective.figure).needs(objective)
        yield from (_in_words(need.key, need.lacks and need.hint) for need in needs if need.of == "target")


def _in_words(key: str, otherwise: str = "") -> str:
    return otherwise or f"`{key}` of the target file"


def describe(objective: Objective) -> str:
    """An objective in words.

    `response time p95 of every route, below 200 ms, in the steady state`.
    """
    return spec_of(objective.figure).words(objective)
