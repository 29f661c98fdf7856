"""How much of a processor `pytest FEATURE --evidence RUN` takes, as a ratio to pytest with the same plugins and nothing to do.

The commands run as children, as people run them, one after the other in turns; the least of each counts, as other work on the
machine only ever adds to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

GOAL_S: Final = 2.0
_ENVIRONMENT: Final = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
"""Modules are compiled once, as they are for people."""


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path), default="reports/runs/latest")
@click.argument("feature", default="features/normaldance/technical-kpis.feature")
@click.option("--tries", default=5, show_default=True, help="How often each command is run.")
def main(run: Path, feature: str, tries: int) -> None:
    """Print CPU seconds of a replay of FEATURE from RUN, of an empty pytest, and their ratio."""
    replays, starts = [], []
    with tempfile.TemporaryDirectory() as temporary:
        empty = Path(temporary) / "test_nothing.py"
        empty.write_text("def test_nothing() -> None:\n    pass\n")
        for _ in range(1 + tries):  # the first compiles
            replays.append(_pytest_s(feature, "--evidence", str(run)))
            starts.append(_pytest_s(str(empty), "--rootdir", temporary))
    replay, start = min(replays), min(starts)
    print(f"replay of {feature}: {replay:.2f} CPU s, goal {GOAL_S:g} s; an empty pytest {start:.2f} CPU s")
    print(f"ratio {replay / start:.2f}, least of {tries} each")


def _pytest_s(*words: str) -> float:
    """What pytest with these arguments takes; a verdict that is not PASS is no error."""
    return cpu_s("pytest", "-q", *words, codes=(0, 1, 10))


def cpu_s(module: str, *words: str, codes: Sequence[int] = (0,)) -> float:
    """Processor time in s of a module that is run as a command.

    Raises:
        click.ClickException: it ended with none of these exit codes.
    """
    process = subprocess.Popen([sys.executable, "-m", module, *words], env=_ENVIRONMENT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        raise click.ClickException(f"{module} {' '.join(words)} ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
