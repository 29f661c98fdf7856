"""Fault-free windows: one bound over all of them, guards per window, and a comparison of the time after the faults with the time before.

A figure passes on all its fault-free windows together. A *guard* is one window alone, or one route, region or release in one window or in all. It
fails if it is proven beyond the limit, with an error budget that all guards of the objective share, and never causes a PASS.
If the requests after the first fault are proven worse than the requests before, the result is INCONCLUSIVE unless they pass alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from harness.judgement.figures.indicators import failed, groups, steady_window
from harness.judgement.measures import Case, Figures, held, measure
from harness.judgement.shapes.facts import known
from harness.judgement.shapes.found import Found
from harness.judgement.shapes.words import part_in_words
from harness.judgement.stats.clusters import Slots, Timeline
from harness.judgement.stats.guards import excess_of, guard_confidence, proven_excess, proven_worse
from harness.judgement.stats.shared import Ids
from harness.judgement.stats.statistics import Bounds, Floats, quantile_bounds, share_bounds
from harness.judgement.wording import formatted
from harness.judgement.worst import naming_worst
from harness.model import Measure, Objective, Op, Outcome, Per, Plan, Reason, ReasonKind, Table, Window, Words
from harness.model.judged.overview import LEAST_REQUESTS, LEAST_S
from harness.model.records.table import Bools, Ints
from harness.units import NS_PER_S

_Kind = TypeVar("_Kind", bound=np.generic)

LABELS: Final[Mapping[str, str]] = {
    "name": "route",
    "served_region": "region that served",
    "region": "region of the client",
    "release": "release",
}
"""Columns whose values have guards, and the noun for a value."""


def one_after_another(arrays: Sequence[npt.NDArray[_Kind]]) -> npt.NDArray[_Kind]:
    """Concatenate the arrays; a single one is not copied."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def fault_free_windows(case: Case, name: str) -> tuple[Window, ...] | Measure:
    """The windows on which a KPI is judged, in order of time, or a measure with the reason why there is none."""
    first = steady_window(case, name)
    return first if isinstance(first, Measure) else case.evidence.fault_free(first.traffic)


def judged(window: Window) -> Table:
    """The samples of a window, without failures that the fault or the candidate release at its end may have caused.

    If the objective asks for it, also without requests that a starved machine delayed.
    """
    samples = window.samples
    if not (window.spared_ns or window.starved):
        return samples
    due_ns, done_ns, bad = samples.ints["intended_ns"], samples.ints["done_ns"], failed(samples)
    left_out = window.spares(due_ns, done_ns, bad)
    if window.starved:
        left_out |= window.starved.excuses(due_ns, done_ns, bad)
    return samples.where(~left_out) if left_out.any() else samples


def grouped(windows: Sequence[Window], plan: Plan, objective: Objective) -> Iterable[tuple[str, list[Table]]]:
    """The samples of each window, in the groups of the objective (route or region)."""
    parts = [dict(groups(judged(window), plan, window, objective)) for window in windows]
    for name in dict.fromkeys(name for part in parts for name in part):
        tables = [part.get(name, Table.empty(w.samples.schema)) for part, w in zip(parts, windows, strict=True)]
        yield name, tables


def all_files(windows: Sequence[Window]) -> tuple[str, ...]:
    """The files with the samples of these windows."""
    return tuple(dict.fromkeys(file for window in windows for file in window.files))


def over_windows(windows: Sequence[Window]) -> str:
    """The number of windows of a figure, for its reason; empty for one window."""
    if len(windows) < 2:
        return ""
    kind = "fault-free windows" if all(window.fault_free for window in windows) else "windows"
    return f"over {len(windows)} {kind}, {sum(window.seconds for window in windows):.4g} s"


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardedWindow:
    """Requests or probes of one window, for a guard, and which of them are bad.

    Attributes:
        window: name of the window.
        span: start and end of the window, in ns.
        at_ns, bad: time of each request or probe, and whether it is bad.
        values: value of each in the objective's unit, for a quantile; None for a share.
        words: route, region and release of each, by label.
        ids: journey, connection and account of each, if they are known.
        requests: rows of the requests, so that a FAIL names the worst; None: probes, or journeys.
    """

    window: str
    span: tuple[int, int]
    at_ns: Ints
    bad: Bools
    values: Floats | None = None
    words: Mapping[str, Words] = field(default_factory=dict)
    ids: tuple[Ids, ...] = ()
    requests: Table | None = None

    def where(self, kept: Bools) -> GuardedWindow:
        """The part for which the mask is true, without its words."""
        rows = np.flatnonzero(kept)  # faster than a mask, which would be searched again for each column
        values = None if self.values is None else self.values[rows]
        ids, requests = tuple(one.at(rows) for one in self.ids), self.requests and self.requests.at(rows)
        at_ns, bad = self.at_ns[rows], self.bad[rows]
        return replace(self, at_ns=at_ns, bad=bad, values=values, words={}, ids=ids, requests=requests)


