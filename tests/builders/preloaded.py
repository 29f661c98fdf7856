"""Commands in processes that have the harness imported before they begin: what a test runs to its end costs no second start.

A fork of a server that has imported the command is a process like any other: it has a session, a working directory, an environment and
streams of its own. Tests of the start itself (imports, signals, closed streams) start a process anew.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final

IMPORTED: Final = (
    "harness.cli.catalogue",
    "harness.cli.judging",
    "harness.cli.vocabulary",
    "harness.pytest_plugin.command",
    "tests.builders.compiled_pages",
)
ROOT: Final = Path(__file__).parents[2]
WITHIN_S: Final = 300.0
"""A run takes 20 s where the machine is idle."""


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    return context


def command(
    *words: str, cwd: Path, environment: Mapping[str, str] = os.environ, within_s: float = WITHIN_S
) -> subprocess.CompletedProcess[str]:
    """Run `python -m …` to its end, in a new session without an input; the exit code is not checked.

    Args:
        words: module and arguments.
        cwd: its working directory.
        environment: all of its variables.
        within_s: seconds after which it is killed, with what it started.

    Raises:
        TimeoutError: it was killed.
    """
    with tempfile.TemporaryDirectory() as directory:
        streams = [Path(directory, name) for name in ("out", "err")]
        for path in streams:
            path.touch()
        run = _forked if _is_imported(cwd, environment) else _started
        child = _server().Process(target=run, args=(words, cwd, dict(environment), streams))
        child.start()
        child.join(within_s)
        code = child.exitcode
        if code is None:
            assert child.pid is not None
            os.killpg(child.pid, signal.SIGKILL)
            child.join()
        child.close()
        if code is None:
            raise TimeoutError(f"python -m {' '.join(words)} did not end within {within_s:g} s")
        out, err = (path.read_text(encoding="utf-8") for path in streams)
        return subprocess.CompletedProcess(words, code, out, err)


def _is_imported(cwd: Path, environment: Mapping[str, str]) -> bool:
    """Whether the server has what the command imports: the vocabulary of a project with claims or plugins is another one."""
    if any(environment[name] != os.environ.get(name) for name in environment if name.startswith("PYTHON")):
        return False
    file = next((path for one in (cwd, *cwd.parents) if (path := one / "pyproject.toml").is_file()), None)
    if file is None or file.parent == ROOT:
        return True
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("harness", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return isinstance(table, dict) and not {"claims", "plugins"} & table.keys()


def _forked(words: tuple[str, ...], cwd: Path, environment: Mapping[str, str], streams: list[Path]) -> None:
    """In the child."""
    _move(cwd, streams)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # as chosen by TMPDIR
    sys.argv = list(words)
    sys.path.insert(0, str(cwd))  # as `python -m` has it
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _started(words: tuple[str, ...], cwd: Path, environment: Mapping[str, str], streams: list[Path]) -> None:
    """In the child, which becomes a new interpreter."""
    _move(cwd, streams)
    os.execve(sys.executable, [sys.executable, "-m", *words], dict(environment))  # noqa: S606 - as `subprocess` does


def _move(cwd: Path, streams: list[Path]) -> None:
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in zip((1, 2), streams, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    os.chdir(cwd)
