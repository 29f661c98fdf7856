"""The files that a target file names: found, bounded, and never read through a link that leads out of their tree."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.drivers.paper import Asked
from harness.errors import ConfigurationError
from harness.targets import Target

LARGEST: Final = 1 << 22
"""Bytes of one file."""
MOST_FILES: Final = 5_000
"""Files of one tree, those in `SKIPPED` directories left out."""
SKIPPED: Final = frozenset({".git", ".terraform", ".venv", "node_modules", "__pycache__"})
"""Directories that hold what others made."""


def named(asked: Asked, key: str) -> tuple[Path, ...]:
    """The files and directories that the target file names under `files.<key>`, globs expanded.

    Raises:
        ConfigurationError: it names none, or what it names is not there.
    """
    where = f"{asked.target.file}: files.{key}"
    written: Sequence[str] | None = getattr(asked.target.files, key, None)
    if not written:
        raise ConfigurationError("names no files of this kind", where=where, hint=f"add `files: {{{key}: DIRECTORY}}`")
    return tuple(path for text in written for path in expanded(asked.target.file.parent, text, where))


def overlay(asked: Asked, environment: str) -> Path:
    """The directory of what differs in an environment; raises ConfigurationError where the target file names none."""
    where, written = f"{asked.target.file}: files.overlays", asked.target.files.overlays
    if environment not in written:
        hint = f"add `files: {{overlays: {{{environment}: DIRECTORY}}}}`"
        raise ConfigurationError(f"names no overlay of {environment}", where=where, hint=hint)
    [path, *_] = expanded(asked.target.file.parent, written[environment], f"{where}.{environment}")
    return path


def absent(target: Target, key: str) -> str:
    """What a key such as `files.rules` names and is not there, as it is written; empty if all of it is there.

    An absolute path may be of what comes with the start of the target, as the sandbox's are.
    """
    written = getattr(target.files, key.removeprefix("files."))
    for text in written.values() if isinstance(written, Mapping) else written:
        if text.startswith("/"):
            continue
        try:
            expanded(target.file.parent, text, "")
        except ConfigurationError:
            return str(text)
    return ""


def expanded(base: Path, text: str, where: str) -> list[Path]:
    """The files and directories of a path or glob; raises ConfigurationError where there are none.

    Args:
        base: what the path is relative to.
        text: the path or glob.
        where: it is written, for people.
    """
    found = [base / text]
    if glob.has_magic(text):
        top = Path("/") if text.startswith("/") else base
        found = sorted(top.glob(text.lstrip("/")))
    if not found or not all(path.exists() for path in found):
        hint = "paths are relative to the target file"
        raise ConfigurationError(f"there is no file or directory `{text}`", where=where, hint=hint)
    return [Path(os.path.normpath(path)) for path in found]


def files_of(roots: Iterable[Path], fits: Callable[[Path], bool]) -> Iterator[Path]:
    """The files below these roots that fit, in the order of their names; a root that is a file is taken as it is.

    Raises:
        ConfigurationError: a link leads out of its root, or there are more than `MOST_FILES`.
    """
    count = 0
    for root in roots:
        for path in [root] if root.is_file() else _below(root):
            count += 1
            if count > MOST_FILES:
                raise ConfigurationError(
                    f"contains more than {MOST_FILES} files", where=str(root), hint="name a directory further down"
                )
            if path == root or fits(path):
                yield path


def _below(root: Path) -> Iterator[Path]:
    top = root.resolve()
    for directory, children, names in os.walk(root, followlinks=False):
        children[:] = sorted(child for child in children if child not in SKIPPED)
        for name in sorted([*names, *(child for child in children if Path(directory, child).is_symlink())]):
            path = Path(directory, name)
            if path.is_symlink() and not path.resolve().is_relative_to(top):
                raise ConfigurationError(
                    "is a link that leads out of its directory",
                    where=str(path),
                    hint=f"put the file itself there; only what is below {root} is read",
                )
            if path.is_file():
                yield path


def inside(path: Path, root: Path) -> Path:
    """A path that a file refers to, which must be below the root; raises ConfigurationError with the path where it is not."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise ConfigurationError(f"leads out of {root}", where=str(path), hint="only what is below it is read")
    return path


def text_of(path: Path) -> str:
    """The text of a file of at most `LARGEST` bytes.

    Raises:
        ConfigurationError: it cannot be read, is not a file, is too large, or is not UTF-8 text.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigurationError("cannot be read: it is not a file", where=str(path))
        with path.open("rb") as file:
            body = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(body) > LARGEST:
        raise ConfigurationError(f"is larger than {LARGEST} bytes", where=str(path), hint="split it")
    try:
        return body.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ConfigurationError("is not UTF-8 text", where=str(path), hint="save it as UTF-8") from error


def shown(path: Path, asked: Asked) -> str:
    """A path from where the target file is, for people."""
    return os.path.relpath(path, asked.target.file.parent)
