"""Each way of containing a foreign program ends everything it has started; ways that this machine refuses are skipped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import clock
from readiness_sandbox import processes
from readiness_sandbox.cluster.kubelet import containment
from readiness_sandbox.cluster.kubelet.containment import Way

STARTER = """
import os, sys
from readiness_sandbox.cluster.kubelet import containment
from readiness_sandbox.cluster.kubelet.containment import Way
way = Way(sys.argv[1])
pid = containment.fork(way)
if pid == 0:
    containment.be_init(way, sys.argv[2:], dict(os.environ), [], {})
print(pid, flush=True)
sys.exit(containment.exit_code(os.waitpid(pid, 0)[1]))
"""


LATE = STARTER.replace(
    "    containment.be_init", "    __import__('select').select([], [], [], 0.5); containment.be_init"
)
"""The same where the machine is so busy that the container's first process comes to its turn late."""


def works(way: Way) -> bool:
    """Whether this machine lets this user contain programs so."""
    probe = f"from readiness_sandbox.cluster.kubelet import containment as c; print(c._works(c.Way('{way}')))"
    return "True" in subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False).stdout


def contained(way: Way, script: str, starter: str = STARTER) -> tuple[subprocess.Popen[str], int]:
    """A shell script in a container; the process that waits for it, and its init's pid."""
    if (way is Way.STEP_DOWN and os.geteuid() != 0) or (way in containment._FLAGS and not works(way)):
        pytest.skip(f"{way} does not work here")
    waiter = subprocess.Popen(
        [sys.executable, "-c", starter, way, "/bin/sh", "-c", script], stdout=subprocess.PIPE, text=True
    )
    assert waiter.stdout is not None
    return waiter, int(waiter.stdout.readline())


@pytest.mark.parametrize("way", list(Way))
def test_the_exit_code_of_the_program_is_that_of_its_container(way: Way) -> None:
    """Whatever stands in between."""
    waiter, _ = contained(way, "exit 7")
    waiter.communicate(timeout=60)
    assert waiter.returncode == 7


@pytest.mark.parametrize("way", list(Way))
def test_ending_a_container_ends_those_that_have_fled_into_sessions_of_their_own(way: Way) -> None:
    """An orphan in a new session is adopted by the init and ends with it."""
    waiter, init = contained(way, "(setsid sleep 600 &) ; sleep 600")
    for _ in clock.Deadline.after(60).ticks(0.02):
        if len(processes.descendants(init)) >= 3:
            break
    family = processes.descendants(init)
    assert len(family) >= 3
    processes.kill(init, containment.END_ALL)
    waiter.communicate(timeout=60)
    assert waiter.returncode == 137
    assert any(not any(Path(f"/proc/{pid}").exists() for pid in family) for _ in clock.Deadline.after(60).ticks(0.02))


@pytest.mark.parametrize("way", list(Way))
def test_a_container_that_is_killed_at_once_ends(way: Way) -> None:
    """The kill comes before its first process waits for one; it is kept, not lost."""
    waiter, init = contained(way, "sleep 600", LATE)
    processes.kill(init, containment.END_ALL)
    waiter.communicate(timeout=60)
    assert waiter.returncode == 137


@pytest.mark.parametrize("way", list(Way))
def test_sigterm_reaches_the_program(way: Way) -> None:
    """The first process hands it on; the program decides how it ends."""
    waiter, init = contained(way, "trap 'exit 5' TERM; while :; do sleep 0.02; done")
    for _ in clock.Deadline.after(60).ticks(0.05):
        processes.kill(init, signal.SIGTERM)
        if waiter.poll() is not None:
            break
    waiter.communicate(timeout=60)
    assert waiter.returncode in (5, 143)


@pytest.mark.parametrize("way", [Way.NAMESPACES, Way.USER])
def test_a_contained_program_is_not_root_and_its_files_stay_ours(way: Way, tmp_path: Path) -> None:
    """PostgreSQL refuses uid 0; files need no chown."""
    waiter, _ = contained(way, f"id -u > {tmp_path}/uid")
    waiter.communicate(timeout=60)
    assert (tmp_path / "uid").read_text().strip() == str(containment.INSIDE)
    assert (tmp_path / "uid").stat().st_uid == os.geteuid()


def test_the_best_way_is_one_that_works() -> None:
    """Found by trying."""
    probe = (
        "import json; from readiness_sandbox.cluster.kubelet import containment; print(json.dumps(containment.best()))"
    )
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    way = Way(json.loads(found.stdout))
    assert way in (Way.PLAIN, Way.STEP_DOWN) or works(way)
