"""From demands to acts: order, what follows what, and what a plan without faults leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from harness.drivers import scale
from harness.errors import UsageError
from harness.model import Act, Demand, DemandKind, Phase
from harness.run.acts.driver import Library
from harness.run.acts.rollout.rollouts import RolloutDriver, each_rollout_once
from harness.run.acts.scaling import ScaleDriver
from harness.run.acts.traffic import TrafficDriver
from harness.run.plan.outlook import seconds as seconds_of
from harness.run.plan.planning import ordered_acts
from tests.builders.plans import EVERYDAY, breaks, experiment, plan, traffic
from tests.builders.rollout_runs import rollout_plan

if TYPE_CHECKING:
    from harness.run.acts.context import Context

CHECK = Demand(kind=DemandKind.CHECK, name="health-of-pods")
LIBRARY = Library(
    traffic={"everyday": traffic(), "rush": traffic("rush", after_s=5.0)},
    experiments={
        one.name: one
        for one in (
            experiment("pod-loss"),
            experiment("region-loss", "region", seconds=65.0),
            experiment("node-loss", "node"),
            experiment("null-run", "none"),
        )
    },
)


def names(acts: Sequence[Act]) -> list[str]:
    """The acts by name."""
    return [act.name for act in acts]


def test_checks_come_first_and_a_fault_comes_after_those_that_reach_less_far() -> None:
    """The order of the demands does not matter."""
    acts = ordered_acts((breaks("region-loss"), breaks("pod-loss"), EVERYDAY, breaks("node-loss"), CHECK), LIBRARY)
    assert [(act.name, act.after) for act in acts] == [
        ("check health-of-pods", ()),
        ("everyday/fault-free", ()),
        ("experiment:pod-loss", ("everyday/fault-free",)),
        ("experiment:node-loss", ("experiment:pod-loss",)),
        ("experiment:region-loss", ("experiment:node-loss",)),
        ("everyday/after-faults", ("experiment:region-loss",)),
    ]


def test_checks_that_touch_nothing_come_first() -> None:
    """They are neighbours then, and run at the same time; the others follow, one at a time."""
    checks = [
        Demand(kind="check", name=name) for name in ("calls-limited", "others-unharmed", "role-scopes", "sessions-end")
    ]
    assert [act.name for act in ordered_acts(checks, LIBRARY)] == [
        "check role-scopes",
        "check sessions-end",
        "check calls-limited",
        "check others-unharmed",
    ]


def test_what_is_read_at_the_end_is_read_when_every_traffic_has_ended() -> None:
    """A check has no traffic of its own; without faults the fault-free window is the end."""
    hidden = Demand(kind=DemandKind.CHECK, name="secrets-hidden")
    acts = ordered_acts((hidden, EVERYDAY, breaks("pod-loss")), LIBRARY)
    assert names(acts)[-2:] == ["everyday/after-faults", "check secrets-hidden"]
    assert acts[-1].after == ("everyday/after-faults",)
    [*_, last] = ordered_acts((hidden, EVERYDAY), LIBRARY)
    assert (last.name, last.after) == ("check secrets-hidden", ("everyday/fault-free",))


def test_what_faults_of_containers_left_is_read_before_a_larger_fault() -> None:
    """The loss of a node replaces the pods whose containers were started again, and may take the monitor's record."""
    hung = experiment("frontend-hung", "container")
    library = replace(LIBRARY, experiments={**LIBRARY.experiments, hung.name: hung})
    restarts = Demand(kind=DemandKind.CHECK, name="restart-counts")
    acts = ordered_acts((restarts, EVERYDAY, breaks("node-loss"), breaks("frontend-hung")), library)
    assert names(acts) == [
        "everyday/fault-free",
        "experiment:frontend-hung",
        "check restart-counts",
        "experiment:node-loss",
        "everyday/after-faults",
    ]
    without = ordered_acts((restarts, EVERYDAY, breaks("pod-loss")), LIBRARY)
    assert names(without)[-2:] == ["everyday/after-faults", "check restart-counts"]


