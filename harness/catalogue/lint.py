"""Finds errors in a loaded catalogue: references to unknown requirements, circles, and requirements that cannot fail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from harness.catalogue.values import Catalogue
from harness.model import Form, Requirement
from harness.nearest import hint_with_nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """An error that must be corrected: `at` is `file:line`, `what` and `hint` are one sentence each."""

    at: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        line = f"{self.at}: {self.what}" if self.at else self.what
        return f"{line}\n  hint: {self.hint}" if self.hint else line


def lint(catalogue: Catalogue) -> tuple[Problem, ...]:
    """Every problem of a loaded catalogue, in the order of the files; empty if there is none."""
    problems: list[Problem] = []
    for requirement in catalogue.requirements.values():
        problems += _of_means(catalogue, requirement)
        problems += _of_parts(catalogue, requirement)
    problems += circles(catalogue)
    problems += _of_platform_parts(catalogue)
    problems += _of_documents(catalogue)
    return tuple(problems)


_WORDED: Final = {Form.DERIVED: re.compile(r".* pass(es)?"), Form.ATTESTED: re.compile(r".* vouches for it\b.*")}
"""Patterns of the criteria of derived and attested requirements; other criteria may not match them."""


def _of_means(catalogue: Catalogue, requirement: Requirement) -> Iterator[Problem]:
    """Check that the criterion's wording fits the preferred kind, and that a measured requirement can fail."""
    criterion = requirement.criterion.split(" (interpretation", 1)[0]
    worded = next((form for form, words in _WORDED.items() if words.fullmatch(criterion)), None)
    if worded is not (requirement.form if requirement.form in _WORDED else None):
        yield Problem(
            at=catalogue.where(requirement.id, "kinds"),
            what=f"{requirement.id}: the first kind is {requirement.kinds[0]}, which does not fit the criterion {requirement.criterion!r}",
            hint="the first kind is D for `A, B and C pass`, A for `ROLE vouches for it …`, and another kind for all other criteria",
        )
    if len(set(requirement.kinds)) < len(requirement.kinds):
        yield Problem(at=catalogue.where(requirement.id, "kinds"), what=f"{requirement.id}: a kind is listed twice")
    if requirement.form is Form.MEASURED and not requirement.falsified_by:
        yield Problem(
            at=catalogue.where(requirement.id),
            what=f"{requirement.id}: the key `falsified_by` is missing",
            hint="name there the smallest defect that makes the requirement fail",
        )


def _of_parts(catalogue: Catalogue, requirement: Requirement) -> Iterator[Problem]:
    for part in requirement.parts:
        if part not in catalogue.requirements:
            yield Problem(
                at=catalogue.where(requirement.id, "criterion"),
                what=f"{requirement.id} is derived from {part}, which no file defines",
                hint=hint_with_nearest(part, catalogue.requirements),
            )


def circles(catalogue: Catalogue) -> Iterator[Problem]:
    """Problems for circles of derived requirements, one per circle, at its first requirement."""
    reported: set[str] = set()
    for start in catalogue.requirements:
        circle = _circle(catalogue, start)
        if circle and reported.isdisjoint(circle):
            reported.update(circle)
            what = f"the requirement is derived from itself: {' → '.join((*circle, circle[0]))}"
            yield Problem(at=catalogue.where(start, "criterion"), what=what)


def _circle(catalogue: Catalogue, start: str) -> tuple[str, ...]:
    """The way from a row through its parts back to itself; empty if there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        requirement = catalogue.requirements.get(way[-1])
        for part in requirement.parts if requirement else ():
            if part == start:
                return way
            if part not in seen:
                seen.add(part)
                ways.append((*way, part))
    return ()


def _of_platform_parts(catalogue: Catalogue) -> Iterator[Problem]:
    """Problems for parts that no requirement needs."""
    named = {part.name for requirement in catalogue.requirements.values() for part in requirement.needs}
    for name, place in catalogue.part_places.items():
        if name not in named:
            what = f"no requirement needs the part `{name}`"
            hint = "delete the part, or name it under `needs` of a requirement"
            yield Problem(at=place.of("name"), what=what, hint=hint)


def _of_documents(catalogue: Catalogue) -> Iterator[Problem]:
    """Problems for numbers that are used twice, resolved contradictions, and deviations that name unknown requirements."""
    yield from _twice("contradiction", ((str(entry.id), entry.at) for entry in catalogue.contradictions))
    yield from _twice("interpretation", ((entry.id, entry.at) for entry in catalogue.interpretations))
    yield from _twice("deviation", ((entry.id, entry.at) for entry in catalogue.deviations))
    for contradiction in catalogue.contradictions:
        if not contradiction.stands:
            yield Problem(
                at=contradiction.at,
                what=f"contradiction {contradiction.id} is resolved: {contradiction.comparison}",
                hint="delete the entry, or correct the value that differs from the document",
            )
    for deviation in catalogue.deviations:
        for requirement in deviation.requirements:
            if requirement not in catalogue.requirements:
                yield Problem(
                    at=deviation.at,
                    what=f"deviation {deviation.id} ({deviation.name}) touches {requirement}, which no file defines",
                    hint=hint_with_nearest(requirement, catalogue.requirements),
                )


def _twice(kind: str, numbers: Iterable[tuple[str, str]]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for number, at in numbers:
        first = seen.setdefault(number, at)
        if first != at:
            yield Problem(
                at=at, what=f"{kind} {number} is defined twice: {first}", hint="give one entry another number"
            )
