"""The sandbox's directory: only one with our own marker is ever swept, whoever names it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from harness.errors import Refused
from readiness_sandbox import marker, processes
from readiness_sandbox.directory import Directory, Lock, holder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def readiness(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    argv = [sys.executable, "-m", "harness", "sandbox", *map(str, words)]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)


def owned(root: Path) -> Path:
    """A directory of a person, with the names that a sandbox uses too."""
    for name in ("logs", "secrets", "pods", "claims", "kubecache"):
        (root / name).mkdir(parents=True)
        (root / name / "mine").write_text("years of work")
    for name in ("target.yaml", "kubeconfig", "lock"):
        (root / name).write_text("mine too")
    return root


def content(root: Path) -> dict[str, str]:
    """Every file with its content."""
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def no_marker(root: Path) -> None:
    """Nothing says that a sandbox was here."""


def forged(root: Path) -> None:
    """A marker of nobody's."""
    (root / marker.NAME).write_text('{"readiness sandbox": 1}\n')


def copied(root: Path) -> None:
    """The marker of another directory."""
    other = root.parent / "other"
    marker.claim(other)
    shutil.copy(other / marker.NAME, root / marker.NAME)


def torn(root: Path) -> None:
    """Its own marker, cut short."""
    here = root.parent / "aside"
    root.rename(here)
    marker.claim(root)
    text = (root / marker.NAME).read_text()
    shutil.rmtree(root)
    here.rename(root)
    (root / marker.NAME).write_text(text[:20])


def linked(root: Path) -> None:
    """A link to a sound marker elsewhere."""
    other = root.parent / "other"
    marker.claim(other)
    (root / marker.NAME).symlink_to(other / marker.NAME)


@pytest.mark.parametrize("marked", [no_marker, forged, copied, torn, linked])
@pytest.mark.parametrize("command", ["up", "down"])
def test_a_directory_of_somebody_else_is_refused_and_unchanged(
    tmp_path: Path, command: str, marked: Callable[[Path], None]
) -> None:
    """Exit code 4, the reason and a hint; every file is as before, and a process that works there lives."""
    root = owned(tmp_path / "work")
    marked(root)
    before = content(root)
    argv = [sys.executable, "-c", "import signal; signal.pause()"]
    with subprocess.Popen(argv, cwd=root / "pods", start_new_session=True) as worker:
        try:
            said = readiness(command, "--dir", root)
            assert said.returncode == 4, said.stderr
            assert "marker" in said.stderr
            assert "hint: " in said.stderr
            assert "Traceback" not in said.stderr
            assert content(root) == before
            assert processes.start_ticks(worker.pid) is not None
        finally:
            worker.kill()


def test_a_sweep_without_a_marker_is_refused(tmp_path: Path) -> None:
    """Also where no command asked first."""
    root = owned(tmp_path / "work")
    before = content(root)
    with pytest.raises(Refused, match="its marker file is missing"):
        Directory(root).sweep()
    assert content(root) == before


def test_an_empty_directory_is_taken_by_up_and_left_alone_by_down(tmp_path: Path) -> None:
    """`down` has nothing to do there."""
    assert readiness("down", "--dir", tmp_path).returncode == 0
    assert [*tmp_path.iterdir()] == []
    lock = Lock(Directory(tmp_path))
    lock.take()
    assert marker.is_claimed(tmp_path)
    assert holder(Directory(tmp_path)) == os.getpid()
    lock.release()
    assert not tmp_path.exists()


def test_what_a_killed_sandbox_left_is_swept(tmp_path: Path) -> None:
    """Its marker is sound: files and directory go."""
    directory = Directory(tmp_path / "sandbox")
    lock = Lock(directory)
    lock.take()
    directory.make()
    (directory.claims / "data").write_text("x")
    os.close(lock._fd)
    assert readiness("down", "--dir", directory.root).returncode == 0
    assert not directory.root.exists()


def test_a_file_of_a_person_in_a_sandboxs_directory_stays_and_so_does_the_marker(tmp_path: Path) -> None:
    """The directory can be used again."""
    directory = Directory(tmp_path / "sandbox")
    lock = Lock(directory)
    lock.take()
    directory.make()
    (directory.root / "notes.txt").write_text("mine")
    directory.sweep()
    lock.release()
    assert sorted(path.name for path in directory.root.iterdir()) == [marker.NAME, "notes.txt"]
    again = Lock(directory)
    again.take()
    again.release()
    assert (directory.root / "notes.txt").read_text() == "mine"


def test_a_zombie_is_no_holder(tmp_path: Path) -> None:
    """A process that has ended and was not waited for holds nothing, though its number is still there."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert processes.start_ticks(child.pid) is None
    child.wait()


@pytest.mark.parametrize("record", ["[]", "{}", '{"pid": "x", "start": 1}', "{", "7"])
def test_a_lock_that_names_nobody_is_no_traceback(tmp_path: Path, record: str) -> None:
    """Whoever holds it is unknown then."""
    directory = Directory(tmp_path / "sandbox")
    lock = Lock(directory)
    lock.take()
    directory.lock.write_text(record)
    with pytest.raises(Refused, match=r"a sandbox already runs in this directory \(pid unknown\)"):
        Lock(directory).take()
    directory.lock.write_text(json.dumps({"pid": os.getpid(), "start": processes.start_ticks(os.getpid())}))
    assert holder(directory) == os.getpid()
    lock.release()
