"""The scheduler: acts in the plan's order, those that may share their time at once, none on a target that is not as before."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pytest

from harness.errors import AccessDenied, DriverError
from harness.model.planned.domain import PartsState
from harness.run import scheduler
from harness.run.acts.driver import Driver, RequiredKey
from harness.run.acts.sharing import SIDE_BY_SIDE
from harness.run.scheduler import Scheduler
from harness.run.stopping import Stopping
from tests.builders.conducting import Ground, stage
from tests.builders.plans import act, breaks, experiment, fault, plan, traffic
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.model import Act, Demand, Plan
    from harness.run.acts.context import Context
    from harness.run.acts.driver import Library


class Noting(Driver):
    """A driver that notes what it is asked to do."""

    def __init__(self, kind: str, noted: list[str], breaks_for_good: Sequence[str] = ()) -> None:
        self.kind = kind
        self._noted = noted
        self._breaks_for_good = breaks_for_good

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:
        """Nothing."""
        return []

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """Nothing."""
        return []

    def run(self, act: Act, context: Context) -> None:
        """Note it; what it touches may stay broken."""
        self._noted.append(act.name)
        if act.name in self._breaks_for_good:
            context.unrestored.update(dict.fromkeys(act.touches, f"the target was not restored after {act.name}"))

    def skip(self, act: Act, why: str, context: Context) -> None:
        """Note that too."""
        self._noted.append(f"{act.name} skipped: {why}")


Done: TypeAlias = "Callable[..., list[str]]"


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Done:
    """What is done of a plan, in order; traffic begins and ends with a line of its own."""

    def done(planned: Plan, *, ground: Ground | None = None, breaks_for_good: Sequence[str] = ()) -> list[str]:
        noted: list[str] = []
        drivers = {kind: Noting(kind, noted, breaks_for_good) for kind in ("check", "experiment", "traffic")}
        made = stage(clock, planned, drivers=drivers, ground=ground)
        there = made.context.traffic
        made.context.underway = None

        @contextmanager
        def under_way(traffic: Any, context: Context, _steadiness: object) -> Iterator[None]:
            noted.append(f"{traffic.name} begins")
            context.underway = there
            yield
            context.underway = None
            noted.append(f"{traffic.name} ends")

        monkeypatch.setattr(scheduler, "under_way", under_way)
        Scheduler(made.context, cast("Any", None), lambda: False).run()
        return noted

    return done


def broken_by(*acts: Act, **fields: Any) -> Plan:
    """A plan of these acts, and of the experiments of those that are faults."""
    names = [one.name.removeprefix("experiment:") for one in acts if one.kind == "experiment"]
    experiments = [experiment(name) for name in names]
    return plan(acts=acts, demands=[breaks(name) for name in names], experiments=experiments, **fields)


def faults(*names: str, **fields: Any) -> Plan:
    """A plan of these experiments."""
    return broken_by(*(fault(name, **fields) for name in names))


def test_traffic_runs_from_the_first_act_that_names_it_to_the_last(done: Done) -> None:
    """An act that shares another's time is not run by itself."""
    window = act("everyday/fault-free", "traffic", traffic="everyday")
    beside = fault("null-run", beside="everyday/fault-free")
    assert done(broken_by(act("check a"), window, beside, fault("pod-loss"))) == [
        "check a",
        "everyday begins",
        "everyday/fault-free",
        "experiment:pod-loss",
        "everyday ends",
    ]


def test_a_target_that_is_not_as_before_is_not_broken_further(done: Done) -> None:
    """Only what touches the same parts is skipped, with the reason."""
    planned = broken_by(fault("pod-loss"), fault("node-loss"), fault("bus-loss", touches=("bus",)))
    assert done(planned, breaks_for_good=["experiment:pod-loss"])[1:-1] == [
        "experiment:pod-loss",
        "experiment:node-loss skipped: the target was not restored after experiment:pod-loss",
        "experiment:bus-loss",
    ]


