"""The worst requests of failed figures, as texts for a table: with their trace ids people find them in the traces of the target."""

from __future__ import annotations

from typing import Final

from harness.model import Verdict, WorstRequest
from harness.report.view.digest import measures_of
from harness.report.view.wording import figure, scope_text

WORST_HEADS: Final = ("Trace id", "Route", "Window", "Due", "Took", "Answer")
_OF_THE_JOURNEY: Final = "set by the journey"


def worst_by_figure(verdict: Verdict) -> dict[str, tuple[tuple[str, ...], ...]]:
    """The cells of the worst requests of each failed figure of a requirement, by its name and scope."""
    return {
        " of ".join(filter(None, (measure.name, scope_text(measure)))): tuple(map(_cells, measure.worst_requests))
        for measure in measures_of(verdict)
        if measure.worst_requests
    }


def _cells(one: WorstRequest) -> tuple[str, ...]:
    status = "" if not one.status or str(one.status) in (one.error or "") else str(one.status)
    answer = " ".join(filter(None, (one.error, f"({status})" if one.error and status else status))) or "no answer"
    due = f"after {figure(one.at_s, 's')}"
    return one.trace_id or _OF_THE_JOURNEY, one.route, one.window, due, figure(one.took_ms, "ms"), answer
