"""Ends runs at random moments and looks at what they leave behind: `scripts/kills --count 20 --seed 1`."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click

from harness import clock
from tests.kills import disaster_trials, plain_trials, rollout_trials, sandbox_trials
from tests.kills.aftermath import Aftermath, Killed, never_hit, summary
from tests.kills.sandbox_project import kept_sandbox, made
from tests.kills.sandbox_trials import Strike
from tests.plain.plain_project import Project

Strikes = Callable[[int, int], Strike]
Trials = Callable[[Project, Strike], Killed]
Runs = Callable[[range, int], Iterator[Killed]]


def on_plain(numbers: range, seed: int) -> Iterator[Killed]:
    """Runs on a plain service, each in a directory of its own."""
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="kills-") as directory:
            try:
                yield plain_trials.trial(Path(directory) / "project", seed=seed, number=number)
            except subprocess.TimeoutExpired as error:
                late = Aftermath(unrestored=(f"did not end: {error}",))
                yield Killed(number=number, hit="plain service", alive=True, codes="-", aftermath=late)


def on_sandbox(numbers: range, seed: int) -> Iterator[Killed]:
    """Runs on one sandbox, which is started anew after a fault, and some that start their own."""
    with tempfile.TemporaryDirectory(prefix="kills-") as directory, ExitStack() as up:
        project = None
        for number in numbers:
            one = sandbox_trials.strike(seed, number)
            try:
                if one.subject == sandbox_trials.OWN:
                    killed = sandbox_trials.trial_of_own(Path(directory) / f"own-{number}", one)
                else:
                    if project is None:
                        project = made(Path(directory) / f"kept-{number}")
                        up.enter_context(kept_sandbox(project))
                    killed = sandbox_trials.trial(project, one)
            except subprocess.TimeoutExpired as error:
                killed = sandbox_trials.not_ended(one, error)
            yield killed
            if killed.aftermath.faults:
                up.close()
                project = None


def on_kept(strike: Strikes, trial: Trials, rollouts: Sequence[str], parts: Sequence[str]) -> Runs:
    """Runs on one sandbox with these parts, which is started anew after a fault."""

    def runs(numbers: range, seed: int) -> Iterator[Killed]:
        with tempfile.TemporaryDirectory(prefix="kills-") as directory, ExitStack() as up:
            project = None
            for number in numbers:
                one = strike(seed, number)
                try:
                    if project is None:
                        project = made(Path(directory) / f"kept-{number}", rollouts)
                        up.enter_context(kept_sandbox(project, parts))
                    killed = trial(project, one)
                except subprocess.TimeoutExpired as error:
                    killed = sandbox_trials.not_ended(one, error)
                yield killed
                if killed.aftermath.faults:
                    up.close()
                    project = None

    return runs


RUNS: Final[dict[str, Runs]] = {
    "plain": on_plain,
    "sandbox": on_sandbox,
    "rollout": on_kept(rollout_trials.strike, rollout_trials.trial, rollout_trials.ROLLOUTS, rollout_trials.PARTS),
    "disaster": on_kept(disaster_trials.strike, disaster_trials.trial, (), disaster_trials.PARTS),
}


@click.command()
@click.option("--on", "where", type=click.Choice([*RUNS]), default="plain", show_default=True)
@click.option("--count", default=20, show_default=True, help="So many runs.")
@click.option("--seed", default=1, show_default=True, help="Of signals and moments.")
@click.option("--first", default=1, show_default=True, help="Number of the first run.")
@click.option("--at-most", default=3600.0, show_default=True, help="No run is begun after so many seconds.")
def main(where: str, count: int, seed: int, first: int, at_most: float) -> None:
    """End runs on the plain service, on the sandbox, in a rollout or in a disaster at random moments; exit code 1 when one leaves something behind."""
    for number in (signal.SIGINT, signal.SIGTERM):  # nothing of its own is left either, however it was started
        signal.signal(number, signal.default_int_handler)
    deadline, done = clock.Deadline.after(at_most), list[Killed]()
    click.echo(f"seed {seed}, {count} runs on the {where}{' service' if where == 'plain' else ''}")
    for killed in RUNS[where](range(first, first + count), seed):
        click.echo(killed)
        done.append(killed)
        if deadline.over:
            click.echo(f"{at_most:g} s are over")
            break
    missed = sum(not one.alive for one in done)
    click.echo(f"{summary(done)} ({missed} had ended before)" if missed else summary(done))
    for victim in (absent := never_hit(done)):
        click.echo(f"no process of {victim} was there to be ended in any of its trials")
    raise SystemExit(1 if not done or absent or any(one.aftermath.faults for one in done) else 0)


if __name__ == "__main__":
    main()
