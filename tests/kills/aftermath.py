"""What a run that was ended may leave: a target that is not as before, evidence that cannot be read, processes, files, locks."""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import clock
from tests.plain.plain_project import Finished

GONE_WITHIN_S: Final = 5.0
_UNFINISHED: Final = ("*.partial", "*.tmp")
"""Names of files that are to be renamed when they are complete."""


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What is not as it must be after a run that was ended.

    Attributes:
        unrestored: of the target. unreadable: of the evidence. left: processes, temporary files, locks and intents.
    """

    unrestored: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """All of it."""
        return self.unrestored + self.unreadable + self.left


@dataclass(frozen=True, kw_only=True)
class Killed:
    """A run that was ended, and what became of it.

    Attributes:
        number: of the trial, from 1. hit: what was sent to whom, and when. alive: whether it was still there to be hit.
        codes: exit codes of what was called. aftermath: what it left. victim: which process it was for.
    """

    number: int
    hit: str
    alive: bool
    codes: str
    aftermath: Aftermath
    victim: str = "run"

    def __str__(self) -> str:
        hit = f"{self.hit}{'' if self.alive else ', it had ended'}"
        return f"{self.number:3}  {hit:72}  {self.codes}  {'; '.join(self.aftermath.faults) or 'ok'}"


def summary(kills: Collection[Killed]) -> str:
    """One line of all of them."""
    after = [one.aftermath for one in kills]
    restored, readable = sum(not one.unrestored for one in after), sum(not one.unreadable for one in after)
    left = sum(bool(one.left) for one in after)
    return f"{len(after)} kills: {restored} restored, {readable} readable, {left} left behind"


def never_hit(kills: Collection[Killed]) -> list[str]:
    """Processes that were never there when they were to be ended, of several tries: their name has changed, or they end too early."""
    tries = Counter(one.victim for one in kills)
    hits = Counter(one.victim for one in kills if one.alive)
    return sorted(victim for victim, times in tries.items() if times > 1 and not hits[victim])


def unrecovered(recovered: Finished) -> Iterable[str]:
    """What is wrong with `readiness recover`: it must say that nothing is pending, or name what it undid or could not undo."""
    named = any(word in recovered.said for word in ("no undo is pending", "undone: ", "not verified as restored"))
    if "Traceback" in recovered.said or not named:
        yield f"recover ended with {recovered.code} and names no undo: {recovered.said[-300:]!r}"


def misjudged(judged: Finished) -> Iterable[str]:
    """What is wrong with `readiness judge` of a run that was cut short."""
    if "Traceback" in judged.said:
        yield f"judge raised: {judged.said[-300:]!r}"
    if judged.code == 0 or judged.out.startswith("GO "):
        yield f"judge ended with {judged.code}: {judged.out[:100]!r}"


def raised(finished: Finished) -> Iterable[str]:
    """A traceback of the run itself."""
    if "Traceback" in finished.said:
        yield f"the run raised: {finished.said[-600:]!r}"


def outlived(root: Path, within_s: float = GONE_WITHIN_S, but: Collection[int] = ()) -> Iterable[str]:
    """Processes of the run that are still there, `but` those: all have its state directory in their environment."""
    for _ in clock.Deadline.after(within_s).ticks(0.1):
        there = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _belongs(entry, root)]
        if not (left := sorted({*there}.difference(but))):
            return
    yield f"{len(left)} processes are left after {within_s:g} s: {', '.join(map(str, left))}"


def _belongs(entry: Path, root: Path) -> bool:
    try:
        return f"READINESS_STATE={root / 'state'}".encode() in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def left_over(temporary: Path, root: Path) -> Iterable[str]:
    """Temporary files: in the directory for them, in the scratch of the state, and those that were never renamed."""
    scratch, sandbox = root / "state" / "scratch", root / "state" / "sandbox"
    left = [*temporary.iterdir(), *(scratch.iterdir() if scratch.is_dir() else ())]
    named = [path for pattern in _UNFINISHED for path in root.rglob(pattern)]
    left += [path for path in named if not path.is_relative_to(sandbox)]  # a database has files of its own there
    if left:
        yield f"temporary files are left: {', '.join(sorted(map(str, left)))}"


def locked(root: Path) -> Iterable[str]:
    """Locks of a platform that somebody holds."""
    for path in (root / "state" / "locks").glob("*.lock"):
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield f"a lock is held: {path.name}: {path.read_text(encoding='utf-8')}"
        finally:
            os.close(fd)


def intended(root: Path) -> Iterable[str]:
    """Entries of the undo log."""
    for path in sorted((root / "state" / "intents").glob("*/*")):
        yield f"an intent is left: {path.name}: {path.read_text(encoding='utf-8')[:200]}"
