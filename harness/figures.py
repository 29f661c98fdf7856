"""All figures: the figures of the harness, of installed packages and of the project.

A package of its own adds a figure by an entry point of the group `readiness.figures` whose value is a `Spec`, a project by a `Spec` in a module
of its `claims`.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from harness.errors import UsageError
from harness.judgement.figures import FIGURES, FigureSentence, Spec, spec_in
from harness.plugins import loaded, place_of, plugins, values_in_claims

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.model import Figure, Plan

GROUP: Final = "readiness.figures"


def spec_of(figure: Figure) -> Spec:
    """The spec of a figure, of the harness or of an installed package.

    Raises:
        UsageError: no figure has this name, or the package that names it cannot be loaded.
    """
    return FIGURES.get(figure) or spec_in({**FIGURES, **installed()}, figure)


def is_known(figure: Figure) -> bool:
    """Whether a figure is defined by the harness, an installed package, or the project around the working directory.

    Raises:
        UsageError: a figure of a package or of the project cannot be loaded.
    """
    return figure in FIGURES or figure in installed()


def figures_of(plan: Plan) -> Mapping[Figure, Spec]:
    """The figures by which a plan is judged; figures of packages and the project are loaded only if the plan names one.

    Raises:
        UsageError: a figure of a package or of the project cannot be loaded.
    """
    named = {objective.figure for claim in plan.claims for objective in claim.objectives}
    return FIGURES if named <= FIGURES.keys() else {**FIGURES, **installed()}


@cache
def installed() -> Mapping[Figure, Spec]:
    """The figures of installed packages and of the project around the working directory.

    Raises:
        UsageError: a figure cannot be loaded, is not a `Spec`, or has the name of another figure.
    """
    found: dict[Figure, Spec] = {}
    for spec, where in _given():
        if spec.figure in FIGURES or found.setdefault(spec.figure, spec) is not spec:
            raise UsageError(f"two figures have the name {spec.figure.value!r}", where=where, hint="rename one figure")
    return MappingProxyType(found)


def sentences() -> tuple[tuple[FigureSentence, Spec, str], ...]:
    """The sentences in the specs of packages and the project, and those that modules of its `claims` have beside; each with its spec and its place.

    Raises:
        UsageError: a figure cannot be loaded, or a sentence names one that there is not.
    """
    in_specs = [(one, spec, where) for spec, where in _given() for one in spec.sentences]
    beside = [
        (one, _named(one, where), where)
        for one, where in values_in_claims(FigureSentence)
        if one not in [sentence for sentence, _, _ in in_specs]
    ]
    return (*in_specs, *beside)


def _named(sentence: FigureSentence, where: str) -> Spec:
    if sentence.figure is None:
        hint = "write `figure=Figure(NAME)`, or put the sentence under `sentences` of a `Spec`"
        raise UsageError("the sentence names no figure", where=where, hint=hint)
    try:
        return spec_of(sentence.figure)
    except UsageError as error:
        raise UsageError(error.what, where=where, hint=error.hint) from error


def _given() -> tuple[tuple[Spec, str], ...]:
    """The specs that entry points and the project's lines and modules give, each with its place."""
    found: list[tuple[Spec, str]] = []
    for entry in plugins(group=GROUP):
        where = place_of(entry)
        spec = loaded(entry, "the figure")
        if not isinstance(spec, Spec):
            raise UsageError(
                "the figure's value is not a Spec", where=where, hint="name a `harness.judgement.figures.Spec`"
            )
        found.append((spec, where))
    named = {id(spec) for spec, _ in found}
    return (*found, *((spec, where) for spec, where in values_in_claims(Spec) if id(spec) not in named))
