"""The words of a figure: a Then sentence that asks for it, written beside its judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.model import Figure, Op, Per


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureSentence:
    """A Then sentence that asks for one figure; `harness.steps.sentences` makes its template and its objective.

    The slots `limit`, `tolerance`, `window`, `quantile`, `users` and `phase` are what their names say; every other slot is a parameter
    of the objective, by its name. Without a `phase` the figure is taken in the steady state, or in the only phase that it has.

    Attributes:
        text: literal but for `<slot>`, `<slot:type>` and `[optional part]`.
        example: a sentence that it matches.
        op: how the figure is compared with the limit; `Op.HOLDS` has no limit.
        about: what is measured, in one sentence; empty: what the docstring of the judge says.
        figure: of a sentence outside a spec; in a spec it is the spec's.
        name: unique; empty: the name of the figure, with dashes.
        per: whether it is of all together, of every route, …
        subject: what it is of; `<region>` is the value of that slot.
        params: parameters that the words fix.
        domains: fault domains of the experiments that it is about; empty: those that the scenario ran.
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
