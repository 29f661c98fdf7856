"""Reads facts, repeatedly if they are not as expected, and records them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from harness import clock
from harness.errors import DriverError, HarnessError
from harness.evidence.histories.checks import MANY, write_facts
from harness.model import Check, Demand, Fact, FactAmount, FactTable, Sink

ATTEMPTS: Final = 3
"""Number of readings: a fact that is not as expected is read twice more, and counts as failed only if all three fail."""

PAUSE_S: Final = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class FactReading:
    """One reading of one fact; fields as in `Fact`.

    Attributes:
        sure: whether this reading alone is proof, so that an earlier good reading of the same subject does not outweigh it.
    """

    subject: str
    expected: str
    observed: str
    ok: bool | None
    sure: bool = False
    amount: FactAmount | None = None


FactProbe = Callable[[], Sequence[FactReading]]
"""A function that reads all facts of a check."""


def settled(probe: FactProbe) -> tuple[Fact, ...]:
    """Read all facts, repeatedly while any is not as expected, at most `ATTEMPTS` times.

    A fact that was as expected once stays so, unless a later reading with `sure` contradicts it. Subjects that a later reading no longer
    finds are dropped. If one probe reads a subject several times, the worst reading counts.
    """
    facts: dict[str, Fact] = {}
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            clock.sleep(PAUSE_S)
        facts = _merged(facts, probe())
        if all(fact.ok for fact in facts.values()):
            break
    return tuple(facts.values())


def _merged(before: dict[str, Fact], seen: Sequence[FactReading]) -> dict[str, Fact]:
    facts = {subject: fact for subject, fact in before.items() if fact.ok}
    for one in _each_subject_once(seen):
        if one.sure or one.subject not in facts:
            earlier = before[one.subject].attempts if one.subject in before else 0
            facts[one.subject] = Fact(
                subject=one.subject,
                expected=one.expected,
                observed=one.observed,
                ok=one.ok,
                attempts=earlier + 1,
                at_ns=clock.now_ns(),
                amount=one.amount,
            )
    return facts


def _each_subject_once(seen: Sequence[FactReading]) -> list[FactReading]:
    """The worst reading of each subject, so that the order of objects with equal names does not matter."""
    alike: dict[str, list[FactReading]] = {}
    for one in seen:
        alike.setdefault(one.subject, []).append(one)
    return [_worst(readings) for readings in alike.values()]


def _worst(readings: Sequence[FactReading]) -> FactReading:
    worst = min(readings, key=lambda one: (one.ok is not False, one.ok is not None, not one.sure))
    if all((one.expected, one.observed) == (worst.expected, worst.observed) for one in readings):
        return worst
    return replace(worst, observed=f"{worst.observed} (the worst of {len(readings)} of this name)")


def once(seen: Sequence[FactReading]) -> tuple[Fact, ...]:
    """Read facts that do not change during reading, such as those of files, once."""
    return tuple(
        Fact(
            subject=one.subject,
            expected=one.expected,
            observed=one.observed,
            ok=one.ok,
            attempts=1,
            at_ns=clock.now_ns(),
            amount=one.amount,
        )
        for one in seen
    )


def record_facts(
    demand: Demand, find: Callable[[], tuple[Fact, ...]], sink: Sink, run_directory: Path | None = None
) -> Check:
    """Record the facts of a demand: a `check.fact` for each and `check.done`, or `check.failed` if the check could not be done.

    Many facts go into a table of the run directory. A failed check has a reason and no facts; the state of a target, a file or a
    report never raises an error.
    """
    key = demand.key
    try:
        facts = find()
        if not facts:
            raise DriverError("there is nothing to check", where=key, hint="check what the target file names for it")
    except HarnessError as error:
        sink.put("check.failed", key, demand=key, why=str(error))
        return Check(demand=key, facts=(), why=str(error))
    if run_directory is not None and len(facts) > MANY:
        subjects = len({fact.subject for fact in facts})
        read = len({fact.subject for fact in facts if fact.ok is not None})
        file = write_facts(run_directory, key, facts)
        sink.put("check.done", key, demand=key, facts=len(facts), file=file, covered=read, of=subjects)
        return Check(demand=key, facts=(), matrix=FactTable.made(facts, read, subjects))
    for fact in facts:
        sink.put(
            "check.fact",
            fact.subject,
            demand=key,
            expected=fact.expected,
            observed=fact.observed,
            ok=fact.ok,
            attempts=fact.attempts,
            at_ns=fact.at_ns,
            **({} if fact.amount is None else asdict(fact.amount)),
        )
    sink.put("check.done", key, demand=key, facts=len(facts))
    return Check(demand=key, facts=facts)
