"""The words of a figure: a Then sentence that asks for it, written beside its judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.model import Figure, Op, Per


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureSentence:
    """A Then sentence that asks for one figure; `harness.steps.sentences` makes its template and its objective.

    The slots `limit`, `tolerance`, `window`, `quantile`, `users` and `phase` set the fields of the objective with these names. Every other slot
    is a parameter of the objective. Without a `phase` the figure is judged in the steady state, or in its only phase.

    Attributes:
        text: the sentence, with `<slot>`, `<slot:type>` and `[optional part]`.
        example: a sentence that matches `text`.
        op: comparison of the figure with the limit; `Op.HOLDS` has no limit.
        about: the measured figure, in one sentence; empty: the docstring of the judge.
        figure: figure of a sentence outside a spec; in a spec it is the figure of the spec.
        name: unique name of the sentence; empty: the name of the figure, with dashes.
        per: scope of the figure: all requests together, every route, …
        subject: subject of the figure; `<region>` is the value of the slot `region`.
        params: fixed parameters of the objective.
        domains: fault domains of the experiments; empty: the experiments that the scenario ran.
    """

    text: str
    example: str
    op: Op
    about: str = ""
    figure: Figure | None = None
    name: str = ""
    per: Per = Per.ALL
    subject: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    domains: tuple[str, ...] = ()
