"""Files of its own repository that a GitLab file includes, merged as GitLab merges them.

What the including file writes wins, mappings are merged key by key, and everything else, lists too, is replaced. Of what is not read
(`project`, `remote`, `template`, `component`, a file that is not there) and of a file that only its rules bring, it is known what of the
merged file it may still change.
"""

from __future__ import annotations

import glob
import os.path
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from harness.drivers.static.files import files_of, inside
from harness.drivers.static.inputs import included_document
from harness.drivers.static.jobs import mapping_of, texts_of
from harness.errors import ConfigurationError
from harness.yamlfile import MOST_VALUES, Location, YamlDocument, dotted

_MOST_INCLUDES: Final = 150
"""Files that one file leads to, each counted as often as it is included; GitLab allows as many."""
KEYWORDS: Final = frozenset(
    [
        "default",
        "image",
        "services",
        "stages",
        "variables",
        "workflow",
        "include",
        "before_script",
        "after_script",
        "cache",
        "pages",
        "spec",
    ]
)
"""Keys of a GitLab file that are not jobs."""
_SECURITY: Final = re.compile(
    r"sast|secret-detection|dependency-scanning|container-scanning|cluster-image-scanning|license-scanning|dast"
    r"|code-quality|coverage-fuzzing|api-fuzzing|api-security"
)
"""Parts of the names of GitLab's own templates and components that bring only scanners, as jobs of these names."""
_SCANNER_JOB: Final = re.compile(
    r"\.?(?:[\w.-]*sast(?:[_-][\w-]+)?|secret[_-]\w+|[\w-]*dependency[_-]scanning[\w-]*|gemnasium[\w-]*"
    r"|[\w-]*container[_-]scanning[\w-]*|cluster_image_scanning|cis-[\w-]+|license_scanning|\w*dast\w*|code_quality\w*"
    r"|[\w-]*fuzz[\w-]*|api_security\w*|[\w-]*analyzer[\w-]*)"
)
"""What these jobs are called."""


class _TextPlace(NamedTuple):
    """Where something is written: the file for people, its path, and the line."""

    file: str
    path: Path
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadInclude:
    """An include that is not merged.

    Attributes:
        words: for people, with its place. why: it is not merged.
        touches: whether it may set a key of a job, or of another mapping at the top of the file; the key is empty for the whole.
        jobs: that are in the merged file only because of it.
    """

    words: str
    why: str
    touches: Callable[[str, str], bool]
    jobs: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class MergedDocument:
    """A GitLab file with what it includes.

    Attributes:
        data: as GitLab merges it, `extends` and `!reference` not resolved.
        places: of each key and list item, by its location; `()` is the file itself.
        unread: what it includes that is not merged, in its order.
        files: that are merged, the file itself left out.
    """

    data: Mapping[str, Any]
    places: Mapping[Location, _TextPlace]
    unread: tuple[UnreadInclude, ...] = ()
    files: frozenset[Path] = frozenset()

    def place(self, location: Location) -> str:
        """`file:line` of the deepest part of the location that is written."""
        found = self._found(location)
        return f"{found.file}:{found.line}"

    def where(self, location: Location) -> str:
        """`path:line: key`, for errors."""
        found = self._found(location)
        place = f"{found.path}:{found.line}"
        return f"{place}: {dotted(location)}" if location else place

    def _found(self, location: Location) -> _TextPlace:
        return next(
            self.places[location[:size]] for size in range(len(location), -1, -1) if location[:size] in self.places
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """What one file comes to, with what it includes."""

    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Location, _TextPlace] = field(default_factory=dict)


def with_includes(document: YamlDocument, path: Path, file: str, used: Callable[[Path], object]) -> MergedDocument:
    """A GitLab file with the files of its repository that it includes.

    Args:
        document: of the file.
        path: of the file.
        file: the same for people.
        used: called with each file that is read.

    Raises:
        ConfigurationError: one is not a mapping or not YAML, includes itself, leads out of the repository, or there are too many.
    """
    reader = _IncludeReader(path, file, used)
    part = reader.of(document, path, file, ())
    unread = []
    for found, content in reader.unread:
        new = {
            key: one
            for key, one in content.data.items()
            if key not in {*KEYWORDS, *part.data} and isinstance(one, dict)
        }
        places = {at: one for at, one in content.places.items() if at and at[0] in new}
        part = _Part({**part.data, **new}, {**places, **part.places})
        unread.append(replace(found, jobs=frozenset(new)))
    return MergedDocument(data=part.data, places=part.places, unread=tuple(unread), files=frozenset(reader.files))


