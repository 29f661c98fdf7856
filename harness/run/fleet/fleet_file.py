"""The fleet file: the cells that a release needs, what each run must be, and where the runs are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationError

from harness import clock
from harness.errors import ConfigurationError
from harness.model.judged.fleet import CellName, FleetCell, FleetTerms, WallTime
from harness.targets.files.values import Name, TargetSection, Word, quantity
from harness.validation import configuration_error
from harness.yamlfile import read_document

if TYPE_CHECKING:
    from harness.yamlfile import Location, YamlDocument

_SLOTS: Final = ("service", "region", "profile")
_SLOT: Final = re.compile(r"\{([^{}]*)\}")
MOST_CELLS: Final = 10_000
"""Maximum number of cells of a fleet."""
_LONGEST: Final = 200
"""Maximum length of a name of a directory; file systems take 255 bytes."""


def _time(value: Any) -> Any:
    """A time with its offset, written as text or as YAML reads it."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise ValueError("a time with its offset like `2026-11-28T06:00:00Z`")
    return found.astimezone(UTC)


def _path(value: Any) -> Any:
    """A text that may be a path; others are refused with a cause of their own."""
    if isinstance(value, str) and not (value.isprintable() and all(len(part) <= _LONGEST for part in value.split("/"))):
        raise ValueError(f"a path of printable characters, with at most {_LONGEST} of them in a name")
    return value


def _pattern(value: Any) -> Any:
    if not isinstance(value, str):
        return value  # refused as no text
    odd = [slot for slot in _SLOT.findall(value) if slot not in _SLOTS]
    if odd or "{" in _SLOT.sub("", value) or "}" in _SLOT.sub("", value):
        raise ValueError("a pattern with no other slots than `{service}`, `{region}` and `{profile}`")
    return value


_Pattern = Annotated[Word, BeforeValidator(_pattern)]
_Path = Annotated[Word, BeforeValidator(_path)]
_Time = Annotated[datetime, BeforeValidator(_time)]
_Age = Annotated[float, quantity("time", "24 h")]


class ServicePart(TargetSection):
    """What the runs of one service must be, where it differs from the fleet."""

    target: _Pattern | None = None
    release: Word | None = None
    commit: Word | None = None


class ExcludedCells(TargetSection):
    """Cells that are not declared; a key that is left out is any."""

    service: Name | None = None
    region: Name | None = None
    profile: Word | None = None


class ExplicitCell(ServicePart):
    """One more cell, or the values of a cell of the matrix."""

    service: Name
    region: Name
    profile: Word
    runs: _Path | None = None


class FleetFile(TargetSection):
    """The contents of a fleet file."""

    name: Word
    target: _Pattern = "{service}-{region}"
    release: Word | None = None
    commit: Word | None = None
    environment: Word = ""
    services: dict[Name, ServicePart | None] = Field(default_factory=dict)
    regions: list[Name] = Field(default_factory=list)
    profiles: list[Word] = Field(default_factory=list)
    exclude: list[ExcludedCells] = Field(default_factory=list)
    cells: list[ExplicitCell] = Field(default_factory=list)
    runs: Annotated[_Pattern, BeforeValidator(_path)] = "runs/{service}/{region}/{profile}"
    not_before: _Time | None = None
    max_age: _Age | None = None
    deadline: _Time | None = None
    check: Literal["judge", "digests"] = "judge"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fleet:
    """A fleet file, read.

    Attributes:
        root: directory that paths are relative to.
        pattern: pattern of the paths of the runs.
        judged: whether each run is judged again.
    """

    name: str
    root: Path
    pattern: str
    cells: tuple[FleetCell, ...]
    terms: FleetTerms
    judged: bool


def load_fleet(path: Path) -> Fleet:
    """Read a fleet file.

    Raises:
        ConfigurationError: the file is invalid, declares no cell, or declares two cells that cannot be told apart; the message
            has its line.
    """
    document = read_document(path)
    try:
        file = FleetFile.model_validate(document.data if document.data is not None else {})
    except ValidationError as error:
        raise configuration_error(document, FleetFile, error) from error
    cells = _cells(file, document)
    _refuse_alike(cells, document)
    return Fleet(
        name=file.name,
        root=path.parent,
        pattern=file.runs,
        cells=tuple(cells),
        terms=FleetTerms(
            environment=file.environment,
            not_before=_wall(file.not_before),
            max_age_s=file.max_age,
            deadline=_wall(file.deadline),
        ),
        judged=file.check == "judge",
    )


