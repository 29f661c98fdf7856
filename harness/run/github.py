"""Reports a run to GitHub, in whose jobs the runner sets the variables that are read here: job summary, outputs of the step, annotations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.model import Judgement, Plan

ACTIONS: Final = "GITHUB_ACTIONS"
OUTPUT: Final = "GITHUB_OUTPUT"
SUMMARY: Final = "GITHUB_STEP_SUMMARY"
WORKSPACE: Final = "GITHUB_WORKSPACE"
MOST_BYTES: Final = 1 << 20
"""Largest summary of a step, in bytes; GitHub shows nothing of a longer file."""
_ROOM: Final = 400
"""Bytes that are kept for the line that says that the summary was cut."""


def report_files(run: Path, judgement: Judgement) -> Iterator[str]:
    """Append the summary of a run to the page of the job, and its decision to the outputs of the step; yields problems in words.

    The outputs are `decision`, `run` (directory of the run) and `verdict` (its `verdict.json`). Without the variables nothing is done.
    """
    run = run.resolve()
    outputs = {"decision": judgement.decision.outcome.value, "run": str(run), "verdict": str(run / "verdict.json")}
    yield from filter(None, (append_step_summary(run / "summary.md"), append_outputs(outputs)))


def run_annotations(plan: Plan, judgement: Judgement, root: Path) -> tuple[str, ...]:
    """The lines that GitHub shows as annotations of the job, see `render_annotations`; none outside of GitHub.

    Args:
        plan: plan of the run.
        judgement: judgement of the run.
        root: directory of the project.
    """
    if not _in_github():
        return ()
    from harness.report.github import render_annotations  # most runs need none

    return render_annotations(plan, judgement, _places(root))


def problem_annotations(*problems: str, root: Path | None = None) -> tuple[str, ...]:
    """The lines that GitHub shows as annotations of problems of the user's files, see `render_problems`; none outside of GitHub.

    Args:
        problems: texts of the problems.
        root: directory to which their paths are relative; None: the working directory.
    """
    if not _in_github():
        return ()
    from harness.report.github import render_problems

    return render_problems(problems, _places(root or Path.cwd()))


def _in_github() -> bool:
    return os.environ.get(ACTIONS) == "true"


def _places(root: Path) -> Callable[[str], str]:
    """A function that makes paths relative to the repository; of a file that is not in the repository it returns an empty text."""
    workspace = Path(os.environ.get(WORKSPACE) or root).resolve()

    def place(file: str) -> str:
        try:
            path = (root / file).resolve()
            return path.relative_to(workspace).as_posix() if path.is_file() else ""
        except (OSError, ValueError):  # text that cannot be a path, or a file outside of the repository
            return ""

    return place


def append_outputs(outputs: dict[str, str]) -> str:
    """Append outputs of the step to the file that `GITHUB_OUTPUT` names; returns the problem in words, empty if there is none."""
    named = os.environ.get(OUTPUT, "")
    if not named:
        return ""
    if odd := next((name for name, value in outputs.items() if "\n" in value), ""):
        return f"no output was written to {OUTPUT} ({named}): `{odd}` is a path of several lines"
    try:
        with Path(named).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in outputs.items())
    except OSError as error:
        return f"no output was written to {OUTPUT} ({named}): {error.strerror or error}"
    return ""


def append_step_summary(summary: Path) -> str:
    """Append a run's `summary.md` to the page of the job; returns the problem in words, empty if there is none.

    A summary that is too long is cut at the end of a line, and its last line says so. Without the variable nothing is done.
    """
    named = os.environ.get(SUMMARY, "")
    if not named:
        return ""
    to = Path(named)
    try:
        used = to.stat().st_size if to.exists() else 0
        text = fitted(summary.read_bytes(), MOST_BYTES - used)
        with to.open("ab") as file:
            file.write((b"\n\n" if used else b"") + text if text else b"")
    except OSError as error:
        return f"the summary was not written to {SUMMARY} ({to}): {error.strerror or error}"
    return (
        ""
        if text
        else f"the summary was not written to {SUMMARY}: {to} is full, since GitHub shows at most {MOST_BYTES} bytes"
    )


def fitted(text: bytes, room: int) -> bytes:
    """As many lines of the summary as fit, and a line that names the file with the others; empty if almost none fit."""
    if len(text) + 2 <= room:
        return text
    if room < 2 * _ROOM:
        return b""
    kept = text[: room - _ROOM]
    kept = kept[: kept.rfind(b"\n") + 1]
    more = f"\n\n… {len(text) - len(kept)} more bytes are in `summary.md` of the run: GitHub shows at most {MOST_BYTES} bytes.\n"
    return kept + more.encode()
