"""The fault-free windows of one traffic: judged together by one bound, guarded one by one, and after compared with before.

A figure passes on all its fault-free windows together. A *guard* is one of them alone, or one route, region or release in one or in
all: it fails where it is proven beyond the limit, with an error budget that all guards of the objective share, and never makes a PASS.
Where the requests after the first fault are proven worse than before, and are not enough to pass by themselves, nothing is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from harness.judgement.figures.indicators import groups, steady_window
from harness.judgement.measures import Case, Figures, held, measure, said
from harness.judgement.receipts.load import TOLD_S, load_receipt
from harness.judgement.stats.clusters import Slots, Timeline
from harness.judgement.stats.guards import guard_confidence, proven_beyond, proven_worse
from harness.judgement.stats.shared import Ids
from harness.judgement.stats.statistics import Bounds, Floats, quantile_of
from harness.model import Measure, Objective, Op, Outcome, Per, Plan, Receipt, Table, Window, Words
from harness.model.table import Bools, Ints

_Kind = TypeVar("_Kind", bound=np.generic)

LABELS: Final[Mapping[str, str]] = {
    "name": "route",
    "served_region": "region that served",
    "region": "region of the client",
    "release": "release",
}
"""Columns whose words are guarded one by one, and what a word is."""


def one_after_another(arrays: Sequence[npt.NDArray[_Kind]]) -> npt.NDArray[_Kind]:
    """The arrays as one; a single one is not copied."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def fault_free_windows(case: Case, name: str) -> tuple[Window, ...] | Measure:
    """The windows that a KPI is judged on, in order of time, or the measure that says why there is none."""
    first = steady_window(case, name)
    return first if isinstance(first, Measure) else case.evidence.fault_free(first.traffic)


def grouped(windows: Sequence[Window], plan: Plan, objective: Objective) -> Iterable[tuple[str, list[Table]]]:
    """The samples of each window, one by one of what the objective says (route or region)."""
    parts = [dict(groups(window.samples, plan, window, objective)) for window in windows]
    for name in dict.fromkeys(name for part in parts for name in part):
        yield (
            name,
            [part.get(name, Table.empty(w.samples.schema)) for part, w in zip(parts, windows, strict=True)],
        )


def joined_load_receipt(plan: Plan, windows: Sequence[Window], *, latencies: bool) -> Receipt:
    """The load's receipts of all windows; the first that does not hold decides. Windows under 2 s are too short for one of their own."""
    long = [w for w in windows if w is windows[0] or w.seconds >= TOLD_S]
    receipts = [load_receipt(plan, window, latencies=latencies) for window in long]
    files = tuple(dict.fromkeys(file for receipt in receipts for file in receipt.files))
    bad = next((i for i, receipt in enumerate(receipts) if receipt.ok is not True), None)
    if bad is None:
        return Receipt(ok=True, why=receipts[0].why, files=files)
    why = receipts[bad].why if len(windows) == 1 else f"in {long[bad].name}: {receipts[bad].why}"
    return Receipt(ok=receipts[bad].ok, why=why, files=files)


def all_files(windows: Sequence[Window]) -> tuple[str, ...]:
    """Where the samples of these windows are."""
    return tuple(dict.fromkeys(file for window in windows for file in window.files))


