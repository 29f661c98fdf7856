"""Measures how much copies of a workload's pod serve with less and with more CPU.

More CPU is a copy at twice the CPU limit, or more copies at the same limit. The workload, its Service and its
autoscaler are not changed. A program in an additional pod sends requests to the copies in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.scale.asking import IN_FLIGHT, PlacedCopy, asked_within_s, asking, first_turn_s
from harness.drivers.scale.copies import READY_WITHIN_S, PodCopy, copied, ready_place
from harness.drivers.scale.scaled import READ, find_scaled
from harness.errors import ConfigurationError
from harness.targets.access import access
from harness.targets.probe_pods import place_pod
from harness.targets.undo import PendingUndos

if TYPE_CHECKING:
    from harness.drivers.scale.holding import Holding

SERVING: Final = (*READ, *access("list services", "get,create,delete pods", "get pods/log"))
"""API permissions needed to serve requests from copies of a pod."""
_SETS: Final = 2
_Sets = Sequence[Sequence[PodCopy]]
"""Sets of copies that get requests at the same time, the set with fewer cores first."""


def resize(now: Holding) -> None:
    """Send requests in turn to a copy of a workload's pod, and to a copy with twice the CPU limit.

    Raises:
        DriverError: the workload does not exist, has no CPU limit, or a copy does not become ready.
        ConfigurationError: the target has no `callers`, whose image and labels the requesting pod needs.
    """
    _serve(now, lambda copy: [[copy(1)], [copy(2)]])


def replicate(now: Holding) -> None:
    """Send requests in turn to some copies of a workload's pod, and to these together with more copies.

    Each copy has the same number of open requests.

    Raises:
        DriverError: the workload does not exist, has no CPU limit, or a copy does not become ready.
        ConfigurationError: the target has no `callers`, whose image and labels the requesting pod needs.
    """
    fewer, more = (int(now.demand.params[name]) for name in ("fewer", "more"))

    def sets(copy: Callable[[int], PodCopy]) -> _Sets:
        copies = [copy(1) for _ in range(more)]
        return [copies[:fewer], copies]

    _serve(now, sets)


def _serve(now: Holding, sets_of: Callable[[Callable[[int], PodCopy]], _Sets]) -> None:
    """Make the copies and the pod that asks, wait until it has ended, and record every turn; all of them are deleted again."""
    here, callers = find_scaled(now.target, now.demand.params["workload"]), now.target.callers
    if callers is None:
        raise ConfigurationError(
            "the key `callers` is missing", where=f"{now.target.file}: callers", hint="write `callers: {accepted: …}`"
        )
    first_s = first_turn_s(here.cpu_readings())
    life_s = READY_WITHIN_S + asked_within_s(_SETS, first_s)
    sets = sets_of(lambda factor: copied(here, factor, life_s))
    copies = {one.name: one for each in sets for one in each}
    with PendingUndos(now.target, now.demand.key) as undos:
        for one in copies.values():
            place_pod(undos, here.cluster, one.body)
        placed = {name: PlacedCopy(one, ready_place(now.alive, here, one)) for name, one in copies.items()}
        asker = asking(here, callers, now.demand.params["path"], [[placed[o.name] for o in s] for s in sets], first_s)
        since_ns = clock.now_ns()
        place_pod(undos, here.cluster, asker.body)
        turns = list(asker.ended(now.alive, here))
    for turn in turns:
        now.sink.put(
            "scale.served",
            here.subject,
            demand=now.demand.key,
            since_ns=since_ns,
            limit=turn.copies[0].cores,
            copies=len(turn.copies),
            in_flight=IN_FLIGHT,
            used=turn.used,
            **{name: turn.counted[name] for name in ("answers", "failed", "seconds", "busy")},
        )
