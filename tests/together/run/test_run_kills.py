"""Runs that are ended at random moments leave service, processes and temporary files as they were. `scripts/kills` tries many."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import clock
from readiness_sandbox.cli import platform_state
from readiness_sandbox.progress import RollOut
from tests.kills import disaster_trials, plain_trials, rollout_trials, sandbox_trials
from tests.kills.aftermath import (
    Aftermath,
    Killed,
    intended,
    left_over,
    locked,
    misjudged,
    never_hit,
    outlived,
    summary,
    unrecovered,
)
from tests.kills.sandbox_project import EXPERIMENTS, kept_sandbox, made, unready
from tests.plain.plain_project import Finished, Project


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_run_that_is_ended_at_a_random_moment_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    """Recovered and judged afterwards: never GO, never a traceback."""
    killed = plain_trials.trial(tmp_path / "project", seed=1, number=number)
    assert killed.aftermath.faults == (), str(killed)


@pytest.mark.slow
@pytest.mark.sandbox
def test_a_run_on_the_sandbox_that_is_ended_at_a_random_moment_leaves_nothing_behind(tmp_path: Path) -> None:
    """Two experiments or other runs, one after the other on the same sandbox, which is as before and goes down in order."""
    project = made(tmp_path / "project")
    with kept_sandbox(project):
        for one in [
            one for number in range(1, 5) if (one := sandbox_trials.strike(1, number)).subject != "own-sandbox"
        ][:2]:
            killed = sandbox_trials.trial(project, one)
            assert killed.aftermath.faults == (), str(killed)


@pytest.mark.slow
@pytest.mark.sandbox
def test_a_disaster_in_which_something_is_ended_leaves_the_platform_whole(tmp_path: Path) -> None:
    """One loss of all members and one drill on the same sandbox; no scratch copy is left."""
    project = made(tmp_path / "project")
    with kept_sandbox(project, disaster_trials.PARTS):
        for number in (1, 2):
            killed = disaster_trials.trial(project, disaster_trials.strike(1, number))
            assert killed.aftermath.faults == (), str(killed)


def test_fifty_strikes_hit_all_that_a_disaster_has() -> None:
    """The same each time for one seed; what is of the platform gets SIGKILL."""
    strikes = [disaster_trials.strike(7, number) for number in range(1, 51)]
    assert strikes == [disaster_trials.strike(7, number) for number in range(1, 51)]
    assert {one.victim for one in strikes} == {"run", "chaos", "restore", "store", "member", "scratch"}
    assert {one.sent for one in strikes if one.victim == "store"} == {signal.SIGKILL}


def test_fifty_strikes_hit_every_experiment_and_every_process() -> None:
    """The same each time for one seed; never a moment that a run has not."""
    strikes = [sandbox_trials.strike(7, number) for number in range(1, 51)]
    assert strikes == [sandbox_trials.strike(7, number) for number in range(1, 51)]
    assert {one.subject for one in strikes} == {*EXPERIMENTS, "full-traffic", "own-sandbox"}
    assert {one.victim for one in strikes} == {"run", "watch", "load", "chaos"}
    assert len({one.sent for one in strikes}) == 3
    assert not [one for one in strikes if one.subject == "null-run" and one.moment[1] in {"fault.sent", "restore"}]


def test_what_the_status_of_the_sandbox_says_is_understood() -> None:
    """Its own JSON of a node that is gone and a workload that lacks a replica."""
    conditions = [{"type": "Ready", "status": "True"}]
    nodes: list[dict[str, Any]] = [
        {"metadata": {"name": "a"}, "status": {"conditions": conditions}},
        {"metadata": {"name": "b"}},
    ]
    workloads = [
        RollOut(namespace="n", name=name, kind="Deployment", ready=ready, desired=2, settled=True)
        for name, ready in (("whole", 2), ("short", 1))
    ]
    assert unready(platform_state(nodes, workloads)) == ["node b is NotReady", "n/short has 1 of 2"]


@pytest.mark.parametrize(
    ("code", "out"), [(0, "INCONCLUSIVE for staging"), (10, "GO for staging · profile plain"), (3, "Traceback (most")]
)
def test_a_cut_run_that_is_judged_as_no_cut_run_may_be_is_a_fault(tmp_path: Path, code: int, out: str) -> None:
    """Each alone; INCONCLUSIVE with 10 is in order."""
    project = Project(root=tmp_path, name="plain")
    assert list(misjudged(Finished(project=project, code=code, out=out, err="")))
    assert not list(misjudged(Finished(project=project, code=10, out="INCONCLUSIVE for staging", err="")))


def test_a_recovery_that_names_no_undo_is_a_fault(tmp_path: Path) -> None:
    """Neither that none is pending, nor which one."""
    project = Project(root=tmp_path, name="plain")
    said = [Finished(project=project, code=0, out=out, err="") for out in ("", "plain: no undo is pending")]
    assert [bool(list(unrecovered(one))) for one in said] == [True, False]


def test_a_lock_that_is_held_and_an_intent_are_left_behind(tmp_path: Path) -> None:
    """A lock file that nobody holds is none."""
    for path in (tmp_path / "state/locks/a.lock", tmp_path / "state/intents/b/c.json"):
        path.parent.mkdir(parents=True)
        path.write_text("{}", encoding="utf-8")
    assert list(locked(tmp_path)) == []
    with (tmp_path / "state/locks/a.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert list(locked(tmp_path)) == ["a lock is held: a.lock: {}"]
    assert list(intended(tmp_path)) == ["an intent is left: c.json: {}"]


def test_the_summary_counts_what_was_not_in_order() -> None:
    """Each kill once."""
    whys: tuple[dict[str, tuple[str, ...]], ...] = (
        {},
        {"unrestored": ("a", "b")},
        {"unreadable": ("c",)},
        {"left": ("d",)},
    )
    kills = [
        Killed(number=number, hit="", alive=True, codes="", aftermath=Aftermath(**why))
        for number, why in enumerate(whys, start=1)
    ]
    assert summary(kills) == "4 kills: 3 restored, 3 readable, 1 left behind"


def test_what_is_left_behind_is_named(tmp_path: Path) -> None:
    """A temporary file, one of a child's, one that was never renamed; a process with the state directory of the run."""
    temporary, root = tmp_path / "temporary", tmp_path / "project"
    for path in (temporary, root / "state" / "scratch", root / "reports"):
        path.mkdir(parents=True)
    database = root / "state" / "sandbox" / "claims" / "pg.tmp"  # a database has temporary files of its own
    database.parent.mkdir(parents=True)
    database.touch()
    assert list(left_over(temporary, root)) == list(outlived(root)) == []
    for path in (temporary / "a", root / "state" / "scratch" / "chaos-b", root / "reports" / "c.partial"):
        path.touch()
    (told,) = left_over(temporary, root)
    assert all(name in told for name in ("/a", "/chaos-b", "/c.partial"))
    with subprocess.Popen(["sleep", "600"], env={**os.environ, "READINESS_STATE": str(root / "state")}) as process:
        try:
            for _ in clock.Deadline.after(60.0).ticks(0.05):  # a process that was just begun has no environment yet
                if named := list(outlived(root, within_s=0.0)):
                    break
            assert [str(process.pid) in one for one in named] == [True]
            assert not list(outlived(root, within_s=0.0, but={process.pid}))
        finally:
            process.kill()