def labelled(samples: Table, kept: Bools | None = None) -> Mapping[str, Words]:
    """The values of each request for the labels that have guards."""
    columns = {label: samples.words[column] for column, label in LABELS.items()}
    if kept is None or kept.all():
        return columns
    return {label: words.at(np.flatnonzero(kept)) for label, words in columns.items()}


def ids_of(samples: Table, kept: Bools | None = None) -> tuple[Ids, ...]:
    """Journey, connection and account of each request, or of the kept requests; an account is the same in every worker."""
    rows = slice(None) if kept is None or kept.all() else np.flatnonzero(kept)
    worker = samples.ints["worker"][rows]
    columns = {"journey": "arrival", "connection": "connection"}
    account = samples.ints["account"][rows]
    of_worker = (Ids.of(what, samples.ints[column][rows], worker) for what, column in columns.items())
    return (*of_worker, Ids.of("account", account, np.zeros_like(account)))


def timeline_of(parts: Sequence[GuardedWindow]) -> Timeline:
    """The requests or probes of one window, or of several joined end to end."""
    return Timeline.joined([(part.at_ns, part.span) for part in parts], Ids.joined([part.ids for part in parts]))


def slots_of(parts: Sequence[GuardedWindow]) -> Slots:
    """Bad requests by time, journey, connection and account."""
    return timeline_of(parts).slots(one_after_another([part.bad for part in parts]))


def subject_tables(windows: Sequence[Window], plan: Plan, objective: Objective) -> list[Table]:
    """The samples of each window that an objective covers: all, or the samples of its route or region."""
    if not objective.scope.subject:
        return [judged(window) for window in windows]
    return next(tables for _, tables in grouped(windows, plan, objective))


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardRule:
    """The limit of a guard.

    Attributes:
        limit: limit of the share of bad requests; 1 - q for a quantile.
        op, tolerance: comparison with the limit.
        quantile: quantile of the values in the message; None: the message names the share.
        unit, budget_parts: unit of the value in the message, and number of parts into which the error budget is divided beside the guards.
        bounds: computes the bounds of a part's share at a confidence; None: bounds for failures, which come in episodes.
    """

    limit: float
    op: Op = Op.BELOW
    tolerance: float = 0.0
    quantile: float | None = None
    unit: str = "ratio"
    budget_parts: int = 1
    bounds: Callable[[Sequence[GuardedWindow], float], Bounds] | None = None

    def excess(self, parts: Sequence[GuardedWindow], guards: int) -> float | None:
        """Distance of a part from the limit, as one of `guards` guards that share the error budget; None: not proven beyond the limit."""
        if self.bounds is None:
            return proven_excess(slots_of(parts), self.limit, guards * self.budget_parts, self.op, self.tolerance)
        return excess_of(
            self.bounds(parts, guard_confidence(guards * self.budget_parts)), self.limit, self.op, self.tolerance
        )

    def may_be_beyond(self, share: float) -> bool:
        """Whether the measured share is on the bad side; otherwise it cannot be proven beyond the limit."""
        if self.op is Op.WITHIN:
            return abs(share - self.limit) > self.tolerance
        return share < self.limit if self.op is Op.AT_LEAST else share >= self.limit


