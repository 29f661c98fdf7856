"""`python -m harness.chaos …`: the `chaos` command, ended with the process that started it.

`python -m harness.chaos rollbacks FILE` runs the rollbacks of an experiment alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def _end_with(parent: int) -> None:
    """Ask the kernel to kill us when our parent dies; leave at once when it is dead already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def main() -> None:
    """Run Chaos Toolkit's own command in this process."""
    # a run that was started in the background of a script is deaf to SIGINT, and so is what it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parent = os.environ.get("READINESS_PARENT", "")
    if parent.isdecimal():
        _end_with(int(parent))
    # after what is installed, so that a file of the project replaces no package
    sys.path += [name for name in os.environ.get("READINESS_MODULES", "").split(os.pathsep) if name]
    if sys.argv[1:2] == ["rollbacks"]:
        from harness.chaos.rolling_back import roll_back

        sys.exit(roll_back(Path(sys.argv[2])))
    from chaostoolkit.cli import cli  # type: ignore[import-untyped]

    cli()


if __name__ == "__main__":
    main()