def test_damage_of_one_traffic_is_none_of_the_next_ones_beginning(done: Done) -> None:
    """Nor of an act that comes after all traffic: what touches the same parts is skipped."""
    after = act("check migrated", touches=("workloads",))
    sizes = {name: traffic(name) for name in ("everyday", "page-spike")}
    planned = broken_by(fault("pod-loss"), fault("node-loss", traffic="page-spike"), after, traffic=sizes)
    said = done(planned, breaks_for_good=["experiment:pod-loss"])
    why = "skipped: the target was not restored after experiment:pod-loss"
    assert [line for line in said if "skipped" in line] == [f"experiment:node-loss {why}", f"check migrated {why}"]


@pytest.mark.parametrize(
    "after",
    [[act("check b", touches=("database",))], [act("check b"), act("check c")]],
    ids=["another act", "acts that run side by side"],
)
def test_a_stop_that_an_act_took_for_its_own_failure_stops_the_run(
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock, after: Sequence[Act]
) -> None:
    """Nothing is begun any more."""
    noted: list[str] = []
    made = stage(
        clock, plan(acts=[act("check a", touches=("bus",)), *after]), drivers={"check": Noting("check", noted)}
    )
    asked = iter((False, True))
    with pytest.raises(KeyboardInterrupt):
        Scheduler(made.context, cast("Any", None), lambda: next(asked)).run()
    assert noted == ["check a"]


class Stopper:
    """Garbage that only the collector finds, and that is interrupted while it is finalized."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_a_stop_while_garbage_is_collected_is_not_lost(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """An interrupt that is raised in a finalizer is ignored by Python; the run is interrupted before the next act."""
    noted: list[str] = []
    acts = [act("check a", touches=("bus",)), act("check b", touches=("bus",))]
    made = stage(clock, plan(acts=acts), drivers={"check": Noting("check", noted)})
    said: list[str] = []
    gc.disable()
    try:
        Stopper()
        with pytest.raises(KeyboardInterrupt), Stopping(said.append):
            Scheduler(made.context, cast("Any", None), lambda: False).run()
    finally:
        gc.enable()
    assert noted == []


ENDS_S = 60.0
"""Until a test that hangs fails."""


def interrupted(ending: threading.Event) -> None:
    """Ctrl-C, again and again: a thread that is about to wait for a lock may notice one only after that."""
    while not ending.wait(0.1):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def failed(_ending: threading.Event) -> None:
    """An error that ends the run."""
    raise DriverError("the watching process died")


@pytest.mark.parametrize(("how", "error"), [(interrupted, KeyboardInterrupt), (failed, DriverError)])
def test_an_end_of_the_run_begins_none_of_the_acts_that_wait_for_their_turn(
    done: Done, monkeypatch: pytest.MonkeyPatch, how: Callable[[threading.Event], None], error: type[BaseException]
) -> None:
    """The four that have begun end by themselves."""
    noted: list[str] = []
    given, ending = threading.Semaphore(0), threading.Event()
    acts = [f"check {number}" for number in range(9)]

    class Executor(ThreadPoolExecutor):
        """One whose end is noticed by what it runs, once it begins nothing more."""

        def submit(self, *words: Any) -> Any:  # type: ignore[override]
            future = super().submit(*words)
            given.release()
            return future

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as it is
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            ending.set()
            super().shutdown(wait=wait)

    def runs(_self: Noting, one: Act, _context: Context) -> None:
        noted.append(one.name)
        if one.name == acts[0]:
            assert all(given.acquire(timeout=ENDS_S) for _ in acts[:SIDE_BY_SIDE])
            how(ending)
        assert ending.wait(ENDS_S)

    monkeypatch.setattr(scheduler, "ThreadPoolExecutor", Executor)
    monkeypatch.setattr(Noting, "run", runs)
    with Stopping(lambda _: None), pytest.raises(error):
        done(plan(acts=[act(name) for name in acts]))
    assert sorted(noted) == acts[:4]


def holds(name: str, *touches: str, seconds: float = 0.1) -> Act:
    """An act that shares its time with acts that touch other parts."""
    return act(name, touches=touches, shared=True, seconds=seconds)


def test_shared_acts_run_at_the_same_time_unless_they_touch_a_common_part(
    done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second touches a thing of what the first touches, and begins once the first has ended; the third meets the first."""
    noted: list[str] = []
    met = threading.Barrier(2, timeout=ENDS_S)

    def runs(_self: Noting, one: Act, _context: Context) -> None:
        noted.append(f"{one.name} begins")
        if one.name != "check b":
            met.wait()
        noted.append(f"{one.name} ends")

    monkeypatch.setattr(Noting, "run", runs)
    acts = [
        holds("check a", "workloads", seconds=3.0),
        holds("check b", "workloads/frontend", seconds=2.0),
        holds("check c", "database"),
    ]
    done(plan(acts=acts))
    assert set(noted[:2]) == {"check a begins", "check c begins"}
    assert noted.index("check b begins") > noted.index("check a ends")


