"""Ends runs on the plain service at random moments, recovers, and judges what there is."""

from __future__ import annotations

import os
import signal
import urllib.request
from pathlib import Path
from random import Random
from typing import Final

from harness import clock
from tests.kills.aftermath import Aftermath, Killed, left_over, locked, misjudged, outlived, raised, unrecovered
from tests.plain.plain_project import Project, service

SIGNALS: Final = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
LATEST_S: Final = 12.0
"""A run of `TRAFFIC` takes about so long on an idle machine: from the start of Python to the reports."""
TRAFFIC: Final = "{rate: 20/s, for: 4 s}"
"""Too little for a GO, so that a run which ends before it is hit has none either."""
_PATHS: Final = ("/health", "/items", "/items/1")


def trial(root: Path, *, seed: int, number: int) -> Killed:
    """Start a run in an empty directory, send its process group one signal at a random moment, recover, and judge what there is.

    Raises:
        subprocess.TimeoutExpired: one of the three did not end in time.
    """
    random = Random(f"{seed}/{number}")
    sent, after_s = random.choice(SIGNALS), random.uniform(0.0, LATEST_S)
    temporary = root.parent / f"{root.name}-temporary"
    temporary.mkdir()
    with service() as entry:
        project, before = Project.copy(root, entry, traffic=TRAFFIC), answers(entry)
        try:
            running = project.start("run", TMPDIR=str(temporary))
            alive = not any(running.process.poll() is not None for _ in clock.Deadline.after(after_s).ticks(0.02))
            if alive:
                os.killpg(running.process.pid, sent)
            ended = running.wait()
            recovered = project.do("recover", TMPDIR=str(temporary))
            judged = project.do("judge", ended.run, TMPDIR=str(temporary)) if ended.ran else None
            same = answers(entry) == before
            aftermath = Aftermath(
                unrestored=(*unrecovered(recovered), *(() if same else ("the service does not answer as before",))),
                unreadable=(*raised(ended), *(() if judged is None else misjudged(judged))),
                left=(*outlived(root), *left_over(temporary, root), *locked(root)),
            )
        finally:
            project.clean()
    last = "without evidence" if judged is None else str(judged.code)
    return Killed(
        number=number,
        hit=f"plain service: {sent.name} at {after_s:.2f} s",
        alive=alive,
        codes=f"run {ended.code}, recover {recovered.code}, judge {last}",
        aftermath=aftermath,
    )


def answers(entry: str) -> list[bytes]:
    """What the service says on each of its paths."""
    found = []
    for path in _PATHS:
        with urllib.request.urlopen(f"{entry}{path}", timeout=5) as response:  # noqa: S310 - a loopback address of ours
            found.append(response.read())
    return found
