"""Errors of the harness itself, and the exit codes. A finding about the target is a verdict, never an error.

HarnessError                    the harness or its installation is broken                         exit 3
├── UsageError                  the options or the files of the user are invalid                  exit 4
│   ├── ConfigurationError      a file of the user is invalid
│   └── Refused                 an action is refused for safety
├── EvidenceError               the files of a run do not support a verdict                       exit 10
│   ├── MissingEvidence         a file of the run is missing, cut short or edited
│   └── RunInProgress           the run is still being written
├── DriverError                 the target, or a process that drives it, failed                   exit 10
│   ├── TargetUnreachable       an address of the target file does not answer
│   │   ├── TargetSilent        no answer or a 5xx: the request may have been executed
│   │   └── TargetGone          no address of the target answers any more
│   ├── AccessDenied            an API refuses a request of the target file's user
│   └── FaultNotInjected        an experiment selected no object, or its fault had no effect
├── SandboxError                the sandbox cannot start, run or stop                             exit 3
└── Interrupted                 a person or a supervisor requested a stop                         exit 2
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import ClassVar, Final

HINT: Final = "\n  hint: "
"""Separator between the problem and the hint, if an error is shown as one text."""

_CREDENTIALS: Final = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#'\"`]+@")


class Exit(IntEnum):
    """Exit codes of `readiness` and of pytest."""

    GO = 0
    NO_GO = 1
    INTERRUPTED = 2
    INTERNAL = 3
    USAGE = 4
    NOTHING_SELECTED = 5
    INCONCLUSIVE = 10


def without_passwords(text: str) -> str:
    """A text with `***` in place of the user and password of each URL."""
    return _CREDENTIALS.sub(r"\1***@", text)


class HarnessError(Exception):
    """Base class of all errors: the problem (`what`), its place (`where`), and what to do (`hint`), each one sentence or empty.

    Attributes:
        exit_code: exit code of `readiness` and pytest if this error ends them.
    """

    exit_code: ClassVar[Exit] = Exit.INTERNAL

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        what, where, hint = map(without_passwords, (what, where, hint))
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        what = f"{self.where}: {self.what}" if self.where else self.what
        return f"{what}{HINT}{self.hint}" if self.hint else what


class UsageError(HarnessError):
    """An option or a file of the user names something that does not exist, or that does not fit together."""

    exit_code = Exit.USAGE


class ConfigurationError(UsageError):
    """A file of the user is invalid; `where` is `file:line: key`."""


class Refused(UsageError):
    """An action is refused for safety, for example because the target is locked or belongs to others."""


class EvidenceError(HarnessError):
    """The files of a run do not support a verdict."""

    exit_code = Exit.INCONCLUSIVE


class MissingEvidence(EvidenceError):
    """A file of the run is missing, was cut short, or was edited after the run."""


class RunInProgress(EvidenceError):
    """The run is still being written by a living process."""


class DriverError(HarnessError):
    """The target, or a child process that drives it, failed."""

    exit_code = Exit.INCONCLUSIVE


class TargetUnreachable(DriverError):
    """An address of the target file does not answer."""


class TargetSilent(TargetUnreachable):
    """No answer, or a 5xx of the API server: the request may have been executed."""


class TargetGone(TargetUnreachable):
    """No address of the target has answered for some time, so nothing can be undone there now."""


class AccessDenied(DriverError):
    """An API refuses a request of the target file's user; a repetition does not help."""


class FaultNotInjected(DriverError):
    """An experiment selected no object, or its fault had no effect."""


class SandboxError(HarnessError):
    """The sandbox cannot start, run or stop."""


class Interrupted(HarnessError):
    """A person or a supervisor requested a stop; the message says whether the target was verified as restored."""

    exit_code = Exit.INTERRUPTED
