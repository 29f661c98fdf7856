"""The loaded catalogue: requirements by id, profiles, and remarks on the documents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.catalogue.contradictions import Contradiction
from harness.errors import UsageError
from harness.model import DocumentTable, PlatformPart, Requirement
from harness.nearest import hint_with_nearest
from harness.yamlfile import YamlDocument


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpretation:
    """The interpretation of a vague or contradictory sentence: id such as `I24`, subject, reading, reason, and place of the entry."""

    id: str
    subject: str
    reading: str
    why: str
    at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deviation:
    """An intended difference between platform and document: id such as `V8`, touched requirements, and place of the entry."""

    id: str
    name: str
    document_says: str
    shipped: str
    requirements: tuple[str, ...]
    at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceLocation:
    """The place at which a requirement is defined: its file and the keys that lead to it."""

    file: YamlDocument
    keys: tuple[str | int, ...]

    def of(self, key: str) -> str:
        """The place of a key of the entry, as `file:line`."""
        return f"{self.file.path}:{self.file.line((*self.keys, key))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogue:
    """The contents of the catalogue files.

    Attributes:
        requirements: id → requirement, in the order of the files; requirements of a project come before the bundled ones.
        profiles: profile name → requirement ids; every file of requirements is also a profile.
        in_part: profile → id → the kinds of experiments of the criterion on which the profile gates.
        titles: profile name → title, for profiles that are files.
        readings: profile name → notes how its requirements are interpreted.
        remarks: profile name → errors and gaps of its document.
        parts: name → component that a platform may not have, in the order in which the sandbox deploys them.
        contradictions: contradictions of the source documents.
        interpretations: interpretations of vague sentences of the source documents.
        deviations: intended differences between the platform and the source documents.
        tables: tables of the source documents, whose rows are made of measured requirements.
        places: requirement id → place of its definition.
        part_places: component → place of its definition.
    """

    requirements: Mapping[str, Requirement]
    profiles: Mapping[str, tuple[str, ...]]
    in_part: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    readings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parts: Mapping[str, PlatformPart] = field(default_factory=dict)
    contradictions: tuple[Contradiction, ...] = ()
    interpretations: tuple[Interpretation, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    tables: tuple[DocumentTable, ...] = ()
    places: Mapping[str, SourceLocation] = field(default_factory=dict)
    part_places: Mapping[str, SourceLocation] = field(default_factory=dict)

    def requirement(self, requirement: str) -> Requirement:
        """The requirement with an id; raises UsageError with the nearest id if it does not exist."""
        try:
            return self.requirements[requirement]
        except KeyError:
            hint = hint_with_nearest(requirement, self.requirements)
            raise UsageError(f"no requirement has the id {requirement!r}", hint=hint) from None

    def profile(self, names: Sequence[str]) -> tuple[Requirement, ...]:
        """The requirements of these profiles in order, without duplicates; `in_part` is set if no profile gates on all kinds.

        Raises UsageError for an unknown profile.
        """
        ids: dict[str, None] = {}
        for name in names:
            if name not in self.profiles:
                raise UsageError(f"no profile is named {name!r}", hint=hint_with_nearest(name, self.profiles))
            ids.update(dict.fromkeys(self.profiles[name]))
        return tuple(replace(self.requirement(one), in_part=self._in_part(names, one)) for one in ids)

    def _in_part(self, names: Sequence[str], requirement: str) -> tuple[str, ...]:
        """The kinds of experiments on which these profiles together gate; empty if one of them gates on all."""
        having = [name for name in names if requirement in self.profiles[name]]
        kinds = [self.in_part.get(name, {}).get(requirement, ()) for name in having]
        return tuple(dict.fromkeys(kind for some in kinds for kind in some)) if all(kinds) else ()

    def tables_of(self, chosen: Collection[str]) -> tuple[DocumentTable, ...]:
        """The tables with a row of which a chosen requirement is a part."""
        return tuple(one for one in self.tables if any({*chosen}.intersection(row.requirements) for row in one.rows))

    def deviations_of(self, requirement: str) -> tuple[Deviation, ...]:
        """The deviations that touch a requirement."""
        return tuple(deviation for deviation in self.deviations if requirement in deviation.requirements)

    def where(self, requirement: str, key: str = "id") -> str:
        """The place of a requirement's key, as `file:line`; empty if the requirement is not from a file."""
        place = self.places.get(requirement)
        return place.of(key) if place else ""


def feature_file(requirement: Requirement, files: Collection[str] = ()) -> str:
    """The feature file for a scenario of a requirement, such as `features/normaldance/technical-kpis.feature`.

    Args:
        requirement: requirement of the scenario.
        files: feature files that claim other requirements of the profile; if there is exactly one, it is returned.
    """
    if len(files) == 1:
        return next(iter(files))
    section = (requirement.section or requirement.document).casefold().replace(",", "").replace("/", " ")
    return f"features/{requirement.profile.replace('-', '_')}/{'-'.join(section.split())}.feature"
