"""A process that measures goes first, where the kernel allows it."""

from __future__ import annotations

import subprocess
import sys

import pytest

TELLS = """\
import os
from harness.priority import go_first
{before}
go_first()
print(os.getpriority(os.PRIO_PROCESS, 0), open("/proc/self/autogroup").read().rpartition(" ")[2])
"""


def may_raise() -> bool:
    """Whether the kernel lets this user raise a priority, and that of a session: a container may forbid it to root as well."""
    tries = 'import os; os.setpriority(os.PRIO_PROCESS, 0, -1); open("/proc/self/autogroup", "w").write("-1")'
    words = [sys.executable, "-c", tries]
    return subprocess.run(words, capture_output=True, check=False, start_new_session=True).returncode == 0


@pytest.mark.skipif(not may_raise(), reason="the kernel refuses to raise a priority here")
@pytest.mark.parametrize(("leads", "of_session"), [(True, "-5"), (False, "0")])
def test_a_process_that_measures_goes_first_and_its_session_with_it_if_it_leads_one(
    *, leads: bool, of_session: str
) -> None:
    """The session of others keeps its priority."""
    words = [sys.executable, "-c", TELLS.format(before="")]
    script = words if leads else ["setsid", "--wait", "sh", "-c", '"$0" "$@"; true', *words]
    done = subprocess.run(script, capture_output=True, text=True, check=True, start_new_session=leads)
    assert done.stdout.split() == ["-5", of_session]


@pytest.mark.skipif(not may_raise(), reason="who may not become somebody else, or has no autogroups")
def test_without_the_right_nothing_changes() -> None:
    """No error either."""
    before = "os.setpriority(os.PRIO_PROCESS, 0, 3); os.setuid(65534)"
    words = [sys.executable, "-c", TELLS.format(before=before)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, start_new_session=True)
    assert done.stdout.split() == ["3", "0"]
