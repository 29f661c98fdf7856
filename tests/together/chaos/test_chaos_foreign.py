"""Stock `process` and `http` experiments in a child process, on a target without a cluster: a real process is ended by its pidfile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harness.chaos.child.rolling_back import roll_back
from harness.chaos.confirmation import confirming
from harness.chaos.confirmation.tolerances import complaint, holds
from harness.clock import Deadline
from harness.drivers.chaos import (
    ChaosResult,
    ChaosRun,
    ForkServer,
    attempt,
    load_experiment,
    open_rollbacks,
    resolved_configuration,
)
from harness.errors import ConfigurationError
from harness.evidence import read_history
from harness.model import ExperimentPlan
from harness.targets import Target, load_target, platform_of
from harness.targets.safety.intents import pending_intents
from harness.targets.undo import recover
from tests.builders.http_servers import Quiet, serving

VICTIM = "import pathlib, signal, sys, os; pathlib.Path(sys.argv[1]).write_text(f'{os.getpid()}\\n'); signal.pause()"
TARGET = "name: here\nenvironment: staging\nentry: http://127.0.0.1:9\ndisposable: true\n"
FILE = """\
title: A process is killed
description: By its pidfile.
configuration:
  pidfile: {type: env, key: VICTIM_PIDFILE, default: one.pid}
extensions:
  - name: harness
    domain: process
    confirmed_by: ended
    within: 30 s
    processes: [one.pid, two.pid]
    blast_radius: {max_processes: 1}
method:
  - name: kill
    type: action
    provider: {type: process, path: bash, arguments: ["-c", "kill -9 $(cat ${pidfile})"]}
  - name: ended
    type: probe
    tolerance: 1
    provider: {type: process, path: bash, arguments: ["-c", "kill -0 $(cat ${pidfile})"]}
rollbacks:
  - name: write-it-down
    type: action
    provider: {type: process, path: bash, arguments: ["-c", "echo ${pidfile} >> rolled-back"]}
"""
SOON = ("within: 30 s", "within: 2 s")
"""For what never comes true."""
START = """\
  - name: start
    type: action
    pauses: {before: 0.2}
    provider: {type: process, path: bash, arguments: ["-c", "true"]}
rollbacks:
"""
AGAIN = "echo >> asked; exit $(test $(wc -l < asked) != 2)"
"""Fails, as the tolerance asks, only the second time: after the action, and no more."""


EXEC: dict[str, Any] = {
    "name": "in-pods",
    "type": "action",
    "provider": {"type": "python", "module": "chaosk8s.pod.actions", "func": "exec_in_pods"},
}


@dataclass
class Bench:
    """A project with two processes, each with its pidfile."""

    root: Path
    target: Target
    forks: ForkServer
    victims: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start one, and wait for its pidfile."""
        file = self.root / f"{name}.pid"
        self.victims[name] = victim = subprocess.Popen([sys.executable, "-c", VICTIM, str(file)])
        threading.Thread(target=victim.wait).start()  # as init does: a zombie still takes signals
        assert any(file.is_file() and file.read_text() for _ in Deadline.after(30).ticks(0.02))

    def planned(self, *edits: tuple[str, str]) -> ExperimentPlan:
        """The experiment with these edits."""
        text = FILE
        for old, new in edits:
            assert old in text, old
            text = text.replace(old, new)
        (self.root / "experiments").mkdir(exist_ok=True)
        (self.root / "experiments" / "kill.yaml").write_text(text, encoding="utf-8")
        return load_experiment("kill", [self.root / "experiments"])

    def child(self, *edits: tuple[str, str]) -> ChaosRun:
        """A child that runs the experiment with these edits."""
        child = ChaosRun(self.planned(*edits), self.target, self.root / "run", self.forks)
        child.start()
        return child

    def over(self, *edits: tuple[str, str]) -> ChaosRun:
        """A child that has run the experiment with these edits."""
        child = self.child(*edits)
        assert any(not child.alive() for _ in Deadline.after(90).ticks(0.05))
        return child

    def ended(self, *edits: tuple[str, str]) -> ChaosResult:
        """How the experiment with these edits ended."""
        return self.over(*edits).finish()

    def recorded(self, kind: str) -> list[dict[str, Any]]:
        """The fields of these observations."""
        observations, missing = read_history(self.root / "run" / "history" / "chaos-kill.ndjson")
        assert missing == []
        return [dict(o.fields) for o in observations if o.kind == kind]


