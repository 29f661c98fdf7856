"""A YAML file with the line of every value, so that an error can say where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from harness.errors import ConfigurationError

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as quick, and not everywhere


@dataclass(frozen=True, kw_only=True, slots=True)
class YamlFile:
    """What a YAML file says, and where it says it.

    Attributes:
        path: of the file.
        data: plain values.
        root: the node tree with line marks; None for an empty file.
    """

    path: Path
    data: Any
    root: yaml.Node | None

    @classmethod
    def read(cls, path: Path) -> YamlFile:
        """Read a file; raises ConfigurationError when it cannot be read, is no YAML, or says one key twice."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"cannot be read: {error}", where=str(path)) from error
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            data = None if root is None else loader.construct_document(root)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ConfigurationError(f"is no YAML: {error.problem}", where=f"{path}:{line}") from error
        finally:
            loader.dispose()
        _refuse_double_keys(path, root)
        return cls(path=path, data=data, root=root)

    def line(self, keys: Sequence[str | int]) -> int:
        """Line of the value under these keys and indices, or of the deepest of them that exists."""
        node, line = self.root, 1
        for key in keys:
            child = _child(node, key)
            if child is None:
                break
            node, line = child
        return line

    def where(self, keys: Sequence[str | int]) -> str:
        """`file:line: key`, the form of every configuration error."""
        named = [str(key) for key in keys if isinstance(key, str)]
        place = f"{self.path}:{self.line(keys)}"
        return f"{place}: {named[-1]}" if named else place


def _child(node: yaml.Node | None, key: str | int) -> tuple[yaml.Node, int] | None:
    """A child with the line of its key (in a mapping) or its own (in a sequence)."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return value, name.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key].start_mark.line + 1
    return None


def _refuse_double_keys(path: Path, root: yaml.Node | None) -> None:
    """YAML keeps the last of two equal keys and says nothing; a catalogue must not lose a row so."""
    left = [root] if root is not None else []
    while left:
        node = left.pop()
        if isinstance(node, yaml.SequenceNode):
            left.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for name, value in node.value:
                if name.value in seen:
                    where = f"{path}:{name.start_mark.line + 1}: {name.value}"
                    raise ConfigurationError("the key stands twice", where=where, hint="keep one of the two")
                seen.add(name.value)
                left.append(value)