def test_a_part_that_is_not_restored_skips_a_shared_act_that_touches_a_thing_of_it(done: Done) -> None:
    """What touches other parts is run."""
    broken = act("check broken", touches=("workloads",))
    planned = plan(acts=[broken, holds("check a", "workloads/frontend"), holds("check b", "database")])
    why = "the target was not restored after check broken"
    assert sorted(done(planned, breaks_for_good=["check broken"])) == [
        f"check a skipped: {why}",
        "check b",
        "check broken",
    ]


def test_an_error_ends_the_shared_acts_that_still_run(done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load of a minute is not held to its end: it learns by `alive` that the run ends, and undoes what it did."""
    told: list[str] = []

    def runs(_self: Noting, one: Act, context: Context) -> None:
        if one.name == "check b":
            raise DriverError("the watching process died")
        assert context.ending.wait(ENDS_S)
        with pytest.raises(DriverError) as caught:
            context.alive()
        told.append(caught.value.what)

    monkeypatch.setattr(Noting, "run", runs)
    with pytest.raises(DriverError, match="the watching process died"):
        done(plan(acts=[holds("check a", "database", seconds=3.0), holds("check b", "entry")]))
    assert told == ["this step did not complete: the run has ended"]


def test_an_act_waits_for_a_steady_target_and_is_skipped_when_none_comes(done: Done, clock: FakeClock) -> None:
    """20 s are waited, once for each."""
    ground = Ground(clock=clock, away=[(0.0, 25.0, PartsState(ok=False, why="reads: 0 of 100"))])
    planned = faults("pod-loss", "node-loss")
    assert done(planned, ground=ground)[1:-1] == [
        "experiment:pod-loss skipped: the target was not steady: reads: 0 of 100",
        "experiment:node-loss",
    ]
    assert round(ground.seconds) == 25
    assert {*ground.asked} == {("entry", "workloads")}


def test_an_act_that_needs_no_steady_target_is_not_kept_waiting(done: Done, clock: FakeClock) -> None:
    """What breaks nothing can be done at any time."""
    ground = Ground(clock=clock, away=[(0.0, 99.0, PartsState(ok=False, why="reads: 0 of 100"))])
    assert done(faults("pod-loss", needs_steady=False), ground=ground)[1:-1] == ["experiment:pod-loss"]


def test_a_driver_that_raises_anything_ends_the_run_with_words(done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    """The evidence so far is sealed and judged, as after any error with a name."""

    def fails(_self: Noting, _act: Act, _context: Context) -> None:
        raise KeyError("region")

    monkeypatch.setattr(Noting, "run", fails)
    with pytest.raises(DriverError, match="this step of the run failed: KeyError: 'region'") as caught:
        done(faults("pod-loss"))
    assert caught.value.where == "experiment:pod-loss"


REFUSED = "the API server answered 403 nodes is forbidden"


class Unread(Ground):
    """A target whose cluster cannot be read."""

    def baseline(self) -> None:
        """It is refused."""
        raise AccessDenied(REFUSED)


def test_a_cluster_that_cannot_be_read_costs_the_act_and_not_the_run(done: Done, clock: FakeClock) -> None:
    """What is judged without a fault is judged all the same."""
    assert done(faults("pod-loss"), ground=Unread(clock=clock)) == [
        "everyday begins",
        f"experiment:pod-loss skipped: the state of the target before this step could not be read: {REFUSED}",
        "everyday ends",
    ]
