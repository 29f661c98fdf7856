"""From demands to acts: order, what follows what, and what a plan without faults leaves out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.errors import UsageError
from harness.model import Act, Demand, DemandKind, Phase
from harness.run.acts.driver import Library
from harness.run.planning import ordered_acts
from tests.builders.plans import EVERYDAY, breaks, experiment, traffic

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


def test_what_is_read_at_the_end_is_read_when_every_traffic_has_ended() -> None:
    """A check has no traffic of its own; without faults the fault-free window is the end."""
    restarts = Demand(kind=DemandKind.CHECK, name="restart-counts")
    acts = ordered_acts((restarts, EVERYDAY, breaks("pod-loss")), LIBRARY)
    assert names(acts)[-2:] == ["everyday/after-faults", "check restart-counts"]
    assert acts[-1].after == ("everyday/after-faults",)
    [*_, last] = ordered_acts((restarts, EVERYDAY), LIBRARY)
    assert (last.name, last.after) == ("check restart-counts", ("everyday/fault-free",))


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


def test_a_demand_of_a_kind_without_a_driver_is_refused() -> None:
    """Before anything is touched."""
    with pytest.raises(UsageError, match="no driver has the kind `drill`"):
        ordered_acts((Demand(kind="drill", name="restore"),), LIBRARY)
