"""Finds what is wrong with a feature file before anything runs.

pytest-bdd reports success for several of these mistakes: it keeps the last of two scenarios of one name, passes a scenario without
steps, and runs an Outline without rows once, its placeholders as text.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gherkin.dialect import Dialect

from harness.catalogue import Catalogue, Problem
from harness.errors import UsageError
from harness.model import Scenario
from harness.nearest import hint_with_nearest
from harness.steps.compile import compile_scenario, read_step, requirement_of
from harness.steps.feature import children, read_document, read_feature, rows, shown, steps_of
from harness.steps.grammar import reads


def lint_feature(
    path: Path, catalogue: Catalogue, experiments: Mapping[str, str], root: Path | None = None
) -> tuple[Problem, ...]:
    """Every problem of a feature file, in the order of its lines.

    Empty when all its scenarios compile.

    Args:
        path: of the `.feature` file.
        catalogue: the catalogue with the requirement ids and criteria.
        experiments: the project's experiments, name → domain.
        root: what the places in messages are relative to (default: the working directory).
    """
    base = root or Path.cwd()
    try:
        document = read_document(path, base)
    except UsageError as error:
        return (_problem(error),)
    file = shown(path, base)
    templates = [scenario for scenario, _, _ in children(document.feature)]
    problems = [*_of_feature(templates, file), *_of_description(document.feature, path, file)]
    for template in templates:
        problems += _of_outline(template, file)
    try:
        scenarios = read_feature(path, base)
    except UsageError as error:
        return (*problems, _problem(error))
    problems += _of_titles(scenarios)
    written = {template.name for template in templates if template.steps}
    for scenario in scenarios:
        problems += _of_scenario(scenario, catalogue, experiments, written)
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda problem: _line(problem.at)))


def lint_features(
    paths: Iterable[Path], catalogue: Catalogue, experiments: Mapping[str, str], root: Path | None = None
) -> tuple[Problem, ...]:
    """The problems of several feature files."""
    return tuple(problem for path in paths for problem in lint_feature(path, catalogue, experiments, root))


def _line(at: str) -> int:
    number = at.rpartition(":")[2]
    return int(number) if number.isdigit() else 0


def _problem(error: UsageError) -> Problem:
    return Problem(at=error.where, what=error.what, hint=error.hint)


def _of_feature(templates: list[Any], file: str) -> Iterator[Problem]:
    """Problems of a feature: it has no scenario, or two scenarios with the same name.

    `pytest-bdd` keeps scenarios by name and loses the earlier one.
    """
    if not templates:
        yield Problem(at=f"{file}:1", what="the feature has no scenario", hint="write one, or delete the file")
    first: dict[str, int] = {}
    for template in templates:
        line = template.location.line
        if not template.name.strip():
            yield Problem(
                at=f"{file}:{line}", what="the scenario has no name", hint="say in a few words what must hold"
            )
        elif template.name in first:
            what = f"the scenario {template.name!r} has the name of another one in line {first[template.name]}"
            yield Problem(at=f"{file}:{line}", what=what, hint="give it a name of its own")
        first.setdefault(template.name, line)


def _of_description(feature: Any, path: Path, file: str) -> Iterator[Problem]:
    """Refuse steps that Gherkin reads as description and that are never run.

    They are below a misspelt `Scenario:`, or their keyword is not spelt as in Gherkin, such as `then`.
    """
    steps = [*steps_of(feature)]
    read = {step.location.line for step in steps}
    for text in (step.docstring for step in steps if step.docstring):
        read |= {*range(text.location.line, text.location.line + len(text.content.splitlines()) + 2)}
    begins = _keywords(feature.language)
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        found = begins.match(line) if number not in read else None
        if found and reads(line[found.end() :]):
            what = f"the step {line.strip()!r} is part of a description and is never run"
            hint = "write its keyword as Gherkin has it, and the one of the `Scenario:` above it"
            yield Problem(at=f"{file}:{number}", what=what, hint=hint)


def _keywords(language: str) -> re.Pattern[str]:
    """A pattern of the step keywords in English and in the language of the file, in any spelling of capitals."""
    known = [one for name in ("en", language) if (one := Dialect.for_name(name)) is not None]
    groups = [
        words
        for one in known
        for words in (one.given_keywords, one.when_keywords, one.then_keywords, one.and_keywords, one.but_keywords)
    ]
    words = {word.strip() for group in groups for word in group}
    return re.compile(rf"\s*(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})[\s:]*", re.IGNORECASE)


def _of_outline(template: Any, file: str) -> Iterator[Problem]:
    at = f"{file}:{template.location.line}"
    if not any(step.keyword_type == "Outcome" for step in template.steps):
        what = f"the scenario {template.name!r} has no Then step"
        yield Problem(at=at, what=what, hint="say what must hold, or delete it")
    if "outline" in template.keyword.casefold() and not template.examples:
        yield Problem(at=at, what=f"the Outline {template.name!r} has no Examples", hint="add a table of Examples")
    for table in template.examples:
        at_table = f"{file}:{table.location.line}"
        if not table.table_body:
            yield Problem(at=at_table, what="the Examples have no row", hint="add a row, or delete the table")
        if table.tags:
            what = f"a tag on Examples: {', '.join(tag.name for tag in table.tags)}"
            yield Problem(at=at_table, what=what, hint="tag the scenario, or use a column `requirement`")
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    for line, row, _ in rows(template):
        cells = tuple(sorted(row.items()))
        if cells in seen:
            what = f"the row says the same as line {seen[cells]}"
            yield Problem(at=f"{file}:{line}", what=what, hint="delete one of the two")
        seen.setdefault(cells, line)


def _of_titles(scenarios: Iterable[Scenario]) -> Iterator[Problem]:
    """Two scenarios of a file with the same title: rows of two Outlines can have one, and a title identifies a scenario."""
    first: dict[str, Scenario] = {}
    for scenario in scenarios:
        other = first.setdefault(scenario.id, scenario)
        if (other.template, other.row) != (scenario.template, scenario.row):
            what = f"the scenario {scenario.title!r} has the title of another one in line {other.line}"
            yield Problem(at=scenario.at, what=what, hint="give one of the two another name")


def _of_scenario(
    scenario: Scenario, catalogue: Catalogue, experiments: Mapping[str, str], written: Container[str]
) -> Iterator[Problem]:
    """Problems of one scenario; `written`: names of the scenarios that have steps, also if these are only the project's own."""
    ids = [*_of_ids(scenario, catalogue), *_of_profiles(scenario, catalogue)]
    steps = [*_of_steps(scenario, experiments)]
    yield from (*ids, *steps)
    claims = any(step.keyword == "then" for step in scenario.steps)
    if not ids and not steps and (claims or (not scenario.steps and scenario.template in written)):
        parts = {
            kinds for rows in catalogue.in_part.values() if (kinds := rows.get(requirement_of(scenario, catalogue)))
        }
        try:
            for kinds in ((), *sorted(parts)):
                compile_scenario(scenario, catalogue, experiments, kinds)
        except UsageError as error:
            yield Problem(at=error.where or scenario.at, what=error.what, hint=error.hint)


def _of_ids(scenario: Scenario, catalogue: Catalogue) -> Iterator[Problem]:
    try:
        requirement_of(scenario, catalogue)
    except UsageError as error:
        yield _problem(error)


def _of_profiles(scenario: Scenario, catalogue: Catalogue) -> Iterator[Problem]:
    """Problems of `@profile-…` tags: the profile does not exist or does not have the requirement, so the scenario would never count."""
    for name in scenario.profiles:
        if not set(scenario.requirements) <= set(catalogue.profiles.get(name, ())):
            what = f"the scenario counts in profile {name} alone, which does not have its requirement"
            hint = f"add {', '.join(scenario.requirements)} to the profile, or leave the tag `@profile-{name}` out"
            if name not in catalogue.profiles:
                what, hint = f"no profile is named {name!r}", hint_with_nearest(name, catalogue.profiles)
            yield Problem(at=scenario.at, what=what, hint=hint)


def _of_steps(scenario: Scenario, experiments: Mapping[str, str]) -> Iterator[Problem]:
    """One problem per step that cannot be read."""
    for step in scenario.steps:
        try:
            read_step(step, experiments)
        except UsageError as error:
            yield _problem(error)