def test_a_plan_without_faults_has_no_window_after_them() -> None:
    """The null run is none, and takes no time of its own."""
    acts = ordered_acts((EVERYDAY, breaks("null-run")), LIBRARY)
    assert [(act.name, act.seconds, act.beside) for act in acts] == [
        ("everyday/fault-free", 138.0, ""),
        ("experiment:null-run", 0.0, "everyday/fault-free"),
    ]


def test_an_experiment_touches_what_its_domain_disturbs_and_needs_a_steady_target() -> None:
    """Pods disturb no database; a region disturbs all."""
    acts = {act.name: act for act in ordered_acts((EVERYDAY, breaks("pod-loss"), breaks("region-loss")), LIBRARY)}
    assert acts["experiment:pod-loss"].touches == ("entry", "workloads")
    assert acts["experiment:region-loss"].touches == ("entry", "workloads", "nodes", "database")
    assert {acts[name].needs_steady for name in ("experiment:pod-loss", "experiment:region-loss")} == {True}
    assert acts["experiment:pod-loss"].phase is Phase.FAULT


def test_all_acts_of_one_traffic_come_before_the_next_traffic() -> None:
    """One experiment under two kinds of traffic is two acts, each followed by the window of its own traffic."""
    rush = Demand(kind=DemandKind.TRAFFIC, name="rush")
    acts = ordered_acts((EVERYDAY, rush, breaks("pod-loss"), breaks("pod-loss", "rush")), LIBRARY)
    assert names(acts) == [
        "everyday/fault-free",
        "experiment:pod-loss",
        "everyday/after-faults",
        "rush/fault-free",
        "experiment:pod-loss (rush)",
        "rush/after-faults",
    ]


def test_traffic_under_which_nothing_is_broken_comes_first() -> None:
    """It meets the target as it was, whatever its name; what is done beside traffic is done beside the one to the entry whose rate stays."""
    spike = traffic("spike", rates=((0.0, 1.0), (5.0, 3.0), (9.0, 1.0)))
    library = Library(traffic={"spike": spike, **LIBRARY.traffic}, experiments=LIBRARY.experiments)
    asked = Demand(kind=DemandKind.TRAFFIC, name="spike")
    acts = ordered_acts((EVERYDAY, asked, breaks("pod-loss")), library)
    assert names(acts) == [
        "spike/fault-free",
        "everyday/fault-free",
        "experiment:pod-loss",
        "everyday/after-faults",
    ]
    assert library.ordinary == "everyday"
    assert [Library(traffic=each, experiments={}).ordinary for each in ({"spike": spike}, {})] == ["spike", ""]


def test_traffic_to_another_address_needs_that_key_of_the_target_file() -> None:
    """`entry: website` in the traffic's file."""
    library = Library(traffic={"pages": traffic("pages", entry="website")}, experiments={})
    needed = TrafficDriver().needs(Demand(kind=DemandKind.TRAFFIC, name="pages"), library)
    assert [(one.key, one.why) for one in needed] == [("website", "traffic is sent to the website")]
    assert [one.key for one in TrafficDriver().needs(EVERYDAY, LIBRARY)] == ["entry"]


def test_a_demand_of_a_kind_without_a_driver_is_refused() -> None:
    """Before anything is touched."""
    with pytest.raises(UsageError, match="no driver has the kind `drill`"):
        ordered_acts((Demand(kind="drill", name="restore"),), LIBRARY)


def test_a_rollout_under_two_traffics_is_refused() -> None:
    """What is recorded of it has its name only, so each sentence would be judged by the record of the other; asked for twice under one is once."""
    once, again, other = (
        Demand(kind=DemandKind.ROLLOUT, name="canary", params={"traffic": name})
        for name in ("rush", "rush", "everyday")
    )
    each_rollout_once((once, again, EVERYDAY))
    with pytest.raises(
        UsageError, match="the rollout canary is used under two traffics, rush and everyday; expected one"
    ):
        ordered_acts((once, other), LIBRARY)


