"""The registry of drivers.

It has the harness's own drivers, and drivers that installed packages name in the entry points `readiness.drivers`.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from harness.errors import UsageError
from harness.plugins import loaded, place_of, plugins
from harness.run.acts.checks import CheckDriver
from harness.run.acts.experiments import ExperimentDriver
from harness.run.acts.exposures import ExposureDriver
from harness.run.acts.paper import IngestDriver, PaperDriver, StaticDriver
from harness.run.acts.rollout.rollouts import RolloutDriver
from harness.run.acts.scaling import ScaleDriver
from harness.run.acts.traffic import TrafficDriver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.run.acts.driver import Driver

GROUP: Final = "readiness.drivers"


@cache
def drivers() -> Mapping[str, Driver]:
    """Every driver by its kind, in the order in which their acts are planned.

    Raises:
        UsageError: a package names a driver that cannot be loaded, or whose kind is taken.
    """
    found: dict[str, Driver] = {}
    found.update((own.kind, own) for own in (StaticDriver(), IngestDriver(), CheckDriver(), ScaleDriver()))
    found.update((own.kind, own) for own in (TrafficDriver(), ExperimentDriver(), RolloutDriver(), ExposureDriver()))
    for entry in plugins(group=GROUP):
        where = place_of(entry)
        driver: Driver = loaded(entry, "the driver", made=True)
        if found.setdefault(driver.kind, driver) is not driver:
            raise UsageError(
                f"two drivers have the kind `{driver.kind}`", where=where, hint="rename the kind of one driver"
            )
    return MappingProxyType(found)


def needs_platform(kinds: Iterable[str]) -> bool:
    """Whether an act of one of these kinds needs the live target.

    Only acts of drivers that read files do not need it.
    """
    return any(not isinstance(drivers()[kind], PaperDriver) for kind in kinds)
