"""The harness's own figures: one file per figure with its spec, its judge and its words.

`harness.figures` adds figures of packages and the project.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from harness.errors import UsageError
from harness.judgement.figures.sentence import FigureSentence
from harness.judgement.figures.spec import Basis, Lack, Need, Numbers, Offered, Spec
from harness.model import Figure
from harness.modules import modules_below, values_in
from harness.nearest import nearest

__all__ = [
    "FIGURES",
    "Basis",
    "FigureSentence",
    "Lack",
    "Need",
    "Numbers",
    "Offered",
    "Spec",
    "spec_in",
]

FIGURES: Final[Mapping[Figure, Spec]] = MappingProxyType(
    {spec.figure: spec for _, _, spec in values_in(modules_below(sys.modules[__name__]), Spec)}
)
"""The harness's own figures: every `Spec` in a module below this package."""


def spec_in(figures: Mapping[Figure, Spec], figure: Figure) -> Spec:
    """The spec of a figure.

    Args:
        figures: all figures, the harness's own and the figures of packages and the project.
        figure: name of the figure.

    Raises:
        UsageError: there is no figure with this name.
    """
    if figure not in figures:
        where = "a figure is a `Spec` in a module of `claims`, or named under `figures` of [tool.harness.plugins]"
        near = nearest(figure.value, (one.value for one in figures))
        hint = (
            f"did you mean `{near}`? Otherwise {where}"
            if near
            else f"{where}; known figures: {', '.join(sorted(figures))}"
        )
        raise UsageError(f"unknown figure {figure.value!r}", hint=hint)
    return figures[figure]
