"""A driver of one's own: one class and an entry point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.model import Act, Demand, DemandKind, ExperimentPlan, Phase
from harness.run.acts import checks, registry
from harness.run.acts.driver import Driver, Library, RequiredKey
from harness.run.acts.registry import drivers
from harness.run.plan.planning import ordered_acts
from tests.builders.conducting import stage
from tests.builders.core_plan import sandbox_target
from tests.builders.plans import EVERYDAY, plan, traffic
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from harness.run.acts.context import Context


class DrillDriver(Driver):
    """Restores a backup into a place of its own, after the fault-free window."""

    kind = "drill"

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:
        """A backup is of a database."""
        return [RequiredKey("database", "the backup of a database is restored")]

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """Fifteen seconds beside nobody."""
        after = tuple(f"{name}/fault-free" for name in library.traffic)
        return [Act(name=demand.key, kind=self.kind, demand=demand.key, seconds=15, touches=("scratch",), after=after)]

    def run(self, act: Act, context: Context) -> None:
        """Put on record that it is done."""
        context.history.put("drill.done", act.name)


class CheckDriver(DrillDriver):
    """Takes a kind that is taken."""

    kind = "check"


@pytest.fixture(autouse=True)
def _as_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No driver is remembered from or for another test."""
    drivers.cache_clear()
    yield
    monkeypatch.undo()
    drivers.cache_clear()


def installed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A package with a driver of this class, or of none that is there."""
    entry = EntryPoint(name="drill", value=f"{__name__}:{name}", group="readiness.drivers")
    monkeypatch.setattr(registry, "plugins", lambda group: [entry] if group == entry.group else [])


def test_a_driver_of_ones_own_is_planned_and_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its act stands where its `after` says, and what it records is in the run's history."""
    installed(monkeypatch, "DrillDriver")
    drill = Demand(kind="drill", name="restore-backup")
    acts = ordered_acts((drill, EVERYDAY), Library(traffic={"everyday": traffic()}, experiments={}))
    assert [(act.name, act.phase) for act in acts] == [
        ("everyday/fault-free", Phase.STEADY),
        ("drill restore-backup", Phase.STEADY),
    ]
    made = stage(FakeClock.installed(monkeypatch), plan(acts=acts, demands=[drill]))
    drivers()["drill"].run(acts[1], made.context)
    assert made.records.of("drill.done") == [{"subject": "drill restore-backup"}]
    drivers()["drill"].skip(acts[1], "the target was not steady", made.context)
    assert made.records.of("act.skipped") == [{"subject": "drill restore-backup", "why": "the target was not steady"}]


def test_metrics_are_read_beside_the_experiments_of_the_run_that_make_answers_fail() -> None:
    """Beside the fault-free window and beside errors-10; errors-3 is known and not asked for, pod-loss makes no error on purpose."""
    domains = {"errors-10": "external", "errors-3": "external", "pod-loss": "pod"}
    known = {
        name: ExperimentPlan(name=name, file="", domain=domain, within_s=5, hold_s=0, observe_s=10, seconds=10)
        for name, domain in domains.items()
    }
    metrics = Demand(kind=DemandKind.EXPOSE, name="metrics", params={"traffic": "everyday"})
    asked = [
        Demand(kind=DemandKind.EXPERIMENT, name=name, params={"traffic": "everyday"})
        for name in ("errors-10", "pod-loss")
    ]
    acts = ordered_acts((EVERYDAY, metrics, *asked), Library(traffic={"everyday": traffic()}, experiments=known))
    assert [act.beside for act in acts if act.kind == DemandKind.EXPOSE] == [
        "everyday/fault-free",
        "experiment:errors-10",
    ]


def test_a_driver_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is touched, with the entry point."""
    installed(monkeypatch, "NobodyDriver")
    with pytest.raises(UsageError, match=r"entry point drill = .*:NobodyDriver: the driver cannot be loaded"):
        drivers()


def test_two_drivers_of_one_kind_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would not be clear which one runs."""
    installed(monkeypatch, "CheckDriver")
    with pytest.raises(UsageError, match="two drivers have the kind `check`"):
        drivers()


@pytest.mark.parametrize("name", ["production-subset", "values-masked"])
def test_what_is_compared_with_production_names_the_key_that_describes_it(name: str) -> None:
    """A target that is not staging has none: the row is not assessed, and says which key is missing."""
    lack = checks.CheckDriver().lack(Demand(kind="check", name=name), sandbox_target())
    assert lack == RequiredKey("database.production", "the database is compared with production's")
