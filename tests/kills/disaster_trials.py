"""Ends a process at a random moment of the loss of all members, or of a drill: of the run, of the restore Job, of the object store, a member.

Whatever is hit, the platform is as before once `recover` is through, the evidence can be read, and no scratch copy is left.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

from harness import clock
from tests.kills.aftermath import Aftermath, Killed, misjudged, raised, unrecovered
from tests.kills.sandbox_project import DRILL, TARGET, broken, left_behind, row, sandbox_processes
from tests.kills.sandbox_trials import Strike, recovered_by_command, struck, temporary_of
from tests.plain.plain_project import Project

LOSS: Final = "database-members-loss"
PARTS: Final = ("backup",)
OF_PLATFORM: Final = {
    "restore": ("/restore-database/",),
    "store": ("weed", "server"),
    "member": ("postgres", "-D"),
    "scratch": ("postgres", "scratch"),
}
"""Processes of the platform, and the words that their command lines and the paths of their logs have."""
SHORT_LIVED: Final = {"restore": 4.0, "scratch": 1.5}
"""Victims that live for a few seconds: the moment of their end counts from when they are first seen, at most so many s."""
VICTIMS: Final = {
    LOSS: ("run", "run", "chaos", "restore", "store", "member"),
    DRILL: ("run", "run", "scratch", "store", "member"),
}
_SENT: Final = (f"chaos-{LOSS}", "fault.sent")
_MOMENTS: Final = {LOSS: (_SENT, (f"chaos-{LOSS}", "fault.restarted")), DRILL: (("run", "act.started"),)}
_LATEST_S: Final = {LOSS: 10.0, DRILL: 6.0}
_SEEN_WITHIN_S: Final = 60.0
_GONE_WITHIN_S: Final = 10.0


def strike(seed: int, number: int) -> Strike:
    """The strike of a seed and a number; what is of the platform always gets SIGKILL, as a machine that fails."""
    random = Random(f"disaster/{seed}/{number}")
    subject = (LOSS, DRILL)[(number - 1) % 2]
    victim = random.choice(VICTIMS[subject])
    ends = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    short = victim in SHORT_LIVED
    return Strike(
        number=number,
        subject=subject,
        victim=victim,
        sent=signal.SIGKILL if victim in OF_PLATFORM else random.choice(ends),
        moment=_MOMENTS[subject][0] if short else random.choice(_MOMENTS[subject]),
        after_s=random.uniform(0.0, SHORT_LIVED[victim] if short else _LATEST_S[subject]),
    )


def trial(project: Project, one: Strike) -> Killed:
    """Do it on the sandbox that is up, recover, judge what there is, and look at the platform.

    Raises:
        subprocess.TimeoutExpired: a command did not end in time.
    """
    with temporary_of(project) as temporary:
        words = ("run", "--target", TARGET, "--only", row(one.subject))
        if one.victim in SHORT_LIVED:
            find, reached = (lambda: _after_its_begin(project, one)), replace(one, after_s=0.0)
        else:
            find, reached = (lambda: _of_platform(project, one.victim)), one
        alive, ended = struck(project, reached, words, temporary, find if one.victim in OF_PLATFORM else None)
        recovered = recovered_by_command(project, temporary)
        judged = project.do("judge", ended.run, TMPDIR=str(temporary)) if ended.ran else None
        cut = one.victim not in OF_PLATFORM and alive
        aftermath = Aftermath(
            unrestored=(*unrecovered(recovered), *broken(project), *_scratch_left(project)),
            unreadable=(*raised(ended), *(misjudged(judged) if judged is not None and cut else ())),
            left=left_behind(project, temporary),
        )
    last = "without evidence" if judged is None else str(judged.code)
    codes = f"run {ended.code}, recover {recovered.code}, judge {last}"
    hit = f"{one}, from when it is first seen" if one.victim in SHORT_LIVED else str(one)
    return Killed(number=one.number, hit=hit, alive=alive, codes=codes, aftermath=aftermath, victim=one.victim)


def _after_its_begin(project: Project, one: Strike) -> int | None:
    """The victim, so long after it is first seen; None if it was never seen, or has ended before."""
    for _ in clock.Deadline.after(_SEEN_WITHIN_S).ticks(0.05):
        pid = _of_platform(project, one.victim)
        if pid is not None:
            ended = any(_of_platform(project, one.victim) != pid for _ in clock.Deadline.after(one.after_s).ticks(0.05))
            return None if ended else pid
    return None


def _of_platform(project: Project, name: str) -> int | None:
    """The first process of the sandbox with the words of a victim; a member is none of the scratch servers."""
    for pid in sorted(sandbox_processes(project)):
        line = _line(pid)
        scratch = "scratch" in line
        if all(word in line for word in OF_PLATFORM[name]) and scratch == (name == "scratch"):
            return pid
    return None


def _scratch_left(project: Project) -> Iterable[str]:
    """The scratch server, if it is there after its time."""
    there = (_of_platform(project, "scratch") for _ in clock.Deadline.after(_GONE_WITHIN_S).ticks(0.2))
    if all(pid is not None for pid in there):
        yield f"a scratch server is left after {_GONE_WITHIN_S:g} s"


def _line(pid: int) -> str:
    """Its command line and the path of its log: containers that are forked have the command line of what they are forked from."""
    try:
        line = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ")
        return f"{line} {Path(f'/proc/{pid}/fd/1').readlink()}"
    except OSError:
        return ""
