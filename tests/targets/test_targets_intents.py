"""Intents, locks and guards: what must hold when a process dies, and when two start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import Refused, UsageError
from harness.model import ExperimentPlan, Hit, Intent
from harness.targets import Target, TargetLock, guard_experiment, guard_target, load_target
from harness.targets.guard import guard_hits
from harness.targets.intents import (
    intents_directory,
    pending_intents,
    strike_intent,
    unclear_intents,
    write_intent,
)
from harness.targets.state import sandbox_target_file, state_directory
from harness.targets.undo import recover


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of each test's own."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def target(directory: Path, more: str = "") -> Target:
    """A staging target with further lines."""
    file = directory / "target.yaml"
    file.write_text(f"name: stage\nenvironment: staging\nentry: https://a.test\n{more}")
    return load_target(file)


def plan(name: str, domain: str = "pod") -> ExperimentPlan:
    """An experiment by name."""
    return ExperimentPlan(name=name, file=name, domain=domain, within_s=1, hold_s=0, observe_s=1, seconds=1)


def written(target_name: str, node: str) -> Intent:
    """An intent to cordon a node."""
    undo = {"do": "uncordon", "node": node}
    return write_intent(target_name, "node-loss", f"cordon {node}", undo, module="harness.chaos.database")


def test_state_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """READINESS_STATE, then XDG_STATE_HOME, then the home directory."""
    assert state_directory() == tmp_path / "state"
    monkeypatch.delenv("READINESS_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    assert state_directory() == Path("/xdg/readiness")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/x")
    assert state_directory() == Path("/home/x/.local/state/readiness")


def test_the_running_sandbox_is_found_by_its_file(tmp_path: Path) -> None:
    """And in words where none is running."""
    with pytest.raises(UsageError, match="no sandbox is running here"):
        sandbox_target_file()
    file = tmp_path / "state" / "sandbox" / "target.yaml"
    file.parent.mkdir(parents=True)
    file.touch()
    assert sandbox_target_file() == file


def test_intents_are_pending_newest_first_until_they_are_struck() -> None:
    """Striking twice is striking once."""
    first, second = (written("t", node) for node in ("a", "b"))
    assert pending_intents("t") == [second, first]
    strike_intent(second)
    strike_intent(second)
    assert pending_intents("t") == [first]
    assert pending_intents("another") == []


def test_a_child_killed_between_write_and_strike_leaves_its_intent() -> None:
    """A kill -9 right after the write: the intent is whole and pending."""
    code = (
        "import os\nfrom harness.targets.intents import write_intent\n"
        "write_intent('t', 'node-loss', 'cordon a', {'do': 'uncordon', 'node': 'a'}, module='m')\n"
        "os.write(1, b'written')\nimport signal\nsignal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(7) == b"written"
        os.kill(child.pid, signal.SIGKILL)
    assert [intent.undo for intent in pending_intents("t")] == [{"do": "uncordon", "node": "a"}]


def test_a_write_that_was_cut_short_is_swept() -> None:
    """It never had its name, so it was never returned, and nothing was changed under it."""
    whole = written("t", "a")
    (intents_directory("t") / "9999.part").write_text('{"id": "9999", "tar')
    assert pending_intents("t") == [whole]
    assert [path.name for path in intents_directory("t").iterdir()] == [f"{whole.id}.json"]


def test_an_intent_that_is_not_understood_is_kept_with_its_reason() -> None:
    """Broken JSON, other keys, a newer version: what is understood is still pending, the rest is never deleted."""
    whole = written("t", "a")
    content = json.loads((intents_directory("t") / f"{whole.id}.json").read_text())
    for name, text in {
        "1": '{"id": "9999", "tar',
        "2": json.dumps({"id": "9998"}),
        "3": "[]",
        "4": json.dumps({**content, "version": 2}),
        "5": json.dumps({**content, "undo": "by hand"}),
    }.items():
        (intents_directory("t") / f"{name}.json").write_text(text)
    assert pending_intents("t") == [whole]
    assert {one.path.stem: one.why for one in unclear_intents("t")} == {
        "1": "it is not JSON",
        "2": "missing or unknown keys: action, experiment, module, target, undo, version, written",
        "3": "it is not a JSON object",
        "4": "it has version 2, this harness reads version 1",
        "5": "missing or unknown keys: undo",
    }
    assert len(list(intents_directory("t").iterdir())) == 6


def test_recovery_is_refused_while_an_intent_is_not_understood(tmp_path: Path) -> None:
    """Without a word to a cluster: which file, why, and what to do by hand."""
    written("stage", "a")
    path = next(intents_directory("stage").iterdir())
    path.write_text("{")
    with pytest.raises(Refused) as caught:
        recover(target(tmp_path))
    assert (
        caught.value.what == f"1 entries of the undo log are not understood and were kept; {path.name}: it is not JSON"
    )
    assert caught.value.hint.startswith("undo by hand what each file describes under `action` and `undo`")
    assert path.exists()


def test_a_second_run_is_refused_and_told_who_holds_the_target() -> None:
    """The lock goes with its holder."""
    with TargetLock("t", "run-1"):
        with TargetLock("another", "run-2"):
            pass
        with (
            pytest.raises(Refused, match=rf"t is in use by run run-1 \(process {os.getpid()}, since "),
            TargetLock("t", "run-2"),
        ):
            pass
    with TargetLock("t", "run-3"):
        pass


def test_a_lock_of_a_killed_process_is_free() -> None:
    """However it died."""
    code = (
        "import os, signal\nfrom harness.targets.lock import TargetLock\n"
        "lock = TargetLock('t', 'dead').__enter__()\nos.write(1, b'x')\nsignal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(1) == b"x"
        with pytest.raises(Refused, match="run dead"), TargetLock("t", "run-2"):
            pass
        os.kill(child.pid, signal.SIGKILL)
    with TargetLock("t", "run-2"):
        pass


def test_a_target_like_production_wants_its_name_in_full(tmp_path: Path) -> None:
    """Disposable targets do not; production does, disposable or not."""
    guard_target(target(tmp_path, "disposable: true\n"))
    guard_target(target(tmp_path), "stage")
    with pytest.raises(Refused, match=r"stage \(staging\) is not disposable, and `stag` is not its name"):
        guard_target(target(tmp_path), "stag")
    file = tmp_path / "target.yaml"
    file.write_text("name: p\nenvironment: production\nentry: https://a.test\ndisposable: true\n")
    with pytest.raises(Refused, match="say `--allow-target p` if you mean"):
        guard_target(load_target(file))


def test_an_experiment_must_stand_on_the_allow_list(tmp_path: Path) -> None:
    """With its workloads and its number of pods; what breaks nothing may always run."""
    allowed = target(tmp_path, "may_break: [{experiment: pod-loss, workloads: [track], max_pods: 1}]\n")
    guard_experiment(allowed, plan("pod-loss"))
    guard_experiment(allowed, plan("null-run", "none"))
    with pytest.raises(Refused, match="stage does not allow the experiment node-loss: `may_break` does not name it"):
        guard_experiment(allowed, plan("node-loss"))
    track, other = (Hit(kind="pod", name=name, workload=name) for name in ("track", "other"))
    guard_hits(allowed, "pod-loss", [track])
    with pytest.raises(Refused, match="it would hit other"):
        guard_hits(allowed, "pod-loss", [other])
    with pytest.raises(Refused, match="it would hit 2 pods, 1 are allowed"):
        guard_hits(allowed, "pod-loss", [track, track])
