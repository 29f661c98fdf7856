"""The undo log: what would have to be undone is on disk, synced, before anything is changed.

It stands outside every run directory, one folder a target, one file an intent: `$READINESS_STATE/intents/<target>/<id>.json`.
Striking off is deleting the file. So a harness that is killed at any moment leaves exactly what the next start must undo.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness import clock
from harness.errors import HarnessError
from harness.model import Intent
from harness.targets.state import state_directory

_counter = itertools.count()


def intents_directory(target: str) -> Path:
    """Where the intents on one target are."""
    return state_directory() / "intents" / target


def write_intent(target: str, experiment: str, action: str, undo: Mapping[str, Any]) -> Intent:
    """Put an intent on disk, file and directory synced, and only then return.

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
    """Strike it off: what it said is undone. A second strike does nothing."""
    path = _path(intent)
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        _sync_directory(path.parent)


def pending_intents(target: str) -> list[Intent]:
    """What is still to be undone, newest first.

    A file that was cut short was never returned from `write_intent`, so nothing was changed under it: it is swept.
    """
    found = []
    for path in sorted(intents_directory(target).glob("*.json"), reverse=True):
        try:
            found.append(Intent(**json.loads(path.read_bytes())))
        except (ValueError, TypeError):
            path.unlink(missing_ok=True)
    return found


def _path(intent: Intent) -> Path:
    return intents_directory(intent.target) / f"{intent.id}.json"


def _write_synced(path: Path, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
