"""The undo log: what would have to be undone is on disk, synced, before anything is changed.

It is outside every run directory, one folder a platform, one file an intent: `$READINESS_STATE/intents/<platform>/<id>.json`.
A file appears under that name only when it is complete. Striking off is deleting it. So a harness that is killed at any moment
leaves exactly what the next start must undo. A file that is not understood is kept: only a person can find out what it is for.
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
from harness.targets.platform import Platform, digest
from harness.targets.state import state_directory
from harness.targets.synced import sync_directory, write_synced

VERSION: Final = 2
"""Of the format; a file of another one is not understood."""
VERIFY: Final = "verify-restored"
"""The undo of an attempt at an experiment; its `hit` are the nodes that the attempt was observed to hit, by name."""

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


def intents_directory(platform: Platform) -> Path:
    """Where the intents on one platform are."""
    return _root() / digest(platform.identity)


def intent_path(intent: Intent) -> Path:
    """The file of an intent."""
    return _root() / digest(intent.platform) / f"{intent.id}.json"


def write_intent(platform: Platform, experiment: str, action: str, undo: Mapping[str, Any], *, module: str) -> Intent:
    """Put an intent on disk, file and directory synced, and only then return.

    Args:
        platform: what is acted on.
        experiment: what is about to act.
        action: what it is about to do, for people.
        undo: what undoes it: `do`, the name of an undoable action, and its parameters.
        module: the module that defines that action.

    Raises:
        HarnessError: it cannot be written completely; then nothing may be changed.
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
    _write(intent, "nothing was broken; make room there")
    return intent


def amend_intent(intent: Intent, **params: object) -> Intent:
    """Add to the parameters of its undo what is known only now, file and directory synced; until then the old ones are there.

    Raises:
        HarnessError: it cannot be written completely; then what they are of may not be done.
    """
    amended = replace(intent, undo={**intent.undo, **params})
    _write(amended, "make room there, then run `readiness recover --target FILE`")
    return amended


def _write(intent: Intent, hint: str) -> None:
    path = intent_path(intent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_synced(path, json.dumps(asdict(intent), indent=1).encode())
    except OSError as error:
        raise HarnessError(f"an intent cannot be written: {error.strerror}", where=str(path), hint=hint) from error


def strike_intent(intent: Intent) -> None:
    """Strike it off: what it describes is undone. A second strike does nothing."""
    path = intent_path(intent)
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_directory(path.parent)


def pending_intents(platform: Platform) -> list[Intent]:
    """What is still to be undone and is understood, newest first."""
    return [intent for intent in _read(platform) if isinstance(intent, Intent)]


def unclear_intents(platform: Platform) -> list[Unclear]:
    """The files that are not understood: broken JSON, other keys, another version, another platform's."""
    return [intent for intent in _read(platform) if isinstance(intent, Unclear)]


def torn_intents(platform: Platform) -> list[Path]:
    """Files that never got their name: their writer ended before, so nothing was changed under them. They are kept."""
    return sorted(intents_directory(platform).glob("*.part"))


def elsewhere(platform: Platform) -> list[Path]:
    """Intents of targets of the same name that lead to another platform, and of versions that kept them by name."""
    own = intents_directory(platform)
    files = [path for path in _root().glob("*/*.json") if path.parent != own]
    return sorted(path for path in files if path.parent.name == platform.name or _target_of(path) == platform.name)


def pending_of_targets() -> dict[str, list[Path]]:
    """The files of the undo log by the name of their target; one that names none is under the name of its directory."""
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
    """What is in a file; None where it was struck off meanwhile."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unclear(path=path, why=f"it cannot be read: {error.strerror}")
    except (ValueError, RecursionError):
        return Unclear(path=path, why="it is not JSON")
    why = _odd(content, path, platform)
    return Unclear(path=path, why=why) if why else Intent(**content)


def _odd(content: Any, path: Path, platform: Platform) -> str:
    """Why this is no intent on the platform; empty when it is one."""
    if not isinstance(content, dict):
        return "it is not a JSON object"
    if content.get("version", VERSION) != VERSION:
        return f"it has version {content['version']}, this harness reads version {VERSION}"
    known = {field.name for field in fields(Intent)}
    if odd := sorted(map(str, {*content} ^ known)) or [key for key in sorted(known) if not _typed(key, content[key])]:
        return f"missing or unknown keys: {', '.join(odd)}"
    if content["id"] != path.stem:
        return f"its id is {content['id']}: it was renamed or copied"
    return "" if content["platform"] == platform.identity else f"it is of another platform: {content['platform']}"


def _typed(key: str, value: object) -> bool:
    return isinstance(value, {"undo": dict, "version": int}.get(key, str))