def over_windows(windows: Sequence[Window]) -> str:
    """How many windows a figure was taken over, for its reason; empty for one."""
    if len(windows) < 2:
        return ""
    return f"over {len(windows)} fault-free windows, {sum(window.seconds for window in windows):.4g} s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What is guarded of one window: requests or probes in time, and which of them are bad.

    Attributes:
        window: by name. span: its start and end.
        at_ns, bad: of each.
        values: in the objective's unit, for a quantile; None for a share.
        words: by label, a word of each.
        ids: journey and connection of each, where they are known.
    """

    window: str
    span: tuple[int, int]
    at_ns: Ints
    bad: Bools
    values: Floats | None = None
    words: Mapping[str, Words] = field(default_factory=dict)
    ids: tuple[Ids, ...] = ()

    def where(self, rows: Bools) -> Part:
        """Some of them, without their words."""
        values = None if self.values is None else self.values[rows]
        ids = tuple(one.where(rows) for one in self.ids)
        return Part(
            window=self.window, span=self.span, at_ns=self.at_ns[rows], bad=self.bad[rows], values=values, ids=ids
        )


def labelled(samples: Table, kept: Bools | None = None) -> Mapping[str, Words]:
    """The words by which requests are guarded one by one."""
    columns = {label: samples.words[column] for column, label in LABELS.items()}
    if kept is None or kept.all():
        return columns
    return {label: words.at(np.flatnonzero(kept)) for label, words in columns.items()}


def ids_of(samples: Table, kept: Bools | None = None) -> tuple[Ids, ...]:
    """Journey and connection of each request, or of those that are kept."""
    rows = slice(None) if kept is None or kept.all() else np.flatnonzero(kept)
    worker = samples.ints["worker"][rows]
    columns = {"journey": "arrival", "connection": "connection"}
    return tuple(Ids.of(what, samples.ints[column][rows], worker) for what, column in columns.items())


def timeline_of(parts: Sequence[Part]) -> Timeline:
    """The requests or probes of one window, or of several joined end to end."""
    return Timeline.joined([(part.at_ns, part.span) for part in parts], Ids.joined([part.ids for part in parts]))


def slots_of(parts: Sequence[Part]) -> Slots:
    """Bad ones in time, and by journey and connection."""
    return timeline_of(parts).slots(one_after_another([part.bad for part in parts]))


def subject_tables(windows: Sequence[Window], plan: Plan, objective: Objective) -> list[Table]:
    """The samples of each window that an objective speaks of: all, or those of the one route or region that it names."""
    if not objective.scope.subject:
        return [window.samples for window in windows]
    return next(tables for _, tables in grouped(windows, plan, objective))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What a guard is compared with.

    Attributes:
        limit: of the share of bad ones; 1 - q for a quantile.
        op, tolerance: how.
        quantile: of the values that are shown; None: their share is.
        unit: of what is shown.
    """

    limit: float
    op: Op = Op.BELOW
    tolerance: float = 0.0
    quantile: float | None = None
    unit: str = "ratio"

    def may_be_beyond(self, share: float) -> bool:
        """Whether the share as measured is on the bad side: what is not cannot be proven to be."""
        if self.op is Op.WITHIN:
            return abs(share - self.limit) > self.tolerance
        return share < self.limit if self.op is Op.AT_LEAST else share >= self.limit


@dataclass(frozen=True, kw_only=True, slots=True)
class _Guard:
    """One part of the evidence: a window, or what has one word in one window or in all (`window` empty)."""

    window: str
    label: str
    word: str
    share: float
    parts: tuple[Part, ...]


def with_guards(
    case: Case, name: str, found: Iterable[Measure], parts: Callable[[], Sequence[Part]], rule: Rule, *, own: str = ""
) -> Iterable[Measure]:
    """The measures of an objective, and those of its guards; where it fails without them they have nothing to add."""
    failed = False
    for each in found:
        failed |= each.outcome is Outcome.FAIL
        yield each
    if not failed:
        yield from guards(case, name, parts(), rule, own=own)


def guards(
    case: Case, name: str, parts: Sequence[Part], rule: Rule, *, own: str = "", together: bool = True
) -> Iterable[Measure]:
    """A FAIL for each guard that is proven beyond the limit, the widest of its kind.

    Args:
        case: the objective and its evidence.
        name: of the figure.
        parts: one a window, in order of time.
        rule: the limit.
        own: the label by which the objective itself is judged one by one: over all windows it needs no guard.
        together: whether a window as a whole means anything; False where its words are different things, as doors are.
    """
    every = list(_guards(parts, own, together=together))
    proven: dict[tuple[str, str], _Guard] = {}
    for guard in every:
        key = (guard.label, guard.word or guard.window)
        in_a_bad_window = guard.label and ("", guard.window) in proven
        if key in proven or in_a_bad_window or not rule.may_be_beyond(guard.share):
            continue
        if proven_beyond(slots_of(guard.parts), rule.limit, len(every), rule.op, rule.tolerance):
            proven[key] = guard
    for guard in proven.values():
        yield _failed(case, name, guard, rule, len(every))


