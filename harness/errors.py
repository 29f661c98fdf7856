"""What can go wrong with the harness itself. A finding about the target is a verdict, never an error.

HarnessError                    something in the harness, its set-up or its use is broken        exit 3
├── UsageError                  a person asked for something that cannot be                      exit 4
│   ├── ConfigurationError      a file is wrong: which, where, what was expected
│   └── Refused                 it could be done, but is not, for safety
├── EvidenceError               a run's files do not support a verdict                             exit 10
│   ├── MissingEvidence         a file is gone, cut short or edited
│   └── RunInProgress           the run is still being written
├── DriverError                 the target, or a child that drives it, did not do as asked       exit 10
│   ├── TargetUnreachable       no answer where the target file says there is one
│   │   ├── TargetSilent        no answer at all, or a 5xx: whether the request was done is not known
│   │   └── TargetGone          nothing of the target answers any more
│   ├── AccessDenied            an API refuses what the target file's user asks for
│   └── FaultNotInjected        an experiment selected nothing, or its fault did not go in
├── SandboxError                the embedded platform cannot start or stop                       exit 3
└── Interrupted                 a person or a supervisor said stop                               exit 2
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import ClassVar, Final

HINT: Final = "\n  hint: "
"""Between what is wrong and what to do about it, where an error is one text."""

_CREDENTIALS: Final = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#'\"`]+@")


class Exit(IntEnum):
    """What a process of ours ends with: one table for `readiness` and pytest."""

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
    """Root of the tree: `what` happened, `where`, and a `hint` what to do, each one sentence or empty.

    Attributes:
        exit_code: what the `readiness` command and pytest exit with when this error ends them.
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
    """A person asked for something that does not exist or does not go together."""

    exit_code = Exit.USAGE


class ConfigurationError(UsageError):
    """A file that a person wrote is wrong; `where` is `file:line: key`."""


class Refused(UsageError):
    """It could be done, but is refused for safety: a lock, a guard, a foreign target."""


class EvidenceError(HarnessError):
    """The files of a run do not support a verdict."""

    exit_code = Exit.INCONCLUSIVE


class MissingEvidence(EvidenceError):
    """A file of the run is gone, cut short or was edited after it was sealed."""


class RunInProgress(EvidenceError):
    """The run is still being written by a living process."""


class DriverError(HarnessError):
    """The target, or a child process that drives it, did not do as asked."""

    exit_code = Exit.INCONCLUSIVE


class TargetUnreachable(DriverError):
    """No answer where the target file says there is one."""


class TargetSilent(TargetUnreachable):
    """No answer at all, or a 5xx of the API server: whether the request was done is not known."""


class TargetGone(TargetUnreachable):
    """Nothing of the target has answered for some time: nothing can be undone there now."""


class AccessDenied(DriverError):
    """An API refuses what the user of the target file asks for; asking again does not help."""


class FaultNotInjected(DriverError):
    """An experiment selected nothing, or its fault did not go in."""


class SandboxError(HarnessError):
    """The embedded platform cannot start, run or stop."""


class Interrupted(HarnessError):
    """A person or a supervisor said stop; the error says whether the target was verified as restored."""

    exit_code = Exit.INTERRUPTED
