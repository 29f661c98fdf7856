"""What a command did is told by its exit code, whoever listens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from tests.plain.plain_project import Project


def _ends_with(project: Project, *words: str, out: IO[bytes] | int, closed: tuple[int, ...] = ()) -> tuple[int, str]:
    """Exit code and stderr of a command in the project's directory, with descriptors closed before it begins."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import os; [os.close(n) for n in {closed}]; os.execv({sys.executable!r}, {_argv(words)})",
        ],
        cwd=project.root,
        env={**os.environ, "READINESS_STATE": str(project.root / "state")},
        stdout=out,
        stderr=subprocess.PIPE,
        check=False,
    )
    return done.returncode, done.stderr.decode()


def _argv(words: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "harness", *words]


@pytest.mark.parametrize("words", [("plan",), ("steps",), ("--help",), ("catalogue", "list")])
def test_a_reader_who_has_heard_enough_changes_no_exit_code(project: Project, words: tuple[str, ...]) -> None:
    """`readiness plan | head -1`: 0, where click says 1, which is NO-GO."""
    read, write = os.pipe()
    os.close(read)
    try:
        assert _ends_with(project, *words, out=write) == (0, "")
    finally:
        os.close(write)


def test_what_could_not_be_said_is_no_success(project: Project) -> None:
    """Into a file on a full disk: exit code 3, one line, no traceback."""
    with Path("/dev/full").open("wb") as full:
        assert _ends_with(project, "plan", out=full) == (
            3,
            "some output could not be written: No space left on device\n",
        )


def test_without_any_stream_a_command_does_its_work(project: Project) -> None:
    """`<&- >&- 2>&-`: no file of ours becomes stderr."""
    assert _ends_with(project, "plan", out=subprocess.DEVNULL, closed=(0, 1, 2)) == (0, "")


@pytest.mark.parametrize("words", [("plan",), ("explain", "the response time p95 is ≤ 200 ms")])
def test_what_a_terminal_has_no_character_for_is_written_as_its_code(project: Project, words: tuple[str, ...]) -> None:
    """Of a terminal that is not UTF-8; also what is refused."""
    finished = project.do(*words, PYTHONIOENCODING="ascii")
    assert finished.code == (0 if words == ("plan",) else 4), finished.said
    assert "Traceback" not in finished.said
