"""Finds the routes of a locustfile in its source and the modules in its directory."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.drivers.load.sources import MOST_FILES, files_of, has_tests, tree_of

_REQUESTS: Final = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
_KNOWN: Final = frozenset({"harness", "gevent"})
"""Packages whose users send no requests by themselves."""
_WITHOUT_REQUESTS: Final = frozenset({"LoadTestShape", "tag", "task", "events"})
"""Names of Locust that are neither users nor their tasks."""


def sent_routes(locustfile: Path) -> frozenset[str] | None:
    """The literal names of requests in a locustfile; None if requests may have other names at run time.

    A request may have another name if a name is computed, or if a module outside the directory may define journeys.

    Raises:
        ConfigurationError: a module in the directory is not Python; the error names file and line.
    """
    left, read, found = [locustfile], set[Path](), set[str]()
    while left:
        path = left.pop()
        if path in read:
            continue
        read.add(path)
        own, names = _of_file(path, locustfile.parent)
        if own is None or names is None or len(read) > MOST_FILES:
            return None
        left += own
        found |= names
    return frozenset(found)


def _of_file(path: Path, beside: Path) -> tuple[list[Path] | None, set[str] | None]:
    """The files that one imports, and the names of its requests; None where others may be brought or made."""
    own: list[Path] = []
    names: set[str] = set()
    tree = tree_of(path)
    if has_tests(tree):  # their requests are named by paths
        return own, None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            files = _imported(node, path, beside)
            if files is None:
                return None, None
            own += files
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _REQUESTS:
            name = next((keyword.value for keyword in node.keywords if keyword.arg == "name"), None)
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                names.add(name.value)
            elif name is not None or any(keyword.arg is None for keyword in node.keywords):
                return own, None
    return own, names


def _imported(node: ast.Import | ast.ImportFrom, path: Path, beside: Path) -> list[Path] | None:
    """The files beside the locustfile that a statement imports; None where it brings anything else that may send."""
    members = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
    if isinstance(node, ast.ImportFrom) and node.level:
        return [*files_of(path.parents[node.level - 1], node.module or "", members)]
    own: list[Path] = []
    for name in [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]:
        files = [*files_of(beside, name, members)]
        if not files and not _sends_nothing(name.partition(".")[0], members):
            return None
        own += files
    return own


def _sends_nothing(package: str, members: Sequence[str]) -> bool:
    """Whether what is imported brings no users whose requests have other names: those of Locust are named by their paths."""
    if package == "locust":
        return bool(members) and {*members} <= _WITHOUT_REQUESTS
    return package in _KNOWN or package in sys.stdlib_module_names
