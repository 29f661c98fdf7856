"""A feature file as its scenarios, Outlines written out row by row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_bdd.exceptions import GherkinParseError
from pytest_bdd.gherkin_parser import get_gherkin_document

from harness.catalogue import Catalogue
from harness.errors import ConfigurationError
from harness.steps.compile import Step

REQUIREMENT_COLUMN: Final = "requirement"
_ID: Final = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+")
_PLACEHOLDER: Final = re.compile(r"<([^<>]+)>")
_KEYWORDS: Final = {"Context": "given", "Action": "when", "Outcome": "then"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One scenario, or one row of an Outline.

    Attributes:
        at: `file:line` of the scenario, or of its row.
        name: as rendered. template: as written, with its `<columns>`.
        tags: its own, its Rule's and its Feature's, without the at sign.
        row: the row's cells by column; empty where there is no Outline.
        steps: with the Background's, rendered.
        outline_at: `file:line` of the scenario itself.
    """

    at: str
    name: str
    template: str
    tags: tuple[str, ...]
    row: Mapping[str, str]
    steps: tuple[Step, ...]
    outline_at: str

    @property
    def title(self) -> str:
        """`file:line: name`, unique in a run."""
        return f"{self.at}: {self.name}"

    def requirements(self, catalogue: Catalogue) -> tuple[str, ...]:
        """The ids that it names, each once: by its column `requirement`, and by tags that are ids or look like one."""
        named = [self.row[REQUIREMENT_COLUMN]] if REQUIREMENT_COLUMN in self.row else []
        named += [tag for tag in self.tags if tag in catalogue.requirements or _ID.fullmatch(tag)]
        return tuple(dict.fromkeys(named))


def read_document(path: Path, root: Path) -> Any:
    """The Gherkin document that pytest-bdd sees; raises ConfigurationError where it is none."""
    at = shown(path, root)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot be read: {error}", where=at) from error
    if not any(line.strip() and not line.lstrip().startswith("#") for line in lines):
        raise ConfigurationError("the file holds no Feature", where=f"{at}:1", hint="write one, or delete the file")
    try:
        return get_gherkin_document(str(path))
    except GherkinParseError as error:
        what = f"{error.message} ({error.line_content.strip()!r})"
        raise ConfigurationError(what, where=f"{at}:{error.line}", hint="see the Gherkin reference") from error


def read_feature(path: Path, root: Path | None = None) -> tuple[Scenario, ...]:
    """The scenarios of a feature file in its order; places are relative to `root` (default: the working directory).

    Raises:
        ConfigurationError: the file cannot be read or is no Gherkin.
    """
    base = root or Path.cwd()
    document = read_document(path, base)
    return tuple(_scenarios(document.feature, shown(path, base)))


def shown(path: Path, root: Path) -> str:
    """A path as messages show it: relative to `root` where it lies under it."""
    absolute = path.resolve()
    return str(absolute.relative_to(root.resolve())) if absolute.is_relative_to(root.resolve()) else str(path)


def children(feature: Any) -> Iterator[tuple[Any, list[Any], list[str]]]:
    """Each scenario of a feature or of its Rules, with the steps of its Backgrounds and the tags above it."""
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


def _scenarios(feature: Any, file: str) -> Iterator[Scenario]:
    for scenario, background, tags in children(feature):
        outline_at = f"{file}:{scenario.location.line}"
        own = tuple(dict.fromkeys([*(tag.name.lstrip("@") for tag in scenario.tags), *tags]))
        steps = [*background, *scenario.steps]
        for at, row, row_tags in rows(scenario, file) or [(outline_at, {}, ())]:
            yield Scenario(
                at=at,
                name=_rendered(scenario.name, row),
                template=scenario.name,
                tags=tuple(dict.fromkeys((*own, *row_tags))),
                row=row,
                steps=tuple(_steps(steps, row, file)),
                outline_at=outline_at,
            )


def rows(scenario: Any, file: str) -> list[tuple[str, dict[str, str], tuple[str, ...]]]:
    """The rows of all Examples of an Outline: `file:line`, cells by column, tags of the table."""
    return [
        (
            f"{file}:{row.location.line}",
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
        keyword = _KEYWORDS.get(step.keyword_type, keyword)
        yield Step(keyword, _rendered(step.text, row), f"{file}:{step.location.line}")


def _rendered(text: str, row: Mapping[str, str]) -> str:
    """Text with `<column>` filled in; a column that the row has not is left as it stands, as pytest-bdd does."""
    return _PLACEHOLDER.sub(lambda found: row.get(found[1], found[0]), text)
