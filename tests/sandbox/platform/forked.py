"""Services of the platform that are forked, as pods are: what they import is imported once for all tests."""

from __future__ import annotations

import atexit
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.clock import Deadline
from readiness_sandbox import messages
from readiness_sandbox.settings import ZYGOTE
from readiness_sandbox.supervisor import PRELOAD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLATFORM: Final = Path(__file__).parents[3] / "sandbox" / "readiness_sandbox" / "platform"
WITHIN_S: Final = 60.0
"""The zygote has imported everything, or has forked a service, in less than a second where the machine is idle."""
PATIENT: Final = """
import os, runpy, sys
from normaldance.kit import app
app.DRAIN_S = float(os.environ["DRAIN_S"])
if sys.argv[1] in {"user", "track", "auth"}:
    from normaldance.kit import postgres
    postgres.ATTEMPT_S = postgres.READ_S = postgres.WRITE_S = postgres.CONNECT_S = 20.0
elif sys.argv[1] == "gateway":
    from normaldance.kit import calls
    calls.CONNECT_S = 20.0
runpy.run_module(f"normaldance.{sys.argv[1]}", run_name="__main__", alter_sys=True)
"""
"""Runs a service that waits for as long as a busy machine needs, and that ends at once: most tests are of something else than its deadlines."""


class ServiceZygote:
    """The sandbox's own zygote, for services that are no pods."""

    def __init__(self) -> None:
        self._end, serving = messages.pair()
        self._numbers, self.codes = count(1), dict[int, int]()
        self._home = tempfile.mkdtemp()
        Path(self._home, "patient.py").write_text(PATIENT, encoding="utf-8")
        path = os.pathsep.join([str(PLATFORM), self._home, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            [sys.executable, "-m", ZYGOTE, str(serving.fileno()), *PRELOAD],
            pass_fds=[serving.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        serving.close()
        self._end.settimeout(WITHIN_S)
        hello, _ = messages.receive(self._end)
        assert hello is not None, "the zygote of the services ended early"

    def start(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> ForkedService:
        """Fork `python -m …` with these variables, its output in `log`."""
        number = next(self._numbers)
        launch = {"argv": [*argv], "env": {**env}, "cwd": str(Path.cwd()), "log": str(log), "module": argv[0]}
        messages.send(self._end, {"start": number, "owned": [], "binds": {}, **launch})
        while True:
            match self._heard(WITHIN_S):
                case {"started": int(started), "pid": int(pid)} if started == number:
                    return ForkedService(self, number, pid)
                case None:
                    raise AssertionError(f"{argv[0]} was not forked within {WITHIN_S:g} s")

    def hear(self, within_s: float) -> None:
        """What ended meanwhile; waits for the first to end."""
        while self._heard(within_s):
            within_s = 0.0

    def _heard(self, within_s: float) -> messages.Message | None:
        if not select.select([self._end], [], [], within_s)[0]:
            return None
        message, _ = messages.receive(self._end)
        assert message is not None, "the zygote of the services ended"
        if "ended" in message:
            code = message["code"]
            self.codes[message["ended"]] = code if code <= 128 else 128 - code  # as `subprocess` tells of a signal
        return message

    def close(self) -> None:
        """End it, and all services with it."""
        self._end.close()
        self._process.wait(WITHIN_S)
        shutil.rmtree(self._home)


@cache
def zygote() -> ServiceZygote:
    """That of this process."""
    started = ServiceZygote()
    atexit.register(started.close)
    return started


class ForkedService:
    """A service under way, with what tests use of `subprocess.Popen`."""

    def __init__(self, parent: ServiceZygote, number: int, pid: int) -> None:
        self._parent, self._number, self.pid = parent, number, pid

    def poll(self) -> int | None:
        """Its exit code, less than 0 where a signal ended it; None while it runs."""
        self._parent.hear(0.0)
        return self._parent.codes.get(self._number)

    def wait(self, within_s: float = WITHIN_S) -> int:
        """Its exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not.
        """
        deadline = Deadline.after(within_s)
        while (code := self.poll()) is None:
            if deadline.left_s <= 0:
                raise subprocess.TimeoutExpired(str(self.pid), within_s)
            self._parent.hear(deadline.left_s)
        return code

    def send_signal(self, number: int) -> None:
        """Send it; nothing if the service has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM; nothing if it has ended."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL; nothing if it has ended."""
        self.send_signal(signal.SIGKILL)
