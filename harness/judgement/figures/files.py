"""The files from which figures are computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.judgement.measures import Case


def load_files(case: Case) -> Iterable[str]:
    """Path prefixes of the files about the objective's traffic."""
    traffic = case.objective.scope.traffic
    yield from (f"load/{traffic}/" if traffic else "load/", "history/load")


def experiment_files(case: Case) -> Iterable[str]:
    """Path prefixes of the files about the objective's experiments."""
    for name in case.experiments:
        yield from (f"chaos/{name}/", f"history/chaos-{name}.")
