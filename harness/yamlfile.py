"""The one reader of YAML files that people write, with the line of every key: plain data only, refused early and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml

from harness.errors import ConfigurationError

Location = tuple[str | int, ...]

_Plain: Final = yaml.SafeLoader
_Quick: Final = getattr(yaml, "CSafeLoader", None)
"""libyaml's is ten times as quick, is not everywhere, and says less of what is wrong."""
DEEPEST: Final = 30
"""Levels of nesting; no file of ours needs ten, and a bound keeps the reader from running out of stack."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One YAML document.

    Attributes:
        path: as given.
        data: mappings with text keys, lists, scalars.
        lines: line of each key and list item, counted from 1, by its location; `()` is the document itself.
    """

    path: Path
    data: Any
    lines: Mapping[Location, int]

    def line(self, location: Sequence[str | int]) -> int:
        """Line of the deepest part of the location that is in the file."""
        place = tuple(location)
        return next(self.lines[place[:size]] for size in range(len(place), -1, -1) if place[:size] in self.lines)

    def where(self, location: Sequence[str | int]) -> str:
        """`file:line: key`, the line being that of the deepest part of the location that is in the file."""
        place = f"{self.path}:{self.line(location)}"
        return f"{place}: {dotted(location)}" if location else place


def dotted(location: Sequence[str | int]) -> str:
    """`regions.us-east-1.entry`, `may_break[0].experiment`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_document(path: Path) -> Document:
    """Read one YAML document of plain data.

    Raises:
        ConfigurationError: the file cannot be read, is no YAML, holds a key twice, a key that is no text, a tag or an alias.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"cannot be read: {why}", where=str(path)) from error
    try:
        data, lines = _read(path, text, _Quick) if _Quick is not None else _read(path, text, _Plain)
    except (yaml.YAMLError, ValueError):
        data, lines = _explained(path, text)  # in the words of the reader that tells more
    return Document(path=path, data=data, lines=lines)


def _explained(path: Path, text: str) -> tuple[Any, dict[Location, int]]:
    try:
        return _read(path, text, _Plain)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(
            f"is no plain YAML: {error.problem or error.context}",
            where=f"{path}:{line}",
            hint="indent with spaces, not with tabs" if "\t" in (error.problem or "").replace("\\t", "\t") else "",
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        # a character that YAML does not allow, or a scalar that looks like a date or a number and is none
        raise ConfigurationError(f"is no plain YAML: {str(error).splitlines()[0]}", where=str(path)) from error


def _read(path: Path, text: str, loader_of: type[Any]) -> tuple[Any, dict[Location, int]]:
    """The data and the lines; neither tags, anchors nor aliases: what is in the file is what is meant."""
    depth = 0
    for event in yaml.parse(text, Loader=loader_of):
        for what in ("tag", "anchor"):
            if getattr(event, what, None) is not None:
                raise _at(event, f"{what}s are not used here")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _at(event, "it is nested too deeply")
    loader = loader_of(text)
    try:
        node = loader.get_single_node()
        lines: dict[Location, int] = dict(_lines(path, node, ())) if node is not None else {(): 1}
        return (loader.construct_document(node) if node is not None else None), lines
    finally:
        loader.dispose()


def _at(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=cast("yaml.Mark | None", event.start_mark))


def _lines(path: Path, node: yaml.Node, location: Location) -> Iterator[tuple[Location, int]]:
    if not location:
        yield (), node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*location, index), item.start_mark.line + 1
            yield from _lines(path, item, (*location, index))
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise ConfigurationError(
                    "a key that is no text", where=f"{path}:{line}", hint='put it in quotes, like `"no": …`'
                )
            here = (*location, key.value)
            if key.value in seen:
                raise ConfigurationError(
                    f"the key `{key.value}` is defined twice",
                    where=f"{path}:{line}: {dotted(here)}",
                    hint=f"keep one; the first is in line {seen[key.value]}",
                )
            seen[key.value] = line
            yield here, line
            yield from _lines(path, value, here)
