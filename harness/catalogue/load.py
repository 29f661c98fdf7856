"""Loads catalogue files into a `Catalogue`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from harness.catalogue.contradictions import Contradiction, StatedValue
from harness.catalogue.files import CatalogueFile, PartEntry, RequirementEntry, TableEntry
from harness.catalogue.scenarios import ScenarioRow, rows_of_scenarios
from harness.catalogue.tables import tabled
from harness.catalogue.values import Catalogue, Deviation, Interpretation, SourceLocation
from harness.errors import ConfigurationError
from harness.model import PlatformPart, Requirement
from harness.nearest import hint_with_nearest
from harness.validation import configuration_error
from harness.yamlfile import YamlDocument, read_document, yaml_files

BUNDLED: Final = Path(__file__).parent
"""Directory of the requirements of the source documents, the profile `core`, and the components that requirements need."""

_BUNDLED_FILES: Final = (
    *(
        BUNDLED / "requirements" / f"{name}.yaml"
        for name in ("normaldance", "atomos", "feature-integration", "integration-platform")
    ),
    BUNDLED / "profiles.yaml",
    BUNDLED / "parts.yaml",
    BUNDLED / "contradictions.yaml",
)


def load_catalogue(paths: Iterable[Path] = (), *, features: Iterable[Path] = (), profile: str = "") -> Catalogue:
    """Load the bundled catalogue and a project's own requirements, which come first.

    Args:
        paths: catalogue files of the project, and directories with YAML files.
        features: feature files, whose scenarios may declare their requirements themselves.
        profile: profile of a requirement that a scenario declares without one.

    Raises:
        ConfigurationError: a file is invalid, an id or profile is defined twice, or a profile names an unknown id.
    """
    draft = _bundled(_BUNDLED_FILES).copied()
    for path in _files(paths):
        draft.add(read_document(path))
    for row in rows_of_scenarios(features):
        draft.add_row(row, row.profile or profile)
    return draft.finish()


def catalogue_files(paths: Iterable[Path] = ()) -> tuple[Path, ...]:
    """The files of a catalogue, in the order in which they are read."""
    return (*_BUNDLED_FILES, *_files(paths))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from yaml_files(path)
        else:
            yield path


@dataclass(slots=True)
class _Draft:
    """The catalogue while its files are read."""

    requirements: dict[str, Requirement] = field(default_factory=dict)
    places: dict[str, SourceLocation] = field(default_factory=dict)
    profiles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    in_part: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    profile_places: dict[str, SourceLocation] = field(default_factory=dict)
    parts: dict[str, PlatformPart] = field(default_factory=dict)
    part_places: dict[str, SourceLocation] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    readings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    contradictions: list[Contradiction] = field(default_factory=list)
    interpretations: list[Interpretation] = field(default_factory=list)
    deviations: list[Deviation] = field(default_factory=list)
    tables: list[tuple[TableEntry, SourceLocation]] = field(default_factory=list)

    def copied(self) -> _Draft:
        """A draft of its own, with the same values."""
        return _Draft(**{one.name: copy(getattr(self, one.name)) for one in fields(self)})

    def add(self, file: YamlDocument) -> None:
        content = _validated(file)
        if content.sections:
            self._add_requirements(file, content)
        for number, part in enumerate(content.parts):
            self._add_part(part, SourceLocation(file=file, keys=("parts", number)))
        for name, entries in content.profiles.items():
            ids = tuple(one if isinstance(one, str) else next(iter(one)) for one in entries)
            self._add_profile(name, ids, SourceLocation(file=file, keys=("profiles", name)))
            self.in_part[name] = {id_: kinds for one in entries if isinstance(one, dict) for id_, kinds in one.items()}
        self._add_documents(file, content)

    def add_row(self, row: ScenarioRow, profile: str) -> None:
        if not profile:
            hint = "write `profile: NAME` below the scenario, or `profiles` in [tool.harness]"
            raise ConfigurationError(f"{row.entry.id} belongs to no profile", where=row.place.file.where(()), hint=hint)
        self._add_requirement(_requirement(row.entry, row.source, profile), row.place)
        self.profiles[profile] = (*self.profiles.get(profile, ()), row.entry.id)
        self.profile_places.setdefault(profile, row.place)

    def finish(self) -> Catalogue:
        for name, ids in self.profiles.items():
            for index, requirement in enumerate(ids):
                if requirement not in self.requirements:
                    place = self.profile_places[name]
                    raise ConfigurationError(
                        f"profile {name!r} names {requirement}, which no file defines",
                        where=place.file.where((*place.keys, index)),
                        hint=hint_with_nearest(requirement, self.requirements),
                    )
        rows = {id_: self._with_parts(one) for id_, one in self.requirements.items()}
        own = {id_: one for id_, one in rows.items() if self.places[id_].file.path not in _BUNDLED_FILES}
        return Catalogue(
            requirements={**own, **rows},
            profiles=self.profiles,
            in_part=self.in_part,
            parts=self.parts,
            titles=self.titles,
            readings=self.readings,
            remarks=self.remarks,
            contradictions=tuple(self.contradictions),
            interpretations=tuple(self.interpretations),
            deviations=tuple(self.deviations),
            tables=tuple(tabled(entry, place, rows) for entry, place in self.tables),
            places=self.places,
            part_places=self.part_places,
        )

    def _add_documents(self, file: YamlDocument, content: CatalogueFile) -> None:
        def at(kind: str, number: int) -> str:
            return f"{file.path}:{file.line((kind, number))}"

        for number, entry in enumerate(content.contradictions):
            sides = {side: StatedValue(**getattr(entry, side).model_dump()) for side in ("left", "right")}
            place = at("contradictions", number)
            self.contradictions.append(
                Contradiction(id=entry.id, finding=entry.finding, relation=entry.relation, at=place, **sides)
            )
        self.interpretations += [
            Interpretation(**entry.model_dump(), at=at("interpretations", number))
            for number, entry in enumerate(content.interpretations)
        ]
        self.deviations += [
            Deviation(**entry.model_dump(), at=at("deviations", number))
            for number, entry in enumerate(content.deviations)
        ]

        self.tables += [
            (entry, SourceLocation(file=file, keys=("tables", number))) for number, entry in enumerate(content.tables)
        ]

    def _with_parts(self, requirement: Requirement) -> Requirement:
        """The requirement with its parts; the file that defines parts may be read after the files that name them."""
        if not requirement.needs:
            return requirement
        for index, part in enumerate(requirement.needs):
            if part.name not in self.parts:
                place = self.places[requirement.id]
                raise ConfigurationError(
                    f"{requirement.id} needs the part {part.name!r}, which no file defines",
                    where=place.file.where((*place.keys, "needs", index)),
                    hint=hint_with_nearest(part.name, self.parts),
                )
        return replace(requirement, needs=tuple(self.parts[part.name] for part in requirement.needs))

    def _add_part(self, entry: PartEntry, place: SourceLocation) -> None:
        if entry.name in self.parts:
            raise ConfigurationError(
                f"the part {entry.name!r} is defined twice: {self.part_places[entry.name].of('name')}",
                where=place.file.where((*place.keys, "name")),
                hint="rename one part",
            )
        self.parts[entry.name] = PlatformPart(**entry.model_dump())
        self.part_places[entry.name] = place

    def _add_requirements(self, file: YamlDocument, content: CatalogueFile) -> None:
        if content.profile is None:
            hint = "add `profile: NAME` at the top of the file"
            raise ConfigurationError("the file has requirements and no profile", where=file.where(()), hint=hint)
        ids = []
        for number, section in enumerate(content.sections):
            for row, entry in enumerate(section.requirements):
                place = SourceLocation(file=file, keys=("sections", number, "requirements", row))
                self._add_requirement(_requirement(entry, section.source, content.profile), place)
                ids.append(entry.id)
        self._add_profile(content.profile, tuple(ids), SourceLocation(file=file, keys=("profile",)))
        self.titles[content.profile] = content.title
        self.readings[content.profile] = content.readings
        self.remarks[content.profile] = content.remarks

    def _add_requirement(self, requirement: Requirement, place: SourceLocation) -> None:
        if requirement.id in self.requirements:
            first = self.places[requirement.id].of("id")
            raise ConfigurationError(
                f"the id {requirement.id} is defined twice: {first}",
                where=place.file.where((*place.keys, "id")),
                hint="give one requirement another id",
            )
        self.requirements[requirement.id] = requirement
        self.places[requirement.id] = place

    def _add_profile(self, name: str, ids: tuple[str, ...], place: SourceLocation) -> None:
        where = place.file.where(place.keys)
        if "+" in name:
            what = f"the name of the profile {name!r} has a `+`, which separates the profiles of a run"
            raise ConfigurationError(what, where=where, hint="write a hyphen instead")
        if name in self.profiles:
            raise ConfigurationError(f"the profile {name!r} is defined twice", where=where, hint="rename one profile")
        doubles = sorted({requirement for requirement in ids if ids.count(requirement) > 1})
        if doubles:
            raise ConfigurationError(
                f"profile {name!r} names {', '.join(doubles)} twice", where=where, hint="name each once"
            )
        self.profiles[name] = ids
        self.profile_places[name] = place


@cache
def _bundled(files: tuple[Path, ...]) -> _Draft:
    """What the bundled files define; they are read once in a process, for reading them is most of what loading takes."""
    draft = _Draft()
    for path in files:
        draft.add(read_document(path))
    return draft


def _requirement(entry: RequirementEntry, source: str, profile: str) -> Requirement:
    return Requirement(
        id=entry.id,
        profile=profile,
        title=entry.title,
        criterion=entry.criterion,
        kinds=entry.kinds,
        gate=entry.gate,
        environments=entry.environments,
        source=source,
        falsified_by=entry.falsified_by,
        owner=entry.owner,
        says=entry.says,
        needs=tuple(PlatformPart(name=name, title="") for name in entry.needs),
    )


def _validated(file: YamlDocument) -> CatalogueFile:
    """The file in its form; raises ConfigurationError with line and key of the first thing that is wrong."""
    try:
        return CatalogueFile.model_validate(file.data if file.data is not None else {})
    except ValidationError as error:
        raise configuration_error(file, CatalogueFile, error) from error
