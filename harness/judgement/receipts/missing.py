"""What depends on a file that is gone, cut short or edited: such a figure is INCONCLUSIVE, whatever it says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.judgement.measures import Case
from harness.judgement.receipts.watch import watcher_of
from harness.model import Figure, Missing

_EVERYTHING: Final = ("plan.json", "manifest.json", "history/run.")
"""Without these nothing of a run can be told."""


def lacking(case: Case) -> Missing | None:
    """The first missing file that this objective depends on; None when it has all of them."""
    depends = (*_EVERYTHING, *_depends_on(case))
    return next((item for item in case.evidence.missing if item.file.startswith(depends)), None)


def _depends_on(case: Case) -> Iterable[str]:
    scope = case.objective.scope
    for name in case.experiments:
        yield from (f"chaos/{name}/", f"history/chaos-{name}.")
    match case.objective.figure:
        case Figure.IMPROVEMENT:
            yield from (_traffic(case), "history/load", "baseline/")
        case (
            Figure.RESPONSE_TIME
            | Figure.ERROR_RATE
            | Figure.REGION_SHARE
            | Figure.DRIFT
            | Figure.MORE_ERRORS
            | Figure.SLOWDOWN
        ):
            yield from (_traffic(case), "history/load")
        case Figure.UPTIME:
            yield from (f"watch/{watcher_of(scope.subject)}.", "history/watch.")
        case Figure.REPLICATION_LAG:
            yield from ("watch/replicas.", "history/watch.")
        case Figure.RECOVERY:
            yield from ("watch/entry.", "watch/ledger-writes.", "history/watch.")
            yield from (("history/load", _traffic(case)) if scope.traffic else ())
        case Figure.LOST_WRITES:
            yield from ("watch/ledger-", "history/watch.")
        case Figure.EVENTS:
            yield from ("watch/pipeline.", "history/watch.")
        case Figure.FIRST_REQUEST:
            yield from ("history/pods.", "history/watch.", "history/load")
        case _:
            yield "history/checks."


def _traffic(case: Case) -> str:
    traffic = case.objective.scope.traffic
    return f"load/{traffic}/" if traffic else "load/"
