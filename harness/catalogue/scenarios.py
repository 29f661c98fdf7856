"""Reads the requirements that scenarios declare themselves: a scenario whose description says `gate: …` is its own row of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from harness.catalogue.files import RequirementEntry
from harness.catalogue.values import SourceLocation
from harness.errors import ConfigurationError
from harness.validation import REQUIREMENT_ID, configuration_error
from harness.yamlfile import YamlDocument

_DECLARES: Final = re.compile(r"^\s+gate\s*:", re.MULTILINE)
_LINE: Final = re.compile(r"([a-z][a-z ]*?)\s*:\s+(.*\S)")
_LISTS: Final = frozenset({"kinds", "environments", "needs"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenarioRow:
    """A requirement that a scenario declares.

    Attributes:
        entry: the requirement: id of the scenario's tag, title of its name, criterion of its Then step, the rest of its description.
        source: the name of the feature.
        profile: that the description names; empty: the project's.
        place: of the scenario.
    """

    entry: RequirementEntry
    source: str
    profile: str
    place: SourceLocation


def rows_of_scenarios(files: Iterable[Path]) -> Iterator[ScenarioRow]:
    """The requirements that scenarios of these feature files declare; a file that is not Gherkin is refused by who reads its steps.

    Raises:
        ConfigurationError: a description is not a requirement's, or the scenario has not one id and one Then step; with file and line.
    """
    for path in files:
        try:
            declares = _DECLARES.search(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if declares:
            yield from _rows(path)


def _rows(path: Path) -> Iterator[ScenarioRow]:
    from pytest_bdd.exceptions import GherkinParseError
    from pytest_bdd.gherkin_parser import get_gherkin_document

    try:
        feature = get_gherkin_document(str(path)).feature
    except GherkinParseError:
        return
    children = [one for child in feature.children for one in (child.rule.children if child.rule else [child])]
    for scenario in (child.scenario for child in children if child.scenario):
        if _DECLARES.search(f"\n {scenario.description}"):
            yield _row(path, feature.name, scenario)


def _row(path: Path, feature: str, scenario: Any) -> ScenarioRow:
    line = scenario.location.line
    where = f"{path}:{line}"
    ids = [name for tag in scenario.tags if re.fullmatch(REQUIREMENT_ID, name := tag.name.lstrip("@"))]
    kinds = [step.keyword_type for step in scenario.steps]
    after = scenario.steps[kinds.index("Outcome") :] if "Outcome" in kinds else []
    if len(ids) != 1 or len(after) != 1 or scenario.examples:
        what = f"a scenario that declares its requirement has {len(ids)} ids and {len(after)} Then steps"
        hint = "give it one id as a tag, one Then step and no Examples, or write the requirement into a catalogue file"
        raise ConfigurationError(what, where=where, hint=hint)
    given: dict[str, Any] = {"id": ids[0], "title": scenario.name, "criterion": after[0].text}
    lines: dict[tuple[str | int, ...], int] = {(): line}
    for number, text in enumerate(scenario.description.splitlines(), start=line + 1):
        found = _LINE.fullmatch(text.strip())
        if text.strip() and found is None:
            hint = "write `KEY: VALUE`, as `gate: major`, or move the text into a comment"
            raise ConfigurationError(
                f"{text.strip()!r} is not a key of a requirement", where=f"{path}:{number}", hint=hint
            )
        if found is not None:
            key, value = found[1].replace(" ", "_"), found[2]
            lines[(key,)] = number
            given[key] = re.split(r"\s*,\s*", value) if key in _LISTS else value
    profile = given.pop("profile", "")
    file = YamlDocument(path=path, data=given, lines=lines)
    try:
        entry = RequirementEntry.model_validate(given)
    except ValidationError as error:
        raise configuration_error(file, RequirementEntry, error) from error
    return ScenarioRow(entry=entry, source=feature, profile=profile, place=SourceLocation(file=file, keys=()))