@pytest.mark.parametrize(
    ("name", "params", "in_the_sandbox", "at_scale_1"),
    [("hold", {"hold": "6 min"}, 72.0, 2196.0), ("spike", {}, 36.0, 980.0), ("resize", {}, 36.0, 36.0)],
)
def test_a_load_takes_as_long_as_the_target_needs(
    name: str, params: dict[str, str], in_the_sandbox: float, at_scale_1: float
) -> None:
    """The plan says so: what an autoscaler waits for is divided by the time scale."""
    demand = Demand(kind=DemandKind.SCALE.value, name=name, params=params)
    for time_scale, seconds in ((60.0, in_the_sandbox), (1.0, at_scale_1)):
        (act,) = ScaleDriver().plan(demand, Library(traffic={}, experiments={}, time_scale=time_scale))
        assert act.seconds == pytest.approx(seconds)
        assert (act.touches, act.shared) == (("workloads",), False)


def test_a_level_is_held_beside_loads_on_other_workloads_and_the_other_resource() -> None:
    """One act a service behind the entry, as the target file names them, and one of those that only the cluster names; loads that are timed or compared are alone."""
    library = Library(traffic={}, experiments={}, services=("tracks", "gateway"), time_scale=60.0)

    def planned(name: str, **params: str) -> list[Act]:
        demand = Demand(kind=DemandKind.SCALE.value, name=name, params={"hold": "6 min", **params})
        return list(ScaleDriver().plan(demand, library))

    every = planned("hold", resource="cpu")
    assert [(one.name, one.seconds, one.touches, one.shared) for one in every] == [
        ("scale hold hold=6 min resource=cpu of gateway", 24.0, ("workloads/gateway", "machine/cpu"), True),
        ("scale hold hold=6 min resource=cpu of tracks", 24.0, ("workloads/tracks", "machine/cpu"), True),
        ("scale hold hold=6 min resource=cpu of others", 0.0, ("workloads",), True),
    ]
    assert {one.demand for one in every} == {"scale hold hold=6 min resource=cpu"}
    (named,) = planned("hold", resource="memory", workload="frontend")
    assert (named.seconds, named.touches, named.shared) == (24.0, ("workloads/frontend", "machine/memory"), True)
    for name in ("spike", "resize", "replicate"):
        (alone,) = planned(name)
        assert (alone.touches, alone.shared) == (("workloads",), False)
    (observed,) = planned("observe")
    assert (observed.touches, observed.shared) == ((), False)


def test_the_act_of_one_service_loads_that_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its observations name the demand, as those of the other services do; the act of others loads none that has an act of its own."""
    given: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(scale, "hold_levels", lambda now: given.append((now.workload, sorted(now.elsewhere))))
    demand = Demand(kind=DemandKind.SCALE.value, name="hold", params={"hold": "6 min", "resource": "cpu"})
    acts = ScaleDriver().plan(demand, Library(traffic={}, experiments={}, services=("tracks", "gateway")))
    made = plan(acts=acts, demands=[demand])
    context = cast(
        "Context",
        SimpleNamespace(
            plan=made,
            target=SimpleNamespace(probes=SimpleNamespace(services=("tracks", "gateway"))),
            platform=None,
            alive=None,
            sink=lambda _: None,
            progress=SimpleNamespace(say=lambda _: None),
        ),
    )
    for act in acts:
        ScaleDriver().run(act, context)
    assert given == [("gateway", []), ("tracks", []), ("", ["gateway", "tracks"])]


@pytest.mark.parametrize(("takes_s", "seconds"), [(None, 100.0), (80.0, 80.0)])
def test_a_rollout_is_expected_to_take_what_its_file_says(takes_s: float | None, seconds: float) -> None:
    """Where it says nothing, as long as it may at most; that is what it takes where nothing recovers."""
    rollout = rollout_plan(takes_s=takes_s, within_s=100.0)
    demand = Demand(kind=DemandKind.ROLLOUT, name="canary", params={"traffic": "everyday"})
    library = Library(traffic={}, experiments={}, rollouts={"canary": rollout})
    (act,) = RolloutDriver().plan(demand, library)
    assert act.seconds == seconds
    made = plan(acts=[act], demands=[demand], rollouts={"canary": rollout}, live=False)
    assert seconds_of(made) == (2.0 + seconds, 102.0)
