"""Python imports this module by itself at the start of every process below `benchmarks/walk.py`: notes each file of the harness that a call runs in."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import CodeType, FrameType, MappingProxyType
from typing import Any, Final

_LOG: Final = os.environ.get("WALK_LOG", "")
_ROOT: Final = os.environ.get("WALK_ROOT", "")
_MARK: Final = os.environ.get("WALK_MARK", "")
_DEEPEST: Final = 3
_ran: set[str] = set()
_carried: set[str] = set()
_done: set[CodeType] = set()
"""Code of files of which nothing is left to note."""


def _note(kind: str, file: str) -> None:
    descriptor = os.open(_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{kind} {file}\n".encode())
    os.close(descriptor)


def _has_mark(value: object, depth: int = 0) -> bool:
    """Whether a value, or one of the first values in it, is a text with the mark."""
    if isinstance(value, str | Path):
        return _MARK in str(value)
    if depth == _DEEPEST:
        return False
    if isinstance(value, dict | MappingProxyType):
        return any(_has_mark(one, depth + 1) for one in [*value, *value.values()][:40])
    if isinstance(value, list | tuple | set | frozenset):
        return any(_has_mark(one, depth + 1) for one in [*value][:20])
    if is_dataclass(value):
        return any(_has_mark(getattr(value, one.name, None), depth + 1) for one in fields(value))
    return False


def _is_imported(frame: FrameType | None) -> bool:
    """Whether the call is made while a module of the harness is imported."""
    while frame is not None:
        code = frame.f_code
        if (
            code.co_name == "<module>"
            and code.co_filename.startswith(_ROOT)
            and not code.co_filename.endswith("__main__.py")
        ):
            return True
        frame = frame.f_back
    return False


def _called(frame: FrameType, event: str, _argument: Any) -> None:
    code = frame.f_code
    if event != "call" or code in _done:
        return
    file = code.co_filename
    if not (file.startswith(_ROOT) and file.endswith(".py")) or (file in _ran and file in _carried):
        _done.add(code)
    elif not _is_imported(frame):
        if file not in _ran:
            _ran.add(file)
            _note("ran", file)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if _MARK and any(_has_mark(frame.f_locals.get(name)) for name in names):
            _carried.add(file)
            _note("carried", file)


if _LOG:
    threading.setprofile(_called)
    sys.setprofile(_called)