@dataclass(frozen=True, kw_only=True, slots=True)
class _Guard:
    """One guard: a window, or one value of a label in one window or in all (`window` empty).

    Attributes:
        window, label, word: what is guarded.
        share: share of bad requests.
        whole: windows of which the guard is a part.
    """

    window: str
    label: str
    word: str
    share: float
    whole: tuple[GuardedWindow, ...]

    @property
    def parts(self) -> tuple[GuardedWindow, ...]:
        """The guarded requests of each window; copied only when needed, since few guards get this far."""
        if not self.label:
            return self.whole
        return tuple(part.where(part.words[self.label].equals(self.word)) for part in self.whole)


def with_guards(
    case: Case,
    name: str,
    found: Iterable[Measure],
    parts: Callable[[], Sequence[GuardedWindow]],
    rule: GuardRule,
    *,
    own: str = "",
) -> Iterable[Measure]:
    """The measures of an objective, followed by the measures of its guards unless the objective already fails."""
    refused = False
    for each in found:
        refused |= each.outcome is Outcome.FAIL
        yield each
    if not refused:
        yield from guards(case, name, parts(), rule, own=own)


def guards(
    case: Case, name: str, parts: Sequence[GuardedWindow], rule: GuardRule, *, own: str = "", together: bool = True
) -> Iterable[Measure]:
    """A FAIL for each guard that is proven beyond the limit; if one guard contains another, only the wider guard is reported.

    A guard is one window, or one route, region or release: a part of the requests that can only make the objective fail.

    Args:
        case: objective and evidence.
        name: name of the figure.
        parts: requests of each window, in order of time.
        rule: limit of the guards.
        own: label by which the objective is grouped; it has no guard over all windows, as the objective itself judges that.
        together: whether each complete window is a guard; False if its requests belong to separate entries, such as regions.
    """
    every = list(_guards(parts, own, together=together))
    proven: dict[tuple[str, str], tuple[_Guard, float]] = {}
    for guard in every:
        key = (guard.label, guard.word or guard.window)
        in_a_bad_window = guard.label and ("", guard.window) in proven
        if key in proven or in_a_bad_window or not rule.may_be_beyond(guard.share):
            continue
        excess = rule.excess(guard.parts, len(every))
        if excess is not None:
            proven[key] = guard, excess
    for guard, excess in proven.values():
        yield replace(_failed(case, name, guard, rule, len(every)), excess=excess)


def _guards(parts: Sequence[GuardedWindow], own: str, *, together: bool) -> Iterable[_Guard]:
    """Every guard with enough requests: each window alone, then each value of a label over all windows and in each of them."""
    several = len(parts) > 1
    if several and together:
        yield from (
            _Guard(window=part.window, label="", word="", share=float(part.bad.mean()), whole=(part,))
            for part in parts
            if _speaks(part, len(part.bad))
        )
    for label in dict.fromkeys(label for part in parts for label in part.words):
        counts = [_counts(part, label) for part in parts]
        names = sorted({name for count in counts for name in count})
        labelled_all = all(sum(n for n, _ in c.values()) == len(p.bad) for c, p in zip(counts, parts, strict=True))
        if together and len(names) == 1 and labelled_all:
            continue  # a single value is the complete window
        for word in names if label != own or several else ():
            found = [count.get(word, (0, 0)) for count in counts]
            if label != own:
                n, bad = (sum(each) for each in zip(*found, strict=True))
                if n >= LEAST_REQUESTS:
                    yield _Guard(window="", label=label, word=word, share=bad / n, whole=tuple(parts))
            if several:
                yield from (
                    _Guard(window=part.window, label=label, word=word, share=bad / n, whole=(part,))
                    for part, (n, bad) in zip(parts, found, strict=True)
                    if _speaks(part, n)
                )


def _speaks(part: GuardedWindow, n: int) -> bool:
    """Whether this number of requests of a window is sufficient for a guard."""
    return n >= LEAST_REQUESTS and part.span[1] - part.span[0] >= LEAST_S * NS_PER_S


def _counts(part: GuardedWindow, label: str) -> dict[str, tuple[int, int]]:
    """Number of requests with each value of the label, and number of bad requests among them."""
    words = part.words[label]
    bad = words.at(np.flatnonzero(part.bad)).counts
    return {word: (n, bad.get(word, 0)) for word, n in words.counts.items()}


