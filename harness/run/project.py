"""Where a project keeps its features, experiments and loadtests: its own first, then what the package brings."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import harness
from harness.errors import ConfigurationError

_TABLE: Final = "tool.harness"


def bundled(name: str) -> Path:
    """A directory that the package brings: in a wheel below `harness/bundled`, in a checkout beside `harness`."""
    package = Path(harness.__file__).parent
    inside = package / "bundled" / name
    return inside if inside.is_dir() else package.parent / name


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """What `[tool.harness]` of a `pyproject.toml` says; paths are absolute.

    Attributes:
        root: the directory of the project's `pyproject.toml`, or the working directory when there is none.
        configured: whether there is such a table.
        target: target file; None: the sandbox.
        profiles: what is judged when `--profile` is not given.
        catalogue: further catalogue files; features, experiments, loadtests: directories, the project's own.
    """

    root: Path
    configured: bool
    target: Path | None
    profiles: tuple[str, ...]
    catalogue: tuple[Path, ...]
    features: tuple[Path, ...]
    experiments: tuple[Path, ...]
    loadtests: tuple[Path, ...]

    def search(self, name: str) -> tuple[Path, ...]:
        """Directories where names are looked for (`features`, `experiments`, `loadtests`), the project's own first."""
        own: tuple[Path, ...] = getattr(self, name)
        return tuple(dict.fromkeys((*own, bundled(name))))


def shadowed(project: Project) -> list[str]:
    """Files of the project that are used in place of others of their name that came with the package: `experiments/pod-loss.yaml`.

    An equal file hides nothing. Of traffic the size is named when its locustfile, or what that imports, is another one.
    """
    found = []
    for kind, pattern in (("features", "**/*.feature"), ("experiments", "*.yaml"), ("loadtests", "*.yaml")):
        theirs = bundled(kind)
        for base in getattr(project, kind):
            if base.resolve() == theirs.resolve():
                continue
            for file in sorted(base.glob(pattern)):
                name = file.relative_to(base)
                if (theirs / name).is_file() and not _same(base, theirs, name, code=kind == "loadtests"):
                    found.append(f"{kind}/{name.as_posix()}")
    return found


def _same(own: Path, theirs: Path, name: Path, *, code: bool) -> bool:
    """Whether a file is equal in both directories, and with `code` every Python file of theirs too."""
    names = [name, *(file.relative_to(theirs) for file in theirs.rglob("*.py") if code)]
    return all((own / one).is_file() and (own / one).read_bytes() == (theirs / one).read_bytes() for one in names)


def feature_files(project: Project) -> tuple[Path, ...]:
    """All feature files: the project's own, then those that the package brings, but for those that one of the same place and name hides."""
    found: dict[Path, Path] = {}
    for base in project.search("features"):
        for file in sorted(base.rglob("*.feature")):
            found.setdefault(file.relative_to(base), file)
    return tuple(found.values())


def find_project(start: Path) -> Project:
    """The project that `start` lies in; raises ConfigurationError with file and key when its table is wrong."""
    for directory in (start.absolute(), *start.absolute().parents):
        file = directory / "pyproject.toml"
        if file.is_file():
            return _read(file)
    return _project(start.absolute(), {}, configured=False)


def _read(file: Path) -> Project:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot be read: {error}", where=str(file)) from error
    table = document.get("tool", {}).get("harness")
    if table is None:
        return _project(file.parent, {}, configured=False)
    known = sorted({field.name for field in fields(Project)} - {"root", "configured"})
    from harness.catalogue.names import hint_with_nearest

    for key, value in table.items():
        where = f"{file}: {_TABLE}.{key}"
        if key not in known:
            raise ConfigurationError(f"there is no key {key!r}", where=where, hint=hint_with_nearest(key, known))
        expected = "a string" if key == "target" else "a list of strings"
        if not (isinstance(value, str) if key == "target" else _is_strings(value)):
            raise ConfigurationError(f"{value!r} is not {expected}", where=where)
    return _project(file.parent, table, configured=True)


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _project(root: Path, table: dict[str, Any], *, configured: bool) -> Project:
    def paths(key: str) -> tuple[Path, ...]:
        found = tuple(root / item for item in table.get(key, ()))
        for path in found:
            if not path.exists():
                raise ConfigurationError(
                    "there is no such path", where=f"{root / 'pyproject.toml'}: {_TABLE}.{key}: {path}"
                )
        return found

    return Project(
        root=root,
        configured=configured,
        target=root / table["target"] if "target" in table else None,
        profiles=tuple(table.get("profiles", ("core",))),
        catalogue=paths("catalogue"),
        features=paths("features"),
        experiments=paths("experiments"),
        loadtests=paths("loadtests"),
    )
