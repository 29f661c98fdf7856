"""All figures: the harness's own, and those that packages and the project add; the judge is given them.

A package of its own adds a figure by an entry point of the group `readiness.figures` whose value is a `Spec`.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from harness.errors import UsageError
from harness.judgement.figures import FIGURES, Spec, spec_in
from harness.plugins import loaded, place_of, plugins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.model import Figure, Plan

GROUP: Final = "readiness.figures"


def spec_of(figure: Figure) -> Spec:
    """The spec of a figure, the harness's own or that of an installed package.

    Raises:
        UsageError: no figure has this name, or the package that names it cannot be loaded.
    """
    return FIGURES.get(figure) or spec_in({**FIGURES, **installed()}, figure)


def is_known(figure: Figure) -> bool:
    """Whether a figure is the harness's own, or that of an installed package or of the project that the command is called in.

    Raises:
        UsageError: a package or the project names one that cannot be loaded.
    """
    return figure in FIGURES or figure in installed()


def figures_of(plan: Plan) -> Mapping[Figure, Spec]:
    """The figures that a plan is judged by; those of packages and the project are loaded only where it names one.

    Raises:
        UsageError: one that a package or the project names cannot be loaded.
    """
    named = {objective.figure for claim in plan.claims for objective in claim.objectives}
    return FIGURES if named <= FIGURES.keys() else {**FIGURES, **installed()}


@cache
def installed() -> Mapping[Figure, Spec]:
    """The figures of installed packages and of the project that the command is called in.

    Raises:
        UsageError: one cannot be loaded, is not a `Spec`, or has the name of another one.
    """
    found: dict[Figure, Spec] = {}
    for entry in plugins(group=GROUP):
        where = place_of(entry)
        spec = loaded(entry, "the figure")
        if not isinstance(spec, Spec):
            raise UsageError(
                "the figure's value is not a Spec", where=where, hint="name a `harness.judgement.figures.Spec`"
            )
        if spec.figure in FIGURES or found.setdefault(spec.figure, spec) is not spec:
            raise UsageError(f"two figures are named {spec.figure.value!r}", where=where, hint="rename one of them")
    return MappingProxyType(found)
