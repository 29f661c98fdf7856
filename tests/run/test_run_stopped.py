"""Ctrl-C before there is anything to judge: exit code 2, one sentence, and nothing left. Later ones: `test_run_struck.py`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders.preloaded import WITHIN_S
from tests.kills.aftermath import intended, left_over, locked, outlived
from tests.plain.plain_project import Finished, Project, free_address

COMMAND = """
import sys
class Stop:
    def find_spec(self, name, *_):
        if name == "click":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop())
from harness.__main__ import main
main()
"""
CONFTEST = """
import os, signal
def pytest_collect_file(file_path):
    os.kill(os.getpid(), signal.SIGINT)
"""


def while_loading(_project: Project, _temporary: Path) -> tuple[int, str]:
    """In the first moments of the command."""
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def while_collecting(project: Project, temporary: Path) -> tuple[int, str]:
    """While pytest collects the features."""
    (project.root / "features/plain/conftest.py").write_text(CONFTEST, encoding="utf-8")
    done = project.do("run", TMPDIR=str(temporary))
    return done.code, done.said


def while_asking(project: Project, temporary: Path) -> tuple[int, str]:
    """While a path of the target file is requested, before anything is run."""
    host, port = free_address()
    project.edit("target.yaml", "http://127.97.0.1:9", f"http://{host}:{port}")
    with socket.create_server((host, port)) as silent:
        silent.settimeout(WITHIN_S)
        running = project.start("run", TMPDIR=str(temporary))
        connection, _ = silent.accept()
        with connection:
            running.process.send_signal(signal.SIGINT)
            done: Finished = running.wait()
    return done.code, done.said


@pytest.mark.parametrize(
    ("stopped", "sentence"),
    [
        (while_loading, "interrupted"),
        (while_collecting, "interrupted: nothing was run"),
        (while_asking, "interrupted before any evidence was gathered; no fault was sent"),
    ],
)
def test_an_early_stop_is_one_sentence_and_leaves_nothing(
    project: Project, tmp_path: Path, stopped: Callable[[Project, Path], tuple[int, str]], sentence: str
) -> None:
    """No traceback, no process, no file, no lock, and no run."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    code, said = stopped(project, temporary)
    assert (code, said.count(sentence)) == (2, 1), said
    assert not [word for word in ("Traceback", "KeyboardInterrupt", "full-trace") if word in said], said
    left = [
        *outlived(project.root),
        *left_over(temporary, project.root),
        *locked(project.root),
        *intended(project.root),
    ]
    assert left == []
    assert project.run_directories() == frozenset()