def killed(child: ChaosRun) -> ChaosResult:
    """How a child ended by `kill -9`."""
    assert child._child is not None
    os.kill(child._child.pid, signal.SIGKILL)
    return child.finish()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: ForkServer) -> Iterator[Bench]:
    """Two processes that run, and a state directory of the test's own."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    (tmp_path / "target.yaml").write_text(TARGET, encoding="utf-8")
    target = load_target(tmp_path / "target.yaml")
    made = Bench(tmp_path, target, forks)
    for name in ("one", "two"):
        made.start(name)
    yield made
    for process in made.victims.values():
        process.kill()
        process.wait()


def test_a_process_is_killed_and_confirmed_by_an_exit_code(bench: Bench) -> None:
    """The tolerance is met, the process that ended is the hit, and the file's own rollback ended."""
    uid = f"{bench.victims['one'].pid}@"
    result = bench.ended()
    assert (result.acted, result.confirmed, result.rolled_back, result.why) == (True, True, True, "")
    (confirmed,) = bench.recorded("fault.confirmed")
    (hit,) = confirmed["hit"]
    assert (hit["kind"], hit["name"], hit["uid"].startswith(uid)) == ("process", "one.pid", True)
    assert (bench.root / "rolled-back").read_text() == "one.pid\n"


def test_a_tolerance_may_be_a_probe_of_a_module_that_the_settings_of_pytest_let_be_found(bench: Bench) -> None:
    """What the plan finds by `pythonpath`, the child finds too."""
    settings = '[tool.pytest.ini_options]\npythonpath = ["src"]\n'
    (bench.root / "pyproject.toml").write_text(settings, encoding="utf-8")
    (bench.root / "src").mkdir()
    source = "def failed(value):\n    return value['status'] == 1\n"
    (bench.root / "src" / "near_enough.py").write_text(source, encoding="utf-8")
    provider = "{type: python, module: near_enough, func: failed, arguments: {value: 0}}"
    result = bench.ended(("    tolerance: 1\n", f"    tolerance: {{type: probe, name: near, provider: {provider}}}\n"))
    assert (result.confirmed, result.rolled_back) == (True, True), result.why


def test_a_process_that_was_not_declared_is_no_receipt(bench: Bench) -> None:
    """The probe is true, and none of the processes that the file names has ended."""
    result = bench.ended(("processes: [one.pid, two.pid]", "processes: [two.pid]"))
    assert (result.confirmed, result.why) == (False, "ended: no process of two.pid ended")


def test_a_fault_that_was_in_before_confirms_nothing(bench: Bench) -> None:
    """Blind side 8: nothing ended in the method, and without pidfiles in the block the answer before the fault decides."""
    bench.victims["one"].kill()
    bench.victims["one"].wait()
    result = bench.ended(("    processes: [one.pid, two.pid]\n", ""))
    assert not result.confirmed
    assert result.why.endswith("ended: the probe was also true before the fault, so it confirms nothing")


def test_more_processes_than_the_blast_radius_end_the_experiment(bench: Bench) -> None:
    """Two are killed, one is allowed: the method stops there, and the rollbacks run."""
    result = bench.ended(("$(cat ${pidfile})", "$(cat one.pid two.pid)"))
    assert (result.confirmed, result.rolled_back) == (False, True)
    assert result.why.endswith(": the experiment hit 2 processes, `blast_radius` allows 1")
    assert result.journal["status"] == "interrupted"


