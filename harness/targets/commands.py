"""Runs commands that the target file names. They have no input, and their output, which may have secrets, is read only where it is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from harness.errors import DriverError

_NO: Final = subprocess.DEVNULL
_LATER: Final = 75
"""Exit code of a command that did nothing because of a temporary failure (EX_TEMPFAIL)."""
_NOT_TRIED: Final = frozenset({126, 127})
"""Exit codes of a command that did nothing: not executable, not found."""


_CLEANS_UP_S: Final = 5.0
"""How long a command that is ended may remove what it made, such as files with a copy of a database."""


class CommandEnded(DriverError):
    """A command ended with an exit code that says that it failed."""


class CommandNotYet(DriverError):
    """A command did nothing, and may be run again later."""


class CommandHangs(DriverError):
    """A command did not end in time and was ended, with the processes of its group."""


def run_command(words: Sequence[str], within_s: float, output: int = _NO) -> None:
    """Run a command to completion; what it writes goes to `output`, a file descriptor.

    Raises:
        CommandEnded: it failed.
        CommandHangs: it did not end in time.
        CommandNotYet: it says that it could not be tried for now.
        DriverError: it could not be run.
    """
    name = words[0]
    try:
        process = subprocess.Popen(words, stdin=_NO, stdout=output, stderr=output, start_new_session=True)
    except OSError as error:
        raise DriverError(f"the command could not be run ({type(error).__name__})", where=name) from error
    try:
        code = process.wait(within_s)
    except subprocess.TimeoutExpired:
        raise CommandHangs(f"did not end within {within_s:g} s", where=name) from None
    finally:
        if process.poll() is None:
            _end(process)
    if code == _LATER:
        raise CommandNotYet(f"the command could not be run: it ended with {code}", where=name)
    if code in _NOT_TRIED:
        raise DriverError(f"the command could not be run: it ended with {code}", where=name)
    if code:
        raise CommandEnded(f"ended with {code}", where=name)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and the processes of its group: by SIGTERM, so that it can remove its files, and then by SIGKILL."""
    try:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_CLEANS_UP_S)
    finally:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], sent: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, sent)
