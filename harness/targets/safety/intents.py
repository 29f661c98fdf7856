"""The undo log: before every change a synced file describes the change and its undo.

The log is outside of run directories, with one directory per platform and one file per intent:
`$READINESS_STATE/intents/<platform>/<id>.json`. A file gets this name only when it is complete, and is deleted after
the undo. So a harness that is killed at any moment leaves exactly the files that the next start must undo. Unreadable
files are kept for a person.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from harness import clock
from harness.errors import HarnessError
from harness.model import Intent
from harness.targets.safety.platform import Platform, digest
from harness.targets.safety.synced import sync_directory, write_synced
from harness.targets.state import state_directory

VERSION: Final = 2
"""Version of the format; files with another version are not read."""
VERIFY: Final = "verify-restored"
"""Name of the undo of an attempt at an experiment; its parameter `hit` has the names of the hit nodes."""

_counter = itertools.count()


@dataclass(frozen=True, kw_only=True, slots=True)
class Unclear:
    """A file of the undo log that cannot be read.

    Attributes:
        path: path of the file.
        why: error of the file.
    """

    path: Path
    why: str


def intents_directory(platform: Platform) -> Path:
    """The directory of the intents of one platform."""
    return _root() / digest(platform.identity)


def intent_path(intent: Intent) -> Path:
    """The file of an intent."""
    return _root() / digest(intent.platform) / f"{intent.id}.json"


def write_intent(platform: Platform, experiment: str, action: str, undo: Mapping[str, Any], *, module: str) -> Intent:
    """Write an intent to disk; returns once file and directory are synced.

    Args:
        platform: platform that is about to be changed.
        experiment: experiment or other part of a run that changes the platform.
        action: description of the change for people.
        undo: undo of the change: `do`, the name of an undoable action, and its parameters.
        module: module that defines the undoable action.

    Raises:
        HarnessError: the file cannot be written completely; then the change must not be made.
    """
    wall = clock.wall_text()
    number = f"{os.getpid()}-{next(_counter):04d}"
    intent = Intent(
        id=f"{''.join(filter(str.isalnum, wall))}-{number}",
        target=platform.name,
        experiment=experiment,
        action=action,
        undo=dict(undo),
        written=wall,
        platform=platform.identity,
        module=module,
        version=VERSION,
    )
    _write(intent, "nothing was changed on the target; free disk space there")
    return intent


def amend_intent(intent: Intent, **params: object) -> Intent:
    """Add parameters to an intent's undo, with file and directory synced; until then the old file remains.

    Raises:
        HarnessError: the file cannot be written completely; then the change that needs the parameters must not be made.
    """
    amended = replace(intent, undo={**intent.undo, **params})
    _write(amended, "free disk space there, then run `readiness recover --target FILE`")
    return amended


def _write(intent: Intent, hint: str) -> None:
    path = intent_path(intent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_synced(path, json.dumps(asdict(intent), indent=1).encode())
    except OSError as error:
        raise HarnessError(
            f"the entry of the undo log cannot be written: {error.strerror}", where=str(path), hint=hint
        ) from error


def strike_intent(intent: Intent) -> None:
    """Delete an intent after its change was undone; a second call does nothing."""
    path = intent_path(intent)
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_directory(path.parent)


def pending_intents(platform: Platform) -> list[Intent]:
    """Readable intents that must still be undone, newest first."""
    return [intent for intent in _read(platform) if isinstance(intent, Intent)]


def unclear_intents(platform: Platform) -> list[Unclear]:
    """Files that cannot be read as intents: broken JSON, other keys, another version, another platform."""
    return [intent for intent in _read(platform) if isinstance(intent, Unclear)]


def torn_intents(platform: Platform) -> list[Path]:
    """Incomplete files whose writer ended before any change was made; they are kept."""
    return sorted(intents_directory(platform).glob("*.part"))


def elsewhere(platform: Platform) -> list[Path]:
    """Intents of targets with the same name on another platform, and of older versions that stored them by name."""
    own = intents_directory(platform)
    files = [path for path in _root().glob("*/*.json") if path.parent != own]
    return sorted(path for path in files if path.parent.name == platform.name or _target_of(path) == platform.name)


def pending_of_targets() -> dict[str, list[Path]]:
    """The files of the undo log by target name, else by the name of their directory."""
    found: dict[str, list[Path]] = {}
    for path in sorted(_root().glob("*/*.json")):
        name = _target_of(path)
        found.setdefault(name if isinstance(name, str) else path.parent.name, []).append(path)
    return found


def _target_of(path: Path) -> object:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content.get("target") if isinstance(content, dict) else None


def _root() -> Path:
    return state_directory() / "intents"


def _read(platform: Platform) -> list[Intent | Unclear]:
    """Every file, newest first."""
    files = sorted(intents_directory(platform).glob("*.json"), reverse=True)
    return [parsed for path in files if (parsed := _parsed(path, platform)) is not None]


def _parsed(path: Path, platform: Platform) -> Intent | Unclear | None:
    """The contents of a file; None if it was deleted meanwhile."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unclear(path=path, why=f"the file cannot be read: {error.strerror}")
    except (ValueError, RecursionError):
        return Unclear(path=path, why="the file is not JSON")
    why = _odd(content, path, platform)
    return Unclear(path=path, why=why) if why else Intent(**content)


def _odd(content: Any, path: Path, platform: Platform) -> str:
    """Why the contents are not an intent of the platform; empty if they are."""
    if not isinstance(content, dict):
        return "the file is not a JSON object"
    if content.get("version", VERSION) != VERSION:
        return f"the file has version {content['version']}, this harness reads version {VERSION}"
    known = {field.name for field in fields(Intent)}
    if odd := sorted(map(str, {*content} ^ known)) or [key for key in sorted(known) if not _typed(key, content[key])]:
        return f"missing or unknown keys: {', '.join(odd)}"
    if content["id"] != path.stem:
        return f"the id is {content['id']}, so the file was renamed or copied"
    return (
        ""
        if content["platform"] == platform.identity
        else f"the file belongs to another platform: {content['platform']}"
    )


def _typed(key: str, value: object) -> bool:
    return isinstance(value, {"undo": dict, "version": int}.get(key, str))
