"""Whatever is taken away of a run's evidence, nothing passes that did not pass with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import (
    down,
    evidence,
    experiment,
    failing,
    ledger,
    ns,
    plan,
    samples,
    with_experiment,
    with_load,
)

from harness.judgement.judging import decided
from harness.model import LEDGER_FINAL, PROBES, Evidence, Missing, Outcome, Restore, Table, fault_name

Taken = Callable[[Evidence], Evidence]


@cache
def spoilt() -> Evidence:
    """A run in which the load failed, writes were lost in the database and in a region, and reads and writes stayed away."""
    base = with_load(failing(samples(0, 60), slice(0, 600)))
    books = ledger(evidence().ledger.writes, lost=[600, 2500])
    base = replace(base, ledger=books, probes=down(base.probes, 10, 40))
    base = replace(base, probes=down(base.probes, 71.5, 149), replicas=base.replicas)
    return with_experiment([experiment("null-run", "none", 205, 215)], base)


def without_watcher(name: str) -> Taken:
    """A watcher left no record."""
    return lambda run: replace(run, watchers={key: one for key, one in run.watchers.items() if key != name})


def unclosed(name: str) -> Taken:
    """A watcher did not end in order."""

    def take(run: Evidence) -> Evidence:
        if name not in run.watchers:
            return run
        return replace(run, watchers={**run.watchers, name: replace(run.watchers[name], closed=False)})

    return take


def without_file(name: str) -> Taken:
    """A file is gone."""
    return lambda run: replace(run, missing=(*run.missing, Missing(file=name, why="is gone")))


def without_experiment(name: str) -> Taken:
    """An experiment left no record."""
    return lambda run: replace(run, experiments={key: one for key, one in run.experiments.items() if key != name})


def without_receipts(name: str) -> Taken:
    """An experiment has no journal, and nobody looked whether it was restored."""

    def take(run: Evidence) -> Evidence:
        if name not in run.experiments:
            return run
        bare = [replace(a, journal={}, restore=Restore(ok=None)) for a in run.experiments[name]]
        return with_experiment(bare, run)

    return take


def without_workers(name: str) -> Taken:
    """A window has no worker on record."""

    def take(run: Evidence) -> Evidence:
        if name not in run.windows:
            return run
        return replace(run, windows={**run.windows, name: replace(run.windows[name], workers=())})

    return take


def without_window(name: str) -> Taken:
    """A window is not on record."""
    return lambda run: replace(run, windows={key: one for key, one in run.windows.items() if key != name})


def without_reads(run: Evidence) -> Evidence:
    """No final read is on record."""
    return replace(run, ledger=replace(run.ledger, final_reads=()))


def without_rows_of_reads(run: Evidence) -> Evidence:
    """The rows of the final reads are gone."""
    return replace(run, ledger=replace(run.ledger, final=Table.empty(LEDGER_FINAL)))


def without_late_writes(run: Evidence) -> Evidence:
    """The record of writes breaks off."""
    writes = run.ledger.writes
    return replace(run, ledger=replace(run.ledger, writes=writes.where(writes.ints["made_ns"] < ns(90))))


def without_probes(run: Evidence) -> Evidence:
    """No probe is on record."""
    return replace(run, probes=Table.empty(PROBES))


EXPERIMENTS = ("pod-loss", "database-loss", "region-loss", "null-run")
WINDOWS = ("everyday/fault-free", *(fault_name(name) for name in EXPERIMENTS[:3]))
FILES = ("load/everyday/samples-0.parquet", "watch/entry.parquet", "watch/ledger-final.parquet", "history/run.ndjson")
TAKEN: list[Taken] = [
    *(take(name) for take in (without_watcher, unclosed) for name in ("entry", "ledger", "replicas", "pods")),
    *(without_file(name) for name in FILES),
    *(take(name) for take in (without_experiment, without_receipts) for name in EXPERIMENTS),
    *(take(name) for take in (without_workers, without_window) for name in WINDOWS),
    without_reads,
    without_rows_of_reads,
    without_late_writes,
    without_probes,
]


def passed(run: Evidence) -> set[str]:
    """Requirements that pass."""
    return {v.requirement for v in decided(plan(), run).verdicts if v.outcome is Outcome.PASS}


@cache
def passed_with_all() -> tuple[set[str], set[str]]:
    """Those of the bad run and of the healthy one with nothing taken away."""
    return passed(spoilt()), passed(evidence())


@given(st.sets(st.integers(0, len(TAKEN) - 1), min_size=1, max_size=6))
@settings(max_examples=25)
def test_taking_evidence_away_never_gives_a_pass(taken: set[int]) -> None:
    """A file, a receipt, a worker, a watcher, a window, an experiment, a final read: of a bad run and of a healthy one."""
    for run, before in zip((spoilt(), evidence()), passed_with_all(), strict=True):
        rest = run
        for number in taken:
            rest = TAKEN[number](rest)
        assert passed(rest) <= before
