"""Reads a sentence with the one template that matches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from harness.errors import UsageError
from harness.figures import spec_of
from harness.judgement.figures import Basis
from harness.model import UNFELT, Demand, DemandKind, Objective, Phase, Quantity, untenable
from harness.nearest import nearest
from harness.steps.meaning import Keyword, Selection
from harness.steps.search import sentences_about
from harness.steps.slots import Values
from harness.steps.template import Template
from harness.steps.templates import TEMPLATES

NO_EXPERIMENTS: Final[Mapping[str, str]] = MappingProxyType({})
_WORDS: Final = 3
"""Largest number of words of an invalid value; a longer text counts as another sentence."""
_AT_LEAST: Final = re.compile(
    r"at least <(?P<name>[a-z_]+)(?:(?::count)?>|(?P<share>:ratio)> (?:of (?:the|each) |below ))"
)
"""The slot of a template after `at least`: a number of things, or a share of at most 100 %."""
_INTERPRETATION: Final = re.compile(r"\s*\(interpretation[^()]*\)\s*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The meaning of one sentence, with its experiments resolved.

    Attributes:
        template: template that matched.
        sentence: text in one line, without a trailing interpretation.
        traffic: name of the traffic that must have run; None if the sentence names none.
        selection: experiments that the sentence refers to; None if it refers to none.
        experiments: names of the selected experiments.
        missing: kinds of experiments that the sentence refers to and of which no experiment is known.
        objective: condition of a Then sentence.
        also: check that the sentence asks for as well. parts: names of both, of which a profile may gate on one.
        report: report that the Then steps are about.
        told: data that the platform exposes and that must have been read under the traffic, such as `metrics`; empty: none.
        rollout: name of the rollout that must have run under the traffic; empty if the sentence names none.
    """

    template: Template
    sentence: str
    traffic: str | None
    selection: Selection | None
    experiments: tuple[str, ...]
    missing: tuple[str, ...]
    objective: Objective | None
    also: Objective | None = None
    parts: tuple[str, ...] = ()
    report: Mapping[str, str] = field(default_factory=dict)
    told: str = ""
    rollout: str = ""

    @property
    def keyword(self) -> Keyword:
        """The keyword that the sentence must follow."""
        return self.template.keyword

    @property
    def demands(self) -> tuple[Demand, ...]:
        """The demands of this sentence alone."""
        demands = []
        if self.traffic is not None:
            demands.append(Demand(kind=DemandKind.TRAFFIC, name=self.traffic))
            if self.told:
                rollout = {"rollout": self.rollout} if self.rollout else {}
                params = {"traffic": self.traffic, **rollout}
                demands.append(Demand(kind=DemandKind.EXPOSE, name=self.told, params=params))
            if self.rollout:
                demands.append(Demand(kind=DemandKind.ROLLOUT, name=self.rollout, params={"traffic": self.traffic}))
            for name in self.experiments:
                params = {"traffic": self.traffic}
                demands.append(Demand(kind=DemandKind.EXPERIMENT, name=name, params=params))
        for objective in (self.objective, self.also):
            demands += demands_of(objective) if objective is not None else ()
        return tuple(demands)


def demands_of(objective: Objective) -> tuple[Demand, ...]:
    """The demand whose driver reads the facts of an objective; empty if the objective is judged on other evidence."""
    if spec_of(objective.figure).basis not in (Basis.CHECK, Basis.REPORT):
        return ()
    return (Demand(kind=objective.demand, name=objective.check, params=dict(objective.params)),)


def bare(sentence: str) -> str:
    """A sentence in one line, without a trailing `(interpretation…)`."""
    return _INTERPRETATION.sub("", " ".join(sentence.split()))


def reads(sentence: str) -> bool:
    """Whether any template matches the sentence."""
    return bool(_known(bare(sentence)))


