"""Ways to make the evidence of a run worse, drawn: a request fails, is slower, an outage is added, a record is gone.

None of them may make a verdict, or the decision, better. What was worse before stays as it was, and nothing that was good becomes good twice: a request that
failed does not fail later, since what fails after a fault was sent may be the fault's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from harness.model import DecisionOutcome, Evidence, Figure, Judgement, Objective, Outcome, Plan, Table, Window
from harness.model.observations import WatchClosed
from harness.model.records.table import Bools
from tests.honesty.edits import changed, counted

Rng = np.random.Generator
S: Final = 1_000_000_000
RANK: Final = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1, Outcome.NOT_ASSESSED: 1, Outcome.WAIVED: 2, Outcome.PASS: 2}
"""What is not assessed was not tried, and is no better than what is not decided."""
DECISIONS: Final = {
    DecisionOutcome.NO_GO: 0,
    DecisionOutcome.INCONCLUSIVE: 1,
    DecisionOutcome.PARTIAL: 1,
    DecisionOutcome.GO: 2,
}
PASSES: Final = 2
Worsening = tuple[str, Evidence]
_GROUPS: Final = ("name", "served_region", "region", "served_pod")


def improvements(plan: Plan, before: Judgement, after: Judgement, *, removed: bool) -> list[str]:
    """What is better after than before; what was removed may leave a failure undecided, never anything passed.

    Excused is what compares the platform's own metrics with what requests met: of a request that failed it is unknown whether they count it, so a
    difference of plays may become undecided; and of errors it is asked whether those that were met are counted, which is another question where more were met.
    """
    compared = {row: one.params["what"] for row, one in _exposed(plan)}
    found: list[tuple[str, Outcome | DecisionOutcome, Outcome | DecisionOutcome, int, int, str]] = [
        (one.requirement, one.outcome, other.outcome, RANK[one.outcome], RANK[other.outcome], other.because.text)
        for one, other in zip(before.verdicts, after.verdicts, strict=True)
    ]
    first, then = before.decision.outcome, after.decision.outcome
    found.append(("decision", first, then, DECISIONS[first], DECISIONS[then], after.decision.headline))
    better = [
        (name, high, f"{name}: {was.value} → {now.value}: {text[:300]}")
        for name, was, now, low, high, text in found
        if high > low
    ]
    if removed:
        return [line for _, high, line in better if high == PASSES]
    excused = {name for name, high, _ in better if name in compared and (high < PASSES or "error" in compared[name])}
    return [line for name, _, line in better if name not in excused and not (excused and name == "decision")]


def _exposed(plan: Plan) -> Iterator[tuple[str, Objective]]:
    for claim in plan.claims:
        yield from ((claim.requirement, one) for one in claim.objectives if one.figure is Figure.EXPOSED)


def drawn(run: Evidence, rng: Rng) -> tuple[str, Evidence, bool]:
    """The run, worse in one way: what was done, the run, and whether that removed a record."""
    removing = rng.random() < 0.3
    ways = REMOVALS if removing else HARMS
    at = int(rng.integers(len(ways)))
    what, worse = ways[at](run, rng)
    return what, worse, removing


def span_of(run: Evidence, rng: Rng) -> tuple[int, int]:
    """A stretch of the run, of 20 ms to a minute."""
    windows = list(run.windows.values())
    if not windows:
        return 0, 0
    one = windows[int(rng.integers(len(windows)))]
    length = int(S * 10 ** rng.uniform(-1.7, 1.8))
    start = int(rng.integers(one.start_ns, max(one.end_ns, one.start_ns + 1)))
    return start, start + length


def _share(rng: Rng) -> float:
    return float(rng.choice([1.0, 10 ** rng.uniform(-3, 0)]))


def _some(rows: Table, column: str, span: tuple[int, int], share: float, rng: Rng) -> Bools:
    due = rows.ints[column]
    own = (due >= span[0]) & (due < span[1]) & (rng.random(len(rows)) < share)
    return np.asarray(own, dtype=np.bool_)


def _of_a_group(rows: Table, rng: Rng) -> Bools:
    """All, or those of one route, region or pod."""
    if rng.random() < 0.5 or not len(rows):
        return np.ones(len(rows), dtype=np.bool_)
    words = rows.words[str(rng.choice(_GROUPS))]
    if not words.present:
        return np.ones(len(rows), dtype=np.bool_)
    return np.asarray(words.equals(str(rng.choice(list(words.present)))), dtype=np.bool_)


def _users(run: Evidence, edit: Callable[[Window], Table]) -> Evidence:
    made = {name: edit(window) for name, window in run.windows.items()}
    if all(rows is run.windows[name].samples for name, rows in made.items()):
        return run
    return replace(run, windows={name: replace(window, samples=made[name]) for name, window in run.windows.items()})


def _failed(rows: Table, at: Bools) -> Table:
    """What failed already failed as it did."""
    at = at & rows.words["error"].missing
    return changed(rows, lambda _: at, status=503, error="status 503", release=None)


def fail_one(run: Evidence, rng: Rng) -> Worsening:
    """One request of a user fails."""
    windows = [name for name, w in run.windows.items() if len(w.samples)]
    if not windows:
        return "nothing", run
    name = str(rng.choice(windows))
    rows = run.windows[name].samples
    number = int(rng.integers(len(rows)))
    at = np.arange(len(rows)) == number
    made = replace(run.windows[name], samples=_failed(rows, at))
    return f"request {number} of {name} failed", replace(run, windows={**run.windows, name: made})


def fail_some(run: Evidence, rng: Rng) -> Worsening:
    """All requests, or a share, of all routes or one, fail for a time."""
    span, share, seed = span_of(run, rng), _share(rng), int(rng.integers(1 << 30))

    def edit(window: Window) -> Table:
        own = np.random.default_rng(seed)
        rows = window.samples
        group = _of_a_group(rows, own)
        return _failed(rows, group & _some(rows, "intended_ns", span, share, own))

    return f"{share:.3g} of the requests failed for {(span[1] - span[0]) / S:.3g} s from {span[0] / S:.4g}", _users(
        run, edit
    )


def slow_some(run: Evidence, rng: Rng) -> Worsening:
    """Answers come later, for a time."""
    span, share, seed, ms = span_of(run, rng), _share(rng), int(rng.integers(1 << 30)), 10 ** rng.uniform(0, 4.5)

    def edit(window: Window) -> Table:
        own = np.random.default_rng(seed)
        rows = window.samples
        at = _of_a_group(rows, own) & _some(rows, "intended_ns", span, share, own) & rows.words["error"].missing
        return changed(rows, lambda _: at, done_ns=rows.ints["done_ns"] + round(ms * 1e6))

    return f"{share:.3g} of the requests took {ms:.4g} ms more for {(span[1] - span[0]) / S:.3g} s", _users(run, edit)


def stall(run: Evidence, rng: Rng) -> Worsening:
    """Everything waits until a moment."""
    span = span_of(run, rng)

    def edit(window: Window) -> Table:
        rows = window.samples
        ints = rows.ints
        at = (ints["intended_ns"] >= span[0]) & (ints["intended_ns"] < span[1]) & rows.words["error"].missing
        return changed(rows, lambda _: at, done_ns=np.maximum(ints["done_ns"], span[1]))

    return f"a stall of {(span[1] - span[0]) / S:.3g} s", _users(run, edit)


def fail_probes(run: Evidence, rng: Rng) -> Worsening:
    """Probes of one subject and kind fail for a time."""
    rows, span, share = run.probes, span_of(run, rng), _share(rng)
    if not len(rows):
        return "nothing", run
    subject, kind = str(rng.choice(list(rows.words["subject"].present))), str(rng.choice(["read", "health"]))
    at = rows.words["subject"].equals(subject) & rows.words["kind"].equals(kind)
    at &= _some(rows, "due_ns", span, share, rng) & rows.words["error"].missing
    made = changed(rows, lambda _: at, status=0, error="timeout")
    return f"{int(at.sum())} {kind} probes of {subject} failed", replace(run, probes=made)


def slow_probes(run: Evidence, rng: Rng) -> Worsening:
    """Probes are answered later for a time."""
    rows, span, share, ms = run.probes, span_of(run, rng), _share(rng), 10 ** rng.uniform(0, 4)
    at = _some(rows, "due_ns", span, share, rng) & rows.words["error"].missing
    made = changed(rows, lambda _: at, done_ns=rows.ints["done_ns"] + round(ms * 1e6))
    return f"{int(at.sum())} probes took {ms:.4g} ms more", replace(run, probes=made)


def unsure_writes(run: Evidence, rng: Rng) -> Worsening:
    """Writes are not acknowledged for a time, and are there all the same."""
    rows, span, share = run.ledger.writes, span_of(run, rng), _share(rng)
    if not len(rows):
        return "nothing", run
    there = np.isin(rows.ints["id"], run.ledger.final.ints["id"])
    at = _some(rows, "intended_ns", span, share, rng) & rows.words["outcome"].equals("accepted") & there
    made = changed(rows, lambda _: at, status=0, outcome="unknown", error="timeout")
    return f"{int(at.sum())} writes were not acknowledged", replace(run, ledger=replace(run.ledger, writes=made))


def slow_writes(run: Evidence, rng: Rng) -> Worsening:
    """Writes are acknowledged later for a time."""
    rows, span, ms = run.ledger.writes, span_of(run, rng), 10 ** rng.uniform(0, 3.7)
    at = _some(rows, "intended_ns", span, 1.0, rng)
    made = changed(rows, lambda _: at, accepted_ns=rows.ints["accepted_ns"] + round(ms * 1e6))
    return f"{int(at.sum())} writes took {ms:.4g} ms more", replace(run, ledger=replace(run.ledger, writes=made))


def lose_writes(run: Evidence, rng: Rng) -> Worsening:
    """Acknowledged writes are not there at the end, of one source or of all."""
    final, rows = run.ledger.final, run.ledger.writes
    kept = rows.where(rows.words["outcome"].equals("accepted"))
    if not len(kept) or not len(final):
        return "nothing", run
    some = rng.choice(kept.ints["id"], min(int(rng.integers(1, 40)), len(kept)), replace=False)
    gone = np.isin(final.ints["id"], some)
    place = str(rng.choice(["", *final.words["place"].present]))
    if place:
        gone &= final.words["place"].equals(place)
    ledger = counted(replace(run.ledger, final=final.where(~gone)))
    return f"{len(some)} writes are not in {place or 'any place'}", replace(run, ledger=ledger)


def stale_reads(run: Evidence, rng: Rng) -> Worsening:
    """Reads of an own write find nothing, or something else."""
    rows, span, share = run.ledger.reads, span_of(run, rng), _share(rng)
    state = str(rng.choice(["absent", "wrong"]))
    at = _some(rows, "sent_ns", span, share, rng) & rows.words["state"].equals("found")
    made = changed(rows, lambda _: at, state=state)
    return f"{int(at.sum())} reads are {state}", replace(run, ledger=replace(run.ledger, reads=made))


HARMS: Final = (
    fail_one,
    fail_one,
    fail_some,
    fail_some,
    fail_some,
    slow_some,
    slow_some,
    stall,
    fail_probes,
    slow_probes,
    unsure_writes,
    slow_writes,
    lose_writes,
    stale_reads,
)


def of_field(field: str, value: Any) -> dict[str, Any]:
    """A field for `replace` whose name is drawn."""
    return {field: value}


def _without(things: tuple[Any, ...], rng: Rng) -> tuple[Any, ...]:
    if not things:
        return things
    share = rng.choice([0.0, 0.0, 0.3, 1.0])
    gone = rng.random(len(things)) < share
    gone[int(rng.integers(len(things)))] = True
    return tuple(one for one, out in zip(things, gone.tolist(), strict=True) if not out)


def drop_observations(run: Evidence, rng: Rng) -> Worsening:
    """Lines of one of the histories are gone; a watcher whose last line is gone did not end in order, as `load_evidence` reads it."""
    field = str(rng.choice(["pods", "nodes", "leaders", "observations", "release_reads"]))
    made = replace(run, **of_field(field, _without(getattr(run, field), rng)))
    ended = {one.subject for one in run.every(WatchClosed)} - {one.subject for one in made.every(WatchClosed)}
    watchers = {name: replace(one, closed=one.closed and name not in ended) for name, one in run.watchers.items()}
    return f"some of {field} are gone", replace(made, watchers=watchers)


def drop_rows(run: Evidence, rng: Rng) -> Worsening:
    """Rows of a table of the watchers are gone."""
    name = str(rng.choice(["probes", "replicas", "writes", "reads", "final"]))
    span, share = span_of(run, rng), _share(rng)
    if name in ("probes", "replicas"):
        rows: Table = getattr(run, name)
        kept = rows.where(~_some(rows, "due_ns" if name == "probes" else "at_ns", span, share, rng))
        return f"{len(rows) - len(kept)} {name} are gone", replace(run, **of_field(name, kept))
    rows = getattr(run.ledger, name)
    column = {"writes": "intended_ns", "reads": "sent_ns", "final": "seen_ns"}[name]
    kept = rows.where(~_some(rows, column, span, share, rng))
    return f"{len(rows) - len(kept)} rows of {name} are gone", replace(
        run, ledger=replace(run.ledger, **of_field(name, kept))
    )


def drop_requests(run: Evidence, rng: Rng) -> Worsening:
    """Rows of users' requests are gone: any, or those that failed."""
    span, share, seed, bad = span_of(run, rng), _share(rng), int(rng.integers(1 << 30)), rng.random() < 0.5
    count = [0]

    def edit(window: Window) -> Table:
        rows = window.samples
        at = _some(rows, "intended_ns", span, share, np.random.default_rng(seed))
        if bad:
            at &= ~rows.words["error"].missing
        count[0] += int(at.sum())
        return rows.where(~at)

    made = _users(run, edit)
    return f"{count[0]} rows of {'failed ' if bad else ''}requests are gone", made


def drop_parts(run: Evidence, rng: Rng) -> Worsening:
    """A window, an experiment, a watcher, a check, a final read or the steady state at the end is gone."""
    field = str(rng.choice(["windows", "experiments", "watchers", "checks", "recorded", "steady_end", "final_reads"]))
    if field == "steady_end":
        return "the steady state at the end is gone", replace(run, steady_end=None)
    if field == "final_reads":
        ledger = replace(run.ledger, final_reads=_without(run.ledger.final_reads, rng))
        return "a final read is gone", replace(run, ledger=ledger)
    things = dict(getattr(run, field))
    if not things:
        return "nothing", run
    name = str(rng.choice(list(things)))
    del things[name]
    return f"{name} of {field} is gone", replace(run, **of_field(field, things))


REMOVALS: Final = (drop_observations, drop_rows, drop_rows, drop_requests, drop_requests, drop_parts)
