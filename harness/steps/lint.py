"""Finds errors in feature files before a run.

pytest-bdd reports success for some of these errors: of two scenarios with one name it keeps the last, a scenario without steps passes,
and an Outline without rows runs once with its placeholders as text.
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
    """Every problem of a feature file, in the order of its lines; empty if all scenarios compile.

    Args:
        path: path of the `.feature` file.
        catalogue: catalogue with the requirements and criteria.
        experiments: name of each experiment of the project → its domain.
        root: directory to which places in messages are relative; by default the working directory.
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
        yield Problem(at=f"{file}:1", what="the feature has no scenario", hint="write a scenario, or delete the file")
    first: dict[str, int] = {}
    for template in templates:
        line = template.location.line
        if not template.name.strip():
            yield Problem(
                at=f"{file}:{line}",
                what="the scenario has no name",
                hint="name in a few words the condition that must be met",
            )
        elif template.name in first:
            what = f"two scenarios have the name {template.name!r}, the first in line {first[template.name]}"
            yield Problem(at=f"{file}:{line}", what=what, hint="rename one scenario")
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
            hint = "correct the spelling of its keyword, or of the `Scenario:` above it"
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
        yield Problem(at=at, what=what, hint="add a Then step, or delete the scenario")
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
            what = f"the row is equal to line {seen[cells]}"
            yield Problem(at=f"{file}:{line}", what=what, hint="delete one row")
        seen.setdefault(cells, line)


def _of_titles(scenarios: Iterable[Scenario]) -> Iterator[Problem]:
    """Two scenarios of a file with the same title: rows of two Outlines can have one, and a title identifies a scenario."""
    first: dict[str, Scenario] = {}
    for scenario in scenarios:
        other = first.setdefault(scenario.id, scenario)
        if (other.template, other.row) != (scenario.template, scenario.row):
            what = f"two scenarios have the title {scenario.title!r}, the first in line {other.line}"
            yield Problem(at=scenario.at, what=what, hint="rename one scenario")


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
            what = f"the scenario is only for profile {name}, which does not have its requirement"
            hint = f"add {', '.join(scenario.requirements)} to the profile, or delete the tag `@profile-{name}`"
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
