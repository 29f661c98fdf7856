"""All that the judge says of some runs, to the letter: a healthy one, ones in which this or that went wrong, one of which nothing was kept.

Where a change of words or figures is meant, `python tests/judgement/test_judgement_golden.py` writes `golden/` anew; read its diff.
What a run has in common with one before it, word for word, is left out of its file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from judgement_builders import (
    SPANS,
    evidence,
    experiment,
    failing,
    ledger,
    node,
    ns,
    objective,
    observation,
    plan,
    pod,
    reads,
    samples,
    table,
    window,
    with_experiment,
    with_ints,
    with_load,
    with_words,
)

from harness.judgement import judge
from harness.model import (
    LEDGER_READS,
    PIPELINE,
    PROBES,
    Cut,
    Evidence,
    Figure,
    FinalRead,
    Judgement,
    Missing,
    Op,
    Phase,
    Plan,
    ReleaseRead,
    Restore,
    Steady,
    Table,
    Verdict,
    WatchSource,
    Worker,
    after_faults_name,
)
from tests.builders.measures import fields_of

GOLDEN: Final = Path(__file__).with_name("golden")


def users(rows: Table, before: int = 0) -> Table:
    """The requests of journeys of four, after so many others, whose answers name their release; one in fifty is slow, one in seventy fails."""
    turn = np.arange(len(rows))
    numbered = replace(rows, ints={**rows.ints, "arrival": (before + turn) // 4 + 1})
    named = with_words(numbered, slice(None), release="1.0.0")
    slow = with_ints(named, turn % 50 == 7, done_ns=named.ints["done_ns"][turn % 50 == 7] + 6_000_000_000)
    return with_words(failing(slow, turn % 70 == 11), turn % 70 == 11, release=None)


def doors() -> Table:
    """The doors of two regions: one is out with its region, the other lacks an answer now and then."""
    found = []
    for region, out in (("us-east-1", (161.5, 190.0)), ("eu-west-1", (30.0, 30.5)), ("ap-southeast-1", (0.0, 0.0))):
        for kind in ("read", "health"):
            rows = with_words(reads(0, 250, 5.0), slice(None), subject=region, kind=kind)
            sent = rows.ints["sent_ns"]
            found.append(with_words(rows, (sent >= ns(out[0])) & (sent < ns(out[1])), error="refused"))
    return Table.merged(PROBES, found)


def books(base: Evidence) -> Any:
    """A ledger of which four writes are gone, one has another value, two are there twice; through a region ten more are not there yet."""
    whole = ledger(base.ledger.writes, lost=(601, 602, 603, 4000), wrong=(700,))
    again = whole.final.where(np.isin(whole.final.ints["id"], (800, 801)))
    region = with_ints(with_words(whole.final, slice(None), place="eu-west-1"), slice(None), round=2)
    region = region.where(region.ints["id"] < len(region) - 6)
    final = Table.merged(whole.final.schema, [whole.final, again, region])
    (read,) = whole.final_reads
    at_ns = read.at_ns + ns(1)
    through = FinalRead(round=2, after="end", complete=True, at_ns=at_ns, rows=len(region), source="eu-west-1")
    written = base.ledger.writes.where(base.ledger.writes.words["outcome"].equals("accepted"))
    n = len(written)
    back = table(
        LEDGER_READS,
        n,
        by=1,
        id=written.ints["id"],
        sent_ns=written.ints["accepted_ns"] + 100_000,
        seen_ns=written.ints["accepted_ns"] + 3_100_000,
        status=200,
        state=["absent" if i % 900 == 5 else "wrong" if i == 9 else "unknown" if i == 12 else "found" for i in range(n)],
    )  # fmt: skip
    rows = len(whole.final) + len(again)
    return replace(whole, final=final, final_reads=(replace(read, rows=rows), through), reads=back)


def events() -> Table:
    """Events of a pipeline: lost, twice, wrong, unsure and whole ones."""
    turn = np.arange(200)
    state = ["absent" if i in (3, 4) else "twice" if i == 7 else "wrong" if i == 9 else "found" for i in range(200)]
    return table(
        PIPELINE,
        200,
        id=turn,
        made_ns=ns(1) * turn,
        accepted_ns=ns(1) * turn + 10_000_000,
        seen_ns=np.where(np.isin(turn, (3, 4)), 0, ns(1) * turn + 60_000_000),
        copies=np.where(turn == 7, 2, 1),
        status=202,
        outcome=["unknown" if i == 4 else "accepted" for i in range(200)],
        state=state,
    )


def release(when: str, at: float, image: str = "sha256:a", **fields: Any) -> ReleaseRead:
    """What ran before or after the load."""
    workloads = {"us-east-1/Deployment/track": ("sha256:t",), "eu-west-1/Deployment/user": (image,)}
    return ReleaseRead(when=when, at_ns=ns(at), workloads=workloads, **fields)


def rough() -> Evidence:
    """A run in which something of everything went wrong, and that is judged all the same."""
    base = evidence()
    windows, before = {}, 0
    for name, one in base.windows.items():
        windows[name] = replace(one, samples=users(one.samples, before))
        before += len(one.samples)
    last = after_faults_name("everyday")
    own = window(users(samples(203, 245), before), 203, 245)
    windows[last] = replace(own, name=last, phase=Phase.STEADY)
    windows = {name: replace(one, stopped_ns=ns(250)) for name, one in windows.items()}
    unseen = experiment("pod-loss", "pod", 62.0, 68.0, journal={"status": "failed"})
    unseen = replace(unseen, fault=replace(unseen.fault, confirmed_ns=None), restore=Restore(ok=True, at_ns=ns(68)))
    again = replace(base.experiments["pod-loss"][0], attempt=2)
    region = replace(base.experiments["region-loss"][0], manual_steps=2)
    region = replace(region, restore=Restore(ok=False, at_ns=ns(199), why="1 of 3 nodes is not ready"))
    null = experiment("nothing", "none", 200.0, 203.0)
    run = replace(
        base,
        windows=windows,
        probes=Table.merged(PROBES, [base.probes, doors()]),
        ledger=books(base),
        pipeline=events(),
        experiments={**base.experiments, "nothing": (null,), "region-loss": (region,)},
        watchers={
            **base.watchers,
            "pipeline": WatchSource(name="pipeline", spacing_ms=1000, closed=True),
            "alerts": WatchSource(name="alerts", spacing_ms=1000, closed=True),
            "replicas": WatchSource(name="replicas", spacing_ms=200, closed=False),
        },
        observations=(
            *base.observations,
            observation("watch.blind", "alerts", 9, "watch", of="alerts", from_ns=ns(4), until_ns=ns(6)),
            observation("machine.seen", "machine", 20, "watch", when_ns=ns(20), waited=0.2, stolen=0.01, delay_ms=0.4),
        ),
        pods=(*base.pods, replace(pod(112, "restarted", "pg-1", "u-pg1"), workload="pg")),
        nodes=(
            *base.nodes,
            *(node(at, what, "us-east-1b") for at, what in ((0, "present"), (162, "unready"), (196, "ready"))),
        ),
        release_reads=(release("before", -10), release("after", 260)),
        steady_end=Steady(ok=False, at_ns=ns(244), why="3 of 100 reads failed"),
    )
    return with_experiment([unseen, again], run)


def cut() -> Evidence:
    """A run that was cut short: another release answered, a generator died, a file is gone, a watcher was blind, the ledger was not read whole."""
    base = evidence()
    died = Worker(id=0, rows=10, closed=False, why="it was killed")
    rows = with_words(samples(0, 60), slice(None, None, 100), release="0.9.0")
    run = with_load(rows, replace(base, windows={"everyday/fault-free": base.windows["everyday/fault-free"]}))
    windows = {name: replace(one, workers=(died,)) for name, one in run.windows.items()}
    entry = WatchSource(name="entry", spacing_ms=50, closed=False, why="it was killed")
    read = replace(base.ledger.final_reads[0], complete=False, why="the database did not answer")
    return replace(
        run,
        windows=windows,
        probes=base.probes.where(base.probes.ints["due_ns"] < ns(40)),
        ledger=replace(base.ledger, final_reads=(read,)),
        experiments={name: base.experiments[name] for name in ("pod-loss",)},
        watchers={"entry": entry, "ledger": base.watchers["ledger"]},
        missing=(Missing(file="watch/replicas.parquet", why="is gone"),),
        release_reads=(release("before", -10, version="0.9.0"),),
        steady_start=Steady(ok=False, at_ns=1),
        steady_end=None,
        started=replace(base.started, run="run-2") if base.started else None,
        complete=False,
        cut=Cut(why="the target died", hint="start it again"),
    )


def beside() -> Plan:
    """The plan, and a claim of figures that it has not."""
    asked = {
        "R-EVENTS": objective(Figure.EVENTS, Op.BELOW, "5 s", traffic=None, phase=Phase.RUN),
        "R-JOURNEYS": objective(Figure.TROUBLED_JOURNEYS, Op.BELOW, "1 %"),
        "R-COPIES": objective(Figure.COPIES, Op.HOLDS, "0", traffic=None, phase=Phase.RUN),
        "R-BACK": objective(Figure.READ_BACK, Op.HOLDS, "0", traffic=None, phase=Phase.RUN),
        "R-NEWEST": objective(Figure.NEWEST_ROWS, Op.HOLDS, "0", experiments=tuple(SPANS), phase=Phase.FAULT),
        "R-REPLACED": objective(Figure.REPLACED, Op.BELOW, "30 s", experiments=("pod-loss",), phase=Phase.FAULT),
    }
    return plan(asked)


RUNS: Final = {
    "healthy": (plan(), evidence()),
    "failing": (plan(), with_load(failing(samples(0, 60), slice(0, 6000, 30)))),
    "rough": (plan(), rough()),
    "rough-beside": (beside(), rough()),
    "cut": (plan(), cut()),
    "nothing": (plan(), Evidence()),
}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    claims = [{"scenario": c.scenario.name, "outcome": c.outcome, **asdict(c.because)} for c in verdict.claims]
    found = {"requirement": verdict.requirement, "outcome": verdict.outcome, "because": asdict(verdict.because)}
    return {**found, "attempts": verdict.attempts, "claims": claims}


def _told(found: Judgement) -> Iterator[Any]:
    """The decision, every measure, every experiment, window and watcher, and all that stands beside them."""
    yield asdict(found.decision)
    yield from (fields_of(m) for v in found.verdicts for c in v.claims for of_one in c.measures for m in of_one)
    yield from map(_verdict, found.verdicts)
    several: list[Any] = [*found.experiments, *found.traffic, *found.watchers, *found.windows, *found.unjudged]
    yield from map(asdict, [*several, *found.journeys, *found.doors, *found.unjudged_harm])
    yield from (asdict(one) for one in (found.ledger, found.pipeline, found.release, found.machine) if one)
    yield {"missing": found.missing, "steady at the end": found.steady_end and asdict(found.steady_end)}


def lines(name: str) -> list[str]:
    """One line each."""
    return [json.dumps(one, default=str, ensure_ascii=False) for one in _told(judge(*RUNS[name]))]


def _read(name: str) -> list[str]:
    return (GOLDEN / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()


def own(name: str) -> list[str]:
    """Those that no run before it has."""
    before = {line for each in list(RUNS)[: list(RUNS).index(name)] for line in _read(each)}
    return [line for line in lines(name) if line not in before]


@pytest.mark.parametrize("name", RUNS)
def test_the_judge_says_what_it_said(name: str) -> None:
    """Not a word and not a digit else."""
    assert own(name) == _read(name)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in RUNS:
        (GOLDEN / f"{name}.ndjson").write_text("\n".join(own(name)) + "\n", encoding="utf-8")