def wall_time(at: datetime) -> WallTime:
    """A time with its text."""
    return WallTime(clock.wall_ns(at), clock.wall_text(at))


def _wall(at: datetime | None) -> WallTime | None:
    return None if at is None else wall_time(at)


def _cells(file: FleetFile, document: YamlDocument) -> list[FleetCell]:
    """The matrix without what is excluded, and the explicit cells, in the order of the file."""
    size = len(file.services) * len(file.regions) * len(file.profiles) + len(file.cells)
    if size > MOST_CELLS:
        raise ConfigurationError(f"the fleet has {size} cells, expected at most {MOST_CELLS}", where=document.where(()))
    for key in ("regions", "profiles"):
        for at, value in enumerate(values := getattr(file, key)):
            if value in values[:at]:
                raise ConfigurationError(
                    f"`{value}` is listed twice", where=document.where((key, at)), hint="remove it"
                )
    matrix = [CellName(*names) for names in product(file.services, file.regions, file.profiles)]
    _refuse_idle(file, matrix, document)
    names = [name for name in matrix if not any(_excludes(one, name) for one in file.exclude)]
    explicit: dict[CellName, int] = {}
    for at, one in enumerate(file.cells):
        name = CellName(one.service, one.region, one.profile)
        if name in explicit:
            raise ConfigurationError(f"the cell {name} is defined twice", where=document.where(("cells", at)))
        explicit[name] = at
    every = [*names, *(name for name in explicit if name not in names)]
    if not every:
        what = "the file declares no cell, so there is nothing to decide"
        raise ConfigurationError(
            what, where=document.where(()), hint="write `services`, `regions` and `profiles`, or `cells`"
        )
    return [_cell(file, name, explicit.get(name), document) for name in every]


def _excludes(one: ExcludedCells, name: CellName) -> bool:
    return all(getattr(one, slot) in {None, getattr(name, slot)} for slot in _SLOTS)


def _refuse_idle(file: FleetFile, matrix: list[CellName], document: YamlDocument) -> None:
    """An exclusion that excludes nothing is often misspelt, and the matrix is not as its author thinks."""
    for at, one in enumerate(file.exclude):
        if not any(_excludes(one, name) for name in matrix):
            raise ConfigurationError(
                "this excludes no cell of `services`, `regions` and `profiles`",
                where=document.where(("exclude", at)),
                hint="correct its values, or remove it",
            )


def _cell(file: FleetFile, name: CellName, explicit: int | None, document: YamlDocument) -> FleetCell:
    own = file.cells[explicit] if explicit is not None else None
    service = file.services.get(name.service)
    location: Location = ("cells", explicit) if explicit is not None else ("services", name.service)

    def value(key: str) -> str:
        for part in (own, service, file):
            if (found := getattr(part, key, None)) is not None:
                return str(found)
        return ""

    if not (release := value("release")):
        raise ConfigurationError(
            f"no release is declared for {name}",
            where=document.where(location),
            hint="write `release: …` for the fleet, the service or the cell",
        )
    runs = own.runs if own is not None and own.runs is not None else filled(file.runs, name)
    return FleetCell(
        name=name, target=filled(value("target"), name), release=release, commit=value("commit"), runs=runs
    )


def filled(pattern: str, name: CellName) -> str:
    """A pattern with the names of a cell in its slots."""
    return _SLOT.sub(lambda slot: str(getattr(name, slot[1])), pattern)


def _refuse_alike(cells: list[FleetCell], document: YamlDocument) -> None:
    """Two cells whose runs have one path, or nothing that tells them apart, could have each other's run."""
    paths = [(cell.name, Path(cell.runs).as_posix()) for cell in cells]
    identities = [(cell.name, f"{cell.target}, {cell.name.profile}") for cell in cells]
    for what, values in (("path", paths), ("target and profile", identities)):
        first: dict[str, CellName] = {}
        for name, value in values:
            if value in first:
                raise ConfigurationError(
                    f"the cells {first[value]} and {name} have the same {what} ({value}), so the run of one could count for the other",
                    where=document.where(("runs",) if what == "path" else ("target",)),
                    hint="use `{service}`, `{region}` and `{profile}` in `runs`, and a target's name of its own for each service and region in `target`",
                )
            first[value] = name
