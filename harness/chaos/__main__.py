"""`python -m harness.chaos …`: the `chaos` command, which ends with the process that started it.

`python -m harness.chaos rollbacks FILE [VALUES]` runs only the rollbacks of an experiment, with the values (JSON) that
its configuration read before the fault. `serve FD MODULE…` forks a process for each requested command.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from pathlib import Path

from harness.chaos.child.forking import end_processes_with_us, end_with, serve
from harness.targets.child import ChildSettings


def main() -> None:
    """Run the command of Chaos Toolkit in this process."""
    if parent := ChildSettings.from_env().parent:
        end_with(parent)
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]), sys.argv[3:])
    # a run that was started in the background of a script is deaf to SIGINT, and so is what it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # after what is installed, so that a file of the project replaces no package
    sys.path += ChildSettings.from_env().modules  # read anew: a forked process has an environment of its own
    from harness.chaos.child.kubeconfig import one_context

    end_processes_with_us()
    if sys.argv[1:2] == ["rollbacks"]:
        from harness.chaos.child.rolling_back import roll_back

        one_context(Path(sys.argv[2]).parent)
        values = json.loads(Path(sys.argv[3]).read_bytes()) if sys.argv[3:] else None
        sys.exit(roll_back(Path(sys.argv[2]), values))
    one_context(Path(tempfile.gettempdir()))
    from chaostoolkit.cli import cli  # type: ignore[import-untyped]

    cli()


if __name__ == "__main__":
    main()
