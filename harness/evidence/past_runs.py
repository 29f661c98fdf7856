"""Reads earlier runs from their `verdict.json` only.

A broken or foreign directory is reported, and the other runs are still read. Nothing is written and there is no index:
each run has a separate directory, and its verdict is written completely or not at all. So runs that end at the same
time lose nothing, and the list is always correct.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from harness.errors import EvidenceError, UsageError
from harness.evidence.foreign import regular_file
from harness.evidence.run_directory import RUNS_LISTED, RunDirectory
from harness.model.judged.past import PastRun, UnreadRun

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: Final = 2
"""The version of `verdict.json` that is read."""
_HEAD: Final = 1 << 18
"""Maximum size in bytes of the head of a verdict, which is the part before the requirements.

Only a run with thousands of reasons has a longer head.
"""
_TAIL: Final = 16
_LONGEST: Final = 200
"""Maximum number of characters of a reason."""
_LATEST: Final = "latest"
_NAMED: Final = re.compile(r"\d{8}T\d{6}Z")
"""Begin of a run's name; a directory with another name counts as older than any run."""


@cache
def _json() -> TypeAdapter[Any]:
    return TypeAdapter(Any)


@cache
def _adapter() -> TypeAdapter[PastRun]:
    return TypeAdapter(PastRun)


def past_runs(runs: Path, most: int, whole: int = 20) -> tuple[tuple[PastRun, ...], tuple[UnreadRun, ...], int]:
    """The latest runs below a directory, the runs that cannot be read, and the number of runs left out.

    The runs are ordered by name, the oldest first. The latest `whole` runs are read completely; of the others only the
    decision and the counts are read. Files, `latest`, and names with a leading dot are not runs. A run that is being
    written is listed as a run that cannot yet be read.

    Raises:
        UsageError: the directory does not exist.
    """
    names = run_names(runs)
    chosen = names[-most:]
    found = [_read(runs / name, name, head=at < len(chosen) - whole) for at, name in enumerate(chosen)]
    read = tuple(one for one in found if isinstance(one, PastRun))
    unread = tuple(one for one in found if isinstance(one, UnreadRun))
    return read, unread, len(names) - len(chosen)


def past_run(path: Path) -> PastRun:
    """Read one run.

    Raises:
        UsageError: the run does not exist.
        EvidenceError: the verdict of the run cannot be read.
    """
    if not path.is_dir():
        raise UsageError("the run does not exist", where=str(path), hint=RUNS_LISTED)
    found = _read(path, path.resolve().name, head=False)
    if isinstance(found, UnreadRun):
        raise EvidenceError(found.why, where=str(path), hint="`readiness judge RUN` makes a verdict of a recorded run")
    return found


def run_names(runs: Path) -> list[str]:
    """The directories below, in the order of their names, which begin with the time of the run."""
    try:
        with os.scandir(runs) as entries:
            found = [
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.name != _LATEST and entry.is_dir(follow_symlinks=False)
            ]
            return sorted(found, key=lambda name: (_NAMED.match(name) is not None, name))
    except OSError as error:
        raise UsageError(
            f"the runs cannot be read: {error.strerror}",
            where=str(runs),
            hint="pass the directory of the runs with --out DIR",
        ) from error


def _read(path: Path, name: str, *, head: bool) -> PastRun | UnreadRun:
    try:
        return replace(verdict_of(_document(path / "verdict.json", head=head)), run=_plain(name))
    except FileNotFoundError:
        why = "the run is still being written" if RunDirectory(path).in_progress else "the run has no verdict.json"
    except OSError as error:
        why = f"verdict.json cannot be read: {error.strerror or error}"
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        why = ": ".join(filter(None, ["verdict.json is not a verdict", place, first["msg"]]))
    except ValueError as error:
        why = f"verdict.json is not a verdict: {error}"
    return UnreadRun(run=_plain(name), why=_plain(why))


def _document(path: Path, *, head: bool) -> Any:
    """The JSON of a verdict.

    Of a large one, where that is enough, the part before its requirements.
    """
    with regular_file(path) as (file, size):
        first = file.read(_HEAD)
        if head and size > _HEAD:
            found = _json().validate_json(first, experimental_allow_partial=True)
            file.seek(size - _TAIL)
            if isinstance(found, dict) and "requirements" in found and file.read().rstrip().endswith(b"}"):
                return {**found, "requirements": []}
            file.seek(len(first))
        return _json().validate_json(first + file.read())


def verdict_of(document: Any) -> PastRun:
    """The verdict of this document; raises ValueError where it is not one of ours."""
    if not _finite(document):
        raise ValueError("it contains a number that is not finite")
    found = _adapter().validate_python(document)
    if found.schema != SCHEMA:
        raise ValueError(f"the schema is {found.schema}, expected {SCHEMA}")
    if found.time_scale <= 0:
        raise ValueError(f"the time scale is {found.time_scale:g}, expected above 0")
    return found


def _finite(document: Any) -> bool:
    """Whether every number is one that JSON can be written with; `1e999` is read as infinity."""
    inside = [document]
    while inside:
        value = inside.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return False
        inside += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return True


def _plain(text: str) -> str:
    """One line of printable characters, not too long."""
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"