class _IncludeReader:
    """Reads what a file includes, and what that includes."""

    def __init__(self, path: Path, file: str, used: Callable[[Path], object]) -> None:
        self.files: set[Path] = set()
        self.unread: list[tuple[UnreadInclude, _Part]] = []
        self._path, self._file, self._used, self._left = path, file, used, _MOST_INCLUDES
        self._values = MOST_VALUES
        above = path.absolute().parents
        self._root = next((one for one in above if (one / ".git").exists()), above[0])

    def of(self, document: YamlDocument, path: Path, file: str, above: tuple[Path, ...]) -> _Part:
        """A file with what it includes; `above` are the files that include it."""
        self._values -= len(document.lines)
        if self._values < 0:
            raise ConfigurationError(
                f"leads to more than {MOST_VALUES} values", where=str(self._path), hint="include less"
            )
        found = _Part()
        for one, at in _entries(document.data.get("include")):
            place = f"{file}:{document.line(at)}"
            for part in self._included(one, place, (*above, path)):
                found = _merged(found, part)
        own = {key: value for key, value in document.data.items() if key != "include"}
        places = {
            at: _TextPlace(file, document.path, line) for at, line in document.lines.items() if at[:1] != ("include",)
        }
        return _merged(found, _Part(own, places))

    def _included(self, one: Any, place: str, above: tuple[Path, ...]) -> Iterator[_Part]:
        """What an entry of `include` brings for sure; what else it may bring is noted."""
        name = _local(one)
        taken = _taken(one)
        if taken is False:
            return
        if name is None:
            self._unread(place, "is not read", _touches_of(one))
            return
        paths = self._paths(name)
        if paths is None:
            self._unread(place, f"is not read (`{name}` is not a file in {self._words_of(self._root)})", _anything)
        for path in paths or ():
            if (part := self._file_part(path, one, place, above)) is None:
                self._unread(place, f"is not read (the inputs of `{name}` are not known)", _anything)
            elif taken:
                yield part
            else:
                self._unread(place, f"is there only by its rules (`{name}`)", _keys_of(part), part)

    def _unread(self, place: str, why: str, touches: Callable[[str, str], bool], part: _Part | None = None) -> None:
        self.unread.append((UnreadInclude(words=f"`include` ({place})", why=why, touches=touches), part or _Part()))

    def _file_part(self, path: Path, one: Any, place: str, above: tuple[Path, ...]) -> _Part | None:
        """A file of the repository with what it includes; None where its inputs are not known."""
        self._left -= 1
        if self._left < 0:
            raise ConfigurationError(f"leads to more than {_MOST_INCLUDES} includes", where=str(self._path))
        if path in above:
            raise ConfigurationError(f"`include` leads back to {path}", where=place, hint="GitLab refuses such a file")
        self._used(path)
        self.files.add(path)
        document = included_document(path, mapping_of(mapping_of(one).get("inputs")))
        return self.of(document, path, self._words_of(path), above) if document else None

    def _words_of(self, path: Path) -> str:
        """A path as the including file is named for people."""
        return os.path.normpath(PurePosixPath(self._file).parent / os.path.relpath(path, self._path.parent))

    def _paths(self, name: str) -> list[Path] | None:
        """The files of a path or pattern, which begins at the top of the repository; None where it is not one of a file."""
        below = name.lstrip("/")
        if not below.endswith((".yml", ".yaml")) or "$" in below or ".." in below.split("/"):
            return None
        if "*" in below:
            return [self._shown(path) for path in self._matching(below)]
        path = self._root / below
        return [self._shown(inside(path, self._root))] if path.is_file() else None

    def _matching(self, pattern: str) -> list[Path]:
        """The files of a pattern, in the order of their paths: `**` is anything, `*` anything but a `/`."""
        parts = re.split(r"(\*\*|\*)", pattern)
        if "**" not in parts:
            found = self._root.glob("".join(one if one == "*" else glob.escape(one) for one in parts))
            return sorted(inside(path, self._root) for path in found if path.is_file())
        top = self._root / parts[0].rpartition("/")[0]
        if not top.is_dir():
            return []
        below = files_of([inside(top, self._root)], lambda _path: True)
        return sorted(path for path in below if _fits(parts, path.relative_to(self._root).as_posix()))

    def _shown(self, path: Path) -> Path:
        """A path as one beside the including file is written."""
        return Path(os.path.normpath(self._path.parent / os.path.relpath(path, self._path.parent)))


