"""The sentences that specs of figures have: their templates, and the objectives that they mean."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from harness.errors import ConfigurationError
from harness.judgement.figures import FigureSentence, Spec
from harness.model import Op, Phase
from harness.steps.meaning import Keyword, Meaning
from harness.steps.objectives import measured
from harness.steps.slots import Values, require_types, slots_of
from harness.steps.template import Template

_KNOWN: Final = frozenset({"limit", "tolerance", "window", "quantile", "users", "phase"})
"""Slots that an objective has a field for; the others are parameters of the figure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedTemplate:
    """The template of a figure's sentence, and where the sentence is written."""

    template: Template
    where: str

    @property
    def name(self) -> str:
        """Of the template."""
        return self.template.name

    @property
    def text(self) -> str:
        """Of the template."""
        return self.template.text

    @property
    def example(self) -> str:
        """Of the template."""
        return self.template.example


def templates_of_figures(said: Iterable[tuple[FigureSentence, Spec, str]]) -> tuple[PlacedTemplate, ...]:
    """The templates of sentences, each given with its spec and its place.

    Raises:
        ConfigurationError: a slot has a type that there is not, or the limit is in the wrong place; with file and line.
    """
    return tuple(PlacedTemplate(template=_template_of(one, spec, where), where=where) for one, spec, where in said)


def _template_of(sentence: FigureSentence, spec: Spec, where: str) -> Template:
    require_types(sentence.text, where)
    slots = slots_of(sentence.text)
    if ("limit" in slots) is (sentence.op is Op.HOLDS):
        what = f"the sentence {sentence.text!r} {'has' if 'limit' in slots else 'lacks'} a limit, and its `op` is `{sentence.op.value}`"
        hint = "write the limit as a slot, as `<limit:ratio>`; only a sentence that compares nothing leaves it out"
        raise ConfigurationError(what, where=where, hint=hint)
    about = sentence.about or _docstring_of(spec.judge)
    if not about:
        hint = "write `about`, or a docstring on the judge"
        raise ConfigurationError("nothing says what the sentence measures", where=where, hint=hint)
    return Template(
        name=sentence.name or re.sub(r"[^a-z0-9]+", "-", spec.figure.value.lower()).strip("-"),
        keyword=Keyword.THEN,
        text=sentence.text,
        about=about,
        example=sentence.example,
        mean=_meaning_of(sentence, spec),
    )


def _docstring_of(judge: Callable[..., object]) -> str:
    """The first paragraph of what a judge says of itself; of a `partial`, of its function."""
    own = getattr(judge, "func", judge)
    return " ".join(inspect.cleandoc(own.__doc__ or "").partition("\n\n")[0].split())


def _meaning_of(sentence: FigureSentence, spec: Spec) -> Callable[[Values], Meaning]:
    """The meaning of the sentence: each slot that the objective has no field for is a parameter, and a length of time besides."""
    usual = (
        Phase.STEADY if Phase.STEADY in spec.phases or len(spec.phases) > 1 else min(spec.phases, default=Phase.STEADY)
    )
    used = {*_KNOWN, sentence.subject.strip("<>")}
    own = {name: slot for name, slot in slots_of(sentence.text).items() if name not in used}
    return measured(
        spec.figure,
        sentence.op,
        params={**sentence.params, **{name: f"<{name}>" for name in own}},
        phase=usual,
        per=sentence.per,
        subject=sentence.subject,
        domains=sentence.domains,
        times={name: name for name, slot in own.items() if slot.is_time},
    )
