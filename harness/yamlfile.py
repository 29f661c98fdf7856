"""Reads YAML files with the line of every key; only plain data is accepted."""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast

import yaml

from harness.errors import ConfigurationError

Location = tuple[str | int, ...]
SUFFIXES: Final = (".yaml", ".yml")
"""Suffixes of YAML files."""

_Plain: Final = yaml.SafeLoader
_Quick: Final = getattr(yaml, "CSafeLoader", None)
"""The loader of libyaml: ten times as fast, not available everywhere, and with shorter error messages."""
DEEPEST: Final = 30
"""Maximum levels of nesting; a limit prevents a stack overflow, and files of the harness need fewer than ten."""
LARGEST: Final = 1 << 22
"""Maximum size of a file in bytes, thirty times the size of the largest catalogue file."""
_NUMERIC: Final = "+-.0123456789"
_SIXTIES: Final = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_DIGITS: Final = 100
"""Maximum number of characters of a number."""
_TEXT: Final = "tag:yaml.org,2002:str"
_NO_TAGS: Final = "tags are not used here"
_NO_ANCHORS: Final = "anchors are not used here"
_PAIR: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_MARK: Final = "\ufeff"
"""The byte order mark that some editors put before the text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class YamlDocument:
    """One YAML document.

    Attributes:
        path: path as given.
        data: mappings with text keys, lists, scalars.
        lines: location of a key or list item → its line, counted from 1; `()` is the document itself.
    """

    path: Path
    data: Any
    lines: Mapping[Location, int]

    def line(self, location: Sequence[str | int]) -> int:
        """The line of the deepest part of the location that exists in the file."""
        place = tuple(location)
        return next(self.lines[place[:size]] for size in range(len(place), -1, -1) if place[:size] in self.lines)

    def where(self, location: Sequence[str | int]) -> str:
        """A location as `file:line: key`, with the line of its deepest part that exists in the file."""
        place = f"{self.path}:{self.line(location)}"
        return f"{place}: {dotted(location)}" if location else place


def dotted(location: Sequence[str | int]) -> str:
    """A location as text: `regions.us-east-1.entry`, `may_break[0].experiment`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_document(path: Path) -> YamlDocument:
    """Read one YAML document of plain data.

    Raises:
        ConfigurationError: the file cannot be read, is too large, is not YAML, or is nested too deeply; or it has a key twice, a key
            that is not text, a tag, an anchor, an alias, or an ambiguous number.
    """
    text = _joined(read_text(path)) if path.suffix == ".json" else read_text(path)
    try:
        data, lines = _read(path, text, _Quick) if _Quick is not None else _read(path, text, _Plain)
    except (yaml.YAMLError, ValueError, OverflowError):
        data, lines = _explained(path, text)  # in the words of the reader that tells more
    return YamlDocument(path=path, data=data, lines=lines)


def _joined(text: str) -> str:
    """JSON whose pairs of escapes, by which it writes a character such as an emoji, are that character: YAML has no pairs."""
    return _PAIR.sub(lambda found: found[1] + bytes.fromhex(found[2] + found[3]).decode("utf-16-be"), text)


def yaml_files(directory: Path) -> list[Path]:
    """The sorted YAML files in a directory; hidden files are ignored."""
    return sorted(path for path in directory.glob("[!.]*") if path.suffix in SUFFIXES)


def _nearest_file(path: Path) -> str:
    """A hint with the file of the most similar name in the directory; empty if the file exists or no name is similar."""
    if path.exists() or not path.parent.is_dir():
        return ""
    found = get_close_matches(path.name, [file.name for file in path.parent.iterdir() if file.is_file()], n=1)
    return f"did you mean `{found[0]}`?" if found else ""


