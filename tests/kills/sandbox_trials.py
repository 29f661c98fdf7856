"""Ends a process of a run on the sandbox at a random moment of any experiment, or of the full traffic, and looks at what is left."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from harness import clock
from tests.kills.aftermath import Aftermath, Killed, left_over, locked, misjudged, outlived, raised, unrecovered
from tests.kills.sandbox_project import EXPERIMENTS, FULL, TARGET, broken, left_behind, made, row
from tests.plain.plain_project import Finished, Project, Running, descendants, kill

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN: Final = "own-sandbox"
"""A run that starts the sandbox itself, from its first moment on."""
SUBJECTS: Final = (*EXPERIMENTS, FULL, OWN)
SIGNALS: Final = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
PROCESSES: Final = {"watch": "harness.drivers.watch", "load": "harness.locust", "chaos": "harness.chaos"}
"""The processes of a run beside its own, and the module that each is started with."""
VICTIMS: Final = ("run", "run", "run", *PROCESSES)
RECOVERED_WITHIN_S: Final = 120.0
ENDED_WITHIN_S: Final = 300.0
"""A run whose fault nobody undoes waits for the longest limits of its experiment."""
OWN_GONE_WITHIN_S: Final = 20.0
"""A sandbox whose run was killed takes itself down."""
_FOUND_WITHIN_S: Final = 5.0
_BEGUN: Final = ("", "")
_LOADING: Final = ("load", "worker.started")
_MEASURING: Final = ("run", "window.opened")
_TRYING: Final = ("run", "experiment.started")
_RESTORED: Final = ("run", "restore")
_LATEST_S: Final = {_BEGUN: 8.0, _LOADING: 3.0, _MEASURING: 4.0, _TRYING: 4.0, _RESTORED: 2.0}
_LATEST_IN_FAULT_S: Final = 12.0
_LATEST_IN_START_S: Final = 25.0
_LATEST_IN_FULL_S: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Strike:
    """What is done to which run.

    Attributes:
        number: of the trial, from 1. subject: an experiment, `FULL` or `OWN`. victim: which process. sent: the signal.
        moment: source and kind of the observation that is waited for, and then `after_s` seconds more; empty: the start.
    """

    number: int
    subject: str
    victim: str
    sent: signal.Signals
    moment: tuple[str, str]
    after_s: float

    def __str__(self) -> str:
        kind = self.moment[1] or "start"
        return f"{self.subject}: {self.sent.name} to {self.victim} {self.after_s:.2f} s after {kind}"


def strike(seed: int, number: int) -> Strike:
    """The strike of a seed and a number; every subject comes once before any comes twice."""
    order = Random(f"subjects/{seed}").sample(SUBJECTS, len(SUBJECTS))
    subject, random = order[(number - 1) % len(order)], Random(f"{seed}/{number}")
    sent = random.choice(SIGNALS)
    victims = {OWN: ("run",), FULL: ("run", "watch", "load")}.get(subject, VICTIMS)
    victim = random.choice(victims)
    moment = random.choice(_moments(subject, victim))
    latest_s = _LATEST_S.get(moment, _LATEST_IN_FAULT_S)
    if subject == OWN:
        latest_s = _LATEST_IN_START_S
    elif subject == FULL and moment == _MEASURING:
        latest_s = _LATEST_IN_FULL_S
    after_s = random.uniform(0.0, latest_s)
    return Strike(number=number, subject=subject, victim=victim, sent=sent, moment=moment, after_s=after_s)


def _moments(subject: str, victim: str) -> list[tuple[str, str]]:
    if subject == OWN:
        return [_BEGUN]
    begun = {"run": [_BEGUN, _LOADING, _MEASURING], "chaos": []}.get(victim, [_LOADING, _MEASURING])
    if subject == FULL:
        return begun
    if subject == "null-run":
        return [*begun, _TRYING]
    sent = (f"chaos-{subject}", "fault.sent")
    return {"run": [*begun, _TRYING, sent, sent, _RESTORED], "chaos": [_TRYING, sent]}.get(victim, [*begun, sent])


def trial(project: Project, one: Strike) -> Killed:
    """Do it on the sandbox that is up, recover, judge what there is, and look at the platform.

    Raises:
        subprocess.TimeoutExpired: a command did not end in time.
    """
    with temporary_of(project) as temporary:
        words = ("run", "--target", TARGET, "--only", row(one.subject))
        alive, ended = struck(project, one, words, temporary)
        recovered = recovered_by_command(project, temporary)
        judged = project.do("judge", ended.run, TMPDIR=str(temporary)) if ended.ran else None
        aftermath = Aftermath(
            unrestored=(*unrecovered(recovered), *broken(project)),
            unreadable=(*raised(ended), *(() if judged is None else misjudged(judged))),
            left=left_behind(project, temporary),
        )
    last = "without evidence" if judged is None else str(judged.code)
    codes = f"run {ended.code}, recover {recovered.code}, judge {last}"
    return Killed(number=one.number, hit=str(one), alive=alive, codes=codes, aftermath=aftermath, victim=one.victim)


def trial_of_own(root: Path, one: Strike) -> Killed:
    """Do it to a run that starts its own sandbox, in an empty directory: nothing of that sandbox may be left.

    Raises:
        subprocess.TimeoutExpired: a command did not end in time.
    """
    project = made(root)
    with temporary_of(project) as temporary:
        words = ("run", "--target", "sandbox", "--only", row("pod-loss"))
        alive, ended = struck(project, one, words, temporary)
        stayed = tuple(outlived(root, within_s=OWN_GONE_WITHIN_S))
        judged = project.do("judge", ended.run, TMPDIR=str(temporary)) if ended.ran else None
        down = project.do("sandbox", "down", TMPDIR=str(temporary))
        there = (root / "state" / "sandbox").exists()
        aftermath = Aftermath(
            unrestored=(f"sandbox down: {down.said}",) if down.code or there else (),
            unreadable=(*raised(ended), *(() if judged is None else misjudged(judged))),
            left=(*stayed, *left_over(temporary, root), *locked(root)),
        )
    last = "without evidence" if judged is None else str(judged.code)
    codes = f"run {ended.code}, sandbox down {down.code}, judge {last}"
    return Killed(number=one.number, hit=str(one), alive=alive, codes=codes, aftermath=aftermath, victim=one.victim)


@contextmanager
def temporary_of(project: Project) -> Iterator[Path]:
    """A directory for temporary files that must be empty afterwards; what still runs is ended."""
    temporary = project.root.parent / f"{project.root.name}-temporary"
    temporary.mkdir(exist_ok=True)
    try:
        yield temporary
    finally:
        project.clean()


def struck(
    project: Project, one: Strike, words: Iterable[str], temporary: Path, find: Callable[[], int | None] | None = None
) -> tuple[bool, Finished]:
    """Start the run, wait for the moment, send the signal to what `find` finds (the run's own process); whether the victim was there, and how the run ended."""
    running = project.start(*words, TMPDIR=str(temporary))
    victim = None
    if _reached(running, one.moment) and not _ends(running, one.after_s):
        victim = _victim(running, one.victim) if find is None else find()
    if victim is not None:
        kill(victim, one.sent)
    return victim is not None, running.wait(ENDED_WITHIN_S)


def _reached(running: Running, moment: tuple[str, str]) -> bool:
    """Wait until the observation is there; whether the run got so far."""
    if moment == _BEGUN:
        return True
    try:
        running.wait_for(*moment)
    except AssertionError:
        return False
    return True


def _ends(running: Running, within_s: float) -> bool:
    return any(running.process.poll() is not None for _ in clock.Deadline.after(within_s).ticks(0.02))


def _victim(running: Running, name: str) -> int | None:
    """The process id; None where there is none, or none any more."""
    if name == "run":
        return running.process.pid
    for _ in clock.Deadline.after(_FOUND_WITHIN_S).ticks(0.05):
        for pid in sorted(descendants(running.process.pid)):
            if PROCESSES[name] in _module(pid):
                return pid
    return None


def _module(pid: int) -> list[str]:
    """The words of a command line."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")
    except OSError:
        return []


def recovered_by_command(project: Project, temporary: Path) -> Finished:
    """`readiness recover`, until it says that nothing is left to undo; each call tries for half a minute itself."""
    deadline = clock.Deadline.after(RECOVERED_WITHIN_S)
    while True:
        done = project.do("recover", "--target", TARGET, TMPDIR=str(temporary))
        if done.code == 0 or deadline.over:
            return done


def not_ended(one: Strike, error: subprocess.TimeoutExpired) -> Killed:
    """A trial that did not end in time."""
    return Killed(
        number=one.number,
        hit=str(one),
        alive=True,
        codes="-",
        victim=one.victim,
        aftermath=Aftermath(unrestored=(f"did not end: {error}",)),
    )
