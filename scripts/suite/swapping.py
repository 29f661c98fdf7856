"""Puts a change into functions that are loaded already, so that a forked process tries it without importing anything again."""

from __future__ import annotations

import functools
import gc
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

_CACHE: Final = type(functools.cache(int))


class Loaded:
    """The functions and caches of the harness that are loaded now."""

    def __init__(self, root: Path) -> None:
        """Find them; root: of the checkout."""
        self._functions = defaultdict[str, list[FunctionType]](list)
        self._caches = list[Any]()
        for one in gc.get_objects():
            if type(one) is FunctionType and one.__code__.co_filename.startswith(str(root)):
                self._functions[one.__code__.co_filename].append(one)
            elif isinstance(one, _CACHE) and str(one.__module__).partition(".")[0] in {"harness", "claims"}:
                self._caches.append(one)

    def swap(self, file: Path, source: str) -> bool:
        """Give every loaded function of a file the code that it has in a changed source, and empty all caches.

        Returns:
            Whether a loaded function changed; False also where the change is of what only an import runs.
        """
        name = str(file.resolve())
        new = _codes(compile(source, name, "exec", dont_inherit=True))
        old = _codes(compile(file.read_text(encoding="utf-8"), name, "exec", dont_inherit=True))
        changed = False
        for function in self._functions[name]:
            code = function.__code__
            number = next((n for n, one in enumerate(old[code.co_qualname]) if one == code), None)
            after = new[code.co_qualname]
            if number is None or number >= len(after) or after[number] == code:
                continue
            if after[number].co_freevars == code.co_freevars:
                function.__code__ = after[number]
                changed = True
        for cache in self._caches:
            cache.cache_clear()
        return changed


def _codes(module: CodeType) -> defaultdict[str, list[CodeType]]:
    """All code objects within a module's, by qualified name, in order."""
    found = defaultdict[str, list[CodeType]](list)
    for code in _inside(module):
        found[code.co_qualname].append(code)
    return found


def _inside(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _inside(one)
