"""Finds what modules define, so that no list names it a second time: every module below a package, and the values of a kind in a module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import TypeVar

_Value = TypeVar("_Value")


def modules_below(package: ModuleType) -> tuple[ModuleType, ...]:
    """Every module below a package, imported, sorted by name."""
    names = (one.name for one in walk_packages(package.__path__, f"{package.__name__}.") if not one.ispkg)
    return tuple(map(import_module, sorted(names)))


def values_in(modules: Iterable[ModuleType], kind: type[_Value]) -> Iterator[tuple[ModuleType, str, _Value]]:
    """The values of a kind at the top of modules, with module and name, each once; a name that begins with `_` is the module's own affair."""
    found: set[int] = set()
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, kind) and not name.startswith("_") and id(value) not in found:
                found.add(id(value))
                yield module, name, value