def read(
    sentence: str, experiments: Mapping[str, str] = NO_EXPERIMENTS, *, templates: Sequence[Template] = TEMPLATES
) -> Reading:
    """Read a sentence.

    Args:
        sentence: text of a step or a criterion.
        experiments: name of each known experiment → its domain; `every … experiment` selects among them.
        templates: templates of all sentences.

    Raises:
        UsageError: no template matches (the hint names the nearest), or more than one matches.
    """
    text = bare(sentence)
    matches = _known(text) if templates is TEMPLATES else _matching(text, templates)
    if not matches:
        misfit = _misfit(text, templates)
        raise misfit or UsageError(f"unknown sentence {text!r}", hint=_nearest_template(text, templates))
    if len(matches) > 1:
        names = " and ".join(repr(template.plain) for template, _ in matches)
        raise UsageError(f"two templates match {text!r}: {names}", hint="change or remove one of the templates")
    template, slots = matches[0]
    own = template.alone(text)
    if why := _beyond(own.text, slots):
        raise UsageError(f"{text!r} can never {why}", hint=f"for example: {own.example}")
    meaning = own.mean(slots)
    selection = meaning.selection
    reading = Reading(
        template=template,
        sentence=text,
        told=meaning.told,
        rollout=meaning.rollout,
        traffic=meaning.traffic,
        selection=selection,
        experiments=selection.among(experiments) if selection else (),
        missing=selection.missing_among(experiments) if selection else (),
        objective=None,
        report=meaning.report,
    )
    if meaning.objective is None:
        return reading
    if why := _refused(meaning.objective):
        raise UsageError(f"{text!r} can never be evaluated: {why}", hint=f"for example: {own.example}")
    also = _located(meaning.also, reading) if meaning.also is not None else None
    return replace(reading, objective=_located(meaning.objective, reading), also=also, parts=meaning.parts)


def _matching(text: str, templates: Sequence[Template]) -> tuple[tuple[Template, Values], ...]:
    """Every template that reads the text, with the values of its slots."""
    return tuple((template, slots) for template in templates if (slots := template.match(text)) is not None)


@lru_cache(maxsize=8192)
def _known(text: str) -> tuple[tuple[Template, Values], ...]:
    """Every template of the vocabulary that matches the text, cached.

    Lint, collection and catalogue read a sentence several times each.
    """
    return _matching(text, TEMPLATES)


def _beyond(text: str, slots: Mapping[str, str]) -> str:
    """The reason if a number after `at least` is 0 or over 100 %, so that the sentence decides nothing; else empty."""
    for found in _AT_LEAST.finditer(text):
        value = slots.get(found["name"], "")
        if value.isdecimal() and not int(value):
            return "fail: nothing is less than 0"
        if found["share"] and value and Quantity.parse(value).base > 1:
            return f"be evaluated: the limit of {value} is over 100 %"
    return ""


def _refused(objective: Objective) -> str:
    """Why no run could support the objective; empty when one could."""
    spec, phase = spec_of(objective.figure), objective.scope.phase
    if phase not in spec.phases:
        judged = " or ".join(sorted(each.value for each in spec.phases))
        return f"the {objective.figure.value} is judged {judged}, not {phase.value}"
    return untenable(objective, spec.limit)


def _located(objective: Objective, reading: Reading) -> Objective:
    """The objective with the experiments that the sentence selects."""
    scope = replace(
        objective.scope,
        experiments=reading.experiments,
        missing_experiments=reading.missing,
        domains=reading.selection.domains if reading.selection else (),
    )
    return replace(objective, scope=scope, sentence=reading.sentence)