def test_rollbacks_that_were_not_observed_to_end_are_run_by_recover(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child is killed while the fault is in; what the variables of its configuration were is known later, too."""
    monkeypatch.setenv("VICTIM_PIDFILE", "two.pid")
    child = bench.child(("    tolerance: 1\n", "    tolerance: 1\n    pauses: {after: 60}\n"))
    platform = platform_of(bench.target)
    variables = resolved_configuration(Path(child.experiment.file), bench.target)
    assert open_rollbacks(platform, replace(child.experiment, configuration=variables)) is not None
    assert any(child.sent_ns() is not None for _ in Deadline.after(60).ticks(0.05))
    assert killed(child).rolled_back is False
    assert not (bench.root / "rolled-back").exists()
    monkeypatch.delenv("VICTIM_PIDFILE")
    recovered = recover(bench.target)
    assert [line.partition(" ")[0] for line in recovered.undone] == ["roll-back"]
    assert (bench.root / "rolled-back").read_text() == "two.pid\n"
    assert pending_intents(platform) == []


REMEMBERS = (
    "configuration:\n",
    "configuration:\n  before: {type: probe, name: flag, provider: {type: process, path: cat, arguments: [flag]}}\n",
)
BREAKS = ("kill -9 $(cat ${pidfile})", "kill -9 $(cat ${pidfile}); echo off > flag")
SETS_BACK = ("echo ${pidfile} >> rolled-back", "echo ${before} > flag")


def test_recover_sets_back_to_what_was_read_before_the_fault(bench: Bench) -> None:
    """The probe of the configuration would read the broken value now, and "restored" would keep it."""
    (bench.root / "flag").write_text("on\n", encoding="utf-8")
    pause = ("    tolerance: 1\n", "    tolerance: 1\n    pauses: {after: 60}\n")
    platform = platform_of(bench.target)
    assert open_rollbacks(platform, bench.planned(REMEMBERS, BREAKS, SETS_BACK, pause)) is not None
    child = bench.child(REMEMBERS, BREAKS, SETS_BACK, pause)
    assert any((bench.root / "flag").read_text() == "off\n" for _ in Deadline.after(60).ticks(0.05))
    assert killed(child).rolled_back is False
    assert [line.partition(" ")[0] for line in recover(bench.target).undone] == ["roll-back"]
    assert (bench.root / "flag").read_text() == "on\n"
    assert pending_intents(platform) == []


def test_nothing_is_done_where_a_rollback_has_no_value(bench: Bench) -> None:
    """Chaos Toolkit passes over a probe that fails, and the rollback would write `${before}`."""
    result = bench.ended(REMEMBERS, BREAKS, SETS_BACK)
    assert (result.acted, result.confirmed) == (False, False)
    assert "`configuration.before` was not read, since its probe failed" in result.why
    assert bench.victims["one"].poll() is None
    assert not (bench.root / "flag").exists()


def test_a_rollback_that_fails_stays_in_the_undo_log(bench: Bench) -> None:
    """Its exit code says so; the program's last words are kept."""
    child = bench.child(("echo ${pidfile} >> rolled-back", "echo no such service >&2; exit 3"))
    platform = platform_of(bench.target)
    open_rollbacks(platform, child.experiment)
    assert any(not child.alive() for _ in Deadline.after(90).ticks(0.05))
    assert child.finish().rolled_back is False
    (left,) = recover(bench.target, within_s=0).left
    assert left.why.endswith("kill.yaml failed: write-it-down: exit code 3: no such service")
    assert len(pending_intents(platform)) == 1


@pytest.mark.parametrize("background", ["", "    background: true\n"])
def test_where_the_hypothesis_is_lost_nothing_of_the_method_is_done(bench: Bench, background: str) -> None:
    """Also where its first activity is one in the background; it owes no rollback, and one that fails is no matter."""
    up = "{type: probe, name: up, tolerance: 0, provider: {type: process, path: 'false'}}"
    steady = f"steady-state-hypothesis: {{title: up, probes: [{up}]}}\nmethod:\n"
    fails = ("echo ${pidfile} >> rolled-back", "exit 3")
    result = bench.ended(("method:\n", steady), ("  - name: kill\n", f"  - name: kill\n{background}"), fails)
    assert (result.acted, result.rolled_back, result.confirmed) == (False, False, False)
    assert result.journal["steady_before"] == "not met"
    assert bench.victims["one"].poll() is None
    assert bench.recorded("fault.sent") == []
    assert [one["part"] for one in bench.recorded("activity")] == ["hypothesis", "rollback"]


def test_a_rollback_that_fails_repeats_none_that_worked(bench: Bench) -> None:
    """A service would be started again and again: recovery does all of them once, however long it tries what cannot be reached."""
    failing = "  - name: fails\n    type: action\n    provider: {type: process, path: 'false'}\n"
    child = bench.over(('echo ${pidfile} >> rolled-back"]}\n', f'echo once >> rolled-back"]}}\n{failing}'))
    child.finish()
    (bench.root / "rolled-back").unlink()
    open_rollbacks(platform_of(bench.target), child.experiment)
    assert len(recover(bench.target, within_s=3).left) == 1
    assert (bench.root / "rolled-back").read_text() == "once\n"


def test_a_rollback_that_selects_nothing_has_failed_in_recovery_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`exec_in_pods` of a container that no pod has returns nothing, and nothing is undone."""
    (tmp_path / "one.json").write_text(
        json.dumps({"title": "t", "description": "d", "method": [], "rollbacks": [EXEC]})
    )
    monkeypatch.setattr("chaosk8s.pod.actions.exec_in_pods", lambda **_: [])
    assert roll_back(tmp_path / "one.json") == 1
    assert capsys.readouterr().out == "in-pods: the action selected no object\n"


@pytest.mark.parametrize(("exit_code", "rolled_back"), [(3, True), (0, False)])
def test_a_rollback_ended_as_its_tolerance_says(bench: Bench, exit_code: int, *, rolled_back: bool) -> None:
    """An exit code that the file expects is no failure, and one that it does not expect is one: also 0."""
    result = bench.ended(
        ("echo ${pidfile} >> rolled-back", f"exit {exit_code}"),
        ("  - name: write-it-down\n", "  - name: write-it-down\n    tolerance: 3\n"),
    )
    assert result.rolled_back is rolled_back
    assert [(one["name"], one["ok"]) for one in bench.recorded("activity") if one["part"] == "rollback"] == [
        ("write-it-down", rolled_back)
    ]


def test_a_rollback_that_is_a_reference_is_in_the_undo_log(bench: Bench) -> None:
    """Chaos Toolkit allows it: the activity of that name is done."""
    begin = FILE.index("rollbacks:\n")
    child = bench.over((FILE[begin:], "rollbacks:\n  - ref: kill\n"))
    child.finish()
    intent = open_rollbacks(platform_of(bench.target), child.experiment)
    assert intent is not None
    assert "kill" in intent.action
    (bench.root / "experiments" / "kill.yaml").write_text(f"{FILE[:begin]}rollbacks:\n  - ref: none-of-this-name\n")
    with pytest.raises(ConfigurationError, match=r"rollbacks\[0\].ref: no activity is named `none-of-this-name`"):
        load_experiment("kill", [bench.root / "experiments"])


def test_a_rollback_that_does_not_end_goes_with_what_it_began(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that hangs would act later, beside the next recovery."""
    script = "echo $BASHPID > script.pid; sleep 600"
    child = bench.child(("echo ${pidfile} >> rolled-back", script))
    open_rollbacks(platform_of(bench.target), child.experiment)
    assert any((bench.root / "script.pid").exists() for _ in Deadline.after(90).ticks(0.05))
    killed(child)
    pidfile = bench.root / "script.pid"
    pidfile.unlink()
    for seconds in (3.0, 10.0, 60.0):  # so long that the script has begun
        monkeypatch.setattr(attempt, "_ROLLBACKS_S", seconds)
        (left,) = recover(bench.target, within_s=0).left
        assert f"did not end within {seconds:g} s" in left.why
        if pidfile.exists() and pidfile.read_text().strip():
            break
    assert any(_gone(pidfile) for _ in Deadline.after(30).ticks(0.02))


_SERVICE = {
    "behind": "sleep 600 >/dev/null 2>&1 & echo $! > service.pid; wait",
    "waited for": "bash -c 'echo $BASHPID > service.pid; exec sleep 600 >/dev/null 2>&1'",
    "piped": "bash -c 'echo $BASHPID > service.pid; exec sleep 600 2>/dev/null' | cat >/dev/null 2>&1",
}


@pytest.mark.parametrize("background", ["", "    background: true\n"])
@pytest.mark.parametrize("started", [*_SERVICE])
def test_an_action_that_is_under_way_when_the_run_is_killed_ends_with_it(
    bench: Bench, background: str, started: str
) -> None:
    """Else it would break the target after `readiness recover` has brought it back. What it started goes on until that ends."""
    script = f"echo $BASHPID > script.pid; {_SERVICE[started]}; kill -9 $(cat ${{pidfile}})"
    child = bench.child(("kill -9 $(cat ${pidfile})", script), ("  - name: kill\n", f"  - name: kill\n{background}"))
    service_pid = bench.root / "service.pid"
    assert any(service_pid.exists() and service_pid.read_text().strip() for _ in Deadline.after(90).ticks(0.05))
    killed(child)
    service = int(service_pid.read_text())
    try:
        assert any(_gone(bench.root / "script.pid") for _ in Deadline.after(30).ticks(0.05))
        assert not _gone(service_pid)
        assert bench.victims["one"].poll() is None
    finally:
        os.kill(service, signal.SIGKILL)


def _gone(pidfile: Path) -> bool:
    """Whether its process has ended."""
    stat = Path("/proc") / str(int(pidfile.read_text())) / "stat"
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_what_ends_the_fault_by_an_action_of_others_undoes_it(bench: Bench) -> None:
    """Nobody knows what such an action does: what comes back after it did not come back by itself, a pause before it not counted."""
    result = bench.ended(("rollbacks:\n", START))
    assert (result.confirmed, result.why) == (True, "")
    (undone,), (confirmed,) = bench.recorded("fault.undone"), bench.recorded("fault.confirmed")
    assert undone["activity"] == "start"
    assert undone["at_ns"] - confirmed["at_ns"] >= 200_000_000
    assert bench.recorded("fault.restarted") == []


def test_a_restart_is_measured_where_the_file_says_so(bench: Bench) -> None:
    """The start is a part of what users wait for; that is on record."""
    bench.ended(("rollbacks:\n", START), ("    within: 30 s\n", "    within: 30 s\n    restarted_by: start\n"))
    assert [one["activity"] for one in bench.recorded("fault.restarted")] == ["start"]
    assert bench.recorded("fault.undone")[0]["activity"] == "write-it-down"


def test_what_comes_once_in_many_answers_confirms_nothing(bench: Bench) -> None:
    """The fourth answer alone is within the tolerance, the fault breaks nothing: before, it was asked once."""
    counting = "echo >> asked; exit $(test $(wc -l < asked) = 4)"
    result = bench.ended(
        ('"kill -0 $(cat ${pidfile})"', f'"{counting}"'),
        ("kill -9", "kill -0"),
        ("    processes: [one.pid, two.pid]\n", ""),
        ("tolerance: 1", "tolerance: 0"),
        SOON,
    )
    assert len((bench.root / "asked").read_text().splitlines()) > 4
    assert (result.confirmed, result.why) == (False, "ended: the fault was not observed")


STATE_PROBE = """\
from pathlib import Path


def is_down(true_from, true_until=10**9):
    file = Path("asked")
    number = len(file.read_text()) + 1 if file.exists() else 1
    file.write_text("x" * number)
    return true_from <= number < true_until
"""
"""As a driver of a cloud has it: the answer is that of the moment."""
BY_PYTHON = (
    '    tolerance: 1\n    provider: {type: process, path: bash, arguments: ["-c", "kill -0 $(cat ${pidfile})"]}\n',
    "    provider: {type: python, module: cloud, func: is_down, arguments: {ARGUMENTS}}\n",
)


def by_python(bench: Bench, arguments: str) -> tuple[str, str]:
    """The edit by which the fault is confirmed by a function of the project."""
    (bench.root / "experiments").mkdir(exist_ok=True)
    (bench.root / "experiments" / "cloud.py").write_text(STATE_PROBE, encoding="utf-8")
    return BY_PYTHON[0], BY_PYTHON[1].replace("ARGUMENTS", arguments)


def test_a_python_probe_of_others_is_asked_again_until_it_is_true(bench: Bench) -> None:
    """Asked before the fault, in its place, and then until it was true three times in a row: the instance takes a moment to stop."""
    result = bench.ended(by_python(bench, "true_from: 4"))
    assert (result.confirmed, result.why) == (True, "")
    assert len((bench.root / "asked").read_text()) == 6
    (asked,) = [one for one in bench.recorded("activity") if one["name"] == "ended"]
    assert bench.recorded("fault.confirmed")[0]["at_ns"] > asked["started_ns"]


def test_a_python_probe_that_is_true_for_a_moment_confirms_nothing(bench: Bench) -> None:
    """True twice, and no more, until `within` is over."""
    result = bench.ended(by_python(bench, "true_from: 4, true_until: 6"), SOON)
    assert (result.confirmed, result.why) == (False, "ended: the fault was not observed")
    assert len((bench.root / "asked").read_text()) > 6


def test_a_probe_that_has_waited_itself_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the harness never; of others one whose time is over."""
    asked: list[str] = []

    def run(probe: dict[str, Any], *_: object) -> bool:
        asked.append(probe["name"])
        return True

    monkeypatch.setattr(confirming, "run_activity", run)
    theirs = {"name": "theirs", "provider": {"type": "python", "module": "cloud", "func": "is_down"}}
    own = {"name": "own", "provider": {"type": "python", "module": "harness.chaos.probes", "func": "answers_fail"}}
    assert not confirming.comes_true(own, {}, {}, 5.0)
    assert not confirming.comes_true(theirs, {}, {}, 5.0, asked_s=5.5)
    assert asked == []
    assert confirming.comes_true(theirs, {}, {}, 0.5, asked_s=0.4)
    assert asked == ["theirs"] * 3


def test_answers_that_fail_confirm_a_fault_without_a_cluster(bench: Bench) -> None:
    """A fault of a docker-compose project, such as one of toxiproxy: the probe asks the entry alone."""

    class Failing(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if (bench.root / "down").exists() else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Failing) as url:
        (bench.root / "target.yaml").write_text(TARGET.replace("http://127.0.0.1:9", url), encoding="utf-8")
        bench.target = load_target(bench.root / "target.yaml")
        probe = "{type: python, module: harness.chaos.probes, func: answers_fail, arguments: {within_s: 5}}"
        edits = (
            (BY_PYTHON[0], f"    provider: {probe}\n"),
            ("kill -9 $(cat ${pidfile})", "touch down"),
            ("echo ${pidfile} >> rolled-back", "rm down"),
            ("    processes: [one.pid, two.pid]\n", ""),
            ("domain: process", "domain: external"),
        )
        assert bench.planned(*edits).needs == ()
        result = bench.ended(*edits)
    assert (result.confirmed, result.rolled_back, result.why) == (True, True, "")


@pytest.mark.parametrize(("ends", "kinds"), [("true", ["fault.gone"]), ("false", ["fault.stays"])])
def test_the_end_of_a_fault_is_asked_for_once_more_after_the_rollbacks(
    bench: Bench, ends: str, kinds: list[str]
) -> None:
    """The last word: what was not seen to end in the method was brought back by a rollback, or stays."""
    back = "[ -e rolled-back ] && " + ends
    probe = f"""\
  - name: back
    type: probe
    tolerance: 0
    provider: {{type: process, path: bash, arguments: ["-c", "{back}"]}}
rollbacks:
"""
    bench.ended(("rollbacks:\n", probe), ("    within: 30 s\n", "    within: 1 s\n    gone_by: back\n"))
    assert bench.recorded("fault.sent")[0]["gone_by"] == "back"
    assert [kind for kind in ("fault.gone", "fault.stays") if bench.recorded(kind)] == kinds


STEADY = """\
steady-state-hypothesis:
  title: It is consistent
  probes:
    - {name: fine, type: probe, tolerance: 0, provider: {type: process, path: "true"}}
    - {name: consistent, type: probe, tolerance: 0, provider: {type: process, path: bash, arguments: ["-c", "! [ -e broken ]"]}}
method:
"""


def test_a_hypothesis_that_was_lost_is_asked_again_after_the_rollbacks(bench: Bench) -> None:
    """Chaos Toolkit asks it at once after the method, when the target may be on its way back; here a rollback brings it back, a second later."""
    back = "( sleep 1; rm broken ) >/dev/null 2>&1 &"
    result = bench.ended(
        ("method:\n", STEADY),
        ("kill -9 $(cat ${pidfile})", "kill -9 $(cat ${pidfile}); touch broken"),
        ("echo ${pidfile} >> rolled-back", back),
    )
    assert (result.journal["steady_after"], result.journal["unmet"]) == ("not met", "consistent")
    (again,) = bench.recorded("steady.again")
    (undone,) = bench.recorded("fault.undone")
    assert again["at_ns"] - undone["at_ns"] >= 1_000_000_000


def test_a_rollback_that_breaks_the_target_is_none(bench: Bench) -> None:
    """Its exit code is 0: the hypothesis, to which the rollbacks refer after it, says that the target is not as before, and `recover` says so too."""
    child = bench.over(
        ("method:\n", STEADY),
        ('echo ${pidfile} >> rolled-back"]}\n', 'touch broken"]}\n  - ref: consistent\n'),
    )
    result = child.finish()
    assert (result.confirmed, result.rolled_back, result.journal["steady_after"]) == (True, False, "met")
    assert [(one["name"], one["ok"]) for one in bench.recorded("activity") if one["part"] == "rollback"] == [
        ("write-it-down", True),
        ("consistent", False),
    ]
    open_rollbacks(platform_of(bench.target), child.experiment)
    (left,) = recover(bench.target, within_s=0).left
    assert left.why.endswith("kill.yaml failed: consistent: the result is not within the tolerance")


def test_a_hypothesis_that_stays_lost_is_not_met_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every probe must be within its tolerance; it is asked until the time is over."""
    monkeypatch.setattr(confirming, "_STEADY_LEAST_S", 0.6)
    up = {"name": "up", "type": "probe", "tolerance": 0, "provider": {"type": "process", "path": "true"}}
    down = {"name": "down", "type": "probe", "tolerance": 0, "provider": {"type": "process", "path": "false"}}
    lost, met = ({"steady-state-hypothesis": {"title": "t", "probes": probes}} for probes in ([up, down], [up]))
    assert not confirming.comes_to_be_met(lost, {}, {}, 0)
    assert confirming.comes_to_be_met(met, {}, {}, 0)


@pytest.mark.parametrize(("edits", "held"), [((), True), ((("kill -0 $(cat ${pidfile})", AGAIN),), False)])
def test_a_held_fault_is_looked_for_at_the_end_of_its_hold(
    bench: Bench, edits: tuple[tuple[str, str], ...], *, held: bool
) -> None:
    """What is out by then ended by itself; the undo is recorded after that."""
    hold = "{type: python, module: harness.chaos.actions, func: hold, arguments: {at_least_s: 0.1, at_most_s: 0.1}}"
    method = f"  - name: hold\n    type: action\n    provider: {hold}\nrollbacks:\n"
    bench.ended(("rollbacks:\n", method), ("    processes: [one.pid, two.pid]\n", ""), *edits)
    (seen,), (undone,) = bench.recorded("fault.held"), bench.recorded("fault.undone")
    assert (seen["probe"], seen["ok"], undone["activity"]) == ("ended", held, "hold")
    assert seen["at_ns"] <= undone["at_ns"]


def test_a_hold_of_another_module_is_not_the_end_of_the_fault(bench: Bench) -> None:
    """The fault is undone by the first rollback: a function that has the name of ours says nothing of it."""
    (bench.root / "experiments").mkdir()
    (bench.root / "experiments" / "waits.py").write_text("def hold(seconds):\n    return seconds\n", encoding="utf-8")
    provider = "{type: python, module: waits, func: hold, arguments: {seconds: 0}}"
    ended = "  - name: ended\n"
    bench.ended((ended, f"  - name: hold\n    type: action\n    provider: {provider}\n{ended}"))
    (undone,) = bench.recorded("fault.undone")
    assert undone["activity"] == "write-it-down"


HYPOTHESIS = """\
steady-state-hypothesis:
  title: The other process runs
  probes:
    - {name: answers, type: probe, tolerance: 0, provider: {type: process, path: bash, arguments: ["-c", "kill -0 $(cat two.pid)"]}}
method:
"""
KILL = '    provider: {type: process, path: bash, arguments: ["-c", "kill -9'


def test_controls_of_the_file_do_not_switch_the_record_off(bench: Bench) -> None:
    """Chaos Toolkit applies them in place of all others at the method and at the rollbacks."""
    (bench.root / "experiments").mkdir()
    theirs = "from pathlib import Path\n\n\ndef before_method_control(**_):\n    Path('theirs').touch()\n"
    (bench.root / "experiments" / "theirs.py").write_text(theirs)
    controls = "controls:\n  - name: theirs\n    provider: {type: python, module: theirs}\n"
    result = bench.ended(("method:\n", f"{controls}method:\n"))
    assert (result.confirmed, result.rolled_back, result.why) == (True, True, "")
    assert (bench.root / "theirs").exists()
    assert [hit["name"] for hit in bench.recorded("fault.confirmed")[0]["hit"]] == ["one.pid"]
    assert bench.recorded("fault.undone")[0]["activity"] == "write-it-down"
    assert [one["part"] for one in bench.recorded("activity")] == ["method", "method", "rollback"]


def test_a_hypothesis_that_is_asked_continuously_does_not_hide_the_method(bench: Bench) -> None:
    """It begins again each second, in a thread of its own."""
    result = bench.ended(
        ("method:\n", f"runtime: {{hypothesis: {{strategy: continuously}}}}\n{HYPOTHESIS}"),
        (KILL, f"    pauses: {{after: 1.3}}\n{KILL}"),
    )
    assert (result.confirmed, result.why) == (True, "")
    (sent,) = bench.recorded("fault.sent")
    parts: dict[str, set[str]] = {}
    for one in bench.recorded("activity"):
        parts.setdefault(one["name"], set()).add(one["part"])
    assert parts == {
        "answers": {"hypothesis"},
        "kill": {"method"},
        "ended": {"method"},
        "write-it-down": {"rollback"},
    }
    assert [one["started_ns"] for one in bench.recorded("activity") if one["name"] == "kill"] == [sent["at_ns"]]


def test_a_probe_of_the_hypothesis_ends_the_fault_where_the_method_refers_to_it(bench: Bench) -> None:
    """Chaos Toolkit's `ref`: it is named as the probes of the method are."""
    result = bench.ended(
        ("method:\n", HYPOTHESIS),
        ("rollbacks:\n", "  - ref: answers\nrollbacks:\n"),
        ("    within: 30 s\n", "    within: 30 s\n    gone_by: answers\n"),
    )
    assert (result.confirmed, result.why) == (True, "")
    assert bench.recorded("fault.sent")[0]["gone_by"] == "answers"
    assert [one["probe"] for one in bench.recorded("fault.gone")] == ["answers"]


PROCESS = {"status": 0, "stdout": "up 3 of 3\n", "stderr": ""}
HTTP = {"status": 200, "headers": {}, "body": {"replicas": 3}}


def test_a_tolerance_is_that_of_chaos_toolkit(subtests: pytest.Subtests) -> None:
    """Of exit codes, statuses, texts and numbers."""
    for tolerance, output, met in [
        (0, PROCESS, True),
        ([0, 1], PROCESS, True),
        (1, PROCESS, False),
        (200, HTTP, True),
        ([200, 204], {**HTTP, "status": 503}, False),
        ({"type": "regex", "pattern": "^up 3", "target": "stdout"}, PROCESS, True),
        ({"type": "range", "range": [4, 9]}, 3, False),
        ({"type": "range", "range": [0, 1], "target": "stdout"}, {**PROCESS, "stdout": "0.012"}, True),
        ({"type": "range", "range": [0, 1], "target": "stdout"}, {**PROCESS, "stdout": "2.5"}, False),
        ({"type": "range", "range": [0, 1], "target": "stdout"}, PROCESS, False),
        (True, True, True),
        ("ready", "ready", True),
    ]:
        with subtests.test(tolerance=tolerance, output=output):
            assert holds({"tolerance": tolerance}, output, {}, {}) is met


def test_without_a_tolerance_only_true_is_a_yes() -> None:
    """What a process returns is none."""
    assert [holds({}, output, {}, {}) for output in (True, 1, PROCESS, None)] == [True, False, False, False]


def test_what_an_action_says_against_itself(subtests: pytest.Subtests) -> None:
    """Chaos Toolkit counts all of these as succeeded."""
    cases: list[tuple[Any, Any, str]] = [
        ({"provider": {"type": "process"}}, {"status": 2, "stdout": "", "stderr": "a\nno such file"}, "exit code 2: no such file"),
        ({"provider": {"type": "http"}}, {"status": 503, "headers": {}, "body": ""}, "HTTP status 503"),
        ({"provider": {"type": "process"}, "tolerance": 2}, {"status": 2}, ""),
        ({"provider": {"type": "process"}, "tolerance": 0}, {"status": 2}, "the result is not within the tolerance"),
        ({"provider": {"type": "python"}}, {"status": 2}, ""),
        (EXEC, [{"pod_name": "web-1", "exit_code": 0}, {"pod_name": "web-2", "exit_code": "2", "stderr": "RTNETLINK answers: No such file\n"}], "exit code 2 in web-2: RTNETLINK answers: No such file"),
        (EXEC, [{"pod_name": "web-1", "exit_code": 1, "stderr": ""}], "web-1 returned no exit code within `request_timeout`"),
        (EXEC, [{"pod_name": "web-1", "exit_code": 0, "stderr": ""}], ""),
    ]  # fmt: skip
    for activity, output, said in cases:
        with subtests.test(activity=activity, output=output):
            assert complaint(activity, {"output": output}, {}, {}) == said
