"""Ways to edit the evidence of a healthy run so that a release manager would call its GO wrong.

Each edit leaves everything else as it was, and consistent. Times are seconds from the start of the first window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from harness.model import NULL, Evidence, Experiment, Ledger, Table, Words
from harness.model.records.table import Bools, codes_type
from tests.builders.core_course import ns

Rows = Callable[[Table], Bools]


def due(start: float, end: float, column: str) -> Rows:
    """The rows that were due in [start, end)."""
    return lambda rows: np.asarray((rows.ints[column] >= ns(start)) & (rows.ints[column] < ns(end)))


def word(column: str, *names: str) -> Rows:
    """The rows that have one of these words."""
    return lambda rows: np.logical_or.reduce([rows.words[column].equals(name) for name in names])


def both(*conditions: Rows) -> Rows:
    """The rows that meet all conditions."""
    return lambda rows: np.logical_and.reduce([condition(rows) for condition in conditions])


def one_in(share: float, seed: int = 7) -> Rows:
    """A share of the rows, drawn."""
    return lambda rows: np.random.default_rng(seed).random(len(rows)) < share


def changed(rows: Table, at: Rows, **columns: Any) -> Table:
    """The rows with other values where `at` says; the same rows where it says so of none."""
    there = at(rows)
    if not there.any():
        return rows
    ints = {name: np.where(there, columns[name], rows.ints[name]) for name in rows.ints.keys() & columns.keys()}
    words = {name: _worded(rows.words[name], there, columns[name]) for name in rows.words.keys() & columns.keys()}
    return replace(rows, ints={**rows.ints, **ints}, words={**rows.words, **words})


def _worded(words: Words, there: Bools, word: str | None) -> Words:
    """The column with another word where `there` says."""
    names = words.names if word is None or word in words.names else (*words.names, word)
    code = NULL if word is None else names.index(word)
    return Words(codes=np.where(there, code, words.codes).astype(codes_type(len(names))), names=names)


def slower(rows: Table, at: Rows, ms: float) -> Table:
    """The rows answered later where `at` says."""
    column = "done_ns" if "done_ns" in rows.ints else "accepted_ns"  # of a ledger
    return changed(rows, at, **{column: rows.ints[column] + round(ms * 1e6)})


def requests(run: Evidence, edit: Callable[[Table], Table]) -> Evidence:
    """The run with other requests of its users."""
    return replace(run, windows={name: replace(w, samples=edit(w.samples)) for name, w in run.windows.items()})


def refused(run: Evidence, at: Rows) -> Evidence:
    """The run with requests of its users that failed."""
    return requests(run, lambda rows: changed(rows, at, status=503, error="status 503"))


def probes(run: Evidence, edit: Callable[[Table], Table]) -> Evidence:
    """The run with other probes."""
    return replace(run, probes=edit(run.probes))


def writes(run: Evidence, edit: Callable[[Table], Table]) -> Evidence:
    """The run with other writes of the ledger."""
    return replace(run, ledger=replace(run.ledger, writes=edit(run.ledger.writes)))


def dead(run: Evidence, start: float, end: float) -> Evidence:
    """Nothing is answered, whoever asks."""
    run = refused(run, due(start, end, "intended_ns"))
    run = probes(run, lambda rows: changed(rows, due(start, end, "due_ns"), status=0, error="timeout"))
    run = writes(
        run,
        lambda rows: changed(rows, due(start, end, "intended_ns"), status=503, outcome="refused", error="status 503"),
    )
    gone = due(start, end, "intended_ns")(run.ledger.writes)
    numbers = run.ledger.writes.ints["id"][gone]
    ledger = replace(
        run.ledger,
        final=run.ledger.final.where(~np.isin(run.ledger.final.ints["id"], numbers)),
        reads=run.ledger.reads.where(~np.isin(run.ledger.reads.ints["id"], numbers)),
    )
    return replace(run, ledger=counted(ledger))


def counted(ledger: Ledger) -> Ledger:
    """The ledger with the number of rows of each final read as it is."""
    rounds = ledger.final.ints["round"]
    reads = tuple(replace(read, rows=int((rounds == read.round).sum())) for read in ledger.final_reads)
    return replace(ledger, final_reads=reads)


def not_there(run: Evidence, at: Rows, *, since: float = 0.0, through: Iterable[str] = ()) -> Evidence:
    """Writes that the final reads from some moment on did not find, of all sources or some."""
    final, named = run.ledger.final, tuple(through)
    numbers = run.ledger.writes.ints["id"][at(run.ledger.writes)]
    lost = np.isin(final.ints["id"], numbers) & (final.ints["seen_ns"] >= ns(since))
    if named:
        lost &= word("place", *named)(final)
    return replace(run, ledger=counted(replace(run.ledger, final=final.where(~lost))))


def attempt(run: Evidence, name: str, **fields: Any) -> Evidence:
    """The run with another last attempt at an experiment; what is a field of its fault goes there."""
    *before, last = run.experiments[name]
    own: Mapping[str, Any] = {key: fields.pop(key) for key in tuple(fields) if hasattr(last.fault, key)}
    new: Experiment = replace(last, fault=replace(last.fault, **own), **fields)
    return replace(run, experiments={**run.experiments, name: (*before, new)})


def ended_at_the_last_restore(run: Evidence) -> Evidence:
    """The load is told to stop when the last fault is over: no gap, and no window after it."""
    kept = {name: window for name, window in run.windows.items() if name != "everyday/after-faults"}
    end_ns = max(window.end_ns for window in kept.values())
    return replace(run, windows={name: replace(window, stopped_ns=end_ns) for name, window in kept.items()})


def without_window(run: Evidence, *names: str) -> Evidence:
    """The run without some windows."""
    return replace(run, windows={name: w for name, w in run.windows.items() if name not in names})