def _guards(parts: Sequence[Part], own: str, *, together: bool) -> Iterable[_Guard]:
    """Every guard: each window alone, then each word over all windows and in each of them."""
    several = len(parts) > 1
    if several and together:
        yield from (_guard(part.window, "", "", [part]) for part in parts if len(part.at_ns))
    for label in dict.fromkeys(label for part in parts for label in part.words):
        names = sorted({name for part in parts for name in part.words[label].present})
        if together and len(names) == 1 and not any(part.words[label].missing.any() for part in parts):
            continue  # the same as all of them
        for word in names if label != own or several else ():
            picked = [part.where(part.words[label].equals(word)) for part in parts]
            if label != own:
                yield _guard("", label, word, picked)
            if several:
                yield from (_guard(one.window, label, word, [one]) for one in picked if len(one.at_ns))


def _guard(window: str, label: str, word: str, parts: Sequence[Part]) -> _Guard:
    n = sum(len(part.bad) for part in parts)
    bad = sum(int(part.bad.sum()) for part in parts)
    return _Guard(window=window, label=label, word=word, share=bad / n if n else 0.0, parts=tuple(parts))


def _failed(case: Case, name: str, guard: _Guard, rule: Rule, count: int) -> Measure:
    n = sum(len(part.bad) for part in guard.parts)
    where = " in ".join(filter(None, [f"{guard.label} {guard.word}".strip(), guard.window])) or "all windows"
    value = guard.share
    if rule.quantile is not None:
        values = [part.values for part in guard.parts if part.values is not None]
        value = quantile_of(np.sort(one_after_another(values)), rule.quantile)
    sure = f"{100 * guard_confidence(count):.6g}"
    scope = {"phase": case.objective.scope.phase.value, "guard": where}
    reason = f"{name} of {where} alone is {said(value, rule.unit)} (n {n}), expected {case.wanted}: proven with {sure} % confidence"
    return measure(
        case,
        name,
        Outcome.FAIL,
        reason,
        scope={**scope, "traffic": case.objective.scope.traffic or ""},
        figures=Figures(
            value=value,
            scaled_limit=case.scaled.in_unit(rule.unit),
            confidence=guard_confidence(count),
            n=n,
            unit=rule.unit,
            method=f"guard: one of {count} parts of the fault-free windows, which share one error budget",
        ),
    )


def worsened(
    case: Case,
    name: str,
    parts: Sequence[Part],
    rule: Rule,
    bounds_of: Callable[[Sequence[Part]], Bounds],
    *,
    groups: int = 1,
    scope: Mapping[str, str],
) -> Iterable[Measure]:
    """INCONCLUSIVE where what came after the first fault is proven worse than before and does not pass by itself.

    Args:
        case: the objective and its evidence.
        name: of the figure, and of what.
        parts: one a window, in order of time.
        rule: the limit of the share of bad ones.
        bounds_of: the figure of some of the parts, with its bounds.
        groups: how many comparisons the objective makes.
        scope: of the measure.
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
    figures = f"{said(first.value, rule.unit)} before the first fault, {said(later.value, rule.unit)} after it"
    yield measure(
        case,
        f"{name} after the faults",
        Outcome.INCONCLUSIVE,
        f"{name} is worse after the faults than before: {figures}, and what came after does not pass by itself",
        scope=scope,
        hint="find out what the faults left behind, or let the traffic run longer after them, then run again",
        figures=Figures(
            value=later.value,
            low=later.low,
            high=later.high,
            scaled_limit=case.scaled.in_unit(rule.unit),
            confidence=later.confidence,
            n=later.n,
            unit=rule.unit,
            method=f"after against before; {later.method}",
        ),
    )


def label_of(objective: Objective) -> str:
    """The label by which an objective is itself judged one by one; empty where it is not."""
    return {Per.ROUTE: LABELS["name"], Per.REGION: LABELS["region"]}.get(objective.scope.per, "")
