"""Reads the scenarios of a feature file; an Outline becomes one scenario per row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

from pytest_bdd.exceptions import GherkinParseError
from pytest_bdd.gherkin_parser import get_gherkin_document

from harness.errors import ConfigurationError
from harness.files import bundled
from harness.model import Scenario, Step
from harness.steps.grammar import reads

_PLACEHOLDER: Final = re.compile(r"<([^<>]+)>")
_MARK: Final = "\ufeff"
_KEYWORDS: Final = {"Context": "given", "Action": "when", "Outcome": "then"}


def read_document(path: Path, root: Path) -> Any:
    """The Gherkin document of a file, as pytest-bdd parses it; raises ConfigurationError if it cannot be parsed."""
    at = partial(shown, path, root)  # for a message: to find it takes longer than to read the file
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the file cannot be read: {error.strerror}", where=at()) from error
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        what = f"the byte {body[error.start]:#04x} is not UTF-8 text"
        raise ConfigurationError(what, where=f"{at()}:{line}", hint="save the file as UTF-8") from error
    if text.startswith(_MARK):
        hint = "save the file as UTF-8 without a byte order mark"
        raise ConfigurationError("the file begins with a byte order mark", where=f"{at()}:1", hint=hint)
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        raise ConfigurationError(
            "the file contains no Feature", where=f"{at()}:1", hint="write a Feature, or delete the file"
        )
    try:
        return _parsed(str(path), text)
    except GherkinParseError as error:
        what = f"{error.message} ({error.line_content.strip()!r})"
        raise ConfigurationError(what, where=f"{at()}:{error.line}", hint="see the Gherkin reference") from error


@lru_cache(maxsize=512)
def _parsed(path: str, _text: str) -> Any:
    """The parsed file, cached: lint and collection read it several times.

    It is parsed again when its text has changed.
    """
    return get_gherkin_document(path)


def read_feature(path: Path, root: Path | None = None) -> tuple[Scenario, ...]:
    """The scenarios of a feature file, in order.

    Paths are shown relative to `root`, by default the working directory. Steps that the project defines for pytest-bdd are left out. A
    scenario with such steps only, and without a requirement, is left out as well: it is a test of the project.

    Raises:
        ConfigurationError: the file cannot be read or is not Gherkin, a step of the harness has a data table or a doc string, or a
            `conftest.py` cannot be imported.
    """
    base = root or Path.cwd()
    document = read_document(path, base)

    def ours(scenario: Scenario) -> Scenario | None:
        kept = tuple(step for step in scenario.steps if reads(step.text) or not _own(step, path, base))
        return replace(scenario, steps=kept) if kept or scenario.requirements or not scenario.steps else None

    found = (ours(scenario) for scenario in _scenarios(document.feature, shown(path, base)))
    return tuple(scenario for scenario in found if scenario is not None)


def _own(step: Step, path: Path, root: Path) -> bool:
    from harness.steps.own import is_own_step  # pytest-bdd's registry: for features with such steps alone

    return is_own_step(step.keyword, step.text, path, root)


def shown(path: Path, root: Path) -> str:
    """A path as plans and messages show it, relative to the project or to the package; other paths are not changed.

    A run that was recorded on another machine therefore has equal names.
    """
    real, linked, package = path.resolve(), path.absolute(), bundled("features").parent.resolve()
    for absolute, base in ((real, root.resolve()), (real, package), (linked, root.absolute())):
        if absolute.is_relative_to(base):
            return absolute.relative_to(base).as_posix()
    return path.as_posix()


def children(feature: Any) -> Iterator[tuple[Any, list[Any], list[str]]]:
    """Each scenario of a feature and of its Rules, with its Background steps and tags."""
    yield from _children(feature, [], [])


def _children(parent: Any, steps: Sequence[Any], tags: Sequence[str]) -> Iterator[tuple[Any, list[Any], list[str]]]:
    own_tags = [*tags, *(tag.name.lstrip("@") for tag in parent.tags)]
    background = [step for child in parent.children if child.background for step in child.background.steps]
    own_steps = [*steps, *background]
    for child in parent.children:
        if child.rule:
            yield from _children(child.rule, own_steps, own_tags)
        elif child.scenario:
            yield child.scenario, own_steps, own_tags


def steps_of(parent: Any) -> Iterator[Any]:
    """Every step of a feature as written, including steps of Backgrounds and Rules."""
    for child in parent.children:
        if child.rule:
            yield from steps_of(child.rule)
        else:
            yield from (child.background or child.scenario).steps


def _scenarios(feature: Any, file: str) -> Iterator[Scenario]:
    for scenario, background, tags in children(feature):
        own = [*(tag.name.lstrip("@") for tag in scenario.tags), *tags]
        steps = [*background, *scenario.steps]
        for line, row, row_tags in rows(scenario) or [(scenario.location.line, {}, ())]:
            yield Scenario(
                file=file,
                line=line,
                name=_rendered(scenario.name, row),
                template=scenario.name,
                tags=tuple(dict.fromkeys((*own, *row_tags))),
                row=row,
                steps=tuple(_steps(steps, row, file)),
            )


def rows(scenario: Any) -> list[tuple[int, dict[str, str], tuple[str, ...]]]:
    """The rows of all Examples of an Outline: line, cells by column, tags of the table."""
    return [
        (
            row.location.line,
            {head.value: cell.value for head, cell in zip(table.table_header.cells, row.cells, strict=True)},
            tuple(tag.name.lstrip("@") for tag in table.tags),
        )
        for table in scenario.examples
        if table.table_header
        for row in table.table_body or ()
    ]


def _steps(steps: Sequence[Any], row: Mapping[str, str], file: str) -> Iterator[Step]:
    keyword = "given"
    for step in steps:
        keyword, text = _KEYWORDS.get(step.keyword_type, keyword), _rendered(step.text, row)
        below = step.datatable or step.docstring
        if below is not None and reads(text):
            kind, hint = (
                ("data table", "delete the table, and write one step for each row")
                if step.datatable
                else ("doc string", "delete the doc string")
            )
            what = f"the {kind} under {text!r} would be ignored"
            raise ConfigurationError(what, where=f"{file}:{below.location.line}", hint=hint)
        yield Step(keyword=keyword, text=text, at=f"{file}:{step.location.line}")


def _rendered(text: str, row: Mapping[str, str]) -> str:
    """Text with `<column>` filled in; an unknown column is left as it is, as pytest-bdd does."""
    return _PLACEHOLDER.sub(lambda found: row.get(found[1], found[0]), text)
