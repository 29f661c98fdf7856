"""A process that was forked from the zygote ends as any other, but at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

LAST = "from readiness_sandbox.cluster.kubelet.ending import LastStep; last = LastStep()"
COURSES = {
    "nothing more": "print('done')",
    "a code": "import sys; sys.exit(3)",
    "a large code": "import sys; sys.exit(258)",
    "no code": "import sys; sys.exit()",
    "words": "import sys; sys.exit('no room')",
    "an error": "raise RuntimeError('broken')",
    "an interrupt": "raise KeyboardInterrupt",
    "a thread": "import threading, time; threading.Thread(target=lambda: (time.sleep(0.2), print('last'))).start()",
    "a last step": "import atexit; atexit.register(print, 'at exit')",
    "what is not flushed": "import sys; sys.stdout.write('half a line')",
    "a closed output": "import sys; sys.stdout.close()",
}


def ended(code: str) -> tuple[int, str, str]:
    """Exit code, output, and the last line of the errors of a process."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    return run.returncode, run.stdout, (run.stderr.splitlines() or [""])[-1]


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_it_ends_with_the_code_and_the_words_that_it_would_have_without(course: str) -> None:
    """Whatever it ends by; an interrupt is a code, as a container has no parent that would read the signal."""
    code, output, errors = ended(course)
    expected = (code if code >= 0 else 128 - code, output, errors)
    assert ended(f"{LAST}; last.of(lambda: exec({course!r}, {{}}))") == expected


def test_its_modules_are_not_taken_down() -> None:
    """An object that lives as long as the process is never finalized."""
    lasting = "class Lasting:\n def __del__(self): print('taken down')\nlasting = Lasting()"
    assert ended(lasting)[1] == "taken down\n"
    assert ended(f"{LAST}\n{lasting}\nlast.of(lambda: None)")[1] == ""
