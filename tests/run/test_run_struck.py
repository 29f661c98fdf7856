"""A run that something happens to in its middle: one clear message, the right code, evidence kept, nothing left running.

That every process is gone is asserted by the scenes themselves.
"""

from __future__ import annotations

import json

import pytest

from tests.plain.plain_project import Finished
from tests.plain.scenes import STRIKES, Stage


def _kept(finished: Finished) -> set[str]:
    return {path.relative_to(finished.run).as_posix() for path in finished.run.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", sorted(STRIKES))
def test_evidence_is_kept_and_never_gives_a_go(strikes: Stage, name: str) -> None:
    """Histories and rows are there; `readiness judge` says INCONCLUSIVE with exit code 10, never GO, never a traceback."""
    finished = strikes[name]
    assert "Traceback" not in finished.said
    assert {"plan.json", "history/run.ndjson", "history/load.ndjson", "load/browse/locust.log"} <= _kept(finished)
    again = finished.project.do("judge", finished.run)
    assert again.code == 10, again.said
    assert "Traceback" not in again.said
    assert json.loads((finished.run / "verdict.json").read_bytes())["decision"] == "INCONCLUSIVE"


def test_a_load_worker_that_is_killed_ends_the_run(strikes: Stage) -> None:
    """Exit code 10; the message names worker, signal and place, and the run's history keeps it."""
    finished = strikes["worker dies"]
    assert finished.code == 10, finished.said
    assert "worker 1 of browse: it ended unexpectedly: signal SIGKILL" in finished.err
    assert "hint: run again" in finished.err
    ended = (finished.run / "history/run.ndjson").read_text(encoding="utf-8").splitlines()[-1]
    assert "signal SIGKILL" in json.loads(ended)["fields"]["why"]


def test_a_watch_that_is_killed_ends_the_run(strikes: Stage) -> None:
    """Exit code 10, with the log of the watch."""
    finished = strikes["watch dies"]
    assert finished.code == 10, finished.said
    assert "watch/watch.log: the watching process died\n  hint: run again" in finished.err


@pytest.mark.parametrize("name", ["Ctrl-C in the warm-up", "Ctrl-C thrice in the window", "SIGTERM in the window"])
def test_stop_means_stop(strikes: Stage, name: str) -> None:
    """Exit code 2; the last line says where the evidence is, and it is sealed."""
    finished = strikes[name]
    assert finished.code == 2, finished.said
    assert f"{finished.run}: the run was interrupted; no undo is pending" in finished.out
    assert {"manifest.json", "verdict.json"} <= _kept(finished)
    assert not [file for file in _kept(finished) if file.endswith(".rows") or file == "running.json"]


def test_further_stops_are_heard_and_change_nothing(strikes: Stage) -> None:
    """A second and third Ctrl-C do not cut the restoring short."""
    assert (
        "already stopping: checks in progress are completed first, then the target is restored"
        in strikes["Ctrl-C thrice in the window"].err
    )


def test_after_a_kill_the_next_run_starts(strikes: Stage) -> None:
    """`kill -9` of the harness leaves no lock: the next run on the same target gets as far as asking who is there."""
    finished = strikes["kill -9"]
    assert finished.code == -9
    again = finished.project.do("run")
    assert again.code == 10, again.said
    assert "no answer from" in again.out
    assert "in use" not in again.said
