"""An experiment on the plain service: its process is killed and started again; stock `process` and `http` providers, no cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harness import clock
from tests.plain.plain_project import HERE, Project, alive, free_address

KILL: Final = """\
title: The process of the service is killed
description: It is started again three seconds later. Until then nobody is served.

configuration:
  pidfile: {type: env, key: SERVICE_PIDFILE, default: service.pid}

extensions:
  - name: harness
    domain: process
    confirmed_by: service-ended
    restarted_by: start-service
    gone_by: service-answers
    within: 10 s
    takes: 15 s
    processes: ["${pidfile}"]
    blast_radius: {max_processes: 1}

steady-state-hypothesis:
  title: The service answers
  probes:
    - name: answers-before
      type: probe
      tolerance: 200
      provider: {type: http, url: "ENTRY/health", timeout: 2}

method:
  - name: kill-service
    type: action
    provider: {type: process, path: bash, arguments: ["-c", "kill -9 $(cat ${pidfile})"]}
  - name: service-ended
    type: probe
    tolerance: 1
    provider: {type: process, path: bash, arguments: ["-c", "kill -0 $(cat ${pidfile})"]}
  - name: start-service
    type: action
    pauses: {before: 3}
    provider: {type: process, path: ./start.sh}
  - name: service-answers
    type: probe
    tolerance: 200
    provider: {type: http, url: "ENTRY/health", timeout: 2}

rollbacks:
  - name: start-service-again
    type: action
    provider: {type: process, path: ./start.sh}
"""

START: Final = """\
#!/bin/bash
# start.sh: start the service unless it runs; what it is started with outlives whoever starts it.
kill -0 "$(cat service.pid 2>/dev/null)" 2>/dev/null && exit 0
setsid PYTHON SERVICE --host HOST --port PORT --pidfile service.pid > service.log 2>&1 < /dev/null &
"""

ROW: Final = """\
      - id: PL-RESTART
        title: restart
        criterion: reads are served again within 30 s
        kinds: [X]
        gate: critical
        falsified_by: the service is not started again
"""

FEATURE: Final = """\
Feature: A plain service survives its process

  @PL-RESTART
  Scenario: The process of the service is killed
    When the experiment "kill-service" has run under "browse" traffic
    Then reads are served again within 30 s
"""


@contextmanager
def restarting(root: Path, *, experiment: str = KILL) -> Iterator[Project]:
    """A copy of the plain project whose service runs beside it, with the experiment, its row and its scenario."""
    host, port = free_address()
    entry = f"http://{host}:{port}"
    project = Project.copy(root, entry, traffic="{rate: 20/s, for: 4 s}")
    project.append("catalogue/plain.yaml", ROW)
    project.append("loadtests/browse.yaml", "after: 5 s\n")
    (root / "features/plain/restart.feature").write_text(FEATURE, encoding="utf-8")
    (root / "experiments").mkdir()
    (root / "experiments/kill-service.yaml").write_text(experiment.replace("ENTRY", entry), encoding="utf-8")
    project.append("pyproject.toml", 'experiments = ["experiments"]\n')
    start = START.replace("PYTHON", sys.executable).replace("SERVICE", str(HERE / "service.py"))
    (root / "start.sh").write_text(start.replace("HOST", host).replace("PORT", str(port)), encoding="utf-8")
    (root / "start.sh").chmod(0o755)
    try:
        start_service(root)
        yield project
    finally:
        project.clean()
        if (pid := service_pid(root)) and alive(pid):
            os.kill(pid, signal.SIGKILL)


def start_service(root: Path) -> None:
    """Start the service of the project and wait until it listens."""
    subprocess.run([root / "start.sh"], cwd=root, check=True)
    log = root / "service.log"
    assert any(log.is_file() and "ready" in log.read_text() for _ in clock.Deadline.after(60).ticks(0.05))


def service_pid(root: Path) -> int:
    """What the pidfile says; 0 where there is none."""
    file = root / "service.pid"
    return int(file.read_text()) if file.is_file() else 0