def read_text(path: Path) -> str:
    """The text of a file of at most `LARGEST` bytes.

    Raises:
        ConfigurationError: the file cannot be read, is not a regular file, is too large, or is not UTF-8.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise ConfigurationError("the path is not a regular file, so it cannot be read", where=str(path))
        with path.open("rb") as file:
            body = file.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise ConfigurationError(f"the file is larger than {LARGEST} bytes", where=str(path), hint="split the file")
        return body.decode("utf-8").removeprefix(_MARK)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the text is not UTF-8"
        hint = "save the file as UTF-8" if isinstance(error, UnicodeDecodeError) else _nearest_file(path)
        raise ConfigurationError(f"the file cannot be read: {why}", where=str(path), hint=hint) from error


def _explained(path: Path, text: str) -> tuple[Any, dict[Location, int]]:
    try:
        read = _read(path, text, _Plain)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigurationError(
            f"the text is not plain YAML: {error.problem or error.context}",
            where=f"{path}:{mark.line + 1 if mark else 1}",
            hint=_cure(error.problem or ""),
        ) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # a character that YAML does not allow, or a scalar that looks like a date or a number but is invalid
        raise ConfigurationError(
            f"the text is not plain YAML: {str(error).splitlines()[0]}", where=str(path)
        ) from error
    if half := _HALF.search(text):  # libyaml refuses it; this reader makes text of it that cannot be written
        where = f"{path}:{text.count(chr(10), 0, half.start()) + 1}"
        what = f"the text is not plain YAML: `{half[0]}` is not a character"
        raise ConfigurationError(what, where=where, hint="write the character itself")
    return read


def _cure(problem: str) -> str:
    """The hint for a problem of the YAML; empty if its text is sufficient."""
    if "\t" in problem.replace("\\t", "\t"):
        return "indent with spaces, not with tabs"
    if "alphabetic or numeric character" in problem or "cannot start any token" in problem:
        return 'put a value that begins with `*`, `%`, `@` or another sign in quotes, such as `"*.dump"`'
    return "repeat the content instead of the anchor" if problem == _NO_ANCHORS else ""


def _read(path: Path, text: str, loader_of: type[Any]) -> tuple[Any, dict[Location, int]]:
    """The data and the lines; neither tags, anchors nor aliases: the file means what it says."""
    return _PlainValues(path, loader_of(text)).document()


class _PlainValues:
    """Plain data of one document, and the line of each key and item. A key or value that is not possible is raised at the end."""

    def __init__(self, path: Path, loader: Any) -> None:
        self._path, self._loader, self._lines = path, loader, dict[Location, int]()
        self._problem: Exception | None = None

    def document(self) -> tuple[Any, dict[Location, int]]:
        """The data and the lines of the only document; None where the text has none."""
        self._loader.get_event()  # the stream begins
        if isinstance(self._loader.get_event(), yaml.StreamEndEvent):
            return None, {(): 1}
        root = self._loader.get_event()
        self._lines[()] = root.start_mark.line + 1
        data = self._of(root, (), 0)
        self._loader.get_event()  # the document ends
        if not isinstance(second := self._loader.get_event(), yaml.StreamEndEvent):
            raise _at(second, "found a second document, expected only one")
        if self._problem is not None:
            raise self._problem
        return data, self._lines

    def _of(self, event: Any, location: Location, depth: int, *, key: bool = False) -> Any:
        """The value that begins with an event; None for a key that is not text."""
        for what, why in (("tag", _NO_TAGS), ("anchor", _NO_ANCHORS)):
            if getattr(event, what, None) is not None:
                raise _at(event, why)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, key=key)
        if depth == DEEPEST:
            raise _at(event, "it is nested too deeply")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(location, depth + 1)
        items: list[Any] = []
        while not isinstance(item := self._loader.get_event(), yaml.SequenceEndEvent):
            here = (*location, len(items))
            self._lines[here] = item.start_mark.line + 1
            items.append(self._of(item, here, depth + 1))
        return items

    def _mapping(self, location: Location, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(key := self._loader.get_event(), yaml.MappingEndEvent):
            name, line = self._of(key, location, depth, key=True), key.start_mark.line + 1
            here = (*location, str(name))
            if not isinstance(name, str):
                self._note("a key that is not text", f"{line}", 'put it in quotes, like `"no": …`')
            elif name in found:
                hint = f"keep one of them; the first is in line {self._lines[here]}"
                self._note(f"the key `{name}` is defined twice", f"{line}: {dotted(here)}", hint)
            self._lines[here] = line
            found[str(name)] = self._of(self._loader.get_event(), here, depth)
        return found

    def _scalar(self, event: Any, *, key: bool) -> Any:
        if event.style is None and (why := _odd(event.value)):
            raise _at(event, why)
        tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit) if event.implicit[0] else _TEXT
        if key or tag == _TEXT:
            return event.value if tag == _TEXT else None
        try:
            return self._loader.construct_object(yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark))
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            self._problem = self._problem or error
            return None

    def _note(self, what: str, at: str, hint: str) -> None:
        if not isinstance(self._problem, ConfigurationError):
            self._problem = ConfigurationError(what, where=f"{self._path}:{at}", hint=hint)


def _odd(value: str) -> str:
    """The problem of a plain scalar that YAML reads as a number; empty if there is none."""
    if not value[:1] or value[0] not in _NUMERIC:
        return ""
    if _SIXTIES.fullmatch(value):
        return f"`{value}` would be a number in base 60: put it in quotes"
    if value.lower().lstrip("+-") in (".inf", ".nan"):
        return f"`{value}` is not a finite number"
    if value[-1].isdigit() and len(value) > _DIGITS:
        return f"a number has more than {_DIGITS} characters"
    try:
        return "" if math.isfinite(float(value)) else f"`{value}` is not a finite number"
    except ValueError:
        return ""


def _at(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=cast("yaml.Mark | None", event.start_mark))


DEEPEST_FOREIGN: Final = 60
"""Maximum levels of nesting of a file that other programs read too, with aliases expanded."""
MOST_VALUES: Final = 200_000
"""Maximum number of keys and values of such a file, with aliases expanded."""
_MERGE: Final = "tag:yaml.org,2002:merge"
_PLAIN_FORMS: Final = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]*|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
)
"""Types of plain scalars of a foreign file besides text. `on`, `yes`, `22:22` and dates stay text, as in the programs that read the file."""


class TaggedList(tuple[Any, ...]):
    """A list with an application's own tag, such as GitLab's `!reference [job, script]`."""

    __slots__ = ()


def _foreign_loader() -> type[Any]:
    class ForeignLoader(_Quick or _Plain):  # type: ignore[misc]
        yaml_implicit_resolvers: Final[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}

    for form, pattern, first in _PLAIN_FORMS:
        for letter in first:
            rows = ForeignLoader.yaml_implicit_resolvers.setdefault("" if letter == "\0" else letter, [])
            rows.append((f"tag:yaml.org,2002:{form}", re.compile(rf"^(?:{pattern})$")))
    return ForeignLoader


_Foreign: Final = _foreign_loader()


def read_documents(path: Path) -> tuple[YamlDocument, ...]:
    """Read the YAML documents of a file that other programs read too: manifests, workflows, rules.

    Anchors, aliases and merge keys are followed within limits. Keys are always text. A list with its own tag is a `TaggedList`.

    Raises:
        ConfigurationError: the file cannot be read, is too large or not YAML, is nested or expanded too far, or has a key twice.
    """
    return documents_in(read_text(path), path)


def documents_in(text: str, path: Path) -> tuple[YamlDocument, ...]:
    """Read the YAML documents of a text, like `read_documents`.

    Args:
        text: text of the documents.
        path: path of the file that contains the text; lines are counted from the start of the text.

    Raises:
        ConfigurationError: the text is not YAML, is nested or expanded too far, or has a key twice.
    """
    try:
        return tuple(_foreign_documents(path, text))
    except yaml.MarkedYAMLError as error:
        mark, what = error.problem_mark or error.context_mark, f"the text is not YAML: {error.problem or error.context}"
        raise ConfigurationError(what, where=f"{path}:{mark.line + 1 if mark else 1}") from error
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise ConfigurationError(f"the text is not YAML: {why}", where=str(path)) from error


def _foreign_documents(path: Path, text: str) -> Iterator[YamlDocument]:
    depth = 0
    for event in yaml.parse(text, Loader=_Foreign):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST_FOREIGN:
            raise _at(event, "it is nested too deeply")
    loader = _Foreign(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            lines: dict[Location, int] = {(): node.start_mark.line + 1}
            yield YamlDocument(path=path, data=_ForeignValues(path, loader, lines).of(node, ()), lines=lines)
    finally:
        loader.dispose()


class _ForeignValues:
    """Plain data of the nodes of one document, and the line of each."""

    def __init__(self, path: Path, loader: Any, lines: dict[Location, int]) -> None:
        self._path, self._loader, self._lines, self._left = path, loader, lines, MOST_VALUES

    def of(self, node: yaml.Node, location: Location) -> Any:
        self._left -= 1
        if self._left < 0:
            raise self._wrong(node, f"the document expands to more than {MOST_VALUES} values", "use fewer aliases")
        if len(location) > DEEPEST_FOREIGN:
            raise self._wrong(node, "the document is nested too deeply", "check whether an alias contains itself")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self._lines[*location, index] = item.start_mark.line + 1
                items.append(self.of(item, (*location, index)))
            return TaggedList(items) if not node.tag.startswith("tag:") else items
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Any:
        if not node.tag.startswith("tag:yaml.org,2002:"):
            return node.value
        value = node.value if node.tag == _MERGE else self._loader.construct_object(node)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._wrong(node, f"`{node.value}` is not a finite number", "write a number, or put it in quotes")
        return value if isinstance(value, (str, int, float)) or value is None else node.value

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        own: dict[str, yaml.Node] = {}
        lines: dict[str, int] = {}
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._wrong(key, "a key that is not text", "write the key as one word")
            if key.tag == _MERGE:
                found = {**self._merged(value, location), **found}
                continue
            if key.value in own:
                hint = f"keep one of them; the first is in line {lines[key.value]}"
                raise self._wrong(key, f"the key `{key.value}` is defined twice", hint)
            own[key.value], lines[key.value] = value, key.start_mark.line + 1
        for name, value in own.items():
            self._lines[*location, name] = lines[name]
            found[name] = self.of(value, (*location, name))
        return found

    def _merged(self, node: yaml.Node, location: Location) -> dict[str, Any]:
        """The keys and values that `<<` adds; for several mappings, the first with a key counts."""
        found: dict[str, Any] = {}
        for other in reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(other, yaml.MappingNode):
                raise self._wrong(other, "`<<` is followed by something that is not a mapping", "merge mappings only")
            found.update(self.of(other, location))
        return found

    def _wrong(self, node: yaml.Node, what: str, hint: str) -> ConfigurationError:
        return ConfigurationError(what, where=f"{self._path}:{node.start_mark.line + 1}", hint=hint)
