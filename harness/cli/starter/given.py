"""Checks the options of `readiness init`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.cli.starter.writing import ProjectAnswers

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def name_of(given: str | None, directory: Path) -> str:
    """The name of the target: as given, else that of the directory.

    Raises:
        UsageError: a target cannot have this name.
    """
    name = given or directory.absolute().resolve().name
    if not _NAME.fullmatch(name):
        hint = "use letters, digits, `.`, `_` and `-`, like `--name shop`"
        raise UsageError(f"{name!r} cannot be the name of a target", where="--name" if given else "DIR", hint=hint)
    return name


def entry_of(entry: str) -> tuple[str, str]:
    """The address of the service without its path, and the path: `http://127.0.0.1:8080` and `/shop`.

    Raises:
        UsageError: the text is not an HTTP address.
    """
    from harness.targets.files.values import has_wrong_port, is_http

    entry = entry.rstrip("/")
    if has_wrong_port(entry):
        hint = "write an address like `http://127.0.0.1:8080`"
        raise UsageError(f"the port of {entry!r} is invalid, expected 1 to 65535", where="--entry", hint=hint)
    if not is_http(entry) or {"?", "#", "@", '"', "'"} & {*entry}:
        hint = "write an address like `http://127.0.0.1:8080`, without user and password, `?` and `#`"
        raise UsageError(f"{entry!r} is not an HTTP address", where="--entry", hint=hint)
    path = urlsplit(entry).path
    return entry.removesuffix(path) if path else entry, path and path_of("--entry", path)


def path_of(option: str, value: str) -> str:
    """A path of the service, as given.

    Raises:
        UsageError: the text is not a path.
    """
    if not re.fullmatch(r"/[^\s\"'{}\\]*", value) or not value.isprintable():
        raise UsageError(
            f"{value!r} is not a path", where=option, hint="write a path that begins with `/`, like `/items/1`"
        )
    return value


def body_of(given: str | None, write: str) -> dict[str, Any] | None:
    """The body of the journey's POST; None if it is not given.

    Raises:
        UsageError: the text is not a JSON object, or the path of the POST is missing.
    """
    if given is None:
        return None
    if not write:
        raise UsageError("the path for this body is missing", where="--body", hint="pass `--write PATH` too")
    try:
        body = json.loads(given, parse_constant=_refuse_constant)
        json.dumps(body, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except ValueError as error:
        hint = "write the body like '{\"item\": 1}'"
        raise UsageError(f"the body is not JSON: {error}", where="--body", hint=hint) from error
    if not isinstance(body, dict):
        raise UsageError("the body is not a JSON object", where="--body", hint="write the body like '{\"item\": 1}'")
    return body


def _refuse_constant(word: str) -> None:
    """Refuse `NaN` and `Infinity`, which Python reads although they are not JSON.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"`{word}` is not a JSON value")


def refuse_known(answers: ProjectAnswers) -> None:
    """Refuse a name whose profile or requirements come with the package: those would be used instead.

    Raises:
        UsageError: the package has such a profile or requirements.
    """
    from harness.catalogue import load_catalogue

    known = load_catalogue()
    taken = answers.profile in known.profiles or any(
        requirement.startswith(f"{answers.prefix}-") for requirement in known.requirements
    )
    if taken:
        what = f"requirements named {answers.prefix}-… or a profile {answers.profile!r} come with the package"
        raise UsageError(what, where="--name", hint=f"pass `--name {answers.name}-service`")
