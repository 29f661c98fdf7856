"""The directories of a project: features, experiments, rollouts and loadtests.

Files of the project come first, then files of the package.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import ConfigurationError
from harness.files import bundled
from harness.provided import is_provided

if TYPE_CHECKING:
    from harness.catalogue import Catalogue
    from harness.model import Requirement

_TABLE: Final = "tool.harness"
_CLOSE: Final = 0.75
"""Similarity to `harness` from which on the name of a table counts as misspelt.

The table must also have a key of `[tool.harness]`.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """The content of `[tool.harness]` of a `pyproject.toml`; paths are absolute.

    Attributes:
        root: directory of the project's `pyproject.toml`, or the working directory if there is none.
        configured: whether the file has this table.
        target: target file; None if the table names no target, or a provided target.
        provided: name of the provided target, as in `target = "sandbox"`; empty if the table names none.
        profiles: profiles that are judged without `--profile`; empty if the table names none.
        catalogue: catalogue files of the project.
        features: the project's own directories of features.
        experiments: the project's own directories of experiments.
        rollouts: the project's own directories of rollouts.
        loadtests: the project's own directories of traffic.
        attestations: directories of attestations.
        waivers: directories of waivers.
        claims: directories of the project's nouns, which the drivers read.
    """

    root: Path
    configured: bool
    target: Path | None
    provided: str
    profiles: tuple[str, ...]
    catalogue: tuple[Path, ...]
    features: tuple[Path, ...]
    experiments: tuple[Path, ...]
    loadtests: tuple[Path, ...]
    rollouts: tuple[Path, ...] = ()
    attestations: tuple[Path, ...] = ()
    waivers: tuple[Path, ...] = ()
    claims: tuple[Path, ...] = ()

    def search(self, name: str) -> tuple[Path, ...]:
        """The directories to search for files of this kind, the project's own first."""
        own: tuple[Path, ...] = getattr(self, name)
        return tuple(dict.fromkeys((*own, bundled(name))))


def shadowed(project: Project) -> list[str]:
    """The files of the project that replace files of the package with the same name, such as `experiments/pod-loss.yaml`.

    An equal file is not listed. The file with the size of a traffic is also listed if its locustfile, or a module that the locustfile
    imports, differs.
    """
    from harness.drivers.chaos.experiments import SUFFIXES

    found = []
    read = {"features": (".feature",), "experiments": SUFFIXES, "rollouts": (".yaml",), "loadtests": (".yaml",)}
    for kind, suffixes in read.items():
        theirs = bundled(kind)
        for base in _own(project, kind):
            for file in features_below(base) if kind == "features" else sorted(base.glob("*")):
                name = file.relative_to(base)
                hidden = name if kind == "features" else name.with_suffix(".yaml")
                if file.suffix not in suffixes or not (theirs / hidden).is_file():
                    continue
                if name != hidden or not _same(base, theirs, name, code=kind == "loadtests"):
                    found.append(f"{kind}/{name.as_posix()}")
    return list(dict.fromkeys(found))


def _own(project: Project, kind: str) -> list[Path]:
    """The project's own directories of this kind, without the package's."""
    return [base for base in getattr(project, kind) if base.resolve() != bundled(kind).resolve()]


def _same(own: Path, theirs: Path, name: Path, *, code: bool) -> bool:
    """Whether a file is equal in both directories; with `code`, every Python file too."""
    names = [name, *(file.relative_to(theirs) for file in theirs.rglob("*.py") if code)]
    return all((own / one).is_file() and (own / one).read_bytes() == (theirs / one).read_bytes() for one in names)


def feature_files(project: Project) -> tuple[Path, ...]:
    """All feature files: files of the project, then files of the package whose path no file of the project has.

    Raises:
        ConfigurationError: a directory cannot be read.
    """
    theirs = bundled("features")
    own = [(base, file) for base in _own(project, "features") for file in features_below(base)]
    hidden = {file.relative_to(base) for base, file in own}
    return (
        *dict.fromkeys(file for _, file in own),
        *(file for file in features_below(theirs) if file.relative_to(theirs) not in hidden),
    )


def nothing_claimed(project: Project, requirements: Sequence[Requirement]) -> str:
    """The message that no scenario claims one of these requirements, with the directories that were read, and what to write.

    Args:
        project: project whose features were read.
        requirements: requirements of the chosen profiles.
    """
    from harness.catalogue import feature_file
    from harness.words import counted

    own = _own(project, "features")
    row = next((one for one in requirements if not one.needs), requirements[0])
    profiles = " and ".join(dict.fromkeys(one.profile for one in requirements))
    counts = {base: len(features_below(base)) for base in own}
    read = [
        f"{counted(count, 'feature file') if count else 'no feature files'} in {base}" for base, count in counts.items()
    ]
    read += [] if own else ["no directory of the project's own"]
    first = os.path.relpath(own[0], project.root) if own else "features"
    file = f"{first}/{feature_file(row).removeprefix('features/')}"
    write = f"write a scenario tagged @{row.id} into {file}; `readiness steps` lists the sentences"
    named = "" if own else 'name a directory with `features = ["features"]` under `[tool.harness]`, and '
    return (
        f"no scenario claims a requirement of {profiles}\n"
        f"  features were read from {', '.join(read)}, and from the package\n"
        f"  hint: {named}{write}"
    )


