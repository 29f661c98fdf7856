"""An experiment's timing on a fake clock: hold, watch on, restore, repeat, interrupt. Times are seconds since the test began."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from harness.errors import DriverError, TargetUnreachable
from harness.model import ExperimentPlan
from harness.model.planned.domain import PartsState
from harness.run.acts import experiments
from harness.run.acts.experiments import ExperimentDriver
from harness.run.health.users import UsersServed
from harness.targets.safety.intents import amend_intent, pending_intents, write_intent
from tests.builders.conducting import Child, Ground, Result, Stage, children, stage
from tests.builders.plans import breaks, experiment, fault, plan
from tests.fake_clock import FakeClock, S

POD = experiment("pod-loss")
HELD = experiment("region-loss", "region", hold_s=5.0, observe_s=40.0)
GONE = PartsState(ok=False, why="Deployment a/b has 1 of 2 replicas ready", missing=("Deployment a/b",))


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An undo log of each test's own."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))


Stages = Callable[..., Stage]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Stages:
    """The stage of a run with one experiment, and what its children are."""

    def begun(
        one: ExperimentPlan, *scripted: Child, ground: Ground | None = None, gone_s: float | None = None
    ) -> Stage:
        monkeypatch.setattr(experiments, "chaos_child", children(*scripted))
        planned = plan(acts=[fault(one.name)], demands=[breaks(one.name)], experiments=[one])
        return stage(clock, planned, ground=ground, gone_s=gone_s)

    return begun


@pytest.fixture
def run(begun: Stages) -> Stages:
    """The stage after the experiment has run with these children."""

    def run(one: ExperimentPlan, *scripted: Child, ground: Ground | None = None) -> Stage:
        made = begun(one, *scripted, ground=ground)
        ExperimentDriver().run(fault(one.name), made.context)
        return made

    return run


def test_a_held_fault_is_released_when_reads_and_writes_are_back(run: Stages, clock: FakeClock) -> None:
    """Back at 12 s, so the hold ends there; the child needs 2 s more, and the target is as before at once."""
    child = Child(clock=clock, sent_s=1.0)
    made = run(HELD, child, ground=Ground(clock=clock, back_s=12.0))
    assert [(what, round(at, 1)) for what, at in child.did] == [("start", 0.0), ("release", 12.0), ("finish", 14.0)]
    assert made.records.of("hold.released") == [{"subject": "region-loss", "why": "requests are served again"}]
    assert made.windows == [
        ("everyday/fault-free", 0.0, 1.0),
        ("experiment:region-loss/fault", 1.0, 14.0),
        ("everyday/after-faults", 14.0, 14.0),
    ]


@dataclass
class Users:
    """Users who are out between two times, in seconds since the test began."""

    ground: Ground
    out: tuple[float, float]

    def now(self) -> PartsState:
        """Whether they are served."""
        is_out = self.out[0] <= self.ground.seconds < self.out[1]
        return PartsState(ok=not is_out, why="route sign-in was not served" if is_out else "")

    def quiet(self, start_ns: int, end_ns: int) -> None:
        """It is not asked what they were like before."""

    def before_fault(self, alive: Callable[[], None]) -> bool:
        """Whether they are served now."""
        return self.now().ok

    def wait(self, alive: Callable[[], None]) -> PartsState:
        """No longer: these tests ask for the hold."""
        return self.now()


@pytest.mark.parametrize(("out", "released"), [((2.0, 30.0), 30.0), ((2.0, 99.0), 41.0), ((-1.0, 99.0), 12.0)])
def test_a_held_fault_is_not_released_while_users_are_out(
    begun: Stages, clock: FakeClock, out: tuple[float, float], released: float
) -> None:
    """Reads and writes are back at 12 s, users at 30 s, or not in 40 s; users who were out before the fault are not waited for."""
    ground = Ground(clock=clock, back_s=12.0)
    child = Child(clock=clock, sent_s=1.0)
    made = begun(HELD, child, ground=ground)
    made.context.traffic.users = cast("Any", Users(ground, out))
    ExperimentDriver().run(fault(HELD.name), made.context)
    assert round(dict(child.did)["release"], 1) == released


def test_as_before_means_as_before_the_first_fault(run: Stages, clock: FakeClock) -> None:
    """The window until the first fault is sent, and not the time after it nor between two attempts."""
    ground = Ground(clock=clock)
    attempts = (Child(clock=clock, sent_s=1.0, result=Result(confirmed=False)), Child(clock=clock, sent_s=1.0))
    run(HELD, *attempts, ground=ground)
    assert ground.calm == [(0.0, 1.0)]


@pytest.mark.parametrize(("served_s", "back_s", "released"), [(0.0, 0.0, 6.0), (8.0, 12.0, 20.0), (90.0, 12.0, 41.0)])
def test_a_fault_is_held_as_long_as_its_file_says_and_a_sentence_needs(
    run: Stages, clock: FakeClock, served_s: float, back_s: float, released: float
) -> None:
    """Reads and writes were never out: 5 s from the fault sent at 1 s. They are back at 12 s: on while requests are served, 40 s after the fault at most."""
    child = Child(clock=clock, sent_s=1.0)
    run(replace(HELD, served_s=served_s), child, ground=Ground(clock=clock, back_s=back_s))
    assert round(dict(child.did)["release"], 1) == released


def test_a_fault_that_nothing_comes_back_from_is_released_at_the_longest_limit(run: Stages, clock: FakeClock) -> None:
    """40 s after it was sent, at 41 s."""
    child = Child(clock=clock, sent_s=1.0)
    made = run(HELD, child, ground=Ground(clock=clock, back_s=None))
    assert round(dict(child.did)["release"], 1) == 41.0
    assert (
        made.records.of("hold.released")[0]["why"] == "not recovered within 40 s (reads and writes are not served yet)"
    )


@pytest.mark.parametrize(("watch_s", "back_s", "until"), [(0.0, 17.0, 17.0), (12.0, 0.0, 13.0)])
def test_after_the_method_the_target_is_watched_until_it_is_back_and_as_long_as_a_sentence_needs(
    run: Stages, clock: FakeClock, watch_s: float, back_s: float, until: float
) -> None:
    """The child ends at 3 s, reads and writes are back at 17 s. `none later than 10 s` is not known before: 12 s from the fault confirmed at 1 s."""
    one, child = experiment("pod-loss", watch_s=watch_s), Child(clock=clock, takes_s=3.0)
    made = run(one, child, ground=Ground(clock=clock, back_s=back_s))
    assert round(made.records.of("experiment.ended")[0]["observed_until_ns"] / 1e9 - 1000, 1) == until


def test_a_restore_is_recorded_when_the_target_is_as_before(run: Stages, clock: FakeClock) -> None:
    """Not as before until 20 s: the fault window ends there, and the ledger is read."""
    ground = Ground(clock=clock, away=[(1.0, 20.0, GONE)])
    made = run(POD, Child(clock=clock, takes_s=3.0), ground=ground)
    restore = made.records.of("restore")[0]
    assert (restore["ok"], restore["missing"], round(restore["at_ns"] / 1e9 - 1000, 1)) == (True, [], 20.0)
    assert made.reads.calls == ["restored pod-loss"]
    assert made.windows[1:] == [("experiment:pod-loss/fault", 1.0, 20.0), ("everyday/after-faults", 20.0, 20.0)]


def test_a_restore_waits_for_users_who_are_still_out(
    run: Stages, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    """The cluster is as before and the probes are served; a route is out for four seconds more, and the fault window ends with it."""
    asked = list[int]()

    def wait(_self: UsersServed, alive: Callable[[], None]) -> PartsState:
        alive()
        asked.append(clock.now_ns)
        clock.sleep(4.0)
        return PartsState(ok=True, why="")

    monkeypatch.setattr(UsersServed, "wait", wait)
    made = run(POD, Child(clock=clock, takes_s=3.0))
    (restore,) = made.records.of("restore")
    assert [restore["at_ns"]] == [moment + 4 * S for moment in asked]
    assert made.windows[1][2] == round(restore["at_ns"] / S - 1000, 1)


def test_traffic_runs_on_after_the_restore_for_as_long_as_a_sentence_needs(run: Stages, clock: FakeClock) -> None:
    """Restored at 11 s, and 21 s more: the shares of the regions are counted before the next fault."""
    made = run(experiment("pod-loss", after_s=21.0), Child(clock=clock, takes_s=3.0))
    restored_s = made.records.of("restore")[0]["at_ns"] / 1e9 - 1000
    assert round(clock.now_ns / 1e9 - 1000 - restored_s, 1) == 21.0
    assert round(made.records.of("experiment.ended")[0]["observed_until_ns"] / 1e9 - 1000 - restored_s, 1) == 0.0


def test_a_target_that_does_not_come_back_names_what_is_missing(run: Stages, clock: FakeClock) -> None:
    """Restoring is given up at the limit of 60 s after the fault; the window of the fault stays open to the end."""
    ground = Ground(clock=clock, away=[(1.0, 999.0, GONE)])
    made = run(experiment("pod-loss", observe_s=60.0), Child(clock=clock, takes_s=3.0), ground=ground)
    restore = made.records.of("restore")[0]
    assert (restore["ok"], restore["missing"], round(restore["at_ns"] / 1e9 - 1000)) == (False, ["Deployment a/b"], 61)
    assert made.context.blocked(["workloads"]).startswith(
        "the target was not restored after pod-loss: Deployment a/b has 1"
    )
    assert made.windows[1:] == [("experiment:pod-loss/fault", 1.0, 61.0)]


def test_a_target_is_not_restored_while_an_undo_is_left(begun: Stages, clock: FakeClock) -> None:
    """Reads and writes are served and the cluster is as before; and yet the node is still cordoned."""
    made = begun(POD, Child(clock=clock, takes_s=3.0))
    undo = {"do": "uncordon", "node": "a"}
    left = write_intent(made.context.platform, "pod-loss", "cordon a", undo, module="harness.chaos.database")
    ExperimentDriver().run(fault("pod-loss"), made.context)
    (restore,) = made.records.of("restore")
    assert (restore["ok"], restore["why"]) == (False, "not undone: cordon a")
    assert made.context.blocked(["workloads"]) == "the target was not restored after pod-loss: not undone: cordon a"
    assert left in pending_intents(made.context.platform)


def test_a_fault_that_was_not_confirmed_is_sent_once_more(run: Stages, clock: FakeClock) -> None:
    """Each attempt is recorded with its number, and both have a window."""
    first = Child(clock=clock, takes_s=3.0, result=Result(confirmed=False))
    made = run(POD, first, Child(clock=clock, takes_s=3.0))
    assert [started["attempt"] for started in made.records.of("experiment.started")] == [1, 2]
    assert [name for name, _, _ in made.windows] == [
        "everyday/fault-free",
        "experiment:pod-loss/fault",
        "experiment:pod-loss/after",
        "experiment:pod-loss/fault#2",
        "everyday/after-faults",
    ]


def test_a_target_that_is_not_as_before_is_not_broken_once_more(run: Stages, clock: FakeClock) -> None:
    """The fault was not confirmed, and yet something is missing: one attempt is all."""
    ground = Ground(clock=clock, away=[(1.0, 999.0, GONE)])
    child = Child(clock=clock, takes_s=3.0, result=Result(confirmed=False))
    made = run(POD, child, ground=ground)
    assert [started["attempt"] for started in made.records.of("experiment.started")] == [1]


@pytest.mark.parametrize(("acted", "left"), [(False, 0), (True, 1)])
def test_rollbacks_of_what_was_not_done_are_struck_off(
    run: Stages, clock: FakeClock, tmp_path: Path, *, acted: bool, left: int
) -> None:
    """Of an attempt that did nothing; they stay in the undo log where an action was done and they failed."""
    file = tmp_path / "pod-loss.yaml"
    undo = "{type: action, name: undo, provider: {type: process, path: 'true'}}"
    file.write_text(f"title: t\ndescription: d\nmethod: []\nrollbacks: [{undo}]\n")
    child = Child(clock=clock, sent_s=None, takes_s=3.0, result=Result(confirmed=False, acted=acted, rolled_back=False))
    made = run(replace(POD, file=str(file)), child, child)
    pending = [intent.undo["do"] for intent in pending_intents(made.context.platform)]
    assert pending.count("roll-back") == left


def test_a_child_that_does_not_end_is_interrupted(run: Stages, clock: FakeClock) -> None:
    """Its fault was never sent: 10 s to confirm, 30 s to observe and 120 s of grace have passed."""
    child = Child(clock=clock, sent_s=None)
    made = run(POD, child)
    assert [(what, round(at)) for what, at in child.did[:2]] == [("start", 0), ("interrupt", 160)]
    assert [name for name, _, _ in made.windows] == ["everyday/fault-free"]
    assert child.why.startswith("it was interrupted because it had not ended after 160 s (")


def test_a_method_has_the_time_that_its_file_declares(run: Stages, clock: FakeClock) -> None:
    """It takes 600 s, far longer than the limits: 120 s after that it is interrupted, and the reason names `takes`."""
    slow, child = experiment("pod-loss", seconds=600.0), Child(clock=clock, sent_s=None)
    run(slow, child)
    assert [(what, round(at)) for what, at in child.did[:2]] == [("start", 0), ("interrupt", 720)]
    assert child.why.endswith("If its method needs longer, increase `takes` in the experiment file")
    assert experiments.longest_s(slow) > 720


def test_nodes_that_were_hit_must_come_back(begun: Stages, clock: FakeClock) -> None:
    """The child adds them to the entry of its attempt, which is read before the restore is waited for."""
    ground = Ground(clock=clock)
    made = begun(POD, Child(clock=clock, takes_s=3.0), ground=ground)

    def hit() -> None:
        (attempt,) = pending_intents(made.context.platform)
        amend_intent(attempt, hit=["a", "b"])

    clock.at(2.0, hit)
    ExperimentDriver().run(fault("pod-loss"), made.context)
    assert ground.struck == ["a", "b"]
    assert made.records.of("restore")[0]["ok"] is True


def test_a_run_whose_load_died_ends_its_child(begun: Stages, clock: FakeClock) -> None:
    """Nobody is left to see a recovery: the child is finished, and the window of its fault is kept."""
    child = Child(clock=clock)
    made = begun(POD, child, ground=Ground(clock=clock, back_s=None))
    made.load.died_ns = clock.now_ns + 4_000_000_000
    with pytest.raises(DriverError, match="worker 1: exit code 1"):
        ExperimentDriver().run(fault("pod-loss"), made.context)
    assert [what for what, _ in child.did] == ["start", "interrupt", "finish"]
    assert [name for name, _, _ in made.windows] == ["everyday/fault-free", "experiment:pod-loss/fault"]


def test_an_interrupted_run_ends_its_child(begun: Stages, clock: FakeClock) -> None:
    """Ctrl-C while the fault is held: its child is interrupted and waited for before anything else."""
    child = Child(clock=clock)
    made = begun(POD, child, ground=Ground(clock=clock, back_s=None))

    def interrupt() -> None:
        raise KeyboardInterrupt

    clock.at(3.0, interrupt)
    with pytest.raises(KeyboardInterrupt):
        ExperimentDriver().run(fault("pod-loss"), made.context)
    assert [(what, round(at)) for what, at in child.did] == [("start", 0), ("interrupt", 3), ("finish", 3)]
    (left,) = pending_intents(made.context.platform)
    assert (left.action, left.undo["do"], left.undo["attempt"]) == ("experiment pod-loss", "verify-restored", 1)


def test_an_attempt_leaves_the_undo_log_when_the_target_is_as_before(run: Stages, clock: FakeClock) -> None:
    """Not before: one that is not restored stays, and counts as no manual step."""
    made = run(POD, Child(clock=clock, takes_s=3.0))
    assert pending_intents(made.context.platform) == []
    ground = Ground(clock=clock, away=[(ground_s(clock), 9999.0, GONE)])
    made = run(POD, Child(clock=clock, takes_s=3.0), ground=ground)
    assert [intent.experiment for intent in pending_intents(made.context.platform)] == ["pod-loss"]
    assert made.records.of("manual-steps.watched")[0]["count"] == 0


@pytest.mark.parametrize("gone_s", [0.5, 3.0, 4.4])
def test_a_target_that_is_gone_is_noticed_within_five_seconds(begun: Stages, clock: FakeClock, gone_s: float) -> None:
    """While the fault is held: nobody waits for the longest limit of 40 s, nor 120 s for a child that can undo nothing."""
    child = Child(clock=clock, sent_s=1.0)
    made = begun(HELD, child, ground=Ground(clock=clock, back_s=None), gone_s=gone_s)
    with pytest.raises(TargetUnreachable, match=r"the target is gone: none of its addresses has answered for 4\.\d s"):
        ExperimentDriver().run(fault("region-loss"), made.context)
    assert ground_s(clock) - gone_s < 5.0
    assert child.grace_s == 2.0
    assert len(pending_intents(made.context.platform)) == 1


def test_a_target_that_goes_while_it_is_restored_is_noticed_too(begun: Stages, clock: FakeClock) -> None:
    """The child has ended at 3 s, and at 6 s nothing answers any more."""
    ground = Ground(clock=clock, away=[(1.0, 999.0, GONE)])
    made = begun(POD, Child(clock=clock, takes_s=3.0), ground=ground, gone_s=6.0)
    with pytest.raises(TargetUnreachable):
        ExperimentDriver().run(fault("pod-loss"), made.context)
    assert ground_s(clock) < 11.0


def ground_s(clock: FakeClock) -> float:
    """Seconds since the clock's beginning."""
    return clock.now_ns / 1e9 - 1000


def test_the_watch_looks_closely_while_a_fault_may_be_in(run: Stages, clock: FakeClock) -> None:
    """And the health path is asked often whenever none is."""
    made = run(POD, Child(clock=clock, takes_s=3.0))
    assert made.watch.calls == [
        "health_window is_open=True",
        "fault_window is_open=True",
        "health_window is_open=False",
        "health_window is_open=True",
        "fault_window is_open=False",
    ]


def test_the_null_run_is_released_when_the_window_ends(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """It starts with the window, and is observed until the window has ended."""
    child = Child(clock=clock, sent_s=None, after_release_s=0.5)
    monkeypatch.setattr(experiments, "chaos_child", children(child))
    act = fault("null-run", touches=(), needs_steady=False, beside="everyday/fault-free")
    null = experiment("null-run", "none")
    made = stage(clock, plan(acts=[act], demands=[breaks("null-run")], experiments=[null]))
    with ExperimentDriver().beside(act, made.context):
        clock.sleep(128.0)
    assert [(what, round(at, 1)) for what, at in child.did] == [("start", 0.0), ("release", 128.0), ("finish", 128.5)]
    assert [o["subject"] for o in made.records.of("experiment.ended")] == ["null-run"]
