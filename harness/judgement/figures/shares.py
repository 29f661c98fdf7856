"""A figure that is a share of requests: its judge says which requests are bad, and this makes its spec and its measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.judgement.figures.fault_free import (
    GuardedWindow,
    GuardRule,
    all_files,
    fault_free_windows,
    ids_of,
    judged,
    labelled,
    over_windows,
    slots_of,
    with_guards,
)
from harness.judgement.figures.files import load_files
from harness.judgement.figures.numbers import failures_tolerated
from harness.judgement.figures.sentence import FigureSentence
from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import Case, bounded
from harness.judgement.receipts.load import joined_load_receipt
from harness.judgement.stats.clustered import share_in_time
from harness.judgement.stats.statistics import needed
from harness.judgement.worst import naming_worst
from harness.model import Figure, LimitRule, Measure, Phase, Table
from harness.model.records.table import Bools


def share_of_requests(case: Case, bad: Callable[[Table], Bools], of: str, *, timed: bool) -> Iterable[Measure]:
    """The share of bad requests over all fault-free windows, and a guard for each window, route, region and release.

    Args:
        case: the objective and its evidence.
        bad: which requests of a table are bad; `ints` are its columns of numbers, `words` its columns of text.
        of: the bad requests in words, as `requests over 500 ms`.
        timed: whether `bad` is about times: then the load receipt also asks how late the requests were sent.
    """
    name, objective = case.objective.figure.value, case.objective
    windows = fault_free_windows(case, name)
    if isinstance(windows, Measure):  # there is no such window, and this says why
        yield windows
        return
    parts = []
    for window in windows:
        samples = judged(window)
        parts.append(
            GuardedWindow(
                window=window.name,
                span=window.span,
                at_ns=samples.ints["intended_ns"],
                bad=bad(samples),
                words=labelled(samples),
                ids=ids_of(samples),
                requests=samples,
            )
        )
    bounds = share_in_time(slots_of(parts), objective.confidence, claim=True)
    found = sum(int(part.bad.sum()) for part in parts)
    rule = GuardRule(limit=case.scaled.in_unit("ratio"))
    share = bounded(
        case,
        name,
        bounds,
        unit="ratio",
        subject=f"share of {of} ({found} of {bounds.n})",
        n_needed=needed(found, rule.limit, objective.confidence),
        scope={"traffic": windows[0].traffic, "phase": objective.scope.phase.value},
        receipts={"load": joined_load_receipt(case.plan, windows, latencies=timed)},
        detail=over_windows(windows),
        files=all_files(windows),
    )
    yield from with_guards(case, f"share of {of}", [naming_worst(case, share, parts)], lambda: parts, rule)


def share_spec(
    figure: Figure, judge: Callable[[Case], Iterable[Measure]], *, timed: bool, sentences: tuple[FigureSentence, ...]
) -> Spec:
    """The spec of a figure that `share_of_requests` judges, for a limit in percent that the share must be below."""
    return Spec(
        figure=figure,
        judge=judge,
        limit=LimitRule(dimension="ratio", most=1),
        unit="ratio",
        basis=Basis.TRAFFIC,
        phases=frozenset({Phase.STEADY}),
        evidence=load_files,
        numbers=lambda objective, offered: failures_tolerated(objective.limit.base, offered.requests, objective),
        timed=timed,
        undisturbed=timed,
        sentences=sentences,
    )
