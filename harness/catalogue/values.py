"""The loaded catalogue: requirements by id, profiles, and remarks on the documents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.catalogue.contradictions import Contradiction
from harness.errors import UsageError
from harness.model import PlatformPart, Requirement
from harness.nearest import hint_with_nearest
from harness.yamlfile import YamlDocument


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpretation:
    """The interpretation of a vague or contradictory sentence: `I24`, its subject, the reading, why, and `file:line` of the entry."""

    id: str
    subject: str
    reading: str
    why: str
    at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deviation:
    """Where the shipped platform differs from a document on purpose: `V8`, the requirements it touches, the `file:line` of the entry."""

    id: str
    name: str
    document_says: str
    shipped: str
    requirements: tuple[str, ...]
    at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceLocation:
    """Where a requirement is defined: its file and the keys that lead to it."""

    file: YamlDocument
    keys: tuple[str | int, ...]

    def of(self, key: str) -> str:
        """`file:line` of one of its keys."""
        return f"{self.file.path}:{self.file.line((*self.keys, key))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogue:
    """The contents of the catalogue files.

    Attributes:
        requirements: by id, in the order of the files, those of a project's own before the bundled.
        profiles: ids by profile name; every file of requirements is a profile of its own name as well.
        in_part: by profile and id, the kinds of experiments of the criterion on which alone the profile gates.
        titles: of the profiles that are files.
        readings, remarks: by profile: how its rows are to be read, and what its document gets wrong or leaves open.
        parts: that a platform may lack, by name, in the order in which the sandbox's platform gets them.
        contradictions, interpretations, deviations: of the source documents.
        places, part_places: where each requirement and each part is defined.
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
    places: Mapping[str, SourceLocation] = field(default_factory=dict)
    part_places: Mapping[str, SourceLocation] = field(default_factory=dict)

    def requirement(self, requirement: str) -> Requirement:
        """A requirement by id; raises UsageError with the nearest id when there is none."""
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

    def deviations_of(self, requirement: str) -> tuple[Deviation, ...]:
        """The deviations that touch a requirement."""
        return tuple(deviation for deviation in self.deviations if requirement in deviation.requirements)

    def where(self, requirement: str, key: str = "id") -> str:
        """`file:line` of a requirement's key; empty when the requirement came from no file."""
        place = self.places.get(requirement)
        return place.of(key) if place else ""


def feature_file(requirement: Requirement, files: Collection[str] = ()) -> str:
    """Where its scenario belongs, by document and section: `features/normaldance/technical-kpis.feature`.

    Args:
        requirement: to be claimed.
        files: that claim others of its profile; where there is exactly one, that is the place.
    """
    if len(files) == 1:
        return next(iter(files))
    section = (requirement.section or requirement.document).casefold().replace(",", "").replace("/", " ")
    return f"features/{requirement.profile.replace('-', '_')}/{'-'.join(section.split())}.feature"