def _misfit(text: str, templates: Sequence[Template]) -> UsageError | None:
    """An error that names the values in the wrong form, if all other words match a template; None if no template is that close.

    If several templates are that close, the template with the fewest wrong values is named.
    """
    misfits = [(one, wrong) for template in templates for one in template.each if (wrong := one.misfits(text))]
    misfits = [found for found in misfits if all(len(value.split()) <= _WORDS for value in found[1].values())]
    if not misfits:
        return None
    template, wrong = min(misfits, key=lambda found: sum(map(len, found[1].values())))
    slots = template.slots
    said = "; ".join(
        f"{value!r} is not a valid <{name}>, expected {slots[name].about}" for name, value in wrong.items()
    )
    hint = f"did you mean `{template.plain}`, for example: {template.example}"
    return UsageError(f"unknown sentence {text!r}: {said}", hint=hint)


def _nearest_template(text: str, templates: Sequence[Template]) -> str:
    """A hint with the template that means most of the sentence, and whose words or example are most similar to it."""
    named = sentences_about(text, templates) or templates
    alike = {form: one for template in named for one in template.each for form in (one.example, one.plain)}
    found = nearest(text, alike) or (next(iter(alike)) if named is not templates else None)
    if found is None:
        return "`readiness steps` lists all sentences"
    return f"did you mean `{alike[found].plain}`, for example: {alike[found].example}"


def compare(then: Objective, criterion: Objective) -> list[str]:
    """The differences between a Then sentence and its criterion, in words; empty if they agree.

    Figure, operator, values and subject must be equal. Experiments are not compared, since a scenario may run fewer of them. A criterion
    about the steady state may also be claimed after a switch, which is the steady state of the new release.
    """
    after_switch = then.scope.phase is Phase.SWITCHED and criterion.scope.phase is Phase.STEADY
    compared = replace(then, scope=replace(then.scope, phase=Phase.STEADY)) if after_switch else then
    if _figure(compared) != _figure(criterion):
        return [f"it is about {_figure(then)}, the criterion is about {_figure(criterion)}"]
    differences = []
    if then.op is not criterion.op:
        differences.append(f"it says {then.op.value!r}, the criterion {criterion.op.value!r}")
    given, expected = _values(then), _values(criterion)
    for name in dict.fromkeys((*given, *expected)):
        mine, theirs = given.get(name), expected.get(name)
        if mine is None or theirs is None or not mine.same_as(theirs):
            differences.append(f"{name} {mine or 'not given'}, the criterion says {theirs or 'none'}")
        elif mine.scaled is not theirs.scaled:
            scaled = ("is", "is not") if mine.scaled else ("is not", "is")
            differences.append(f"{name} {mine} {scaled[0]} scaled in the step, and {scaled[1]} scaled in the criterion")
    if then.scope.users != criterion.scope.users:
        differences.append(f"{then.scope.users} simultaneous users, the criterion says {criterion.scope.users}")
    # what no request feels is over as soon as it begins
    unfelt = {UNFELT} - {*criterion.params}
    for name in sorted({*then.params, *criterion.params} - {*given, *expected} - unfelt):
        here, there = then.params.get(name, "not given"), criterion.params.get(name, "none")
        if then.params.get(name) != criterion.params.get(name):
            differences.append(f"{name.replace('_', ' ')} {here}, the criterion says {there}")
    return differences


def _values(objective: Objective) -> dict[str, Quantity]:
    """The quantities in the sentence, by name."""
    named = {
        "limit": objective.limit,
        "tolerance": objective.tolerance,
        "older than": objective.older_than,
        "window": objective.window,
        **objective.times,
    }
    return {name: value for name, value in named.items() if value is not None}


def _figure(objective: Objective) -> str:
    """The figure and its scope in words.

    An example is `response time p95 of every route in the steady state`.
    """
    words = [objective.check or objective.figure.value]
    if objective.quantile is not None:
        words.append(f"p{objective.quantile * 100:g}")
    if objective.scope.operations:
        words.append(f"of {' and '.join(objective.scope.operations)}")
    if objective.scope.subject:
        words.append(f"of {objective.scope.subject}")
    elif objective.scope.per.value != "all together":
        words.append(f"of every {objective.scope.per.value}")
    return " ".join((*words, objective.scope.phase.value))