def _failed(case: Case, name: str, guard: _Guard, rule: GuardRule, count: int) -> Measure:
    n = sum(len(part.bad) for part in guard.parts)
    where = " in ".join(filter(None, [f"{guard.label} {guard.word}".strip(), guard.window])) or "all windows"
    bounds = _bounds_of(guard, rule, count)
    value = guard.share if rule.quantile is None else bounds.value
    scope = {"phase": case.objective.scope.phase.value, "guard": where}
    scope |= {"window": guard.window} if guard.window else {}
    measured = f"{name} {part_in_words(guard.label, guard.word, guard.window)} is {formatted(value, rule.unit)} (n {n})"
    summary = f"{measured}, expected {case.expected}. The miss is proven with {100 * guard_confidence(count):.6g} % confidence"
    figures = Figures(
        value=value,
        low=bounds.low if math.isfinite(bounds.low) else None,
        high=bounds.high if math.isfinite(bounds.high) else None,
        scaled_limit=case.scaled.in_unit(rule.unit),
        confidence=guard_confidence(count),
    )
    found = Found(
        method=f"guard: one of {count} separately judged parts of the fault-free windows, which share one error budget",
        files=(),
        scope={**scope, "traffic": case.objective.scope.traffic or ""},
        n=n,
        unit=rule.unit,
    )
    return naming_worst(case, known(case, summary, found, name, ok=False, figures=figures), guard.parts)


def _bounds_of(guard: _Guard, rule: GuardRule, count: int) -> Bounds:
    """The measured value of a guard with bounds at the confidence of a guard; they cover this run only, as a guard claims nothing about other days."""
    sure, parts = guard_confidence(count), guard.parts
    if rule.quantile is not None:
        values = [part.values for part in parts if part.values is not None]
        return quantile_bounds(np.sort(one_after_another(values)), rule.quantile, sure)
    if rule.bounds is not None:
        return rule.bounds(parts, sure)
    return share_bounds(sum(int(part.bad.sum()) for part in parts), sum(len(part.bad) for part in parts), sure)


def worsened(
    case: Case,
    name: str,
    parts: Sequence[GuardedWindow],
    rule: GuardRule,
    bounds_of: Callable[[Sequence[GuardedWindow]], Bounds],
    *,
    groups: int = 1,
    scope: Mapping[str, str],
) -> Iterable[Measure]:
    """INCONCLUSIVE if the time after the first fault is proven worse and does not pass alone.

    Args:
        case: objective and evidence.
        name: name of the figure and of its subject.
        parts: one part per window, in order of time.
        rule: limit of the share of bad requests.
        bounds_of: computes the figure of some of the parts, with its bounds.
        groups: number of comparisons that the objective makes.
        scope: scope of the measure.
    """
    if len(parts) < 2 or rule.op is Op.WITHIN:
        return
    before, after = slots_of(parts[:1]), slots_of(parts[1:])
    if rule.op is Op.AT_LEAST:
        before, after = before.mirrored(), after.mirrored()
    if not proven_worse(before, after, groups).proven:
        return
    first, later = bounds_of(parts[:1]), bounds_of(parts[1:])
    if held(case.objective.op, later, case.scaled.in_unit(rule.unit)) is Outcome.PASS:
        return
    before_it, after_it = (formatted(bounds.value, rule.unit) for bounds in (first, later))
    yield measure(
        case,
        f"{name} after the faults",
        Outcome.INCONCLUSIVE,
        Reason(
            kind=ReasonKind.WORSE_AFTER,
            text=f"{name} is worse after the faults ({after_it}) than before ({before_it}), expected {case.expected}. Not decided: the time after the faults alone does not prove a PASS",
            hint="find the lasting damage of the faults with `readiness why`, or let the traffic run longer after the faults, then run again",
        ),
        scope=scope,
        figures=Figures(
            value=later.value,
            low=later.low,
            high=later.high,
            scaled_limit=case.scaled.in_unit(rule.unit),
            confidence=later.confidence,
            n=later.n,
            unit=rule.unit,
            method=f"after the faults compared with before; {later.method}",
        ),
    )


def label_of(objective: Objective) -> str:
    """The label by which an objective is grouped; empty if it is not grouped."""
    return {Per.ROUTE: LABELS["name"], Per.REGION: LABELS["region"]}.get(objective.scope.per, "")
