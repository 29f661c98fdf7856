"""Ends runs on the plain service at random moments and looks at what they leave behind: `scripts/kills --count 20 --seed 1`."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import click

from harness import clock
from tests.plain.plain_project import Finished, Project, service

SIGNALS: Final = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
LATEST_S: Final = 12.0
"""A run of `TRAFFIC` takes about so long on an idle machine: from the start of Python to the reports."""
TRAFFIC: Final = "{rate: 20/s, for: 4 s}"
"""Too little for a GO, so that a run which ends before it is hit has none either."""
GONE_WITHIN_S: Final = 5.0
_PATHS: Final = ("/health", "/items", "/items/1")
_UNFINISHED: Final = ("*.partial", "*.tmp")
"""Names of files that are to be renamed when they are complete."""


@dataclass(frozen=True, kw_only=True)
class Killed:
    """What one run left behind.

    Attributes:
        number: of the trial, from 1. sent: the signal. after_s: seconds from the start to the signal.
        alive: whether the run was still there to be hit.
        exits: exit codes of `run`, `recover` and `judge`; None for a run without a directory to judge.
        faults: what is not as it must be; none when all is.
    """

    number: int
    sent: signal.Signals
    after_s: float
    alive: bool
    exits: tuple[int, int, int | None]
    faults: tuple[str, ...]

    def __str__(self) -> str:
        hit = f"{self.sent.name} at {self.after_s:.2f} s{'' if self.alive else ', it had ended'}"
        run, recovered, judged = self.exits
        codes = f"run {run}, recover {recovered}, judge {'without evidence' if judged is None else judged}"
        return f"{self.number:3}  {hit:32}  {codes}  {'; '.join(self.faults) or 'ok'}"


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
            faults = [
                *unrecovered(recovered),
                *([] if judged is None else misjudged(judged)),
                *([] if answers(entry) == before else ["the service does not answer as before"]),
                *outlived(root),
                *left_over(temporary, root),
            ]
        finally:
            project.clean()
    exits = (ended.code, recovered.code, None if judged is None else judged.code)
    return Killed(number=number, sent=sent, after_s=after_s, alive=alive, exits=exits, faults=tuple(faults))


def answers(entry: str) -> list[bytes]:
    """What the service says on each of its paths."""
    found = []
    for path in _PATHS:
        with urllib.request.urlopen(f"{entry}{path}", timeout=5) as response:  # noqa: S310 - a loopback address of ours
            found.append(response.read())
    return found


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


def outlived(root: Path, within_s: float = GONE_WITHIN_S) -> Iterable[str]:
    """Processes of the run that are still there: all have its state directory in their environment."""
    for _ in clock.Deadline.after(within_s).ticks(0.1):
        left = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and _belongs(entry, root)]
        if not left:
            return
    yield f"{len(left)} processes are left after {within_s:g} s: {', '.join(entry.name for entry in left)}"


def _belongs(entry: Path, root: Path) -> bool:
    try:
        return f"READINESS_STATE={root / 'state'}".encode() in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def left_over(temporary: Path, root: Path) -> Iterable[str]:
    """Temporary files: in the directory for them, in the scratch of the state, and those that were never renamed."""
    scratch = root / "state" / "scratch"
    left = [*temporary.iterdir(), *(scratch.iterdir() if scratch.is_dir() else ())]
    left += [path for pattern in _UNFINISHED for path in root.rglob(pattern)]
    if left:
        yield f"temporary files are left: {', '.join(sorted(map(str, left)))}"


@click.command()
@click.option("--count", default=20, show_default=True, help="So many runs.")
@click.option("--seed", default=1, show_default=True, help="Of signals and moments.")
@click.option("--at-most", default=3600.0, show_default=True, help="No run is begun after so many seconds.")
def main(count: int, seed: int, at_most: float) -> None:
    """End runs on the plain service at random moments; exit code 1 when one leaves something behind."""
    deadline, done, faulty = clock.Deadline.after(at_most), Counter[str](), 0
    click.echo(f"seed {seed}, {count} runs, signals at 0 to {LATEST_S:g} s")
    for number in range(1, count + 1):
        if deadline.over:
            click.echo(f"{at_most:g} s are over")
            break
        with tempfile.TemporaryDirectory(prefix="kills-") as directory:
            try:
                killed = trial(Path(directory) / "project", seed=seed, number=number)
            except subprocess.TimeoutExpired as error:
                click.echo(f"{number:3}  {error}")
                faulty += 1
                continue
        click.echo(killed)
        done[killed.sent.name if killed.alive else "ended before"] += 1
        faulty += bool(killed.faults)
    counts = ", ".join(f"{name} {times}" for name, times in sorted(done.items()))
    click.echo(f"seed {seed}: {done.total()} runs ({counts}), {faulty} with faults")
    raise SystemExit(1 if faulty or not done else 0)


if __name__ == "__main__":
    main()