def _fits(parts: Sequence[str], path: str) -> bool:
    """Whether a path is one of a pattern, which is given as its `**`, `*` and the texts between them; in a time that grows with both."""
    ends = {0}
    for part in parts:
        if part == "**":
            ends = set(range(min(ends), len(path) + 1))
        elif part == "*":
            stops = [(one, path.find("/", one)) for one in ends]
            ends = {end for one, stop in stops for end in range(one, (len(path) if stop < 0 else stop) + 1)}
        else:
            ends = {one + len(part) for one in ends if path.startswith(part, one)}
        if not ends:
            return False
    return len(path) in ends


def _entries(include: Any) -> Iterator[tuple[Any, Location]]:
    """The entries of `include`, each with its location."""
    if isinstance(include, list):
        yield from ((one, ("include", index)) for index, one in enumerate(include))
    elif include is not None:
        yield include, ("include",)


def _local(one: Any) -> str | None:
    """The path of an entry that names files of the repository; None where it names something else."""
    written = one.get("local") if isinstance(one, dict) else one
    return written if isinstance(written, str) and not re.match(r"https?://", written) else None


def _taken(one: Any) -> bool | None:
    """Whether the rules of an entry bring it; None where they do not decide it."""
    if not isinstance(one, dict) or "rules" not in one:
        return True
    written = one["rules"] if isinstance(one["rules"], list) else [None]
    rules = [rule for rule in written if isinstance(rule, dict)]
    if len(rules) < len(written):
        return None
    always = [index for index, rule in enumerate(rules) if not {"if", "exists", "changes"} & set(rule)]
    decisive = rules[: always[0] + 1] if always else [*rules, {"when": "never"}]
    outcomes = {rule.get("when") != "never" for rule in decisive}
    return outcomes.pop() if len(outcomes) == 1 else None


def _anything(_name: str, _key: str) -> bool:
    return True


def _touches_of(one: Any) -> Callable[[str, str], bool]:
    """What an entry may change that names no file of the repository: of GitLab's own templates it is known."""
    named = mapping_of(one)
    [template] = texts_of(named.get("template"))[:1] or [""]
    [component] = texts_of(named.get("component"))[:1] or [""]
    if template.startswith("Workflows/"):
        return lambda name, _key: name == "workflow"
    directory, _, file = template.rpartition("/")
    scans = directory in ("", "Security", "Jobs") and _SECURITY.match(file.lower())
    own = re.fullmatch(r"(?:\$CI_SERVER_FQDN|gitlab\.com)/components/([\w-]+)/[\w-]+@.+", component)
    if scans or (own and _SECURITY.match(own[1])):
        return lambda name, _key: _SCANNER_JOB.fullmatch(name) is not None
    return _anything


def _keys_of(part: _Part) -> Callable[[str, str], bool]:
    """What a file that was read may change: the keys that it writes."""

    def touches(name: str, key: str) -> bool:
        value = part.data.get(name)
        return name in part.data and (not key or not isinstance(value, dict) or key in value or "extends" in value)

    return touches


def _merged(base: _Part, over: _Part) -> _Part:
    """One file's text under another's."""
    replaced: set[Location] = set()
    data = _deep(base.data, over.data, (), replaced)
    kept = {
        at: one for at, one in base.places.items() if not any(at[:size] in replaced for size in range(1, len(at) + 1))
    }
    return _Part(data, {**kept, **over.places})


def _deep(base: Mapping[str, Any], over: Mapping[str, Any], at: Location, replaced: set[Location]) -> dict[str, Any]:
    found = dict(base)
    for key, value in over.items():
        before, here = found.get(key), (*at, key)
        if isinstance(before, dict) and isinstance(value, dict):
            found[key] = _deep(before, value, here, replaced)
        else:
            found[key] = value
            replaced.add(here)
    return found


def deep_merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings as GitLab merges them: `over` wins, mappings are merged, lists are replaced."""
    return _deep(base, over, (), set())
