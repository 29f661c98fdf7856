"""Rotates a secret as the target file says: by a command, a call, or an annotation that an operator waits for; the undo is on disk first."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness import clock
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target, platform_of
from harness.targets.files.stored import Annotate, Rotation, RotationStep
from harness.targets.http import http_client
from harness.targets.kubernetes import Cluster
from harness.targets.safety.intents import strike_intent
from harness.targets.undo import undo_now, undoable


def rotation_of(target: Target) -> Rotation:
    """The rotation of the target file.

    Raises:
        ConfigurationError: it names none.
    """
    if target.secrets is None or target.secrets.rotation is None:
        hint = "write `secrets: {rotation: {rotate: {command: [WORDS]}, undo: {command: [WORDS]}, …}}`"
        raise ConfigurationError("names no rotation", where=f"{target.file}: secrets.rotation", hint=hint)
    return target.secrets.rotation


def take_turn(target: Target, turn: RotationStep) -> None:
    """Do one step of a rotation. What a command prints and a call answers is not shown: it may have the secret.

    Raises:
        DriverError: it failed, or did not end in time.
    """
    if turn.command:
        _run(turn)
    elif turn.call:
        _call(target, turn)
    elif turn.annotate is not None:
        _annotate(target, turn.annotate)


def _run(turn: RotationStep) -> None:
    name = f"`{turn.command[0]}`"
    try:
        done = subprocess.run(
            turn.command, stdin=subprocess.DEVNULL, capture_output=True, timeout=turn.within_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DriverError(f"{name} did not end within {turn.within_s:g} s") from error
    except OSError as error:
        raise DriverError(f"{name} could not be run: {error.strerror}") from error
    if done.returncode:
        raise DriverError(
            f"{name} ended with exit code {done.returncode}; its output is not shown, since it may have the secret"
        )


def _call(target: Target, turn: RotationStep) -> None:
    import httpx

    method, url = turn.call.split(" ", 1)
    headers = {name.encode(): reference.resolve().encode() for name, reference in turn.headers.items()}
    try:
        with http_client(target, "", timeout_s=turn.within_s) as client:
            answer = client.request(method, url, headers=headers)
    except httpx.HTTPError as error:
        raise DriverError(f"`{turn.call}` got no answer ({type(error).__name__})") from error
    if not answer.is_success:
        raise DriverError(f"`{turn.call}` got status {answer.status_code}")


def _annotate(target: Target, place: Annotate) -> None:
    patch = {"metadata": {"annotations": {place.annotation: clock.wall_text()}}}
    Cluster.of(target).patch_custom(place.version, place.plural, place.namespace, place.name, patch)


def _undo(_cluster: Cluster | None, target: Target) -> None:
    take_turn(target, rotation_of(target).undo)


@undoable("rotate-secret", undo=_undo)
def _rotate(target: Target, rotation: Rotation) -> None:
    take_turn(target, rotation.rotate)


@dataclass(kw_only=True, slots=True)
class RotationTurn:
    """A rotation that is under way.

    Attributes:
        why: why it could not be made; empty: it was.
        whole: whether everything went well, so that nothing is undone.
    """

    why: str = ""
    whole: bool = False


@contextmanager
def rotated(target: Target, rotation: Rotation) -> Iterator[RotationTurn]:
    """Context of a secret that has been rotated; the undo runs at the end unless `whole` is set."""
    platform = platform_of(target)
    intent = _rotate.intend(platform, "check secret-rotation", "rotate the secret of `secrets.rotation`")
    turn = RotationTurn()
    try:
        try:
            _rotate(target, rotation)
        except DriverError as error:
            turn.why = error.what
        yield turn
    finally:
        if turn.whole:
            strike_intent(intent)
        else:
            undo_now(None, target, intent)