def test_fifty_kills_of_a_rollout_come_at_every_stage_of_it() -> None:
    """SIGKILL alone, the same each time for one seed; the platform is brought back by `recover` and by the next run."""
    strikes = [rollout_trials.strike(7, number) for number in range(1, 51)]
    assert strikes == [rollout_trials.strike(7, number) for number in range(1, 51)]
    assert {one.sent for one in strikes} == {signal.SIGKILL}
    assert {one.victim for one in strikes} == {"run", "watch", "load"}
    kinds = {name: {one.moment[1] for one in strikes if one.subject == name} for name in rollout_trials.ROLLOUTS}
    stages = {"rollout.started", "rollout.step", "rollout.back"}
    assert kinds == {"canary": stages, "blue-green": {*stages, "rollout.ended"}}
    assert {rollout_trials.by_next_run(one.number) for one in strikes} == {True, False}


def test_a_lent_strategy_that_was_not_returned_is_a_fault() -> None:
    """Each object has the one that it had before the run."""
    own: dict[str, Any] = {"Rollout eu/cart": {"canary": {}}, "Rollout eu/web": {"canary": {}}}
    assert [*rollout_trials.unreturned(own, own)] == []
    lent = {**own, "Rollout eu/cart": {"blueGreen": {}}}
    assert [*rollout_trials.unreturned(own, lent)] == ["Rollout eu/cart has the strategy {'blueGreen': {}}"]


@pytest.mark.parametrize(
    ("said", "faults"),
    [
        ("undone: rollout canary of Rollout us-east-1/track-service from 1.0.0 to 1.1.0", 0),
        ("recovered: rollout canary of Rollout us-east-1/track-service from 1.0.0 to 1.1.0", 0),
        ("sandbox: no undo is pending", 0),
        ("undone: rollout canary of Rollout us-east-1/track-service from 0.9.0 to 1.1.0", 1),
        ("", 1),
    ],
)
def test_what_takes_a_rollout_back_names_the_release(tmp_path: Path, said: str, faults: int) -> None:
    """The one that the platform is on."""
    project = Project(root=tmp_path, name="plain")
    ended = Finished(project=project, code=-9, out="", err="")
    back = Finished(project=project, code=0, out=said, err="")
    assert len(list(rollout_trials.unnamed(ended, back, "1.0.0"))) == faults


@pytest.mark.slow
@pytest.mark.sandbox
def test_a_rollout_whose_run_is_killed_ends_on_one_release(tmp_path: Path) -> None:
    """Proven by its objects, its pods and its answers."""
    project = made(tmp_path / "project", rollout_trials.ROLLOUTS)
    with kept_sandbox(project, rollout_trials.PARTS):
        killed = rollout_trials.trial(project, rollout_trials.strike(7, 1))
        assert killed.aftermath.faults == (), str(killed)


def test_a_process_that_is_never_there_is_told_by_its_name() -> None:
    """As where the module that it is started with has another name now; one try may have come too late."""
    told = [
        Killed(number=number, hit="", alive=alive, codes="", aftermath=Aftermath(), victim=victim)
        for number, (victim, alive) in enumerate(
            [("run", True), ("load", False), ("watch", False), ("load", False), ("chaos", False), ("chaos", True)]
        )
    ]
    assert never_hit(told) == ["load"]