def catalogue_of(project: Project) -> Catalogue:
    """The bundled requirements and the project's own: of its catalogue files, and of scenarios that declare theirs.

    Raises:
        ConfigurationError: as `load_catalogue`.
    """
    from harness.catalogue import load_catalogue  # pydantic: for commands that read requirements alone

    features = [file for one in project.features if one.is_dir() for file in features_below(one)]
    return load_catalogue(project.catalogue, features=features, profile=next(iter(project.profiles), ""))


def features_below(base: Path) -> list[Path]:
    """The sorted feature files below a directory; linked directories are followed once, as pytest does.

    Raises:
        ConfigurationError: a directory cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise ConfigurationError(
            f"the directory cannot be read: {error.strerror}", where=str(error.filename)
        ) from error

    found, seen, tops = [], set[Path](), [base]
    for top in tops:  # links come after what is there, so that a file goes by its own place
        for directory, below, files in os.walk(top, onerror=refuse):
            here = Path(directory)
            if here.resolve() in seen:
                below.clear()
                continue
            seen.add(here.resolve())
            tops += sorted(here / name for name in below if (here / name).is_symlink())
            found += [here / name for name in files if name.endswith(".feature") and (here / name).is_file()]
    return sorted(found)


def find_project(start: Path) -> Project:
    """The project that contains the directory `start`.

    Raises:
        ConfigurationError: the table is invalid; the message has file and key.
    """
    for directory in (start.absolute(), *start.absolute().parents):
        file = directory / "pyproject.toml"
        if file.is_file():
            return _read(file)
    return _project(start.absolute(), {}, configured=False)


def _read(file: Path) -> Project:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"the file cannot be read: {error}", where=str(file)) from error
    known = sorted({field.name for field in fields(Project)} - {"root", "configured", "provided"})
    tools = document.get("tool")
    table = tools.get("harness") if isinstance(tools, dict) else None
    if table is None:
        _refuse_misspelt(tools if isinstance(tools, dict) else {}, known, file)
        return _project(file.parent, {}, configured=False)
    if not isinstance(table, dict):
        raise ConfigurationError(
            "this key must be a table", where=f"{file}: {_TABLE}", hint=f"write `[{_TABLE}]`, then its keys"
        )
    from harness.nearest import hint_with_nearest

    for key, value in table.items():
        if key == "plugins":
            continue  # its own reader: harness.plugins
        where = f"{file}: {_TABLE}.{key}"
        if key not in known:
            raise ConfigurationError(f"there is no key {key!r}", where=where, hint=hint_with_nearest(key, known))
        expected = "a string" if key == "target" else "a list of strings"
        if not (isinstance(value, str) if key == "target" else _is_strings(value)):
            example = f'{key} = "target.yaml"' if key == "target" else f'{key} = ["…"]'
            raise ConfigurationError(f"{value!r} is not {expected}", where=where, hint=f"write `{example}`")
    return _project(file.parent, table, configured=True)


def _refuse_misspelt(tools: Mapping[str, Any], known: Sequence[str], file: Path) -> None:
    """Refuse a misspelt table of the harness: it would be ignored, and another target or profile would be judged."""
    for name, table in tools.items():
        alike = SequenceMatcher(None, name.casefold(), "harness").ratio() >= _CLOSE or name.startswith("readiness")
        if alike and isinstance(table, dict) and not {*known}.isdisjoint(table):
            raise ConfigurationError(
                "this table is unknown", where=f"{file}: tool.{name}", hint=f"did you mean `[{_TABLE}]`?"
            )


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _nearest_path(path: Path) -> str:
    from harness.nearest import hint_with_nearest

    there = path.parent
    return hint_with_nearest(path.name, [one.name for one in there.iterdir()]) if there.is_dir() else "create it"


def _project(root: Path, table: dict[str, Any], *, configured: bool) -> Project:
    def paths(key: str) -> tuple[Path, ...]:
        found = tuple(root / item for item in table.get(key, ()))
        for path in found:
            if not path.exists():
                raise ConfigurationError(
                    f"the path does not exist: {path}",
                    where=f"{root / 'pyproject.toml'}: {_TABLE}.{key}",
                    hint=_nearest_path(path),
                )
        return found

    named = table.get("target", "")
    provided = named if is_provided(named) else ""
    return Project(
        root=root,
        configured=configured,
        target=root / named if named and not provided else None,
        provided=provided,
        profiles=tuple(table.get("profiles", ())),
        catalogue=paths("catalogue"),
        # pytest names what it collects without `..`
        features=tuple(path.resolve() if ".." in path.parts else path for path in paths("features")),
        experiments=paths("experiments"),
        loadtests=paths("loadtests"),
        rollouts=paths("rollouts"),
        attestations=paths("attestations"),
        waivers=paths("waivers"),
        claims=paths("claims"),
    )
