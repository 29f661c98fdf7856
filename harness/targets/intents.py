"""The undo log: what would have to be undone is on disk, synced, before anything is changed.

It is outside every run directory, one folder a target, one file an intent: `$READINESS_STATE/intents/<target>/<id>.json`.
A file appears under that name only when it is complete. Striking off is deleting it. So a harness that is killed at any moment
leaves exactly what the next start must undo. A file that is not understood is kept: only a person can find out what it is for.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from harness import clock
from harness.errors import HarnessError
from harness.model import Intent
from harness.targets.state import state_directory

VERSION: Final = 1
"""Of the format; a file of a newer one is not understood."""

_counter = itertools.count()


@dataclass(frozen=True, kw_only=True, slots=True)
class Unclear:
    """A file of the undo log that is not understood.

    Attributes:
        path: the file.
        why: what is wrong with it.
    """

    path: Path
    why: str


def intents_directory(target: str) -> Path:
    """Where the intents on one target are."""
    return state_directory() / "intents" / target


def write_intent(target: str, experiment: str, action: str, undo: Mapping[str, Any], *, module: str) -> Intent:
    """Put an intent on disk, file and directory synced, and only then return.

    Args:
        target: name of the target.
        experiment: what is about to act.
        action: what it is about to do, for people.
        undo: what undoes it: `do`, the name of an undoable action, and its parameters.
        module: the module that defines that action.

    Raises:
        HarnessError: it cannot be written; then nothing may be changed.
    """
    wall = clock.wall_text()
    number = f"{os.getpid()}-{next(_counter):04d}"
    intent = Intent(
        id=f"{''.join(filter(str.isalnum, wall))}-{number}",
        target=target,
        experiment=experiment,
        action=action,
        undo=dict(undo),
        written=wall,
        module=module,
        version=VERSION,
    )
    path = _path(intent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_synced(path, json.dumps(asdict(intent), indent=1).encode())
    except OSError as error:
        raise HarnessError(
            f"an intent cannot be written: {error.strerror}",
            where=str(path),
            hint="nothing was broken; make room there",
        ) from error
    return intent


def strike_intent(intent: Intent) -> None:
    """Strike it off: what it describes is undone. A second strike does nothing."""
    path = _path(intent)
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        _sync_directory(path.parent)


def pending_intents(target: str) -> list[Intent]:
    """What is still to be undone and is understood, newest first."""
    return [intent for intent in _read(target) if isinstance(intent, Intent)]


def unclear_intents(target: str) -> list[Unclear]:
    """The files that are not understood: broken JSON, other keys, a newer version."""
    return [intent for intent in _read(target) if isinstance(intent, Unclear)]


def _read(target: str) -> list[Intent | Unclear]:
    """Every file, newest first. What was never renamed was never returned from `write_intent`: nothing was changed under it."""
    for part in intents_directory(target).glob("*.part"):
        part.unlink(missing_ok=True)
    return [_parsed(path) for path in sorted(intents_directory(target).glob("*.json"), reverse=True)]


def _parsed(path: Path) -> Intent | Unclear:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        return Unclear(path=path, why=f"it cannot be read: {error.strerror}")
    except (ValueError, RecursionError):
        return Unclear(path=path, why="it is not JSON")
    if not isinstance(content, dict):
        return Unclear(path=path, why="it is not a JSON object")
    if content.get("version", VERSION) != VERSION:
        return Unclear(path=path, why=f"it has version {content['version']}, this harness reads version {VERSION}")
    known = {field.name for field in fields(Intent)}
    if {*content} != known or not isinstance(content["undo"], dict):
        odd = sorted({*content} ^ known) or ["undo"]
        return Unclear(path=path, why=f"missing or unknown keys: {', '.join(map(str, odd))}")
    return Intent(**content)


def _path(intent: Intent) -> Path:
    return intents_directory(intent.target) / f"{intent.id}.json"


def _write_synced(path: Path, content: bytes) -> None:
    """Complete or not there at all: written beside, synced, and only then given its name."""
    part = path.with_suffix(".part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    part.rename(path)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
