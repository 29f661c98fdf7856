"""What a drill does to the platform, by commands or by the resources of a product: its steps, and how they fail."""

from __future__ import annotations

from typing import Final, Protocol

from harness.errors import DriverError

CHECK: Final = "check restore-drill"
"""Who writes the undo log."""


class StepFailed(DriverError):
    """A step ended, and says that it failed."""


class StepHangs(DriverError):
    """A step did not end in time, and was given up."""


class DrillSteps(Protocol):
    """The steps of one drill."""

    def refuse(self) -> None:
        """Refuse a drill that cannot be done, before anything is made.

        Raises:
            DriverError: it is refused.
        """

    def make(self) -> None:
        """Make a backup, and wait until it can be restored.

        Raises:
            StepFailed, StepHangs, DriverError: no backup was made.
        """

    def intend(self) -> None:
        """Write to the undo log how the scratch database is removed.

        Raises:
            HarnessError: it cannot be written; then nothing is restored.
        """

    def restore(self) -> None:
        """Restore the newest backup into the scratch database.

        Raises:
            StepFailed: it failed. StepHangs: it did not end in time. DriverError: it could not be tried.
        """

    def undo(self) -> None:
        """Remove what was made, the newest first.

        Raises:
            HarnessError: something is not removed; its entry of the undo log is kept.
        """
